// LogManifestTests.swift — the list of the log's files, as other servers and we write it.
import Testing

@testable import Persistence

/// Manifests of redis-server 7.0.15 and valkey-server 9.1.2 read as they are and are written as they were; every
/// refusal has the text and the line that redis-server gives; whatever a manifest holds survives its text.
struct LogManifestTests {
  private func entry(_ name: String, _ sequence: Int64) -> LogManifest.Entry { .init(name: name, sequence: sequence) }

  /// Two rewrites with `aof-disable-auto-gc yes`: both servers write the same.
  static let twoRewrites = """
    file appendonly.aof.3.base.rdb seq 3 type b
    file appendonly.aof.2.incr.aof seq 2 type h
    file appendonly.aof.2.base.rdb seq 2 type h
    file appendonly.aof.1.incr.aof seq 1 type h
    file appendonly.aof.1.base.rdb seq 1 type h
    file appendonly.aof.3.incr.aof seq 3 type i

    """

  @Test func filesOfOtherServers() throws {
    let manifest = try LogManifest(parsing: LogManifestTests.twoRewrites)
    #expect(manifest.base == entry("appendonly.aof.3.base.rdb", 3))
    #expect(manifest.increments == [entry("appendonly.aof.3.incr.aof", 3)])
    #expect(
      manifest.history == [
        entry("appendonly.aof.2.incr.aof", 2), entry("appendonly.aof.2.base.rdb", 2),
        entry("appendonly.aof.1.incr.aof", 1), entry("appendonly.aof.1.base.rdb", 1),
      ])
    #expect(manifest.baseSequence == 3 && manifest.incrementSequence == 3)
    #expect(manifest.files.map(\.name) == ["appendonly.aof.3.base.rdb", "appendonly.aof.3.incr.aof"])
    #expect(manifest.text == LogManifestTests.twoRewrites)
  }

  /// `appendfilename` with blanks and quotes, first by redis-server, then by valkey-server.
  @Test(arguments: [
    (#"file "my 'log'.aof.3.base.rdb" seq 3 type b"#, "my 'log'.aof.3.base.rdb"),
    (#"file "a \"b\" \tc\xc3\xa9.aof.3.base.rdb" seq 3 type b"#, "a \"b\" \tc\u{E9}.aof.3.base.rdb"),
  ])
  func quotedNamesOfOtherServers(line: String, name: String) throws {
    let manifest = try LogManifest(parsing: line + "\n")
    #expect(manifest.base == entry(name, 3))
    #expect(manifest.text == line + "\n")
  }

  /// What a person may have made of it: remarks, blanks, other quotes, another order, keys of later versions.
  @Test func formsThatAreRead() throws {
    func base(_ text: String) -> LogManifest.Entry? { try? LogManifest(parsing: text).base }
    let wanted = entry("a", 2)
    #expect(base("# a remark\nfile a seq 2 type b\n") == wanted)
    #expect(base("FILE a Seq 2 TYPE b\n") == wanted)
    #expect(base("type b seq 2 file a\n") == wanted)
    #expect(base("  file\ta  seq 2 type b \t\n") == wanted)
    #expect(base("file a seq 2 type b\r\n") == wanted)
    #expect(base("# a remark\r\nfile a seq 2 type b\r\n") == wanted)
    #expect(base("file 'a' seq \"2\" type b\n") == wanted)
    #expect(base("file a seq 2 type b checksum 12\n") == wanted)
    #expect(base("file x file a seq 2 type b\n") == wanted)
    #expect(base(#"file "\x61" seq 2 type b"# + "\n") == wanted)
    #expect(base(#"file "\n\r\t\b\a\q\\\"\xzz" seq 2 type b"# + "\n") == entry("\n\r\t\u{8}\u{7}q\\\"xzz", 2))
    #expect(base(#"file 'it\'s \n' seq 2 type b"# + "\n") == entry(#"it's \n"#, 2))
    // Increments may leave numbers out.
    let manifest = try? LogManifest(parsing: "file a seq 2 type i\nfile b seq 7 type i\n")
    #expect(manifest?.increments == [entry("a", 2), entry("b", 7)])
    #expect(manifest?.base == nil && manifest?.baseSequence == 0 && manifest?.incrementSequence == 7)
  }

  static let base = "file appendonly.aof.1.base.rdb seq 1 type b\n"
  static let increment = "file appendonly.aof.1.incr.aof seq 1 type i\n"
  static let format = "Invalid AOF manifest file format"

  /// Line 0 is the file as a whole. The texts and lines are those of redis-server 7.0.15 for the same files.
  @Test(arguments: [
    ("", 0, "Found an empty AOF manifest"),
    (base + "\n" + increment, 2, format),
    (base + " \t \n", 2, format),
    (
      base + "file a" + String(repeating: "x", count: 1_100) + " seq 1 type i\n", 2,
      "The AOF manifest file contains too long line"
    ),
    ("#" + String(repeating: "x", count: 1_022) + "\nzz\n", 2, format),
    (base + "file a seq 1 type\n", 2, format),
    ("file a seq 1\n", 1, format),
    ("zz\n", 1, format),
    (" # zz\n", 1, format),
    (base + "file a seq x type i\n", 2, format),
    ("file a seq 0 type i\n", 1, format),
    ("file a type i color red\n", 1, format),
    ("seq 1 type i color red\n", 1, format),
    ("file a seq 1 color red\n", 1, format),
    ("file \"zz seq 1 type b\n", 1, format),
    ("file \"z\"z seq 1 type b\n", 1, format),
    (base + "file ../a seq 1 type i\n", 2, "File can't be a path, just a filename"),
    (base + "file /a seq 1 type i\n", 2, "File can't be a path, just a filename"),
    (base + base, 2, "Found duplicate base file information"),
    (base + increment + increment, 3, "Found a non-monotonic sequence number"),
    (base + "file b seq 2 type i\n" + increment, 3, "Found a non-monotonic sequence number"),
    (base + "file a seq 1 type z\n", 2, "Unknown AOF file type"),
  ])
  func refusals(text: String, line: Int, reason: String) {
    #expect(throws: LogManifest.Refusal(line: line, reason: reason)) { try LogManifest(parsing: text) }
  }

  /// Refused here, though redis-server takes them: names that lead elsewhere or nowhere, numbers that are none.
  @Test func refusedOnlyHere() {
    for name in ["..", ".", "\"\"", #""a\x00b""#] {
      #expect(throws: LogManifest.Refusal(line: 1, reason: "File can't be a path, just a filename")) {
        try LogManifest(parsing: "file \(name) seq 1 type b\n")
      }
    }
    for number in ["1x", "-1", "9223372036854775808", "0x1", ""] {
      #expect(throws: LogManifest.Refusal(line: 1, reason: LogManifestTests.format)) {
        try LogManifest(parsing: "file a seq \"\(number)\" type b\n")
      }
    }
    #expect(throws: LogManifest.Refusal.self) { try LogManifest(parsing: "# nothing but a remark\n") }
  }

  @Test(arguments: UInt64(1)...300) func textReadsBack(seed: UInt64) throws {
    var dice = Dice(independent: seed)
    let letters = Array("ab.7 \t\n\r\"'\\#\u{7}\u{8}é€\u{7F}").map(String.init)
    func name() -> String { (0...dice.below(12)).map { _ in letters[dice.below(letters.count)] }.joined() + "z" }
    var manifest = LogManifest()
    if dice.below(4) > 0 {
      manifest.baseSequence = Int64(1 + dice.below(1 << 40))
      manifest.base = entry(name(), manifest.baseSequence)
    }
    for _ in 0..<dice.below(4) { manifest.history.append(entry(name(), Int64(1 + dice.below(1_000)))) }
    for _ in 0..<(1 + dice.below(4)) {
      manifest.incrementSequence += Int64(1 + dice.below(1 << 40))
      manifest.increments.append(entry(name(), manifest.incrementSequence))
    }
    #expect(try LogManifest(parsing: manifest.text) == manifest)
  }

  /// Whatever bytes a file holds, reading them ends with a manifest or a refusal.
  @Test(arguments: UInt64(1)...300) func anyTextIsReadOrRefused(seed: UInt64) {
    var dice = Dice(independent: seed)
    var bytes = Array(LogManifestTests.twoRewrites.utf8)
    for _ in 0...dice.below(6) {
      let position = dice.below(bytes.count)
      switch dice.below(3) {
      case 0: bytes[position] = UInt8(dice.below(256))
      case 1: bytes.remove(at: position)
      default: bytes.insert(Array("\"\\'\n \r\u{0}".utf8)[dice.below(7)], at: position)
      }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let manifest = try? LogManifest(parsing: text) else { return }
    #expect(manifest.files.allSatisfy { !$0.name.utf8.contains(UInt8(ascii: "/")) })
    #expect((try? LogManifest(parsing: manifest.text)) == manifest)
  }
}
