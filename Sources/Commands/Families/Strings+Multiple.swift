// Strings+Multiple.swift — several keys set at once, all of them or none.
import Bytes
import Store
import Wire

extension Strings {
  static func setSeveral(_ execution: inout Execution) {
    guard execution.arguments.count % 2 == 1 else { return execution.refuseArity() }
    storePairs(&execution, from: 1, count: (execution.arguments.count - 1) / 2, .clear)
    execution.reply.ok()
  }

  static func setSeveralIfAbsent(_ execution: inout Execution) {
    guard execution.arguments.count % 2 == 1 else { return execution.refuseArity() }
    let count = (execution.arguments.count - 1) / 2
    guard present(&execution, from: 1, count: count) == 0 else { return execution.reply.integer(0) }
    storePairs(&execution, from: 1, count: count, .clear)
    execution.reply.integer(1)
  }

  static func setSeveralExpiring(_ execution: inout Execution) {
    // Int32 is as far as the protocol's own count of words goes.
    guard let given = execution.arguments[1].int64, given > 0, given <= Int64(Int32.max) else {
      return execution.reply.error("ERR invalid numkeys value or out of range")
    }
    let count = Int(given)
    guard 2 + count * 2 <= execution.arguments.count else { return execution.refuseSyntax() }
    guard let options = execution.stringOptions(from: 2 + count * 2, .setSeveral) else { return }
    var expiry = ExpiryChange.clear
    if options.expiry == .keep { expiry = .keep }
    if case .given(let unit) = options.expiry {
      guard let instant = execution.positiveExpiration(options.expiryIndex, unit) else { return }
      expiry = .at(instant)
    }
    let isMet =
      switch options.condition {
      case .absent: present(&execution, from: 2, count: count) == 0
      case .present: present(&execution, from: 2, count: count) == count
      case .none, .equal: true
      }
    guard isMet else { return execution.reply.integer(0) }
    storePairs(&execution, from: 2, count: count, expiry)
    if case .at(let instant) = expiry { record(&execution, count: count, instant) }
    execution.reply.integer(1)
  }

  /// How many of the `count` keys, every second word from `start` on, are there.
  private static func present(_ execution: inout Execution, from start: Int, count: Int) -> Int {
    var found = 0
    for pair in 0..<count where execution.find(execution.arguments[start + pair * 2]) != nil { found += 1 }
    return found
  }

  private static func storePairs(_ execution: inout Execution, from start: Int, count: Int, _ expiry: ExpiryChange) {
    for pair in 0..<count {
      let key = execution.arguments[start + pair * 2]
      execution.store(key, valueIndex: start + pair * 2 + 1, expiry)
      execution.note(.string, "set", key)
      if case .at = expiry { execution.note(.generic, "expire", key) }
    }
  }

  /// The same with the instant instead of the time from now, and without the condition, which held.
  private static func record(_ execution: inout Execution, count: Int, _ instant: Milliseconds) {
    execution.effects.beginRecord(words: 4 + count * 2)
    execution.effects.word("MSETEX")
    for index in 1..<2 + count * 2 { execution.effects.word(execution.arguments[index]) }
    execution.effects.word("PXAT")
    execution.effects.word(instant)
  }
}
