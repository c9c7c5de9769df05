// Strings+Numbers.swift — strings that are numbers, and counting with them.
//
// An integer is kept as one, so INCR is an addition and a store. A decimal number is text: it
// is added as the widest float that the machine has and written back with up to seventeen
// decimals, which is also what is recorded, so that every copy has the same digits.
import Bytes
import CDecimal
import Store
import Wire

extension Strings {
  static func increment(_ execution: inout Execution) { add(&execution, 1) }

  static func decrement(_ execution: inout Execution) { add(&execution, -1) }

  static func incrementBy(_ execution: inout Execution) {
    guard let amount = execution.integer(2) else { return }
    add(&execution, amount)
  }

  static func decrementBy(_ execution: inout Execution) {
    guard let amount = execution.integer(2) else { return }
    guard amount != .min else { return execution.reply.error("ERR decrement would overflow") }
    add(&execution, -amount)
  }

  private static func add(_ execution: inout Execution, _ amount: Int64) {
    let key = execution.arguments[1]
    let hash = execution.hash(of: key)
    guard let location = execution.find(key, hash) else {
      execution.database.pointee.insert(key, hash, integer: amount)
      execution.note(.new, "new", key)
      return finish(&execution, key, amount)
    }
    let entry = location.entry
    guard entry.isString else { return execution.refuseType() }
    // A string that was changed in place may look like an integer without being kept as one.
    guard let value = entry.isInteger ? entry.integer : entry.bytes.int64 else {
      return execution.reply.error("ERR value is not an integer or out of range")
    }
    let (sum, overflow) = value.addingReportingOverflow(amount)
    guard !overflow else { return execution.reply.error("ERR increment or decrement would overflow") }
    execution.database.pointee.setInteger(location, sum)
    finish(&execution, key, sum)
  }

  private static func finish(_ execution: inout Execution, _ key: ByteView, _ sum: Int64) {
    execution.changed()
    execution.note(.string, "incrby", key)
    execution.reply.integer(sum)
  }

  static func incrementByFloat(_ execution: inout Execution) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(MARTLET_DECIMAL_TEXT_MAX) + Decimal.digitsMax) {
      guard let base = $0.baseAddress else { return }
      incrementByFloat(&execution, scratch: base)
    }
  }

  /// `scratch` has room for the longest sum and, behind it, for an integer's text.
  private static func incrementByFloat(_ execution: inout Execution, scratch: UnsafeMutablePointer<UInt8>) {
    let key = execution.arguments[1]
    let hash = execution.hash(of: key)
    let location = execution.find(key, hash)
    var value = ByteView("0")
    if let location {
      guard location.entry.isString else { return execution.refuseType() }
      value = location.entry.bytes(scratch: scratch + Int(MARTLET_DECIMAL_TEXT_MAX))
    }
    var length = 0
    let amount = execution.arguments[2]
    let result = martlet_decimal_add(value.start, value.count, amount.start, amount.count, scratch, &length)
    guard result != MARTLET_DECIMAL_NOT_FINITE else {
      return execution.reply.error("ERR increment would produce NaN or Infinity")
    }
    guard result == MARTLET_DECIMAL_OK else { return execution.reply.error("ERR value is not a valid float") }
    let sum = ByteView(start: scratch, count: length)
    if let location {
      execution.database.pointee.overwrite(location, string: sum, form: .text, expiry: .keep)
    } else {
      execution.database.pointee.insert(key, hash, string: sum, form: .text)
      execution.note(.new, "new", key)
    }
    execution.changed()
    execution.note(.string, "incrbyfloat", key)
    execution.effects.beginRecord(words: 4)
    execution.effects.word("SET")
    execution.effects.word(key)
    execution.effects.word(sum)
    execution.effects.word("KEEPTTL")
    execution.reply.bulk(sum)
  }
}
