// Tracking.swift — CLIENT TRACKING: clients that keep copies of what they read, and are told when it has changed.
//
//   default   GET k ─▶ the client may have a copy of k      SET k … ─▶ "invalidate" k, once; it has no copy any more
//   BCAST     nothing is remembered                         SET k … ─▶ "invalidate" k to all whose prefix it has, at the
//                                                                      end of the turn, all keys of the turn together
//
// Who has a copy of which key, and who wants to hear of which prefix, are lists of the same kind as who listens to which
// channel. A message goes to the client itself in RESP3, or to the one that it is redirected to: there it is a push, or
// in RESP2 a message on the channel `__redis__:invalidate`.
import Bytes

struct Tracking {
  /// Keys of which clients have copies, whatever the database.
  var copies = Subscriptions()
  /// Prefixes that clients want to hear of.
  var prefixes = Subscriptions()
  /// Clients for which tracking is on.
  var clientCount = 0
  /// The lengths that prefixes have.
  private(set) var prefixLengths: [Int] = []
  /// Keys that have changed in this turn, by the prefix that somebody wants to hear of.
  private(set) var broadcasts: [[UInt8]: Broadcast] = [:]
  /// The log's batch that all of them depend on.
  var broadcastUntil: UInt64 = 0

  /// Keys with one prefix that have changed in this turn, each with the client that was the first to change it.
  struct Broadcast {
    private(set) var keys: [(key: [UInt8], changer: UInt64)] = []
    private var known: Set<[UInt8]> = []

    mutating func add(_ key: [UInt8], changer: UInt64) {
      if known.insert(key).inserted { keys.append((key, changer)) }
    }
  }

  var isOn: Bool { clientCount > 0 }

  /// After prefixes have come or gone.
  mutating func notePrefixes() {
    var lengths: Set<Int> = []
    prefixes.forEachName { lengths.insert($0.count) }
    prefixLengths = lengths.sorted()
  }

  /// A key has changed: those who want to hear of it will be told.
  mutating func broadcast(_ key: ByteView, changer: UInt64) {
    for length in prefixLengths where length <= key.count {
      let prefix = key.prefix(length)
      guard prefixes.find(prefix) != nil else { continue }
      broadcasts[Array(prefix.buffer), default: Broadcast()].add(Array(key.buffer), changer: changer)
    }
  }

  /// What is to be told, in the order of prefixes; it is considered told.
  mutating func takeBroadcasts() -> [(prefix: [UInt8], broadcast: Broadcast)] {
    defer { broadcasts.removeAll() }
    return broadcasts.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
  }
}

/// What CLIENT TRACKING has made of a client.
struct ClientTracking: BitwiseCopyable {
  var modes: Modes = []
  /// The client that is told instead, by its number and by its place; 0 for none.
  var redirection: UInt64 = 0
  var redirectionSlot: UInt32 = 0
  var redirectionGeneration: UInt32 = 0
  /// Keys that it may have copies of.
  var copies = Subscriptions.List()
  var prefixes = Subscriptions.List()

  struct Modes: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    static let on = Modes(rawValue: 1 << 0)
    static let broadcast = Modes(rawValue: 1 << 1)
    /// Only what CLIENT CACHING YES is said before is remembered.
    static let optIn = Modes(rawValue: 1 << 2)
    /// All but what CLIENT CACHING NO is said before is remembered.
    static let optOut = Modes(rawValue: 1 << 3)
    /// It does not hear of what it has changed itself.
    static let noLoop = Modes(rawValue: 1 << 4)
    /// CLIENT CACHING was said.
    static let caching = Modes(rawValue: 1 << 5)
    /// The client that is told instead has gone.
    static let broken = Modes(rawValue: 1 << 6)
  }

  /// What it reads now is remembered.
  var remembers: Bool {
    guard modes.contains(.on), !modes.contains(.broadcast) else { return false }
    if modes.contains(.optIn) { return modes.contains(.caching) }
    return !(modes.contains(.optOut) && modes.contains(.caching))
  }
}
