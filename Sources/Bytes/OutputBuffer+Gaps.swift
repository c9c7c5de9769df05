// OutputBuffer+Gaps.swift — a gap for a number that is a string on the wire, as SCAN's cursor is.

extension OutputBuffer {
  /// Fills the gap with `number` as a bulk string: `$`, its length, and its digits.
  public mutating func fill(_ gap: Gap, bulk number: UInt64) {
    let out = unsafe Self.bytes(of: gap.chunk)
    let digits = Decimal.digits(number)
    unsafe out[0] = UInt8(ascii: "$")
    var end = unsafe 1 + Decimal.write(UInt64(digits), to: out + 1)
    unsafe out[end] = UInt8(ascii: "\r")
    unsafe out[end + 1] = UInt8(ascii: "\n")
    end += unsafe 2 + Decimal.write(number, to: out + end + 2)
    unsafe out[end] = UInt8(ascii: "\r")
    unsafe out[end + 1] = UInt8(ascii: "\n")
    end += 2
    unsafe gap.chunk.pointee.used = UInt32(end)
    openGaps -= 1
    appendedEnd += UInt64(end)
  }
}
