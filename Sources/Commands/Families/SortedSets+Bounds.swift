// SortedSets+Bounds.swift — the ends of ranges.
//
//   scores    5   (5   -inf   +inf          members   [a   (a   -   +
//
// A range of scores or of members is a range of ranks, found on two ways down the tree: what is before its
// beginning and what is before its end.
import Bytes
import CDecimal
import Store

/// The scores between two ends.
struct ScoreRange {
  var low: Double
  var high: Double
  var excludesLow = false
  var excludesHigh = false

  /// Nil if an end is no number.
  init?(_ low: ByteView, _ high: ByteView) {
    guard let (low, excludesLow) = Self.end(low), let (high, excludesHigh) = Self.end(high) else { return nil }
    (self.low, self.high, self.excludesLow, self.excludesHigh) = (low, high, excludesLow, excludesHigh)
  }

  private static func end(_ word: ByteView) -> (Double, Bool)? {
    guard word.count > 0, word[0] == UInt8(ascii: "(") else { return number(word).map { ($0, false) } }
    return number(word[1..<word.count]).map { ($0, true) }
  }

  /// Read more leniently than a score: nothing is 0, and what is too large is infinite.
  private static func number(_ word: ByteView) -> Double? {
    var value = 0.0
    return martlet_decimal_bound(word.start, word.count, &value) ? value : nil
  }

  /// The ranks of the members in the range.
  func ranks(_ set: SortedSetView) -> Range<Int> {
    let begin = set.count { score, _ in excludesLow ? score <= low : score < low }
    let end = set.count { score, _ in excludesHigh ? score < high : score <= high }
    return begin..<max(begin, end)
  }
}

/// The members between two ends, of a sorted set whose scores are all the same.
struct MemberRange {
  enum End: BitwiseCopyable {
    case lowest, highest
    case at(ByteView, isExcluded: Bool)

    init?(_ word: ByteView) {
      if word == ByteView("-") {
        self = .lowest
      } else if word == ByteView("+") {
        self = .highest
      } else if word.count > 0 && (word[0] == UInt8(ascii: "[") || word[0] == UInt8(ascii: "(")) {
        self = .at(word[1..<word.count], isExcluded: word[0] == UInt8(ascii: "("))
      } else {
        return nil
      }
    }
  }

  var low: End
  var high: End

  /// Nil if an end says neither whether it belongs nor that it is open.
  init?(_ low: ByteView, _ high: ByteView) {
    guard let low = End(low), let high = End(high) else { return nil }
    (self.low, self.high) = (low, high)
  }

  /// The ranks of the members in the range.
  func ranks(_ set: SortedSetView) -> Range<Int> {
    let begin =
      switch low {
      case .lowest: 0
      case .highest: set.count
      case .at(let text, let isExcluded):
        set.count { _, member in
          member.withView { isExcluded ? !text.precedes($0) : $0.precedes(text) }
        }
      }
    let end =
      switch high {
      case .lowest: 0
      case .highest: set.count
      case .at(let text, let isExcluded):
        set.count { _, member in
          member.withView { isExcluded ? $0.precedes(text) : !text.precedes($0) }
        }
      }
    return begin..<max(begin, end)
  }
}

extension Execution {
  /// The scores between words `low` and `high`. Answers the error and nil.
  func scoreRange(_ low: Int, _ high: Int) -> ScoreRange? {
    guard let range = ScoreRange(arguments[low], arguments[high]) else {
      reply.error("ERR min or max is not a float")
      return nil
    }
    return range
  }

  /// The members between words `low` and `high`. Answers the error and nil.
  func memberRange(_ low: Int, _ high: Int) -> MemberRange? {
    guard let range = MemberRange(arguments[low], arguments[high]) else {
      reply.error("ERR min or max not valid string range item")
      return nil
    }
    return range
  }
}

extension ByteView {
  /// The score that a client gives, which "nan" is not.
  var score: Double? { double }
}
