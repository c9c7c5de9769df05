// Grammar.swift — redis.conf: one directive a line, arguments split as a shell would, nearly.
//
//     name argument "quoted\nargument" 'another \' one' # not a comment: only a line that begins with # is
//
// Inside double quotes: \n \r \t \b \a, \xHH for any byte, and backslash for any other character
// itself. Inside single quotes only \' is special. A closing quote must be followed by a blank or
// the end of the line. All of it works on bytes, so a comment in any encoding passes.

/// Splitting and quoting of config lines.
enum Grammar {
  /// Why a line has no arguments to give.
  enum Fault: Error { case unbalancedQuotes, notUTF8 }

  /// The arguments of a line, none for a blank one.
  static func split(_ line: some Collection<UInt8>) throws(Fault) -> [String] {
    var arguments: [String] = []
    var rest = Array(line)[...]
    while true {
      rest = rest.drop(while: isBlank)
      guard !rest.isEmpty else { return arguments }
      let argument = try next(&rest)
      guard let text = String(validating: argument, as: UTF8.self) else { throw .notUTF8 }
      arguments.append(text)
    }
  }

  /// One argument, which may be put together from bare and quoted pieces.
  private static func next(_ rest: inout ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
    var argument: [UInt8] = []
    while let byte = rest.first, !isBlank(byte) {
      switch byte {
      case UInt8(ascii: "\""):
        rest.removeFirst()
        try doubleQuoted(&rest, into: &argument)
        return argument
      case UInt8(ascii: "'"):
        rest.removeFirst()
        try singleQuoted(&rest, into: &argument)
        return argument
      default:
        argument.append(byte)
        rest.removeFirst()
      }
    }
    return argument
  }

  private static func doubleQuoted(_ rest: inout ArraySlice<UInt8>, into argument: inout [UInt8]) throws(Fault) {
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return try endOfQuote(rest)
      case UInt8(ascii: "\\"):
        if rest.count >= 3, rest.first == UInt8(ascii: "x"),
          let high = hexadecimal(rest[rest.startIndex + 1]), let low = hexadecimal(rest[rest.startIndex + 2])
        {
          argument.append(high << 4 | low)
          rest = rest.dropFirst(3)
          continue
        }
        guard let escaped = rest.popFirst() else { throw .unbalancedQuotes }
        argument.append(unescaped(escaped))
      default: argument.append(byte)
      }
    }
    throw .unbalancedQuotes
  }

  private static func singleQuoted(_ rest: inout ArraySlice<UInt8>, into argument: inout [UInt8]) throws(Fault) {
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "'") { return try endOfQuote(rest) }
      if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "'") {
        rest.removeFirst()
        argument.append(UInt8(ascii: "'"))
        continue
      }
      argument.append(byte)
    }
    throw .unbalancedQuotes
  }

  private static func endOfQuote(_ rest: ArraySlice<UInt8>) throws(Fault) {
    if let following = rest.first, !isBlank(following) { throw .unbalancedQuotes }
  }

  private static func unescaped(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "a"): 0x07
    default: byte
    }
  }

  // MARK: the other way

  /// The argument in double quotes, with everything escaped that would not survive a line.
  static func quoted(_ argument: String) -> String {
    var text = "\""
    for scalar in argument.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\" + String(scalar)
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{08}": text += "\\b"
      case "\u{07}": text += "\\a"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += digits.count == 1 ? "\\x0" + digits : "\\x" + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }

  /// Bare where that reads back the same, in quotes otherwise.
  static func quotedIfNeeded(_ argument: String) -> String {
    let isPlain =
      !argument.isEmpty && argument.utf8.first != UInt8(ascii: "#")
      && argument.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x22 && $0 != 0x27 && $0 != 0x5C }
    return isPlain ? argument : quoted(argument)
  }

  /// The lines of a file; a carriage return before the line end belongs to the blanks.
  static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line.drop(while: isBlank)
    while let last = line.last, isBlank(last) { line.removeLast() }
    return line
  }

  /// Whether a line, blanks trimmed, says anything.
  static func isCommentOrEmpty(_ line: ArraySlice<UInt8>) -> Bool {
    line.isEmpty || line.first == UInt8(ascii: "#")
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) || byte == 0
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
