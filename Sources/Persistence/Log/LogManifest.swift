// LogManifest.swift — which files make up the log, and how they are called.
//
//   file appendonly.aof.2.base.rdb seq 2 type b         the base: everything up to a moment
//   file appendonly.aof.1.incr.aof seq 1 type h         history: replaced, waits to be removed
//   file appendonly.aof.3.incr.aof seq 3 type i         increments: what came after, in order
//
// The format is that of Redis 7 (multi-part AOF); redis-server reads ours and we read its.
// Source: the file as redis-server 7.0 writes it, and its messages for files it refuses.

public struct LogManifest: Equatable, Sendable {
  public struct Entry: Equatable, Sendable {
    public var name: String
    public var sequence: Int64
    public init(name: String, sequence: Int64) {
      self.name = name
      self.sequence = sequence
    }
  }

  public var base: Entry?
  public var increments: [Entry] = []
  public var history: [Entry] = []
  /// The highest numbers given out.
  public var baseSequence: Int64 = 0
  public var incrementSequence: Int64 = 0

  public init() {}

  /// Files that are loaded, in order.
  public var files: [Entry] { (base.map { [$0] } ?? []) + increments }

  // MARK: text

  /// The manifest as it stands in its file.
  public var text: String {
    var lines = ""
    func add(_ entry: Entry, _ type: Character) {
      lines += "file \(ManifestName.quoted(entry.name)) seq \(entry.sequence) type \(type)\n"
    }
    if let base { add(base, "b") }
    for entry in history { add(entry, "h") }
    for entry in increments { add(entry, "i") }
    return lines
  }

  /// Why a manifest is refused.
  public struct Refusal: Error, Equatable {
    public let line: Int
    public let reason: String
  }

  static let lineBytesMax = 1024

  public init(parsing text: String) throws(Refusal) {
    // By bytes: a line end with a return before it is one character.
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard !lines.isEmpty else { throw Refusal(line: 0, reason: "Found an empty AOF manifest") }
    for (index, raw) in lines.enumerated() {
      let number = index + 1
      guard raw.count <= Self.lineBytesMax else {
        throw Refusal(line: number, reason: "The AOF manifest file contains too long line")
      }
      let line = raw.last == UInt8(ascii: "\r") ? raw.dropLast() : raw
      guard line.first != UInt8(ascii: "#") else { continue }
      try add(Self.fields(String(decoding: line, as: UTF8.self), number), number)
    }
    if increments.isEmpty && base == nil && history.isEmpty {
      throw Refusal(line: lines.count, reason: "Found an empty AOF manifest")
    }
  }

  private struct Fields {
    var name = ""
    var sequence: Int64 = 0
    var type = ""
  }

  private static func fields(_ line: String, _ number: Int) throws(Refusal) -> Fields {
    let invalid = Refusal(line: number, reason: "Invalid AOF manifest file format")
    guard !line.isEmpty, let words = ManifestName.words(line), words.count >= 6, words.count % 2 == 0 else { throw invalid }
    var fields = Fields()
    for index in stride(from: 0, to: words.count, by: 2) {
      let value = words[index + 1]
      switch words[index].lowercased() {
      case "file":
        guard ManifestName.isPlain(value) else {
          throw Refusal(line: number, reason: "File can't be a path, just a filename")
        }
        fields.name = value
      case "seq":
        guard let sequence = Int64(value) else { throw invalid }
        fields.sequence = sequence
      case "type": fields.type = value
      // Keys of versions to come.
      default: break
      }
    }
    guard !fields.name.isEmpty, fields.sequence > 0, !fields.type.isEmpty else { throw invalid }
    return fields
  }

  private mutating func add(_ fields: Fields, _ number: Int) throws(Refusal) {
    let entry = Entry(name: fields.name, sequence: fields.sequence)
    switch fields.type {
    case "b":
      guard base == nil else { throw Refusal(line: number, reason: "Found duplicate base file information") }
      base = entry
      baseSequence = max(baseSequence, entry.sequence)
    case "h": history.append(entry)
    case "i":
      guard entry.sequence > (increments.last?.sequence ?? 0) else {
        throw Refusal(line: number, reason: "Found a non-monotonic sequence number")
      }
      increments.append(entry)
      incrementSequence = max(incrementSequence, entry.sequence)
    default: throw Refusal(line: number, reason: "Unknown AOF file type")
    }
  }
}

/// Names as a manifest writes them.
enum ManifestName {
  /// A name that stays in its directory.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }

  /// Quoted if it would not read back as one word.
  static func quoted(_ name: String) -> String {
    let isSimple = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'") && $0 != UInt8(ascii: "\\") }
    guard !isSimple else { return name }
    var text = "\""
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
      case UInt8(ascii: "\n"): text += "\\n"
      case UInt8(ascii: "\r"): text += "\\r"
      case UInt8(ascii: "\t"): text += "\\t"
      case 0x20..<0x7F: text += String(UnicodeScalar(byte))
      default:
        let digits = Array("0123456789abcdef")
        text += "\\x" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
      }
    }
    return text + "\""
  }

  /// Words separated by blanks, quoted ones unescaped; nil if a quote is not closed.
  static func words(_ line: String) -> [String]? {
    var words: [String] = []
    var rest = Array(line.utf8)[...]
    while true {
      rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      guard let first = rest.first else { return words }
      var word: [UInt8] = []
      guard first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") else {
        word = Array(rest.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") })
        rest = rest.dropFirst(word.count)
        words.append(String(decoding: word, as: UTF8.self))
        continue
      }
      rest = rest.dropFirst()
      guard let end = unquote(&word, &rest, quote: first), end else { return nil }
      if let next = rest.first, next != UInt8(ascii: " "), next != UInt8(ascii: "\t") { return nil }
      words.append(String(decoding: word, as: UTF8.self))
    }
  }

  /// Reads up to and over the closing quote.
  private static func unquote(_ word: inout [UInt8], _ rest: inout ArraySlice<UInt8>, quote: UInt8) -> Bool? {
    while let byte = rest.popFirst() {
      if byte == quote { return true }
      guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
        word.append(byte)
        continue
      }
      guard quote == UInt8(ascii: "\"") else {
        if escaped != quote { word.append(byte) }
        word.append(escaped)
        continue
      }
      switch escaped {
      case UInt8(ascii: "n"): word.append(10)
      case UInt8(ascii: "r"): word.append(13)
      case UInt8(ascii: "t"): word.append(9)
      case UInt8(ascii: "b"): word.append(8)
      case UInt8(ascii: "a"): word.append(7)
      case UInt8(ascii: "x"):
        guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
          word.append(escaped)
          continue
        }
        word.append(value)
        rest = rest.dropFirst(2)
      default: word.append(escaped)
      }
    }
    return nil
  }
}
