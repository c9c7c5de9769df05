// ArgumentSyntax.swift — the notation in which a command's arguments are written down.
//
//     key value [condition(NX|XX|IFEQ comparison-value)] [GET@6.2.0] [expiration(EX seconds:integer|KEEPTTL)]
//     data{key value}...     numkeys:integer key#1...     [GET pattern:pattern]...     [LIMIT limit{offset count}]
//
//   argument   = "[" part "]" ["..."]  |  part            brackets: optional; dots behind them: token and all, again
//   part       = body ["..."] ["@" version]               dots: several; version: since when
//   body       = [TOKEN] name ["~" name] [":" type] ["#" number]
//                                                        a value, perhaps behind a token; the second name is the one
//                                                        shown; the number is that of its key specification
//              | [TOKEN] name "(" argument *("|" argument) ")"
//                                                        one of these
//              | [TOKEN] name "{" argument* "}"           all of these, in this order
//              | [name "="] TOKEN                         nothing but the token
//   TOKEN      = upper case, or anything in single quotes
//
// A value is a string unless it says otherwise; one called "key" is a key. Parsed only when
// COMMAND DOCS is asked, and by a test for every command.

/// One node of the tree that COMMAND DOCS shows.
public struct ArgumentNode: Equatable {
  public var name = ""
  /// What hints show, if not the name.
  public var shownName: String?
  public var kind = Kind.string
  public var token: String?
  public var since: String?
  /// Which of the command's key specifications finds it.
  public var specification: Int?
  public var isOptional = false
  public var isMultiple = false
  /// Repeated together with its token.
  public var repeatsToken = false
  public var children: [ArgumentNode] = []

  public enum Kind: String {
    case string, integer, double, key, pattern, block, oneof
    case unixTime = "unix-time"
    case pureToken = "pure-token"
  }
}

/// Reads the notation; nesting is ours and shallow, so plain recursion serves.
public struct ArgumentSyntax {
  private let text: [UInt8]
  private var position = 0

  private init(_ source: String) { text = Array(source.utf8) }

  /// The arguments that `source` describes, or nil if it is not in the notation.
  public static func parse(_ source: String) -> [ArgumentNode]? {
    var parser = ArgumentSyntax(source)
    guard let nodes = parser.arguments(), parser.position == parser.text.count else { return nil }
    return nodes
  }

  private mutating func arguments() -> [ArgumentNode]? {
    var nodes: [ArgumentNode] = []
    skipSpaces()
    while let byte = peek, byte != UInt8(ascii: "}") {
      guard let node = argument() else { return nil }
      nodes.append(node)
      skipSpaces()
    }
    return nodes
  }

  private mutating func argument() -> ArgumentNode? {
    guard take("[") else { return part() }
    guard var node = part(), take("]") else { return nil }
    node.isOptional = true
    if take("...") {
      node.isMultiple = true
      node.repeatsToken = node.token != nil
    }
    return node
  }

  private mutating func part() -> ArgumentNode? {
    guard var node = body() else { return nil }
    if take("...") { node.isMultiple = true }
    if take("@") {
      let version = word()
      guard !version.isEmpty else { return nil }
      node.since = version
    }
    return node
  }

  private mutating func body() -> ArgumentNode? {
    var node = ArgumentNode()
    if let token = token() {
      node.token = token
      let behind = position
      skipSpaces()
      guard let byte = peek, isLower(byte) else {
        position = behind
        node.name = token.lowercased()
        node.kind = .pureToken
        return node
      }
    }
    node.name = word()
    guard !node.name.isEmpty else { return nil }
    if node.token == nil, take("=") {
      guard let token = token() else { return nil }
      node.token = token
      node.kind = .pureToken
      return node
    }
    if take("(") { return choice(&node) ? node : nil }
    if take("{") {
      guard let children = arguments(), take("}") else { return nil }
      node.kind = .block
      node.children = children
      return node
    }
    if take("~") { node.shownName = peek == UInt8(ascii: "'") ? token() : word() }
    if node.name == "key" { node.kind = .key }
    if take(":") {
      guard let kind = ArgumentNode.Kind(rawValue: word()) else { return nil }
      node.kind = kind
    }
    if node.kind == .key { node.specification = 0 }
    if take("#") {
      guard let number = Int(word()) else { return nil }
      node.specification = number
    }
    return node
  }

  private mutating func choice(_ node: inout ArgumentNode) -> Bool {
    node.kind = .oneof
    repeat {
      skipSpaces()
      guard let alternative = argument() else { return false }
      node.children.append(alternative)
      skipSpaces()
    } while take("|")
    return take(")")
  }

  // MARK: letters

  private var peek: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipSpaces() {
    while peek == UInt8(ascii: " ") { position += 1 }
  }

  private mutating func take(_ literal: StaticString) -> Bool {
    let count = literal.utf8CodeUnitCount
    guard position + count <= text.count else { return false }
    for i in 0..<count where text[position + i] != literal.utf8Start[i] { return false }
    position += count
    return true
  }

  /// Upper case letters, digits and the signs within tokens; or whatever stands in quotes.
  private mutating func token() -> String? {
    guard let first = peek else { return nil }
    let start = position
    if first == UInt8(ascii: "'") {
      guard let end = text[(start + 1)...].firstIndex(of: first) else { return nil }
      position = end + 1
      return String(decoding: text[(start + 1)..<end], as: UTF8.self)
    }
    guard first >= UInt8(ascii: "A") && first <= UInt8(ascii: "Z") else { return nil }
    while let byte = peek, !isLower(byte), isWord(byte) { position += 1 }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private mutating func word() -> String {
    let start = position
    while let byte = peek, isWord(byte) {
      // The dots behind a word are not part of it; those within a version are.
      if byte == UInt8(ascii: "."), position + 1 < text.count, text[position + 1] == byte { break }
      position += 1
    }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
    default: false
    }
  }
}
