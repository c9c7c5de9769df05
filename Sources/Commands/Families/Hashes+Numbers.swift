// Hashes+Numbers.swift — numbers in fields.
import Bytes
import CDecimal
import Store
import Wire

extension Hashes {
  /// The hash at word 1, nil if it is not there; false after WRONGTYPE.
  private static func lookUp(_ execution: inout Execution, _ location: inout Location?) -> Bool {
    switch execution.find(execution.arguments[1], as: .hash) {
    case .refused: return false
    case .absent: return true
    case .found(let found):
      location = found
      return true
    }
  }

  static func incrementBy(_ execution: inout Execution) {
    guard let amount = execution.integer(3) else { return }
    var location: Location?
    guard lookUp(&execution, &location) else { return }
    let (key, field) = (execution.arguments[1], execution.arguments[2])
    var old: Int64 = 0
    if let value = location.flatMap({ execution.fields(of: $0).value(field) }) {
      guard let number = value.int64 else { return execution.reply.error("ERR hash value is not an integer") }
      old = number
    }
    let (sum, overflow) = old.addingReportingOverflow(amount)
    guard !overflow else { return execution.reply.error("ERR increment or decrement would overflow") }
    DecimalText(sum).withView { text in
      // A log that is replayed would find the field still there, and add to it.
      if store(&execution, text, "hincrby") == .expired { execution.recordField(key, field, text, endsAt: nil) }
    }
    execution.reply.integer(sum)
  }

  /// Gives the field its sum; the time that it has left stays. What the field was before.
  private static func store(
    _ execution: inout Execution, _ value: ByteView, _ event: StaticString
  ) -> HashView.FieldState {
    guard let location = execution.hashToChange() else { return .absent }
    let (key, field) = (execution.arguments[1], execution.arguments[2])
    let database = execution.database
    let state = location.entry.hasVolatileFields ? execution.fields(of: location).state(field) : .absent
    database.pointee.setField(
      location, field, value, execution.rules.encodings, expiry: state == .expired ? .clear : .keep)
    execution.changed()
    if state == .expired { execution.noteEnded(key, fields: 1) }
    execution.note(.hash, event, key)
    return state
  }

  /// Recorded as HSET of the sum, which other machines might round otherwise; HSETEX if the field has a time.
  static func incrementByFloat(_ execution: inout Execution) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(MARTLET_DECIMAL_TEXT_MAX)) {
      guard let scratch = $0.baseAddress else { return }
      let amount = execution.arguments[3]
      var length = 0
      // The amount alone first: a bad one is told before a wrong type.
      switch sumWithZero(amount, scratch) {
      case MARTLET_DECIMAL_BAD_INCREMENT: return execution.reply.error("ERR value is not a valid float")
      case MARTLET_DECIMAL_NOT_FINITE: return execution.reply.error("ERR value is NaN or Infinity")
      default: break
      }
      var location: Location?
      guard lookUp(&execution, &location) else { return }
      let old = location.flatMap { execution.fields(of: $0).value(execution.arguments[2]) } ?? .integer(0)
      let result = old.withView {
        martlet_decimal_add($0.start, $0.count, amount.start, amount.count, scratch, &length)
      }
      switch result {
      case MARTLET_DECIMAL_OK: break
      case MARTLET_DECIMAL_NOT_FINITE:
        return execution.reply.error("ERR increment would produce NaN or Infinity")
      default: return execution.reply.error("ERR hash value is not a float")
      }
      let sum = ByteView(start: scratch, count: length)
      var end: Milliseconds?
      if case .live(let instant) = store(&execution, sum, "hincrbyfloat") { end = instant }
      execution.recordField(execution.arguments[1], execution.arguments[2], sum, endsAt: end)
      execution.reply.bulk(sum)
    }
  }

  private static func sumWithZero(
    _ text: ByteView, _ scratch: UnsafeMutablePointer<UInt8>
  ) -> martlet_decimal_result {
    var length = 0
    let zero = ByteView("0")
    return martlet_decimal_add(zero.start, zero.count, text.start, text.count, scratch, &length)
  }
}
