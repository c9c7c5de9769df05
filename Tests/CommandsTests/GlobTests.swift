// GlobTests.swift — patterns fit what Redis says they fit, and cost no more than they may.
import Bytes
import Testing

@testable import Commands

private func fits(_ pattern: String, _ text: String, ignoringCase: Bool = false) -> Bool {
  fits(Array(pattern.utf8), Array(text.utf8), ignoringCase: ignoringCase)
}

private func fits(_ pattern: [UInt8], _ text: [UInt8], ignoringCase: Bool = false) -> Bool {
  pattern.withUnsafeBytes { pattern in
    text.withUnsafeBytes { Glob(ByteView(pattern), ignoringCase: ignoringCase).matches(ByteView($0)) }
  }
}

/// Every kind of element, and the oddities at the ends of patterns.
@Test(arguments: [
  ("*", "x", true), ("*", "", false), ("", "", true), ("", "x", false), ("a*", "a", true), ("a**", "a", true),
  ("h?llo", "hello", true), ("h?llo", "hllo", false), ("h[ae]llo", "hallo", true), ("h[^e]llo", "hello", false),
  ("h[^e]llo", "hbllo", true), ("h[a-c]llo", "hbllo", true), ("h[c-a]llo", "hbllo", true),
  ("h[a-c]llo", "hdllo", false),
  ("a\\*b", "a*b", true), ("a\\*b", "axb", false), ("[\\]]", "]", true), ("[abc", "b", true), ("[abc", "d", false),
  ("[", "a", false), ("[^", "a", true), ("a\\", "a\\", true), ("*a*b*c", "xxaxxbxxc", true),
  ("*a*b*c", "xxaxxbxx", false),
  ("a*?", "a", false), ("a*?", "ab", true), ("*\\", "x\\", true), ("[a-]", "]", true), ("?", "", false),
])
func elementsFit(pattern: String, text: String, expected: Bool) {
  #expect(fits(pattern, text) == expected, "\(pattern) on \(text)")
}

/// Letters of either case, also in classes and ranges.
@Test func caseIsIgnoredWhenAsked() {
  #expect(fits("CONFIG|*", "config|get", ignoringCase: true))
  #expect(fits("[A-C]x", "bX", ignoringCase: true))
  #expect(!fits("abc", "ABC"))
}

/// The matcher agrees with the plainest possible one on short random patterns.
@Test(arguments: UInt64(1)...40) func agreesWithRecursion(seed: UInt64) {
  var random = RandomNumbers(seed: seed)
  let alphabet = Array("ab*?".utf8)
  for _ in 0..<500 {
    let pattern = (0..<Int.random(in: 0...7, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
    let text = (0..<Int.random(in: 1...8, using: &random)).map { _ in alphabet[Int.random(in: 0...1, using: &random)] }
    #expect(fits(pattern, text) == recursive(pattern[...], text[...]))
  }
}

private func recursive(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
  guard let first = pattern.first else { return text.isEmpty }
  if first == UInt8(ascii: "*") {
    return (text.startIndex...text.endIndex).contains { recursive(pattern.dropFirst(), text[$0...]) }
  }
  guard let byte = text.first, first == byte || first == UInt8(ascii: "?") else { return false }
  return recursive(pattern.dropFirst(), text.dropFirst())
}

/// Patterns made to explode end within the budget: the count of steps, not the clock, is what is bounded.
@Test func hostilePatternsAreCutOff() {
  #expect(!fits(String(repeating: "a*", count: 900) + "b", String(repeating: "a", count: 20_000)))
  #expect(!fits(String(repeating: "*?", count: 50_000), String(repeating: "a", count: 60_000)))
  #expect(!fits("*" + String(repeating: "a", count: 100_000) + "b", String(repeating: "a", count: 200_000)))
  #expect(!fits("[" + String(repeating: "x", count: 1_000_000), "a"))
  #expect(fits(String(repeating: "*", count: 1_000_000), "a"))
}
