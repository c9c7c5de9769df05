// ExpiryConditions.swift — NX, XX, GT and LT: when EXPIRE and HEXPIRE do what they are asked.
import Bytes
import Store

struct ExpiryConditions: OptionSet {
  let rawValue: UInt8
  static let absent = ExpiryConditions(rawValue: 1 << 0)
  static let present = ExpiryConditions(rawValue: 1 << 1)
  static let later = ExpiryConditions(rawValue: 1 << 2)
  static let earlier = ExpiryConditions(rawValue: 1 << 3)

  /// Whether what ends at `current`, or not at all, may end at `instant` instead. No expiry is later than any.
  func areMet(by instant: Milliseconds, _ current: Milliseconds?) -> Bool {
    if contains(.absent) && current != nil { return false }
    if contains(.present) && current == nil { return false }
    if contains(.later) && (current == nil || instant <= current ?? 0) { return false }
    if contains(.earlier), let current, instant >= current { return false }
    return true
  }
}

extension Execution {
  /// The conditions that these words are. Answers the error and nil.
  func expiryConditions(in words: Range<Int>) -> ExpiryConditions? {
    var conditions = ExpiryConditions()
    for index in words {
      let word = arguments[index]
      if word.equalsIgnoringCase("nx") {
        conditions.insert(.absent)
      } else if word.equalsIgnoringCase("xx") {
        conditions.insert(.present)
      } else if word.equalsIgnoringCase("gt") {
        conditions.insert(.later)
      } else if word.equalsIgnoringCase("lt") {
        conditions.insert(.earlier)
      } else {
        reply.error("ERR Unsupported option ", word.upToZeroByte)
        return nil
      }
    }
    if conditions.contains(.absent) && conditions != .absent {
      reply.error("ERR NX and XX, GT or LT options at the same time are not compatible")
      return nil
    }
    if conditions.isSuperset(of: [.later, .earlier]) {
      reply.error("ERR GT and LT options at the same time are not compatible")
      return nil
    }
    return conditions
  }
}
