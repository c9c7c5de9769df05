// Proves that lines split as redis.conf lines do, that quoting is the inverse of splitting, and that
// patterns match as CONFIG GET's do. The cases were put to redis-server 7.0.15.
import Testing

@testable import Configuration

@Suite struct GrammarTests {
  @Test(arguments: [
    ("port 6379", ["port", "6379"]),
    ("  port\t 6379  ", ["port", "6379"]),
    ("save \"\"", ["save", ""]),
    (#"a "x\n\r\t\b\a\"\\\q""#, ["a", "x\n\r\t\u{08}\u{07}\"\\q"]),
    (#"a "\x41\x4a\x4A""#, ["a", "AJJ"]),
    (#"a "\x4""#, ["a", "x4"]),
    (#"a 'it\'s \n'"#, ["a", #"it's \n"#]),
    ("a b#c # d", ["a", "b#c", "#", "d"]),
    (#"a x"y z""#, ["a", "xy z"]),
    (#"a "é""#, ["a", "é"]),
    ("", []),
  ])
  func splits(line: String, words: [String]) throws {
    #expect(try Grammar.split(Array(line.utf8)) == words)
  }

  @Test(arguments: [#"a "b"#, #"a 'b"#, #"a "b"c"#, #"a 'b'c"#, #"a "b\"#, #"a "b\""#])
  func unbalanced(line: String) {
    #expect(throws: Grammar.Fault.unbalancedQuotes) { try Grammar.split(Array(line.utf8)) }
  }

  @Test func bytesThatAreNoText() {
    #expect(throws: Grammar.Fault.notUTF8) { try Grammar.split([0x61, 0x20, 0xFF]) }
    #expect(throws: Grammar.Fault.notUTF8) { try Grammar.split(Array(#"a "\xff""#.utf8)) }
  }

  /// Any text survives quoting and splitting; 2,000 seeded texts of awkward characters.
  @Test func quotingIsTheInverseOfSplitting() throws {
    var random = Seeded(state: 7)
    let alphabet: [Character] = [
      "a", " ", "\"", "'", "\\", "\n", "\r", "\t", "#", "\u{01}", "\u{7F}", "é", "x", "4", "\u{0B}",
    ]
    for _ in 0..<2000 {
      let text = String(
        (0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
      #expect(try Grammar.split(Array(Grammar.quoted(text).utf8)) == [text])
      #expect(try Grammar.split(Array(Grammar.quotedIfNeeded(text).utf8)) == [text])
    }
  }

  @Test(arguments: [
    ("*", "port", true), ("p?rt", "port", true), ("[p-q]ort", "port", true), ("[^p]ort", "port", false),
    ("P*T", "port", true), ("*slave*", "slave-priority", true), ("por", "port", false), ("port*", "port", true),
    ("\\*", "port", false), ("[", "[", false), ("[p", "p", true), ("", "", true), ("a*b*c", "axxbxxc", true),
    ("a*b*c", "axxbxx", false), ("[z-a]", "m", true),
  ])
  func globs(pattern: String, text: String, expected: Bool) {
    #expect(Glob.matches(pattern, text) == expected)
  }

  /// A pattern made of stars costs no more than pattern times text.
  @Test func manyStarsAreBounded() {
    let pattern = String(repeating: "*a", count: 5000) + "b"
    #expect(!Glob.matches(pattern, String(repeating: "a", count: 5000)))
  }

  @Test(arguments: [
    ("1k", 1000), ("1kb", 1024), ("1KB", 1024), ("2m", 2_000_000), ("2Mb", 2 << 20), ("1g", 1_000_000_000),
    ("1gB", 1 << 30),
    ("5b", 5), ("0", 0), ("18446744073709551615", UInt64.max),
  ])
  func memoryUnits(text: String, bytes: UInt64) throws {
    #expect(try Values.memory(text) == bytes)
  }

  @Test(arguments: [
    "", "k", "-1", "+5", "1.5gb", "10 kb", "10x", "0x10", "1e3", "10%", "99999999999999999999", "1gb ", "20000000000gb",
  ])
  func noMemoryValues(text: String) {
    #expect(throws: Refusal("argument must be a memory value")) { try Values.memory(text) }
  }

  /// Random bytes as files, values and arguments: an answer every time, a trap never.
  @Test func randomInputNeverTraps() {
    var random = Seeded(state: 99)
    let names = DirectiveTable.names.map(\.name)
    let pieces = [
      "\"", "'", "\\", "\\x", " ", "\n", "-1", "99999999999999999999", "yes", "%", "0x7", "normal", "é", "\0", "a",
      "--",
    ]
    for _ in 0..<1000 {
      var text = names.randomElement(using: &random)! + " "
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        text += Bool.random(using: &random) ? pieces.randomElement(using: &random)! : " "
      }
      _ = try? load(text)
      _ = Configuration().rewritten(Array(text.utf8))
      var configuration = Configuration()
      let name = names.randomElement(using: &random)!
      _ = configuration.set(name, String(text.dropFirst(Int.random(in: 0...10, using: &random))))
      _ = configuration.get([text])
      _ = Invocation.parse(text.split(separator: " ").map(String.init))
    }
    for _ in 0..<1000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      _ = try? Grammar.split(bytes)
      _ = Configuration().rewritten(bytes)
    }
  }
}
