// InfoText.swift — the form of INFO: sections of `field:value` lines.
//
//     # Server\r\n
//     redis_version:7.2.4\r\n
//     \r\n                          between sections
//     # Clients\r\n …

/// Collects the lines. What a number looks like is decided here, once.
struct InfoText {
  private(set) var text = ""

  /// Begins a section.
  mutating func section(_ title: StaticString) {
    if !text.isEmpty { text += "\r\n" }
    text += "# \(title)\r\n"
  }

  mutating func field(_ name: String, _ value: String) { text += "\(name):\(value)\r\n" }
  mutating func field(_ name: String, _ value: some BinaryInteger) { field(name, String(value)) }

  /// A field that says nothing here yet: its feature is not there, so zero is the truth.
  mutating func zeros(_ names: String...) {
    for name in names { field(name, "0") }
  }

  /// With this many digits after the point.
  mutating func field(_ name: String, _ value: Double, digits: Int) { field(name, Fixed.text(value, digits: digits)) }

  /// In bytes, and in `<name>_human` rounded for people.
  mutating func bytes(_ name: String, _ value: UInt64) {
    field(name, value)
    field(name + "_human", Fixed.bytes(value))
  }

  /// Seconds with six digits, from microseconds.
  mutating func seconds(_ name: String, microseconds: UInt64) {
    field(name, Double(microseconds) / 1_000_000, digits: 6)
  }
}

/// Numbers with a fixed number of digits after the point, without help from C.
enum Fixed {
  static func text(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e18 else { return value < 0 ? "-inf" : value > 0 ? "inf" : "nan" }
    let all = String(UInt64(scaled))
    let padded = String(repeating: "0", count: max(0, digits + 1 - all.count)) + all
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return digits == 0 ? sign + padded : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
  }

  /// "512B", "1.63M".
  static func bytes(_ count: UInt64) -> String {
    guard count >= 1_024 else { return "\(count)B" }
    var value = Double(count) / 1_024
    for unit in ["K", "M", "G", "T"] {
      if value < 1_024 || unit == "T" { return text(value, digits: 2) + unit }
      value /= 1_024
    }
    return "\(count)B"
  }

  /// `part` of `whole` in percent, 0 if there is nothing.
  static func percent(_ part: UInt64, of whole: UInt64) -> Double {
    whole == 0 ? 0 : Double(part) * 100 / Double(whole)
  }

  static func ratio(_ part: UInt64, _ whole: UInt64) -> Double { whole == 0 ? 1 : Double(part) / Double(whole) }
}
