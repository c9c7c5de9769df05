// Values.swift — texts to values and back, with the error texts that Redis answers.
//
// Numbers come from operators and from clients of CONFIG SET, so every conversion is
// checked: what does not fit is refused in words and nothing traps.

/// The scalar forms of the table.
package enum Values {
  static func flag(_ text: String) throws(Refusal) -> Bool {
    switch text.lowercased() {
    case "yes": return true
    case "no": return false
    default: throw Refusal("argument must be 'yes' or 'no'")
    }
  }

  /// A decimal number in its canonical spelling: no sign but minus, no leading zero, no blanks.
  static func integer(_ text: String, _ bounds: ClosedRange<Int>) throws(Refusal) -> Int {
    guard let value = canonicalInteger(text) else { throw Refusal("argument couldn't be parsed into an integer") }
    return try inside(value, bounds)
  }

  static func canonicalInteger(_ text: String) -> Int? {
    guard let value = Int(text), String(value) == text else { return nil }
    return value
  }

  static func inside(_ value: Int, _ bounds: ClosedRange<Int>) throws(Refusal) -> Int {
    guard bounds.contains(value) else {
      throw Refusal("argument must be between \(bounds.lowerBound) and \(bounds.upperBound) inclusive")
    }
    return value
  }

  /// Bytes with an optional unit: `b`, `k` (1000), `kb` (1024), and so for `m` and `g`; letters in either case.
  package static func memory(_ text: String) throws(Refusal) -> UInt64 {
    let digits = text.utf8.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    let unit: UInt64?
    switch text.utf8.dropFirst(digits.count).map({ $0 | 0x20 }) {
    case [], Array("b".utf8): unit = 1
    case Array("k".utf8): unit = 1000
    case Array("kb".utf8): unit = 1 << 10
    case Array("m".utf8): unit = 1_000_000
    case Array("mb".utf8): unit = 1 << 20
    case Array("g".utf8): unit = 1_000_000_000
    case Array("gb".utf8): unit = 1 << 30
    default: unit = nil
    }
    guard let unit, let count = UInt64(String(Substring(digits))) else {
      throw Refusal("argument must be a memory value")
    }
    let (value, overflows) = count.multipliedReportingOverflow(by: unit)
    guard !overflows else { throw Refusal("argument must be a memory value") }
    return value
  }

  static func memory(_ text: String, _ bounds: ClosedRange<Int>) throws(Refusal) -> Int {
    if bounds.lowerBound < 0, let negative = canonicalInteger(text), negative < 0 {
      return try inside(negative, bounds)
    }
    let value = try memory(text)
    guard let value = Int(exactly: value) else {
      throw Refusal("argument must be between \(bounds.lowerBound) and \(bounds.upperBound) inclusive")
    }
    return try inside(value, bounds)
  }

  static func choice<Value: RawRepresentable & CaseIterable>(
    _ text: String
  ) throws(Refusal) -> Value where Value.RawValue == String {
    let folded = text.lowercased()
    for value in Value.allCases where value.rawValue.lowercased() == folded { return value }
    throw notOne(of: Value.allCases.map(\.rawValue))
  }

  static func notOne(of words: [String]) -> Refusal {
    Refusal("argument(s) must be one of the following: " + words.joined(separator: ", "))
  }

  // MARK: to text

  /// `67108864` as `64mb`: the largest unit that divides it.
  static func withUnit(_ bytes: Int) -> String {
    guard bytes > 0 else { return String(bytes) }
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] where bytes % (1 << shift) == 0 {
      return String(bytes >> shift) + unit
    }
    return String(bytes)
  }

  /// At most six decimals, without trailing zeros: `99.9`, `50`.
  static func decimal(_ value: Double) -> String {
    let millionths = Int((value * 1_000_000).rounded())
    let (whole, fraction) = millionths.quotientAndRemainder(dividingBy: 1_000_000)
    guard fraction != 0 else { return String(whole) }
    var digits = String(fraction)
    digits = String(repeating: "0", count: 6 - digits.count) + digits
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
  }

  /// `yes`, `0 to 65535`, `0 or more`: bounds for a reader.
  static func describe(_ bounds: ClosedRange<Int>) -> String {
    switch (bounds.lowerBound, bounds.upperBound) {
    case (.min, .max), (Int(Int32.min), Int(Int32.max)): "a whole number"
    case (let low, .max), (let low, Int(Int32.max)): "\(low) or more"
    case (let low, let high): "\(low) to \(high)"
    }
  }

  static func octal(_ value: Int) -> String { String(value, radix: 8) }
}
