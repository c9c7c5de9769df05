// ProtocolError.swift — what makes a request unreadable.
//
// Each is answered once, with Redis's text, and then the connection closes: after it nobody
// knows where the next request would begin.
import Bytes

public enum ProtocolError: Error, Equatable {
  /// The `*` line ran past 64 KiB without an end.
  case multibulkLineTooLong
  /// The `*` line holds no number from the allowed range.
  case multibulkLength
  /// More than ten arguments before authentication.
  case multibulkLengthBeforeAuthentication
  /// An argument did not begin with `$`.
  case expectedDollar(found: UInt8)
  /// The `$` line ran past 64 KiB without an end.
  case bulkLineTooLong
  /// The `$` line holds no number from 0 to proto-max-bulk-len.
  case bulkLength
  /// An argument over 16 KiB before authentication.
  case bulkLengthBeforeAuthentication
  /// An argument is not followed by a line end.
  case bulkEnd
  /// An inline request of over 64 KiB.
  case inlineTooLong
  /// Quotes in an inline request that do not close, or do not end a word.
  case unbalancedQuotes
  /// A zero byte in an inline request: this is some other protocol.
  case inlineZeroByte

  /// Writes the text behind "ERR Protocol error: ".
  public func write(to output: inout OutputBuffer) {
    switch self {
    case .multibulkLineTooLong: output.append(ByteView("too big mbulk count string"))
    case .multibulkLength: output.append(ByteView("invalid multibulk length"))
    case .multibulkLengthBeforeAuthentication: output.append(ByteView("unauthenticated multibulk length"))
    case .expectedDollar(let found):
      output.append(ByteView("expected '$', got '"))
      writeEscaped(found, to: &output)
      output.append(ByteView("'"))
    case .bulkLineTooLong: output.append(ByteView("too big bulk count string"))
    case .bulkLength: output.append(ByteView("invalid bulk length"))
    case .bulkLengthBeforeAuthentication: output.append(ByteView("unauthenticated bulk length"))
    case .bulkEnd: output.append(ByteView("invalid CRLF in request"))
    case .inlineTooLong: output.append(ByteView("too big inline request"))
    case .unbalancedQuotes: output.append(ByteView("unbalanced quotes in request"))
    case .inlineZeroByte: output.append(ByteView("zero byte in inline request"))
    }
  }

  /// A byte of foreign origin must not be able to end the error line early.
  private func writeEscaped(_ byte: UInt8, to output: inout OutputBuffer) {
    if byte >= 0x20 && byte < 0x7F {
      let out = unsafe output.reserve(1)
      unsafe out[0] = byte
      output.commit(1)
      return
    }
    let out = unsafe output.reserve(4)
    let hexadecimal: StaticString = "0123456789abcdef"
    unsafe out[0] = UInt8(ascii: "\\")
    unsafe out[1] = UInt8(ascii: "x")
    unsafe out[2] = hexadecimal.utf8Start[Int(byte >> 4)]
    unsafe out[3] = hexadecimal.utf8Start[Int(byte & 15)]
    output.commit(4)
  }
}
