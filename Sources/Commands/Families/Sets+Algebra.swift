// Sets+Algebra.swift — what several sets have in common, together, or one alone.
//
// All keys are looked up before anything is made of them: a key of another type is an error even behind one that is
// not there. Sets are read where they are; the result to be stored is made aside, since its key may be one of them.
import Bytes
import Store
import Wire

extension Sets {
  /// The sets at words `range`, nil where there is none. Answers WRONGTYPE and nil.
  private static func sets(_ range: Range<Int>, _ execution: inout Execution) -> [SetView?]? {
    var sets: [SetView?] = []
    sets.reserveCapacity(range.count)
    for index in range {
      switch execution.read(execution.arguments[index], as: .set) {
      case .refused: return nil
      case .absent:
        execution.pin(nil, word: index)
        sets.append(nil)
      case .found(let location):
        execution.pin(location, word: index)
        sets.append(SetView(location.entry))
      }
    }
    return sets
  }

  // MARK: intersections

  /// The sets from the smallest on; empty if one of them is not there.
  private static func ascending(_ sets: [SetView?]) -> [SetView] {
    let present = sets.compactMap(\.self)
    guard present.count == sets.count else { return [] }
    return present.sorted { $0.count < $1.count }
  }

  /// Calls `body` with every member of all `sets` until it says false.
  private static func forEachCommon(_ sets: [SetView], _ execution: inout Execution, _ body: (Element) -> Bool) {
    guard let smallest = sets.first else { return }
    var members = smallest.cursor()
    while let member = members.next(), execution.mayGoOn(after: 2 * sets.count) {
      guard sets.dropFirst().allSatisfy({ $0.contains(member) }) else { continue }
      guard body(member) else { return }
    }
  }

  static func intersection(_ execution: inout Execution) {
    guard let sets = sets(1..<execution.arguments.count, &execution) else { return }
    let reply = execution.reply
    let gap = reply.open()
    var count = 0
    forEachCommon(ascending(sets), &execution) {
      reply.bulk($0)
      count += 1
      return true
    }
    reply.closeSet(gap, count: count)
  }

  static func intersectionCount(_ execution: inout Execution) {
    guard let keys = countedKeys(&execution) else { return }
    var limit = 0
    var index = keys.upperBound
    while index < execution.arguments.count {
      guard execution.arguments[index].equalsIgnoringCase("limit"), index + 1 < execution.arguments.count else {
        return execution.refuseSyntax()
      }
      guard let given = execution.limitWord(index + 1) else { return }
      limit = given
      index += 2
    }
    guard let sets = sets(keys, &execution) else { return }
    var count = 0
    forEachCommon(ascending(sets), &execution) { _ in
      count += 1
      return limit == 0 || count < limit
    }
    execution.reply.integer(count)
  }

  private static func countedKeys(_ execution: inout Execution) -> Range<Int>? { execution.countedKeys(at: 1) }

  static func storeIntersection(_ execution: inout Execution) {
    guard let sets = sets(2..<execution.arguments.count, &execution) else { return }
    var result = SetResult(key: execution.arguments[1], limits: execution.rules.encodings)
    forEachCommon(ascending(sets), &execution) {
      result.add($0)
      return true
    }
    result.store("sinterstore", &execution)
  }

  // MARK: unions and differences

  static func union(_ execution: inout Execution) {
    guard let sets = sets(1..<execution.arguments.count, &execution) else { return }
    var result = SetResult(key: execution.arguments[1], limits: execution.rules.encodings)
    for set in sets { if let set { result.add(set, &execution) } }
    result.answer(&execution)
  }

  static func storeUnion(_ execution: inout Execution) {
    guard let sets = sets(2..<execution.arguments.count, &execution) else { return }
    var result = SetResult(key: execution.arguments[1], limits: execution.rules.encodings)
    for set in sets { if let set { result.add(set, &execution) } }
    result.store("sunionstore", &execution)
  }

  /// Calls `body` with every member of the first set that no other has.
  private static func forEachDifference(
    _ sets: [SetView?], _ execution: inout Execution, _ body: (Element) -> Void
  ) {
    guard let first = sets[0] else { return }
    let others = sets.dropFirst().compactMap(\.self)
    var members = first.cursor()
    while let member = members.next(), execution.mayGoOn(after: 2 + 2 * others.count) {
      if !others.contains(where: { $0.contains(member) }) { body(member) }
    }
  }

  static func difference(_ execution: inout Execution) {
    guard let sets = sets(1..<execution.arguments.count, &execution) else { return }
    let reply = execution.reply
    let gap = reply.open()
    var count = 0
    forEachDifference(sets, &execution) {
      reply.bulk($0)
      count += 1
    }
    reply.closeSet(gap, count: count)
  }

  static func storeDifference(_ execution: inout Execution) {
    guard let sets = sets(2..<execution.arguments.count, &execution) else { return }
    var result = SetResult(key: execution.arguments[1], limits: execution.rules.encodings)
    forEachDifference(sets, &execution) { result.add($0) }
    result.store("sdiffstore", &execution)
  }
}

/// A set that is being made, aside from all databases.
private struct SetResult: ~Copyable {
  private let key: ByteView
  private let limits: EncodingLimits
  private var scratch = Keyspace()
  private var location: Location?
  private var count = 0

  init(key: ByteView, limits: EncodingLimits) {
    self.key = key
    self.limits = limits
  }

  mutating func add(_ set: SetView, _ execution: inout Execution) {
    var members = set.cursor()
    while let member = members.next(), execution.mayGoOn(after: 4) { add(member) }
  }

  mutating func add(_ element: Element) {
    // Members of other sets, whose bytes nothing here moves.
    element.withView { member in
      let place = location ?? scratch.insertSet(key, KeyHash(key), for: member, count: 1, limits)
      location = place
      if scratch.addMember(place, member, limits) { count += 1 }
    }
  }

  consuming func answer(_ execution: inout Execution) {
    if let location { execution.answer(SetView(location.entry)) } else { execution.reply.set(0) }
    execution.discard(&scratch, key)
  }

  /// Unless nobody wants it any more.
  consuming func store(_ event: StaticString, _ execution: inout Execution) {
    guard !execution.pauses.isAbandoned else { return execution.discard(&scratch, key) }
    execution.storeResult(key, from: &scratch, count: count, .set, event)
  }
}

extension Execution {
  /// The words of the keys whose number word `index` says, directly behind it. Answers the error and nil.
  mutating func countedKeys(at index: Int) -> Range<Int>? {
    guard let number = arguments[index].int64, number > 0 else {
      reply.error("ERR numkeys should be greater than 0")
      return nil
    }
    guard number <= Int64(arguments.count - index - 1) else {
      reply.error("ERR Number of keys can't be greater than number of args")
      return nil
    }
    return index + 1..<index + 1 + Int(number)
  }

  /// The number behind LIMIT in SINTERCARD and ZINTERCARD. Answers the error and nil.
  func limitWord(_ index: Int) -> Int? {
    guard let limit = arguments[index].int64, limit >= 0 else {
      reply.error("ERR LIMIT can't be negative")
      return nil
    }
    return Int(limit)
  }
}
