// ScoreText.swift: scores as text, both ways.
//
// What is written is the shortest text that reads back as the same number: "3", "0.1", "1e+21", "inf". What is read is
// whatever strtod takes as a whole, but no spaces, no "nan" and nothing beyond the range of a double.
import Bytes
import CAllocator

public enum ScoreText {
  /// Longest text that `write` makes.
  public static var bytesMax: Int { 32 }

  /// Lends the text of a score.
  public static func with<Result>(_ score: Double, _ body: (ByteView) -> Result) -> Result {
    if let whole = Int64(exactly: score), whole.magnitude <= 1 << 62, score != 0 || score.sign == .plus {
      return DecimalText(whole).withView(body)
    }
    return withDigits(score, body)
  }

  /// The same without a plain form for large whole numbers: what digests of sorted sets are made of.
  public static func withDigits<Result>(_ score: Double, _ body: (ByteView) -> Result) -> Result {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytesMax) { buffer in
      guard let out = buffer.baseAddress else { return body(.empty) }
      let count = unsafe write(score, to: out)
      return unsafe body(ByteView(start: UnsafeRawPointer(out), count: count))
    }
  }

  private static func write(_ score: Double, to out: UnsafeMutablePointer<UInt8>) -> Int {
    var end = 0
    func put(_ byte: UInt8) {
      unsafe out[end] = byte
      end += 1
    }
    if score.sign == .minus { put(UInt8(ascii: "-")) }
    guard score.isFinite else {
      for byte in "inf".utf8 { put(byte) }
      return end
    }
    guard score != 0 else {
      put(UInt8(ascii: "0"))
      return end
    }
    // The digits of the shortest text, and the power of ten of the last of them.
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var count = 0
    var scale = 0
    var isFraction = false
    var exponent = 0
    var description = score.magnitude.description
    description.withUTF8 { text in
      var index = 0
      while index < text.count {
        let byte = unsafe text[index]
        index += 1
        if byte == UInt8(ascii: ".") {
          isFraction = true
        } else if byte == UInt8(ascii: "e") {
          let rest = unsafe ByteView(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[index...])))
          let isNegative = rest.count > 0 && rest[0] == UInt8(ascii: "-")
          let hasSign = isNegative || rest.count > 0 && rest[0] == UInt8(ascii: "+")
          let magnitude = Int(rest[(hasSign ? 1 : 0)..<rest.count].uint64 ?? 0)
          exponent = isNegative ? -magnitude : magnitude
          break
        } else {
          if isFraction { scale -= 1 }
          if count < 20 && (count > 0 || byte != UInt8(ascii: "0")) {
            digits[count] = byte
            count += 1
          }
        }
      }
    }
    scale += exponent
    while count > 1 && digits[count - 1] == UInt8(ascii: "0") {
      count -= 1
      scale += 1
    }
    let magnitude = count + scale - 1
    if scale >= 0 && magnitude < count + 7 {
      for index in 0..<count { put(digits[index]) }
      for _ in 0..<scale { put(UInt8(ascii: "0")) }
    } else if scale < 0 && (scale > -7 || abs(magnitude) < 4) {
      let whole = count + scale
      if whole <= 0 {
        put(UInt8(ascii: "0"))
        put(UInt8(ascii: "."))
        for _ in whole..<0 { put(UInt8(ascii: "0")) }
        for index in 0..<count { put(digits[index]) }
      } else {
        for index in 0..<count {
          if index == whole { put(UInt8(ascii: ".")) }
          put(digits[index])
        }
      }
    } else {
      for index in 0..<count {
        if index == 1 { put(UInt8(ascii: ".")) }
        put(digits[index])
      }
      put(UInt8(ascii: "e"))
      put(magnitude < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
      unsafe end += Decimal.write(UInt64(magnitude.magnitude), to: out + end)
    }
    return end
  }
}

extension ByteView {
  /// The double that these bytes are the text of, or nil.
  public var double: Double? {
    guard count > 0 && count <= 1024, self[0] > 0x20 else { return nil }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { buffer -> Double? in
      guard let text = buffer.baseAddress else { return nil }
      unsafe memcpy(text, start, count)
      unsafe text[count] = 0
      var end: UnsafeMutablePointer<CChar>?
      let value = unsafe strtod(text, &end)
      guard unsafe end == text + count, !value.isNaN else { return nil }
      // An infinity or zero that the text does not say is a number out of range.
      if value.isInfinite && !hasByte(UInt8(ascii: "n"), UInt8(ascii: "N")) { return nil }
      if value == 0 && hasSignificantDigit { return nil }
      return value
    }
  }

  private func hasByte(_ one: UInt8, _ other: UInt8) -> Bool {
    for index in 0..<count where self[index] == one || self[index] == other { return true }
    return false
  }

  /// A digit other than zero before the exponent.
  private var hasSignificantDigit: Bool {
    for index in 0..<count {
      switch self[index] {
      case UInt8(ascii: "1")...UInt8(ascii: "9"): return true
      case UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "x"), UInt8(ascii: "X"): return false
      default: continue
      }
    }
    return false
  }
}

extension Element {
  /// The score that a packed sorted set keeps as this.
  var score: Double {
    switch self {
    case .integer(let value): Double(value)
    case .bytes(let bytes): bytes.double ?? 0
    }
  }
}
