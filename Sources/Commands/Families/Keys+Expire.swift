// Keys+Expire.swift — when keys end.
//
// Whatever the client wrote, the record says PEXPIREAT and an instant, or DEL when that has
// passed: a copy that replays it later must not give the key more time.
import Bytes
import Store
import Wire

extension Keys {
  private struct Conditions: OptionSet {
    let rawValue: UInt8
    static let absent = Conditions(rawValue: 1 << 0)
    static let present = Conditions(rawValue: 1 << 1)
    static let later = Conditions(rawValue: 1 << 2)
    static let earlier = Conditions(rawValue: 1 << 3)
  }

  static func expireSeconds(_ execution: inout Execution) { expire(&execution, .seconds) }
  static func expireMilliseconds(_ execution: inout Execution) { expire(&execution, .milliseconds) }
  static func expireAtSeconds(_ execution: inout Execution) { expire(&execution, .instantSeconds) }
  static func expireAtMilliseconds(_ execution: inout Execution) { expire(&execution, .instantMilliseconds) }

  private static func expire(_ execution: inout Execution, _ unit: ExpirationUnit) {
    guard let conditions = conditions(&execution) else { return }
    guard let instant = execution.anyExpiration(2, unit) else { return }
    let key = execution.arguments[1]
    guard let location = execution.find(key) else { return execution.reply.integer(0) }
    guard isMet(conditions, instant, location.entry.expiry) else { return execution.reply.integer(0) }
    execution.changed()
    execution.reply.integer(1)
    guard instant > execution.nowMilliseconds else {
      execution.remove(location)
      execution.recordDeletion(key)
      return execution.note(.generic, "del", key)
    }
    execution.database.pointee.setExpiry(location, at: instant)
    execution.recordExpiry(key, instant)
    execution.note(.generic, "expire", key)
  }

  /// No expiry is later than any.
  private static func isMet(_ conditions: Conditions, _ instant: Milliseconds, _ current: Milliseconds?) -> Bool {
    if conditions.contains(.absent) && current != nil { return false }
    if conditions.contains(.present) && current == nil { return false }
    if conditions.contains(.later) && (current == nil || instant <= current ?? 0) { return false }
    if conditions.contains(.earlier), let current, instant >= current { return false }
    return true
  }

  /// The words behind the time. Answers the error and nil.
  private static func conditions(_ execution: inout Execution) -> Conditions? {
    var conditions = Conditions()
    for index in 3..<max(3, execution.arguments.count) {
      let word = execution.arguments[index]
      if word.equalsIgnoringCase("nx") {
        conditions.insert(.absent)
      } else if word.equalsIgnoringCase("xx") {
        conditions.insert(.present)
      } else if word.equalsIgnoringCase("gt") {
        conditions.insert(.later)
      } else if word.equalsIgnoringCase("lt") {
        conditions.insert(.earlier)
      } else {
        execution.reply.error("ERR Unsupported option ", word.upToZeroByte)
        return nil
      }
    }
    if conditions.contains(.absent) && conditions != .absent {
      execution.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible")
      return nil
    }
    if conditions.isSuperset(of: [.later, .earlier]) {
      execution.reply.error("ERR GT and LT options at the same time are not compatible")
      return nil
    }
    return conditions
  }

  // MARK: asking

  static func ttl(_ execution: inout Execution) {
    answer(&execution) { (max(0, $0 - $1) + 500) / 1_000 }
  }
  static func ttlMilliseconds(_ execution: inout Execution) { answer(&execution) { max(0, $0 - $1) } }
  static func expireTime(_ execution: inout Execution) {
    answer(&execution) { instant, _ in instant.addingReportingOverflow(500).overflow ? instant / 1_000 : (instant + 500) / 1_000 }
  }
  static func expireTimeMilliseconds(_ execution: inout Execution) { answer(&execution) { instant, _ in instant } }

  /// -2 without a key, -1 without an expiry, else what `figure` makes of the expiry and of now.
  private static func answer(_ execution: inout Execution, _ figure: (Milliseconds, Milliseconds) -> Int64) {
    guard let location = execution.peek(execution.arguments[1]) else { return execution.reply.integer(-2) }
    guard let expiry = location.entry.expiry else { return execution.reply.integer(-1) }
    execution.reply.integer(figure(expiry, execution.nowMilliseconds))
  }

  static func persist(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let location = execution.find(key), execution.database.pointee.clearExpiry(location) else {
      return execution.reply.integer(0)
    }
    execution.changed()
    execution.note(.generic, "persist", key)
    execution.reply.integer(1)
  }
}
