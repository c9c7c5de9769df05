import Bytes
import Testing

@testable import Wire

/// The bytes of a stream decide what the requests are; how they were cut on the way does not.
@Suite struct RequestParserTests {
  /// Reads a stream that arrives in the pieces that `cuts` make of it.
  static func read(
    _ stream: [UInt8], cuts: (Int) -> Int, limits: RequestParser.Limits = .init(), takesLarge: Bool = true
  ) -> Reading {
    WireTests.read(stream[...], limits: limits, takesLarge: takesLarge, cut: cuts)
  }

  static func request(_ words: [String]) -> [UInt8] {
    Array("*\(words.count)\r\n".utf8) + words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
  }

  /// Twenty requests of all kinds; every cut into two, then one byte at a time.
  @Test func everySplitReadsTheSame() {
    var stream: [UInt8] = []
    for i in 0..<6 {
      stream += Self.request(["SET", "key:\(i)", String(repeating: "v", count: i * 7)])
      stream += Array("GET key:\(i)\r\n".utf8) + Array("\r\n".utf8) + Array("*0\r\n".utf8)
      stream += Array("set \"a b\\x41\\n\" 'c\\'d'\n".utf8)
      stream += Self.request(Array(repeating: "x", count: 12))
    }
    let whole = Self.read(stream, cuts: { _ in stream.count })
    #expect(whole.error == nil && whole.requests.count == 24)
    for cut in 1..<stream.count { #expect(Self.read(stream, cuts: { $0 == 0 ? cut : stream.count }) == whole) }
    #expect(Self.read(stream, cuts: { _ in 1 }) == whole)
  }

  /// Long words go through memory of their own and still read the same, in first, middle and last place.
  @Test(arguments: [1, 1_000, 8 << 10, (8 << 10) + 1, 100_000])
  func longWordsReadTheSame(size: Int) {
    let word = String(repeating: "L", count: size)
    var stream: [UInt8] = []
    for words in [["SET", "k", word], [word], ["A", word, "B", word], ["GET", "k"]] { stream += Self.request(words) }
    let plain = Self.read(stream, cuts: { _ in stream.count }, takesLarge: false)
    #expect(plain.requests.count == 4 && plain.error == nil)
    for piece in [4_096, 16_384, 70_000, 9_000] { #expect(Self.read(stream, cuts: { _ in piece }) == plain) }
    // A cut at each byte around the ends of words, where the line ends are.
    for near in [size, size + 20, 2 * size + 40] {
      for cut in max(1, near - 30)..<(near + 60) where cut < stream.count {
        #expect(Self.read(stream, cuts: { $0 == 0 ? cut : 5_000 }) == plain)
      }
    }
  }

  @Test(arguments: [
    ("*3000000000\r\n", ProtocolError.multibulkLength), ("*2147483648\r\n", .multibulkLength),
    ("*9223372036854775808\r\n", .multibulkLength), ("*+1\r\n", .multibulkLength), ("*01\r\n", .multibulkLength),
    ("* 1\r\n", .multibulkLength), ("*a\r\n", .multibulkLength), ("*\u{0}\r\n", .multibulkLength),
    ("*1\r\n$-1\r\n", .bulkLength), ("*1\r\n$536870913\r\n", .bulkLength), ("*1\r\n$zz\r\n", .bulkLength),
    ("*1\r\n$\r\n", .bulkLength), ("*1\r\nfoo\r\n", .expectedDollar(found: UInt8(ascii: "f"))),
    ("*1\r\n$3\r\nabcde", .bulkEnd), ("set \"abc x\r\n", .unbalancedQuotes), ("set \"a\"b c\r\n", .unbalancedQuotes),
    ("\u{0}\u{0}\r\n", .inlineZeroByte),
  ])
  func whatCannotBeReadIsRefused(stream: String, error: ProtocolError) {
    #expect(Self.read(Array(stream.utf8), cuts: { _ in 100_000 }).error == error)
    #expect(Self.read(Array(stream.utf8), cuts: { _ in 1 }).error == error)
  }

  @Test func linesWithoutAnEndAreRefused() {
    let digits = String(repeating: "1", count: 70_000)
    #expect(Self.read(Array("*\(digits)".utf8), cuts: { _ in 5_000 }).error == .multibulkLineTooLong)
    #expect(Self.read(Array("*1\r\n$\(digits)".utf8), cuts: { _ in 5_000 }).error == .bulkLineTooLong)
    #expect(Self.read(Array(String(repeating: "x", count: 70_000).utf8), cuts: { _ in 5_000 }).error == .inlineTooLong)
  }

  /// Before authentication: ten words and 16 KiB each, and not one more.
  @Test func strangersGetLessRoom() {
    var limits = RequestParser.Limits()
    limits.isAuthenticated = false
    #expect(Self.read(Array("*11\r\n".utf8), cuts: { _ in 9 }, limits: limits).error == .multibulkLengthBeforeAuthentication)
    #expect(Self.read(Array("*1\r\n$16385\r\n".utf8), cuts: { _ in 99 }, limits: limits).error == .bulkLengthBeforeAuthentication)
    #expect(Self.read(Self.request(Array(repeating: "a", count: 10)), cuts: { _ in 99 }, limits: limits).error == nil)
  }

  /// An announced number of words costs nothing until the words come.
  @Test func announcedWordsCostNothing() {
    var parser = RequestParser()
    var words = ArgumentVector()
    let stream = Array("*2147483647\r\n$1\r\na\r\n".utf8)
    let outcome = stream.withUnsafeBytes { bytes in
      try? parser.next(in: ByteView(bytes), limits: .init(), words: &words)
    }
    #expect(outcome == .more)
    #expect(words.count == 1 && words.capacity <= 16)
    words.release()
  }
}
