// Hashes+Random.swift — HRANDFIELD: fields by chance.
//
// Drawn at random from a table, or chosen while all fields go by if many of them are wanted. Where fields end, one
// that was drawn may have ended: it is drawn again, and after some times in vain those that live are gathered first.
import Bytes
import Store
import Wire

extension Hashes {
  static func randomField(_ execution: inout Execution) {
    guard execution.arguments.count > 2 else {
      return read(&execution, absent: { $0.null() }) { execution, hash in
        var lot = FieldLot(hash)
        guard let item = lot.draw(&execution.random) else { return execution.reply.null() }
        execution.reply.bulk(item.name)
      }
    }
    guard let wanted = execution.randomCountWord(2) else { return }
    var withValues = false
    if execution.arguments.count > 3 {
      guard execution.arguments.count == 4, execution.arguments[3].equalsIgnoringCase("withvalues") else {
        return execution.refuseSyntax()
      }
      guard wanted.magnitude <= UInt(Int.max / 2) else { return execution.reply.error("ERR value is out of range") }
      withValues = true
    }
    read(&execution, absent: { $0.array(0) }) { execution, hash in
      if wanted < 0 { return answerWithRepetitions(&execution, hash, -wanted, withValues) }
      let count = min(wanted, hash.count)
      if hash.collection != nil && count < hash.count / 3,
        let drawn = draw(&execution, hash, count) {
        execution.beginPairs(count, withValues)
        for item in drawn {
          guard execution.mayGoOn() else { return }
          execution.answer(item, withValues)
        }
        return
      }
      choose(&execution, hash, wanted, withValues)
    }
  }

  private static func answerWithRepetitions(
    _ execution: inout Execution, _ hash: HashView, _ wanted: Int, _ withValues: Bool
  ) {
    var lot = FieldLot(hash)
    guard let first = lot.draw(&execution.random) else { return execution.reply.array(0) }
    execution.beginPairs(wanted, withValues)
    execution.answer(first, withValues)
    for _ in 1..<max(1, wanted) {
      guard execution.mayGoOn() else { return }
      if let item = lot.draw(&execution.random) { execution.answer(item, withValues) }
    }
  }

  /// Answers `wanted` fields, or all there are, chosen as they go by.
  private static func choose(_ execution: inout Execution, _ hash: HashView, _ wanted: Int, _ withValues: Bool) {
    var left = hash.count
    if hash.hasVolatileFields {
      left = 0
      var fields = hash.cursor()
      while fields.next() != nil {
        left += 1
        guard execution.mayGoOn() else { return }
      }
    }
    var missing = min(wanted, left)
    execution.beginPairs(missing, withValues)
    var fields = hash.cursor()
    while missing > 0, let item = fields.next() {
      guard execution.mayGoOn() else { return }
      if execution.chooses(missing, of: left) {
        execution.answer(item, withValues)
        missing -= 1
      }
      left -= 1
    }
  }

  /// So many different fields of a large hash; nil if too many of those drawn had ended.
  private static func draw(_ execution: inout Execution, _ hash: HashView, _ wanted: Int) -> [Item]? {
    var names = Keyspace()
    var drawn: [Item] = []
    var attempts = hash.hasVolatileFields ? wanted * 10 + FieldLot.attemptsMax : .max
    while drawn.count < wanted {
      attempts -= 1
      guard execution.mayGoOn() else { return nil }
      guard attempts > 0, let item = hash.random(execution.random.next()) else { return nil }
      guard !item.hasEnded(hash.now), case .bytes(let field) = item.name else { continue }
      let fieldHash = KeyHash(field)
      guard names.find(field, fieldHash) == nil else { continue }
      names.insert(field, fieldHash, string: .empty, form: .text)
      drawn.append(item)
    }
    return drawn
  }
}

/// What one field after the other is drawn from, and put back.
private struct FieldLot {
  private let hash: HashView
  /// All that live, once too many that did not were drawn.
  private var living: [Item]?

  static let attemptsMax = 100

  init(_ hash: HashView) { self.hash = hash }

  /// A field; nil if none lives.
  mutating func draw(_ random: inout RandomNumbers) -> Item? {
    guard hash.hasVolatileFields else { return hash.random(random.next()) }
    if living == nil {
      for _ in 0..<FieldLot.attemptsMax {
        if let item = hash.random(random.next()), !item.hasEnded(hash.now) { return item }
      }
      gather()
    }
    guard let living, !living.isEmpty else { return nil }
    return living[Int(random.next(upperBound: UInt64(living.count)))]
  }

  private mutating func gather() {
    var all: [Item] = []
    var fields = hash.cursor()
    while let item = fields.next() { all.append(item) }
    living = all
  }
}

extension Item {
  fileprivate func hasEnded(_ now: Milliseconds) -> Bool { expiry.map { now > $0 } ?? false }
}

extension Execution {
  /// The header for `count` names, or pairs: a pair is an array of its own in RESP3, two words in RESP2.
  func beginPairs(_ count: Int, _ arePairs: Bool) {
    reply.array(arePairs && !reply.isRESP3 ? count * 2 : count)
  }

  /// A field, with its value if they are pairs.
  func answer(_ item: Item, _ withValue: Bool) {
    if withValue && reply.isRESP3 { reply.array(2) }
    reply.bulk(item.name)
    if withValue { reply.bulk(item.value) }
  }
}
