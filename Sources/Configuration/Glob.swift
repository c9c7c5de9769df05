// Glob.swift — the patterns of CONFIG GET: * ? [a-z] [^x] and backslash.
//
// Two remembered positions replace recursion: on a mismatch, the last star swallows one byte
// more. The work is at most pattern times text, whatever the pattern, so a client cannot make
// it explode. Letters match in either case, as directive names do.

/// Matching of directive names against patterns.
enum Glob {
  /// Whether the pattern asks for more than one literal name.
  static func isPattern(_ text: String) -> Bool {
    text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
  }

  static func matches(_ pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.utf8)
    let text = Array(text.utf8)
    var p = 0
    var t = 0
    var retry: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        p += 1
        retry = (p, t)
      } else if p < pattern.count, let next = step(pattern, p, text[t]) {
        p = next
        t += 1
      } else if let last = retry {
        p = last.pattern
        t = last.text + 1
        retry = (last.pattern, t)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  /// Where the pattern goes on if its element at `p` takes `byte`, nil if it does not.
  private static func step(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> Int? {
    switch pattern[p] {
    case UInt8(ascii: "?"): return p + 1
    case UInt8(ascii: "["): return set(pattern, p + 1, folded(byte))
    case UInt8(ascii: "\\") where p + 1 < pattern.count:
      return folded(pattern[p + 1]) == folded(byte) ? p + 2 : nil
    default: return folded(pattern[p]) == folded(byte) ? p + 1 : nil
    }
  }

  /// A bracket's content from `p` on; one left open ends with the pattern.
  private static func set(_ pattern: [UInt8], _ start: Int, _ byte: UInt8) -> Int? {
    var p = start
    let negated = p < pattern.count && pattern[p] == UInt8(ascii: "^")
    if negated { p += 1 }
    var found = false
    while p < pattern.count, pattern[p] != UInt8(ascii: "]") {
      if pattern[p] == UInt8(ascii: "\\"), p + 1 < pattern.count {
        p += 1
        if folded(pattern[p]) == byte { found = true }
        p += 1
      } else if p + 2 < pattern.count, pattern[p + 1] == UInt8(ascii: "-") {
        let a = folded(pattern[p])
        let b = folded(pattern[p + 2])
        if byte >= min(a, b), byte <= max(a, b) { found = true }
        p += 3
      } else {
        if folded(pattern[p]) == byte { found = true }
        p += 1
      }
    }
    guard found != negated else { return nil }
    return min(p + 1, pattern.count)
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }
}
