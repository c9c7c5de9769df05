import Testing

@testable import Bytes

/// Reads every text that is the canonical spelling of a 64-bit number and no other.
@Suite struct DecimalTests {
  static func view<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
    var text = text
    return text.withUTF8 { body(ByteView(UnsafeRawBufferPointer($0))) }
  }

  @Test(arguments: ["0", "7", "-1", "10", "9223372036854775807", "-9223372036854775808", "1234567890"])
  func canonicalTextsAreRead(text: String) { #expect(Self.view(text) { $0.int64 } == Int64(text)) }

  @Test(arguments: [
    "", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1e3", "0x10", "1\0", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "99999999999999999999999999999999", "a", "1.0", "--1",
  ])
  func otherTextsAreNot(text: String) { #expect(Self.view(text) { $0.int64 } == nil) }

  @Test func cursorsMayHaveLeadingZeros() {
    #expect(Self.view("18446744073709551615") { $0.uint64 } == .max)
    #expect(Self.view("007") { $0.uint64 } == 7)
    #expect(Self.view("18446744073709551616") { $0.uint64 } == nil)
    #expect(Self.view("-1") { $0.uint64 } == nil)
  }

  /// Writing and reading are each other's inverse at every power of ten and around it, on both sides of zero.
  @Test func writingIsReadBack() {
    var values: [Int64] = [.min, .max, 0]
    var power: Int64 = 1
    for _ in 0..<19 {
      for near in [power &- 1, power, power &+ 1] { values += [near, 0 &- near] }
      power = power &* 10
    }
    for value in values {
      let text = DecimalText(value)
      text.withView { #expect($0.text == String(value)) }
      text.withView { #expect($0.int64 == value) }
    }
  }
}
