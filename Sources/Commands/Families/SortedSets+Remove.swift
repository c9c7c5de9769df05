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
    case .found(let location):
      let database = execution.database
      var removed = 0
      var isEmpty = false
      for index in 2..<execution.arguments.count
      where !isEmpty && database.pointee.removeScored(location, execution.arguments[index]) {
        removed += 1
        isEmpty = SortedSetView(location.entry).count == 0
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
      execution.reply.array(count)
      execution.recordPop(request.end == .lowest ? "ZPOPMIN" : "ZPOPMAX", key, count)
      execution.pop(count, key, location, request.end, isNested: true)
    }
  }
}

extension Execution {
  /// Takes the members of these ranks out of the sorted set at `key`, and the key with the last of them.
  mutating func takeOut(_ ranks: Range<Int>, _ key: ByteView, _ location: Location, _ event: StaticString) {
    guard !ranks.isEmpty else { return }
    let isAll = ranks.count == SortedSetView(location.entry).count
    changed(ranks.count)
    note(.sortedSet, event, key)
    guard !isAll else { return removeEmptied(key, location) }
    let database = database
    database.pointee.removeRanks(location, ranks)
  }

  /// Answers `count` members of an end with their scores, behind a header that the caller wrote, and takes them out.
  mutating func pop(_ count: Int, _ key: ByteView, _ location: Location, _ end: ScoreEnd, isNested: Bool) {
    let set = SortedSetView(location.entry)
    let total = set.count
    var members = set.cursor(from: end == .lowest ? 0 : total - 1, isBackward: end == .highest)
    for _ in 0..<count {
      guard let item = members.next() else { break }
      if isNested { reply.array(2) }
      reply.bulk(item.name)
      reply.score(item.score)
    }
    let ranks = end == .lowest ? 0..<count : total - count..<total
    takeOut(ranks, key, location, end == .lowest ? "zpopmin" : "zpopmax")
  }
}
