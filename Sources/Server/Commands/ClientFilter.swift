// ClientFilter.swift — which clients CLIENT LIST and CLIENT KILL mean.
//
// Each filter names what a client must have and, with NOT- in front, what it must not have.
// All must hold. The words are read first and completely; a client is then only compared.
import Bytes
import Commands
import Wire

struct ClientFilter {
  /// A value that is asked for, and one that is ruled out.
  struct Pair<Value> {
    var wanted: Value?
    var unwanted: Value?

    func allows(_ holds: (Value) -> Bool) -> Bool {
      if let wanted, !holds(wanted) { return false }
      if let unwanted, holds(unwanted) { return false }
      return true
    }
  }

  var identifiers = Pair<Set<UInt64>>()
  var kind = Pair<Kind>()
  var user = Pair<String>()
  var address = Pair<String>()
  var localAddress = Pair<String>()
  var host = Pair<String>()
  var name = Pair<String>()
  var flags = Pair<String>()
  var libraryName = Pair<String>()
  var libraryVersion = Pair<String>()
  var database = Pair<Int64>()
  var capabilities = Pair<String>()
  var ageSecondsMin: Int64 = 0
  var idleSecondsMin: Int64 = 0
  var skipsAsking: Bool
  private let isForList: Bool
  private let databases: Int

  enum Kind { case normal, primary, replica, pubsub }

  /// Why the words are not a filter.
  enum Refusal {
    case fixed(StaticString)
    case quoting(StaticString, String, StaticString)

    func answer(_ reply: Reply) {
      switch self {
      case .fixed(let text): reply.error(text)
      case .quoting(let start, var word, let end):
        word.withUTF8 { reply.error(start, ByteView(UnsafeRawBufferPointer($0)), end) }
      }
    }
  }

  init(isForList: Bool, databases: Int) {
    self.isForList = isForList
    self.databases = databases
    skipsAsking = !isForList
  }

  // MARK: reading

  private static let syntax = Refusal.fixed("ERR syntax error")

  /// Reads pairs of filter and value; nil if they make sense.
  mutating func read(_ words: Arguments) -> Refusal? {
    var index = 0
    while index < words.count {
      guard index + 1 < words.count else { return Self.syntax }
      let isNegative = words[index].count > 4 && words[index].prefix(4).equalsIgnoringCase("not-")
      let filter = isNegative ? words[index][4..<words[index].count] : words[index]
      index += 1
      if filter.equalsIgnoringCase("id") {
        if let refusal = readIdentifiers(words, &index, isNegative) { return refusal }
        continue
      }
      let refusal = isNegative || isTwoSided(filter)
        ? readTwoSided(filter, words[index], isNegative) : readOneSided(filter, words[index])
      if let refusal { return refusal }
      index += 1
    }
    return nil
  }

  /// One number or several, up to the next word that is none.
  private mutating func readIdentifiers(_ words: Arguments, _ index: inout Int, _ isNegative: Bool) -> Refusal? {
    guard words[index].int64 != nil else {
      if isNegative { return Self.syntax }
      return .fixed(isForList ? "ERR Invalid client ID" : "ERR client-id should be greater than 0")
    }
    var found: Set<UInt64> = []
    while index < words.count, let number = words[index].int64 {
      guard let id = UInt64(exactly: number), id > 0 else { return .fixed("ERR client-id should be greater than 0") }
      found.insert(id)
      index += 1
    }
    if isNegative {
      identifiers.unwanted = found.union(identifiers.unwanted ?? [])
    } else {
      identifiers.wanted = found.union(identifiers.wanted ?? [])
    }
    return nil
  }

  private func isTwoSided(_ filter: ByteView) -> Bool {
    !filter.equalsIgnoringCase("skipme") && !filter.equalsIgnoringCase("maxage") && !filter.equalsIgnoringCase("idle")
  }

  private mutating func readTwoSided(_ filter: ByteView, _ value: ByteView, _ isNegative: Bool) -> Refusal? {
    func set<Value>(_ field: WritableKeyPath<ClientFilter, Pair<Value>>, _ value: Value) {
      if isNegative { self[keyPath: field].unwanted = value } else { self[keyPath: field].wanted = value }
    }
    if filter.equalsIgnoringCase("type") {
      guard let kind = Self.kind(value) else { return .quoting("ERR Unknown client type '", value.text, "'") }
      set(\.kind, kind)
    } else if filter.equalsIgnoringCase("user") {
      guard value == ByteView(Authentication.defaultUser) else {
        return .quoting("ERR No such user '", value.text, "'")
      }
      set(\.user, value.text)
    } else if filter.equalsIgnoringCase("db") {
      guard let number = value.int64 else { return .fixed("ERR DB is not an integer or out of range") }
      guard number >= 0 && number < Int64(databases) else {
        return .quoting("ERR DB number should be between 0 and ", String(databases - 1), "")
      }
      set(\.database, number)
    } else if filter.equalsIgnoringCase("flags") {
      guard value.text.allSatisfy("AbcdeEfgiIkNMOPrRStTuUxBC".contains) else {
        return Self.unknownLetters("flags", value, isNegative)
      }
      set(\.flags, value.text)
    } else if filter.equalsIgnoringCase("capa") {
      guard value.text.allSatisfy({ $0 == "r" }) else { return Self.unknownLetters("capa", value, isNegative) }
      set(\.capabilities, value.text)
    } else if filter.equalsIgnoringCase("addr") {
      set(\.address, value.text)
    } else if filter.equalsIgnoringCase("laddr") {
      set(\.localAddress, value.text)
    } else if filter.equalsIgnoringCase("ip") {
      set(\.host, value.text)
    } else if filter.equalsIgnoringCase("name") {
      set(\.name, value.text)
    } else if filter.equalsIgnoringCase("lib-name") {
      set(\.libraryName, value.text)
    } else if filter.equalsIgnoringCase("lib-ver") {
      set(\.libraryVersion, value.text)
    } else {
      return Self.syntax
    }
    return nil
  }

  private static func unknownLetters(_ filter: String, _ value: ByteView, _ isNegative: Bool) -> Refusal {
    let place = isNegative ? "the NOT-\(filter.uppercased()) filter" : "the provided filter"
    return .quoting("ERR Unknown ", "\(filter) found in \(place): \(value.text)", "")
  }

  private mutating func readOneSided(_ filter: ByteView, _ value: ByteView) -> Refusal? {
    if filter.equalsIgnoringCase("skipme") {
      if value.equalsIgnoringCase("yes") {
        skipsAsking = true
      } else if value.equalsIgnoringCase("no") {
        skipsAsking = false
      } else {
        return Self.syntax
      }
    } else if filter.equalsIgnoringCase("maxage") {
      guard let seconds = value.int64 else { return .fixed("ERR maxage is not an integer or out of range") }
      guard seconds > 0 else { return .fixed("ERR maxage should be greater than 0") }
      ageSecondsMin = seconds
    } else {
      guard let seconds = value.int64 else { return .fixed("ERR idle is not an integer or out of range") }
      guard seconds > 0 else { return .fixed("ERR idle should be greater than 0") }
      idleSecondsMin = seconds
    }
    return nil
  }

  private static func kind(_ word: ByteView) -> Kind? {
    if word.equalsIgnoringCase("normal") { return .normal }
    if word.equalsIgnoringCase("master") || word.equalsIgnoringCase("primary") { return .primary }
    if word.equalsIgnoringCase("slave") || word.equalsIgnoringCase("replica") { return .replica }
    if word.equalsIgnoringCase("pubsub") { return .pubsub }
    return nil
  }

  // MARK: comparing

  func matches(
    _ client: UnsafeMutablePointer<Client>, asking: UnsafeMutablePointer<Client>,
    _ server: UnsafeMutablePointer<Server>
  ) -> Bool {
    if skipsAsking && client == asking { return false }
    let session = client.pointee.session
    let details = client.pointee.details
    let now = server.pointee.clock.seconds
    guard now - details.pointee.createdAtSeconds >= ageSecondsMin,
      now - client.pointee.lastInteractionSeconds >= idleSecondsMin
    else { return false }
    let letters = server.pointee.flagLetters(client)
    return identifiers.allows { $0.contains(session.id) }
      && kind.allows { $0 == (session.flags.contains(.subscribed) ? .pubsub : .normal) }
      && user.allows { _ in session.flags.contains(.authenticated) }
      && address.allows { $0 == details.pointee.address }
      && localAddress.allows { $0 == details.pointee.localAddress }
      && host.allows { $0 == Self.host(of: details.pointee.address) }
      && name.allows { Self.isEqual($0, details.pointee.name) }
      && libraryName.allows { Self.isEqual($0, details.pointee.libraryName) }
      && libraryVersion.allows { Self.isEqual($0, details.pointee.libraryVersion) }
      && database.allows { $0 == Int64(session.database) }
      && flags.allows { $0.allSatisfy(letters.contains) }
      && capabilities.allows { $0.isEmpty || session.flags.contains(.redirectCapable) }
  }

  /// Who has no name is not found by it: CLIENT KILL NAME "" would end nearly everybody.
  private static func isEqual(_ wanted: String, _ text: String) -> Bool { !wanted.isEmpty && wanted == text }

  /// The part of an address before its port, without the brackets of IPv6.
  private static func host(of address: String) -> Substring {
    guard let colon = address.lastIndex(of: ":") else { return address[...] }
    let host = address[..<colon]
    return host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
  }
}
