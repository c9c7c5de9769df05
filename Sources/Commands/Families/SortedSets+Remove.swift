// SortedSets+Remove.swift — taking members out: by name, by range, from the ends.
//
// What takes members off an end stands by itself, for the commands that wait for members.
import Bytes
import Store
import Wire

/// An end of a sorted set.
public enum ScoreEnd: Sendable {
  case lowest, highest

  /// What MIN and MAX say; nil for any other word.
  init?(_ word: ByteView) {
    guard word.equalsIgnoringCase("min") || word.equalsIgnoringCase("max") else { return nil }
    self = word.equalsIgnoringCase("min") ? .lowest : .highest
  }
}

extension SortedSets {
  static func remove(_ execution: inout Execution) {
    let key = execution.arguments[1]
    switch execution.find(key, as: .sortedSet) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(var location):
      let database = execution.database
      var removed = 0
      var isEmpty = false
      execution.lock(key, location)
      for index in 2..<execution.arguments.count {
        guard execution.mayGoOnChanging(after: 8) else { return }
        location = execution.located(key, location)
        guard database.pointee.removeScored(location, execution.arguments[index]) else { continue }
        removed += 1
        isEmpty = SortedSetView(location.entry).count == 0
        if isEmpty { break }
      }
      if removed > 0 {
        execution.changed(removed)
        execution.note(.sortedSet, "zrem", key)
        if isEmpty { execution.removeEmptied(key, location) }
      }
      execution.reply.integer(removed)
    }
  }

  static func removeByRank(_ execution: inout Execution) {
    guard let start = execution.integer(2), let stop = execution.integer(3) else { return }
    removeRange(&execution, "zremrangebyrank") { Lists.indexRange(start, stop, count: $0.count) }
  }

  static func removeByScore(_ execution: inout Execution) {
    guard let range = execution.scoreRange(2, 3) else { return }
    removeRange(&execution, "zremrangebyscore") { range.ranks($0) }
  }

  static func removeByMember(_ execution: inout Execution) {
    guard let range = execution.memberRange(2, 3) else { return }
    removeRange(&execution, "zremrangebylex") { range.ranks($0) }
  }

  private static func removeRange(
    _ execution: inout Execution, _ event: StaticString, _ ranks: (SortedSetView) -> Range<Int>
  ) {
    let key = execution.arguments[1]
    switch execution.find(key, as: .sortedSet) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(let location):
      let range = ranks(SortedSetView(location.entry))
      execution.lock(key, location)
      execution.takeOut(range, key, location, event)
      execution.reply.integer(range.count)
    }
  }

  static func popLowest(_ execution: inout Execution) { pop(&execution, .lowest) }
  static func popHighest(_ execution: inout Execution) { pop(&execution, .highest) }

  private static func pop(_ execution: inout Execution, _ end: ScoreEnd) {
    guard execution.arguments.count <= 3 else { return execution.refuseSyntax() }
    var wanted: Int?
    if execution.arguments.count == 3 {
      guard let count = execution.countWord(2) else { return }
      wanted = count
    }
    let key = execution.arguments[1]
    switch execution.find(key, as: .sortedSet) {
    case .refused: return
    case .absent: execution.reply.array(0)
    case .found(let location):
      let count = min(wanted ?? 1, SortedSetView(location.entry).count)
      execution.lock(key, location)
      // With a count RESP3 has an array for each member.
      let isNested = wanted != nil && execution.reply.isRESP3
      execution.reply.array(isNested ? count : count * 2)
      execution.pop(count, key, location, end, isNested: isNested)
    }
  }

  /// ZMPOP n key … MIN|MAX [COUNT n], recorded as the pop that it comes to.
  static func popFirst(_ execution: inout Execution) {
    popFirst(&execution, at: 1, timeoutWord: nil)
  }

  /// The same with its words from `index` on; with a timeout it waits.
  static func popFirst(_ execution: inout Execution, at index: Int, timeoutWord: Int?) {
    execution.popFirst(.sortedSet, at: index, timeoutWord: timeoutWord, { ScoreEnd($0) }) {
      execution, request, key, location in
      let count = min(request.count, SortedSetView(location.entry).count)
      execution.lock(key, location)
      execution.reply.array(count)
      execution.pop(count, key, location, request.end, isNested: true)
      execution.recordPop(request.end == .lowest ? "ZPOPMIN" : "ZPOPMAX", key, count)
    }
  }
}

extension Execution {
  /// Takes the members of these ranks out of the sorted set at `key`, and the key with the last of them.
  mutating func takeOut(_ ranks: Range<Int>, _ key: ByteView, _ location: Location, _ event: StaticString) {
    guard !ranks.isEmpty else { return }
    let isAll = ranks.count == SortedSetView(location.entry).count
    if !isAll { takeOut(ranks, key, location) }
    changed(ranks.count)
    note(.sortedSet, event, key)
    if isAll { removeEmptied(key, location) }
  }

  /// Some at a time; not all that there are.
  private mutating func takeOut(_ ranks: Range<Int>, _ key: ByteView, _ location: Location) {
    var location = location
    let database = database
    // From the end, so that the others keep their ranks.
    var end = ranks.upperBound
    while end > ranks.lowerBound {
      let begin = max(ranks.lowerBound, end - Self.takenAtOnceMax)
      database.pointee.removeRanks(location, begin..<end)
      end = begin
      guard end > ranks.lowerBound, mayGoOnChanging(after: Self.takenAtOnceMax * 8) else { return }
      location = located(key, location)
    }
  }

  /// Members that go between two looks at the clock. A packed set's all do.
  private static var takenAtOnceMax: Int { 128 }

  /// Answers `count` members of an end with their scores, behind a header that the caller wrote, and takes them out.
  mutating func pop(_ count: Int, _ key: ByteView, _ location: Location, _ end: ScoreEnd, isNested: Bool) {
    let set = SortedSetView(location.entry)
    let total = set.count
    var members = set.cursor(from: end == .lowest ? 0 : total - 1, isBackward: end == .highest)
    for _ in 0..<count {
      guard mayGoOnChanging(after: 2) else { return }
      guard let item = members.next() else { break }
      if isNested { reply.array(2) }
      reply.bulk(item.name)
      reply.score(item.score)
    }
    let location = located(key, location)
    let ranks = end == .lowest ? 0..<count : total - count..<total
    takeOut(ranks, key, location, end == .lowest ? "zpopmin" : "zpopmax")
  }
}
