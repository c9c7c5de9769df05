// IntegerText.swift: integers as the protocol writes them.
//
// A string is kept as an integer only if writing the integer gives back exactly the same bytes:
// no leading zero, no plus sign, no "-0", nothing outside 64 bits, at most 20 characters.
import Bytes

package enum IntegerText {
  /// Bytes that the longest integer takes ("-9223372036854775808").
  @inlinable package static var bytesMax: Int { 20 }

  /// The integer whose canonical text `text` is.
  package static func parse(_ text: ByteView) -> Int64? {
    let count = text.count
    guard count > 0 && count <= bytesMax else { return nil }
    let isNegative = text[0] == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    guard index < count else { return nil }
    let first = text[index] &- UInt8(ascii: "0")
    guard first <= 9 else { return nil }
    if first == 0 { return count == 1 ? 0 : nil }
    var magnitude = UInt64(first)
    index += 1
    while index < count {
      let digit = text[index] &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (product, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
      guard !tooLarge && !overflow else { return nil }
      magnitude = sum
      index += 1
    }
    if isNegative {
      guard magnitude <= Int64.min.magnitude else { return nil }
      return Int64(truncatingIfNeeded: 0 &- magnitude)
    }
    return Int64(exactly: magnitude)
  }

  /// Characters of `value`'s text.
  package static func count(_ value: Int64) -> Int {
    var magnitude = value.magnitude
    var count = value < 0 ? 2 : 1
    while magnitude >= 10 {
      magnitude /= 10
      count += 1
    }
    return count
  }

  /// Writes `value` at the end of the 20 bytes at `scratch`; the view lies inside them.
  package static func write(_ value: Int64, into scratch: UnsafeMutableRawPointer) -> ByteView {
    var magnitude = value.magnitude
    var index = bytesMax
    repeat {
      index -= 1
      unsafe scratch.storeBytes(of: UInt8(ascii: "0") + UInt8(magnitude % 10), toByteOffset: index, as: UInt8.self)
      magnitude /= 10
    } while magnitude > 0
    if value < 0 {
      index -= 1
      unsafe scratch.storeBytes(of: UInt8(ascii: "-"), toByteOffset: index, as: UInt8.self)
    }
    return unsafe ByteView(start: scratch + index, count: bytesMax - index)
  }
}
