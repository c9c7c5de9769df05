// Decimal.swift — whole numbers as text, both ways.
//
// Reading is strict, as the protocol's own numbers are: an optional minus, no plus, no
// space, no leading zero, nothing after the last digit, and an answer only if it fits.
// Writing goes two digits at a time into memory the caller has reserved.

extension ByteView {
  /// The number these bytes are the canonical text of, or nil (empty, "01", "+1", "-0", " 1", too large …).
  @inlinable public var int64: Int64? {
    guard count > 0 && count <= Decimal.digitsMax else { return nil }
    var index = 0
    let first = unsafe start.load(as: UInt8.self)
    let negative = first == UInt8(ascii: "-")
    if negative {
      index = 1
      if count == 1 { return nil }
    }
    let lead = unsafe start.load(fromByteOffset: index, as: UInt8.self) &- UInt8(ascii: "0")
    if lead == 0 { return count == 1 ? 0 : nil }
    guard lead <= 9 else { return nil }
    var magnitude = UInt64(lead)
    index += 1
    while index < count {
      let digit = unsafe start.load(fromByteOffset: index, as: UInt8.self) &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (tenfold, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(UInt64(digit))
      if overflow || carry { return nil }
      magnitude = sum
      index += 1
    }
    if negative {
      guard magnitude <= UInt64(Int64.max) + 1 else { return nil }
      return Int64(truncatingIfNeeded: 0 &- magnitude)
    }
    return Int64(exactly: magnitude)
  }

  /// The same without a sign, up to 2^64 - 1; leading zeros are accepted, as in a SCAN cursor.
  public var uint64: UInt64? {
    guard count > 0 else { return nil }
    var value: UInt64 = 0
    for i in 0..<count {
      let digit = unsafe start.load(fromByteOffset: i, as: UInt8.self) &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(UInt64(digit))
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }
}

public enum Decimal {
  /// "-9223372036854775808", and as many for the largest unsigned word.
  @inlinable public static var digitsMax: Int { 20 }

  /// Digits of `value`, without a sign.
  @inlinable public static func digits(_ value: UInt64) -> Int {
    if value < 10 { return 1 }
    if value < 100 { return 2 }
    if value < 1_000 { return 3 }
    if value < 10_000 { return 4 }
    var rest = value / 10_000
    var count = 4
    while rest > 0 {
      rest /= 10
      count += 1
    }
    return count
  }

  /// Writes `value` at `out` and returns the bytes written; there must be room for `digitsMax`.
  @inlinable public static func write(_ value: UInt64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    let count = digits(value)
    var rest = value
    var index = count
    while rest >= 10 {
      index -= 1
      unsafe out[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    unsafe out[0] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest)
    return count
  }

  @inlinable public static func write(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    if value >= 0 { return unsafe write(UInt64(value), to: out) }
    unsafe out[0] = UInt8(ascii: "-")
    return unsafe 1 + write(value.magnitude, to: out + 1)
  }
}

/// The text of a number, held in the value itself: for building replies and records without the heap.
public struct DecimalText {
  @usableFromInline var bytes = InlineArray<24, UInt8>(repeating: 0)
  public let count: Int

  @inlinable public init(_ value: Int64) {
    var text = InlineArray<24, UInt8>(repeating: 0)
    var span = text.mutableSpan
    count = unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let out = buffer.baseAddress else { return 0 }
      return unsafe Decimal.write(value, to: out)
    }
    bytes = text
  }

  /// Lends the text to `body`.
  @inlinable public func withView<Result>(_ body: (ByteView) -> Result) -> Result {
    unsafe bytes.span.withUnsafeBufferPointer { unsafe body(ByteView(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[0..<count]))) }
  }
}
