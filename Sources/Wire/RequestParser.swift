// RequestParser.swift — bytes into requests, in place.
//
//   *2\r\n $3\r\nGET\r\n $5\r\nhello\r\n          or          GET hello\r\n
//          └─ words are ranges into these bytes; nothing is copied ─┘
//
// The parser remembers how far it came, so a request that arrives a byte at a time costs
// its length and no more. Offsets count from the first byte of the request under way; the
// caller keeps those bytes together and calls again when there are more of them.
import Bytes

public struct RequestParser: BitwiseCopyable {
  /// Words still to come of the request under way; 0 between requests.
  @usableFromInline var remaining = 0
  /// Length of the word under way; -1 while its header has not been read.
  @usableFromInline var bulkLength = -1
  /// Offset behind what has been understood.
  @usableFromInline var position = 0

  /// What may be asked of this connection.
  public struct Limits: BitwiseCopyable, Sendable {
    /// proto-max-bulk-len in bytes.
    public var bulkBytesMax = 512 << 20
    /// Strict limits until the client has authenticated.
    public var isAuthenticated = true
    public init() {}
  }

  public enum Outcome: Equatable {
    /// A request is whole; it ends before this offset. Its words are in the vector, unsealed.
    case request(end: Int)
    /// An empty request (`*0`, a bare line end): skip to this offset, answer nothing.
    case nothing(end: Int)
    /// More bytes, please.
    case more
    /// A word of `length` bytes is coming, of which `available` are here from offset `start` on: worth receiving
    /// into memory of its own. Give it to `supply` once complete with its line end, or carry on as for `more`.
    case large(start: Int, available: Int, length: Int)
  }

  /// Words of at least this many bytes are offered as `.large`.
  public static let largeBytesMin = 8 << 10
  /// Headers and inline requests end within this.
  static let lineBytesMax = 64 << 10
  static let argumentsMax = Int64(Int32.max)
  static let argumentsBeforeAuthenticationMax = Int64(10)
  static let bulkBytesBeforeAuthenticationMax = Int64(16_384)

  public init() {}

  /// Whether it stands between two requests.
  @inlinable public var isIdle: Bool { remaining == 0 && position == 0 }

  /// Reads on in `bytes`, which begin with the request under way. The request's words are added to `words`, behind
  /// those of requests before it; it must be the same vector until the request is whole. The bytes may be changed: inline words are unescaped where they lie.
  public mutating func next(
    in bytes: ByteView, limits: Limits, words: inout ArgumentVector
  ) throws(ProtocolError) -> Outcome {
    if remaining == 0 {
      guard bytes.count > 0 else { return .more }
      if bytes[0] != UInt8(ascii: "*") { return try inline(in: bytes, words: &words) }
      guard let count = try header(in: bytes, from: 0, tooLong: .multibulkLineTooLong, invalid: .multibulkLength)
      else { return .more }
      guard count <= Self.argumentsMax else { throw .multibulkLength }
      if !limits.isAuthenticated && count > Self.argumentsBeforeAuthenticationMax {
        throw .multibulkLengthBeforeAuthentication
      }
      if count <= 0 {
        let end = position
        position = 0
        return .nothing(end: end)
      }
      remaining = Int(count)
      bulkLength = -1
    }
    while remaining > 0 {
      if bulkLength < 0 {
        guard position < bytes.count else { return .more }
        let mark = bytes[position]
        guard mark == UInt8(ascii: "$") else { throw .expectedDollar(found: mark) }
        guard let length = try header(in: bytes, from: position, tooLong: .bulkLineTooLong, invalid: .bulkLength)
        else { return .more }
        guard length >= 0 && length <= Int64(limits.bulkBytesMax) else { throw .bulkLength }
        if !limits.isAuthenticated && length > Self.bulkBytesBeforeAuthenticationMax {
          throw .bulkLengthBeforeAuthentication
        }
        bulkLength = Int(length)
      }
      let available = bytes.count - position
      if available < bulkLength + 2 {
        guard bulkLength >= Self.largeBytesMin else { return .more }
        return .large(start: position, available: available, length: bulkLength)
      }
      let end = position + bulkLength
      guard bytes[end] == UInt8(ascii: "\r") && bytes[end + 1] == UInt8(ascii: "\n") else { throw .bulkEnd }
      words.add(offset: position, length: bulkLength)
      position = end + 2
      bulkLength = -1
      remaining -= 1
    }
    let end = position
    position = 0
    return .request(end: end)
  }

  /// The large word under way came in memory of its own. The bytes before it stay where they are; the next
  /// byte to be read follows them, as if the word had not been in the stream.
  public mutating func supply(_ memory: UnsafeRawPointer, words: inout ArgumentVector) {
    precondition(remaining > 0 && bulkLength >= 0, "no word is under way")
    unsafe words.addExternal(memory, length: bulkLength)
    bulkLength = -1
    remaining -= 1
  }

  /// Whether the request became whole by `supply`; its end is where the parser stands.
  public mutating func completed() -> Int? {
    guard remaining == 0 && position > 0 else { return nil }
    let end = position
    position = 0
    return end
  }

  /// Reads the line `<mark><number>\r\n` at `start`. Nil if it has not ended yet.
  private mutating func header(
    in bytes: ByteView, from start: Int, tooLong: ProtocolError, invalid: ProtocolError
  ) throws(ProtocolError) -> Int64? {
    // Nearly every header is one or two digits: look where their line end would be.
    let digit = start + 1
    if start + 4 <= bytes.count {
      let first = bytes[digit] &- UInt8(ascii: "0")
      if first <= 9 {
        if bytes[digit + 1] == UInt8(ascii: "\r") {
          position = digit + 3
          return Int64(first)
        }
        let second = bytes[digit + 1] &- UInt8(ascii: "0")
        if second <= 9 && first != 0 && start + 5 <= bytes.count && bytes[digit + 2] == UInt8(ascii: "\r") {
          position = digit + 4
          return Int64(first) * 10 + Int64(second)
        }
      }
    }
    return try longHeader(in: bytes, from: start, tooLong: tooLong, invalid: invalid)
  }

  private mutating func longHeader(
    in bytes: ByteView, from start: Int, tooLong: ProtocolError, invalid: ProtocolError
  ) throws(ProtocolError) -> Int64? {
    var end = start + 1
    while end < bytes.count && bytes[end] != UInt8(ascii: "\r") {
      end += 1
      if end - start > Self.lineBytesMax { throw tooLong }
    }
    // The line feed is skipped, not looked at, as every Redis has always done.
    guard end + 1 < bytes.count else { return nil }
    guard let number = bytes[(start + 1)..<end].int64 else { throw invalid }
    position = end + 2
    return number
  }

  private mutating func inline(in bytes: ByteView, words: inout ArgumentVector) throws(ProtocolError) -> Outcome {
    var end = position
    while end < bytes.count && bytes[end] != UInt8(ascii: "\n") { end += 1 }
    guard end < bytes.count else {
      if bytes.count > Self.lineBytesMax { throw .inlineTooLong }
      // Where to go on looking: a line that arrives byte by byte is searched once.
      position = end
      return .more
    }
    // Also when all of it came at once: how the stream was cut decides nothing.
    guard end <= Self.lineBytesMax else { throw .inlineTooLong }
    let length = end > 0 && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
    position = 0
    let wordsBefore = words.count
    try InlineRequest.split(bytes[0..<length], into: &words)
    return words.count == wordsBefore ? .nothing(end: end + 1) : .request(end: end + 1)
  }
}
