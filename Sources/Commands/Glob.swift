// Glob.swift — patterns with *, ?, [classes] and \escapes, over bytes.
//
//   *        any bytes, also none            [a-c^x]   one of these        \x   x itself
//   ?        one byte                        [^a-c]    none of these
//
// No recursion: when the text after a star does not fit, only the latest star needs to take
// one byte more, because whatever the earlier ones could take the latest can take as well. So the work
// is at most pattern times text, and a budget cuts off even that. Oddities that clients know are kept:
// a class may lack its bracket, an empty text fits nothing but an empty pattern, and a thousand stars are too many.
import Bytes

public struct Glob: BitwiseCopyable {
  private let pattern: ByteView
  private let ignoresCase: Bool
  /// Fits everything that is not empty: the caller need not look.
  public let isEverything: Bool

  /// Patterns with more groups of stars fit nothing.
  public static let starsMax = 1_000
  /// Comparisons that one match may cost: a few milliseconds.
  public static let stepsMax = 1 << 22

  public init(_ pattern: ByteView, ignoringCase: Bool = false) {
    self.pattern = pattern
    ignoresCase = ignoringCase
    isEverything = pattern.count == 1 && pattern[0] == UInt8(ascii: "*")
  }

  /// Whether all of `text` fits the pattern. False when `stepsMax` comparisons were not enough to tell.
  public func matches(_ text: ByteView) -> Bool {
    // The text as it is, also if empty: the loop below has no byte to begin with.
    guard !text.isEmpty else { return pattern.isEmpty }
    var at = 0
    var offset = 0
    var star: (at: Int, offset: Int)?
    var stars = 0
    var steps = 0
    while true {
      steps += 1
      guard steps <= Self.stepsMax else { return false }
      if at < pattern.count && pattern[at] == UInt8(ascii: "*") {
        while at < pattern.count && pattern[at] == UInt8(ascii: "*") { at += 1 }
        // Once the text is used up, trailing stars take nothing.
        guard at < pattern.count else { return true }
        stars += 1
        guard stars <= Self.starsMax else { return false }
        star = (at, offset)
        continue
      }
      if offset == text.count {
        if at == pattern.count { return true }
      } else if at < pattern.count, let next = element(at, fits: text[offset], &steps) {
        at = next
        offset += 1
        continue
      }
      guard let latest = star, latest.offset < text.count else { return false }
      star = (latest.at, latest.offset + 1)
      (at, offset) = (latest.at, latest.offset + 1)
    }
  }

  /// The position behind the pattern's element at `at` if that fits `byte`.
  private func element(_ at: Int, fits byte: UInt8, _ steps: inout Int) -> Int? {
    switch pattern[at] {
    case UInt8(ascii: "?"): return at + 1
    case UInt8(ascii: "["): return characterClass(at + 1, fits: byte, &steps)
    case UInt8(ascii: "\\") where at + 1 < pattern.count:
      return folded(pattern[at + 1]) == folded(byte) ? at + 2 : nil
    default:
      return folded(pattern[at]) == folded(byte) ? at + 1 : nil
    }
  }

  /// A class whose first byte is at `start`: up to its bracket, or to the end of the pattern.
  private func characterClass(_ start: Int, fits byte: UInt8, _ steps: inout Int) -> Int? {
    var at = start
    var isInverted = false
    if at < pattern.count && pattern[at] == UInt8(ascii: "^") {
      isInverted = true
      at += 1
    }
    var isMember = false
    while at < pattern.count && pattern[at] != UInt8(ascii: "]") {
      steps += 1
      if pattern[at] == UInt8(ascii: "\\") && at + 1 < pattern.count {
        // An escaped byte is compared as it is, whatever the case.
        if pattern[at + 1] == byte { isMember = true }
        at += 2
      } else if at + 2 < pattern.count && pattern[at + 1] == UInt8(ascii: "-") {
        let bounds = (folded(min(pattern[at], pattern[at + 2])), folded(max(pattern[at], pattern[at + 2])))
        if folded(byte) >= bounds.0 && folded(byte) <= bounds.1 { isMember = true }
        at += 3
      } else {
        if folded(pattern[at]) == folded(byte) { isMember = true }
        at += 1
      }
    }
    guard isMember != isInverted else { return nil }
    return min(at + 1, pattern.count)
  }

  private func folded(_ byte: UInt8) -> UInt8 { ignoresCase ? CommandNames.lower(byte) : byte }
}
