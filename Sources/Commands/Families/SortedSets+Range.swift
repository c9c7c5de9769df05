// SortedSets+Range.swift — ZRANGE in all its forms.
//
//   ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
//
// ZREVRANGE, ZRANGEBYSCORE and the like are the same with some of the words understood. Whatever the range is of, it
// becomes one of ranks; LIMIT then is arithmetic.
import Bytes
import Store
import Wire

extension SortedSets {
  private enum Measure { case rank, score, member }

  private struct RangeRequest {
    var measure = Measure.rank
    var isReversed = false
    var withScores = false
    var offset: Int64 = 0
    /// Negative: all.
    var limit: Int64 = -1
    var hasLimit = false
    /// The measure and the direction are the command's.
    var isFixed = false
  }

  static func range(_ execution: inout Execution) { tell(&execution, RangeRequest()) }
  static func reverseRange(_ execution: inout Execution) { tell(&execution, fixed(.rank, true)) }
  static func rangeByScore(_ execution: inout Execution) { tell(&execution, fixed(.score, false)) }
  static func reverseRangeByScore(_ execution: inout Execution) { tell(&execution, fixed(.score, true)) }
  static func rangeByMember(_ execution: inout Execution) { tell(&execution, fixed(.member, false)) }
  static func reverseRangeByMember(_ execution: inout Execution) { tell(&execution, fixed(.member, true)) }

  private static func fixed(_ measure: Measure, _ isReversed: Bool) -> RangeRequest {
    var request = RangeRequest()
    request.measure = measure
    request.isReversed = isReversed
    request.isFixed = true
    return request
  }

  private static func tell(_ execution: inout Execution, _ given: RangeRequest) {
    var request = given
    guard options(&execution, &request, from: 4, isStore: false), let ranks = ranks(&execution, request, at: 2)
    else { return }
    guard let set = read(&execution, absent: { $0.array(0) }) else { return }
    let range = limited(ranks(set), request)
    execution.beginPairs(range.count, request.withScores)
    guard !range.isEmpty else { return }
    let first = request.isReversed ? range.upperBound - 1 : range.lowerBound
    var members = set.cursor(from: first, isBackward: request.isReversed)
    for _ in range {
      guard execution.mayGoOn() else { return }
      if let item = members.next() { execution.answer(member: item, request.withScores) }
    }
  }

  static func storeRange(_ execution: inout Execution) {
    var request = RangeRequest()
    guard options(&execution, &request, from: 5, isStore: true), let ranks = ranks(&execution, request, at: 3)
    else { return }
    var result = SortedSetResult(key: execution.arguments[1], limits: execution.rules.encodings)
    switch execution.read(execution.arguments[2], as: .sortedSet) {
    case .refused: return
    case .absent: execution.pin(nil, word: 2)
    case .found(let location):
      execution.pin(location, word: 2)
      let set = SortedSetView(location.entry)
      let range = limited(ranks(set), request)
      var members = set.cursor(from: range.lowerBound)
      for _ in range {
        guard execution.mayGoOn(after: 4) else { return result.discard(&execution) }
        if let item = members.next() { item.name.withView { result.add($0, item.score) } }
      }
    }
    result.store("zrangestore", &execution)
  }

  /// Reads the words from `start` on. Answers the error and false.
  private static func options(
    _ execution: inout Execution, _ request: inout RangeRequest, from start: Int, isStore: Bool
  ) -> Bool {
    var index = start
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      if !isStore && word.equalsIgnoringCase("withscores") {
        request.withScores = true
      } else if word.equalsIgnoringCase("limit") && index + 2 < execution.arguments.count {
        guard let offset = execution.integer(index + 1), let limit = execution.integer(index + 2) else { return false }
        (request.offset, request.limit, request.hasLimit) = (offset, limit, true)
        index += 2
      } else if !request.isFixed && !request.isReversed && word.equalsIgnoringCase("rev") {
        request.isReversed = true
      } else if !request.isFixed && request.measure == .rank && word.equalsIgnoringCase("byscore") {
        request.measure = .score
      } else if !request.isFixed && request.measure == .rank && word.equalsIgnoringCase("bylex") {
        request.measure = .member
      } else {
        execution.refuseSyntax()
        return false
      }
      index += 1
    }
    if request.hasLimit && request.limit != -1 && request.measure == .rank {
      execution.reply.error(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
      return false
    }
    if request.withScores && request.measure == .member {
      execution.reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
      return false
    }
    return true
  }

  /// How the range's ends, words `index` and the next, are found in a set. Answers the error and nil.
  private static func ranks(
    _ execution: inout Execution, _ request: RangeRequest, at index: Int
  ) -> ((SortedSetView) -> Range<Int>)? {
    let (low, high) = request.isReversed ? (index + 1, index) : (index, index + 1)
    switch request.measure {
    case .rank:
      guard let start = execution.integer(index), let stop = execution.integer(index + 1) else { return nil }
      return { set in
        let range = Lists.indexRange(start, stop, count: set.count)
        guard request.isReversed else { return range }
        return set.count - range.upperBound..<set.count - range.lowerBound
      }
    case .score:
      guard let range = execution.scoreRange(low, high) else { return nil }
      return { range.ranks($0) }
    case .member:
      guard let range = execution.memberRange(low, high) else { return nil }
      return { range.ranks($0) }
    }
  }

  /// The part of a range of ranks that LIMIT leaves, seen from the end at which it begins.
  private static func limited(_ range: Range<Int>, _ request: RangeRequest) -> Range<Int> {
    guard request.hasLimit, request.measure != .rank else { return range }
    guard request.offset >= 0 && request.offset < Int64(range.count) else { return 0..<0 }
    let offset = Int(request.offset)
    let left = range.count - offset
    let count = request.limit < 0 ? left : Int(min(Int64(left), request.limit))
    guard request.isReversed else {
      return range.lowerBound + offset..<range.lowerBound + offset + count
    }
    return range.upperBound - offset - count..<range.upperBound - offset
  }
}

/// A sorted set that is being made, aside from all databases.
struct SortedSetResult: ~Copyable {
  private let key: ByteView
  private let limits: EncodingLimits
  private var scratch = Keyspace()
  private var location: Location?
  private(set) var count = 0

  init(key: ByteView, limits: EncodingLimits) {
    self.key = key
    self.limits = limits
  }

  /// Gives a member, whose bytes nothing here moves, a score.
  mutating func add(_ member: ByteView, _ score: Double) {
    let place = location ?? scratch.insertSortedSet(key, KeyHash(key), memberBytes: member.count, limits)
    location = place
    if scratch.setScore(place, member, score, limits) == .added { count += 1 }
  }

  /// The score that a member has so far.
  func score(_ member: ByteView) -> Double? { location.flatMap { SortedSetView($0.entry).score(member) } }

  var view: SortedSetView? { location.map { SortedSetView($0.entry) } }

  /// The result is not wanted, or has been told.
  consuming func discard(_ execution: inout Execution) { execution.discard(&scratch, key) }

  consuming func store(_ event: StaticString, _ execution: inout Execution) {
    execution.storeResult(key, from: &scratch, count: count, .sortedSet, event)
  }
}
