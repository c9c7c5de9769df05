// ScriptDigest.swift — the name of a script: the SHA-1 of its text, 40 hexadecimal digits.
import Bytes
import CLua

/// The digits, lower case.
public struct ScriptDigest: Hashable, Sendable {
  private let high: UInt64
  private let middle: UInt64
  private let low: UInt32

  /// Digits of a digest, and in C the bytes of its text without the zero byte.
  public static let digitCount = 40

  /// The name of a script with this text.
  public init(of text: ByteView) {
    self = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.digitCount) { digits in
      martlet_sha1_hex(text.start, text.count, digits.baseAddress)
      let view = ByteView(UnsafeRawBufferPointer(digits))
      guard let digest = ScriptDigest(digits: view) else { preconditionFailure("a digest has 40 digits") }
      return digest
    }
  }

  /// Nil if these are not 40 hexadecimal digits, of either case.
  public init?(digits: ByteView) {
    guard digits.count == Self.digitCount,
      let high = Self.number(digits[0..<16]), let middle = Self.number(digits[16..<32]),
      let low = Self.number(digits[32..<40])
    else { return nil }
    (self.high, self.middle, self.low) = (high, middle, UInt32(truncatingIfNeeded: low))
  }

  private static func number(_ digits: ByteView) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<digits.count {
      let digit: UInt8
      switch digits[index] {
      case let byte where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
      case let byte where byte >= 0x61 && byte <= 0x66: digit = byte - 0x61 + 10
      case let byte where byte >= 0x41 && byte <= 0x46: digit = byte - 0x41 + 10
      default: return nil
      }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  /// The digits with a zero byte behind them.
  public func withDigits<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.digitCount + 1) { digits in
      for index in 0..<Self.digitCount {
        let nibble: UInt64 =
          switch index {
          case 0..<16: high >> UInt64(60 - 4 * index)
          case 16..<32: middle >> UInt64(60 - 4 * (index - 16))
          default: UInt64(low) >> UInt64(28 - 4 * (index - 32))
          }
        let digit = UInt8(nibble & 15)
        digits[index] = CChar(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
      }
      digits[Self.digitCount] = 0
      guard let start = digits.baseAddress else { preconditionFailure("an allocation of 41 bytes has an address") }
      return body(UnsafePointer(start))
    }
  }

  /// The digits as text, for replies that are not frequent.
  public var text: String { withDigits { String(cString: $0) } }
}
