// RequestParserFuzz.swift — any bytes, cut anywhere, against a parser that nobody could get wrong.
//
//   byte 0   seeds where the stream is cut into packets
//   byte 1   bit 0: not yet authenticated; bit 1: a small proto-max-bulk-len;
//            bits 2 to 4 all set: FF n in the stream stands for n KiB of x, so that long words are short inputs
//   byte 2…  the stream
//
// Three readings must agree: the parser fed the whole stream, the parser fed the pieces as
// a connection would feed them (unfinished bytes kept, large words received elsewhere), and
// `Oracle`, which works on arrays and has never heard of performance.
import Bytes
import Wire

// MARK: - The oracle

/// The protocol as its description reads.
struct Oracle {
  var bytes: ArraySlice<UInt8>
  let limits: RequestParser.Limits
  var reading = Reading()

  static func read(_ stream: ArraySlice<UInt8>, limits: RequestParser.Limits) -> Reading {
    var oracle = Oracle(bytes: stream, limits: limits)
    do throws(ProtocolError) {
      while try oracle.request() {}
    } catch {
      oracle.reading.error = error
    }
    return oracle.reading
  }

  /// Reads one request; false when there is no whole one.
  mutating func request() throws(ProtocolError) -> Bool {
    guard let first = bytes.first else { return false }
    return try first == UInt8(ascii: "*") ? array() : line()
  }

  mutating func array() throws(ProtocolError) -> Bool {
    guard let announced = try number(.multibulkLineTooLong, .multibulkLength) else { return false }
    if announced > Int64(Int32.max) { throw .multibulkLength }
    if !limits.isAuthenticated && announced > 10 { throw .multibulkLengthBeforeAuthentication }
    if announced <= 0 { return true }
    var words: [[UInt8]] = []
    while words.count < announced {
      guard let mark = bytes.first else { return false }
      if mark != UInt8(ascii: "$") { throw .expectedDollar(found: mark) }
      guard let length = try number(.bulkLineTooLong, .bulkLength) else { return false }
      if length < 0 || length > limits.bulkBytesMax { throw .bulkLength }
      if !limits.isAuthenticated && length > 16_384 { throw .bulkLengthBeforeAuthentication }
      if bytes.count < Int(length) + 2 { return false }
      words.append(Array(bytes.prefix(Int(length))))
      bytes = bytes.dropFirst(Int(length))
      if Array(bytes.prefix(2)) != Array("\r\n".utf8) { throw .bulkEnd }
      bytes = bytes.dropFirst(2)
    }
    reading.requests.append(words)
    return true
  }

  /// The number of a line `<mark><number>\r?`; nil when the line is not here yet.
  mutating func number(_ tooLong: ProtocolError, _ invalid: ProtocolError) throws(ProtocolError) -> Int64? {
    let digits = bytes.dropFirst().prefix { $0 != UInt8(ascii: "\r") }
    if digits.count >= 64 << 10 { throw tooLong }
    if bytes.count < digits.count + 3 { return nil }
    let text = String(decoding: digits, as: UTF8.self)
    // A number that is not written as we would write it is none: no plus, no leading zero, no blank.
    guard let value = Int64(text), String(value) == text else { throw invalid }
    bytes = bytes.dropFirst(digits.count + 3)
    return value
  }

  mutating func line() throws(ProtocolError) -> Bool {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
      if bytes.count > 64 << 10 { throw .inlineTooLong }
      return false
    }
    if end - bytes.startIndex > 64 << 10 { throw .inlineTooLong }
    var text = Array(bytes[..<end])
    bytes = bytes[(end + 1)...]
    if text.last == UInt8(ascii: "\r") { text.removeLast() }
    let words = try split(text)
    if !words.isEmpty { reading.requests.append(words) }
    return true
  }

  func split(_ text: [UInt8]) throws(ProtocolError) -> [[UInt8]] {
    let blanks = Array(" \t\n\u{0B}\u{0C}\r".utf8)
    let escapes: [UInt8: UInt8] = [
      UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "b"): 8, UInt8(ascii: "a"): 7,
    ]
    var words: [[UInt8]] = []
    var rest = text[...]
    while true {
      rest = rest.drop { blanks.contains($0) }
      if rest.isEmpty { return words }
      var word: [UInt8] = []
      var quote: UInt8?
      while let byte = rest.first {
        if byte == 0 { throw .inlineZeroByte }
        let following = rest.dropFirst().first
        if quote == nil {
          if blanks.contains(byte) { break }
          if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
            quote = byte
          } else {
            word.append(byte)
          }
          rest = rest.dropFirst()
        } else if byte == quote {
          if let following, !blanks.contains(following) { throw .unbalancedQuotes }
          quote = nil
          rest = rest.dropFirst()
          break
        } else if byte == UInt8(ascii: "\\"), let following, quote == UInt8(ascii: "\"") {
          let digits = String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self)
          if following == UInt8(ascii: "x"), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
            let value = UInt8(digits, radix: 16)
          {
            word.append(value)
            rest = rest.dropFirst(4)
          } else {
            word.append(escapes[following] ?? following)
            rest = rest.dropFirst(2)
          }
        } else if byte == UInt8(ascii: "\\"), following == UInt8(ascii: "'") {
          word.append(UInt8(ascii: "'"))
          rest = rest.dropFirst(2)
        } else {
          word.append(byte)
          rest = rest.dropFirst()
        }
      }
      if quote != nil { throw .unbalancedQuotes }
      words.append(word)
    }
  }
}

// MARK: - The target

/// A small generator for the cuts: the same input is always cut alike.
struct Cuts {
  var state: UInt64

  mutating func next() -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    let range: [UInt64] = [1, 2, 7, 40, 5000, 40_000]
    return 1 + Int(state % range[Int((state >> 32) % 6)])
  }
}

func expanded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
  var stream: [UInt8] = []
  var rest = bytes
  while let byte = rest.popFirst() {
    // 64 KiB are the parser's longest line; more would only be slow.
    if byte == 0xFF, stream.count <= 64 << 10, let count = rest.popFirst() {
      stream += repeatElement(UInt8(ascii: "x"), count: Int(count) << 10)
    } else {
      stream.append(byte)
    }
  }
  return stream
}

/// Says what differs, which an optimised `precondition` does not, and ends.
func demand(_ isSo: Bool, _ text: String, _ got: Reading, _ wanted: Reading) {
  guard !isSo else { return }
  func brief(_ reading: Reading) -> String {
    "\(reading.requests.map { $0.map { String(decoding: $0.prefix(40), as: UTF8.self) } }) \(String(describing: reading.error))"
  }
  print("\(text)\n     got \(brief(got))\n  wanted \(brief(wanted))")
  fatalError(text)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  let stream = input[1] & 0x1C != 0x1C ? input[2...] : expanded(input[2...])[...]
  var limits = RequestParser.Limits()
  limits.isAuthenticated = input[1] & 1 == 0
  if input[1] & 2 != 0 { limits.bulkBytesMax = 100 }

  let wanted = Oracle.read(stream, limits: limits)
  let whole = read(stream, limits: limits, takesLarge: false) { _ in stream.count }
  demand(whole == wanted, "the whole stream is read differently", whole, wanted)
  var cuts = Cuts(state: UInt64(input[0]) &* 0x9E37_79B9_7F4A_7C15 | 1)
  // Unfinished bytes are copied at every piece: a long stream comes in longer ones.
  let unit = 1 + stream.count / 500
  let pieces = read(stream, limits: limits, takesLarge: true) { _ in cuts.next() * unit }
  demand(pieces == wanted, "the pieces are read differently", pieces, wanted)
  return 0
}
