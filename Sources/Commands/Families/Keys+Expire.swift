// Keys+Expire.swift — when keys end.
//
// Whatever the client wrote, the record says PEXPIREAT and an instant, or DEL when that has
// passed: a copy that replays it later must not give the key more time.
import Bytes
import Store
import Wire

extension Keys {
  static func expireSeconds(_ execution: inout Execution) { expire(&execution, .seconds) }
  static func expireMilliseconds(_ execution: inout Execution) { expire(&execution, .milliseconds) }
  static func expireAtSeconds(_ execution: inout Execution) { expire(&execution, .instantSeconds) }
  static func expireAtMilliseconds(_ execution: inout Execution) { expire(&execution, .instantMilliseconds) }

  private static func expire(_ execution: inout Execution, _ unit: ExpirationUnit) {
    guard let conditions = execution.expiryConditions(in: 3..<max(3, execution.arguments.count)) else { return }
    guard let instant = execution.anyExpiration(2, unit) else { return }
    let key = execution.arguments[1]
    guard let location = execution.find(key) else { return execution.reply.integer(0) }
    guard conditions.areMet(by: instant, location.entry.expiry) else { return execution.reply.integer(0) }
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
