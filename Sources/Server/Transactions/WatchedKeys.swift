// WatchedKeys.swift — who watches which key.
//
//              watches of key a:    ┌────┐   ┌────┐
//   index: a ─▶ key ───────────────▶│ c1 │⇄ │ c2 │        a watch stands in two lists: its key's, both ways,
//          b ─▶ key ───────────────▶├────┤   └────┘        and its client's, which is only ever let go of as a whole
//                                   │ c1 │
//                                   └────┘
//
// All watches lie in one array with a free list. Adding one, and taking it out of its key's list, costs the same
// whoever else watches. A client whose key has changed watches nothing any more: so what is changed again and
// again costs nothing, and a watch is paid for once. Keys are found by their 64-bit hash.
import Bytes
import Commands
import Store

struct WatchedKeys {
  /// What stands for no watch.
  static let none: Int32 = -1

  /// What the client saw of the key when it began to watch.
  enum Seen: UInt8 {
    case absent
    case present
    /// It was there, but its time was over: that it goes is no change.
    case expired
  }

  struct Watch {
    var seen: Seen
    /// The client's slot.
    let client: UInt32
    let key: Int32
    var nextOfClient: Int32
    var nextOfKey: Int32
    var previousOfKey: Int32
  }

  struct Key {
    let place: Effects.KeyPlace
    let name: [UInt8]
    var firstWatch: Int32
  }

  private var index: [Effects.KeyPlace: Int32] = [:]
  private var keys: [Key] = []
  private var freeKeys: [Int32] = []
  private(set) var watches: [Watch] = []
  private var freeWatches: [Int32] = []

  static let bytesPerWatch = MemoryLayout<Watch>.stride

  /// Keys that are watched.
  var keyCount: Int { index.count }
  var isEmpty: Bool { index.isEmpty }

  /// Clients with at least one watch.
  private(set) var clientCount = 0

  // MARK: watching

  /// A client watches a key; `first` is the first of its watches. False if it does so already.
  mutating func add(
    _ place: Effects.KeyPlace, _ name: ByteView, seen: Seen, client: UInt32, first: inout Int32
  ) -> Bool {
    let key = index[place] ?? make(place, name)
    let head = keys[Int(key)].firstWatch
    guard !isWatched(head, by: client, first) else { return false }
    let watch = Watch(
      seen: seen, client: client, key: key, nextOfClient: first, nextOfKey: head, previousOfKey: Self.none)
    if first == Self.none { clientCount += 1 }
    if let free = freeWatches.popLast() {
      watches[Int(free)] = watch
      first = free
    } else {
      watches.append(watch)
      first = Int32(watches.count - 1)
    }
    if head != Self.none { watches[Int(head)].previousOfKey = first }
    keys[Int(key)].firstWatch = first
    return true
  }

  /// Walks the key's watches and the client's side by side: the shorter list says how long that takes.
  private func isWatched(_ head: Int32, by client: UInt32, _ first: Int32) -> Bool {
    var ofKey = head
    var ofClient = first
    while ofKey != Self.none && ofClient != Self.none {
      if watches[Int(ofKey)].client == client { return true }
      if head != Self.none && watches[Int(ofClient)].key == watches[Int(head)].key { return true }
      ofKey = watches[Int(ofKey)].nextOfKey
      ofClient = watches[Int(ofClient)].nextOfClient
    }
    return false
  }

  private mutating func make(_ place: Effects.KeyPlace, _ name: ByteView) -> Int32 {
    let key = Key(place: place, name: Array(name.buffer), firstWatch: Self.none)
    let number: Int32
    if let free = freeKeys.popLast() {
      keys[Int(free)] = key
      number = free
    } else {
      keys.append(key)
      number = Int32(keys.count - 1)
    }
    index[place] = number
    return number
  }

  /// Lets go of all watches of the client whose first is `first`.
  mutating func removeAll(first: inout Int32) {
    guard first != Self.none else { return }
    clientCount -= 1
    while first != Self.none {
      let watch = watches[Int(first)]
      if watch.nextOfKey != Self.none { watches[Int(watch.nextOfKey)].previousOfKey = watch.previousOfKey }
      if watch.previousOfKey != Self.none {
        watches[Int(watch.previousOfKey)].nextOfKey = watch.nextOfKey
      } else {
        keys[Int(watch.key)].firstWatch = watch.nextOfKey
        if watch.nextOfKey == Self.none { forget(watch.key) }
      }
      freeWatches.append(first)
      first = watch.nextOfClient
    }
    if isEmpty { giveBack() }
  }

  private mutating func forget(_ key: Int32) {
    index[keys[Int(key)].place] = nil
    keys[Int(key)] = Key(place: keys[Int(key)].place, name: [], firstWatch: Self.none)
    freeKeys.append(key)
  }

  /// Nobody watches anything: memory beyond what is usual is not kept.
  private mutating func giveBack() {
    guard watches.capacity > Self.watchesKeptMax else { return }
    self = WatchedKeys()
  }

  private static let watchesKeptMax = 4_096

  // MARK: asking

  /// The first watch of a key; `none` if nobody watches it.
  func first(at place: Effects.KeyPlace) -> Int32 {
    guard let key = index[place] else { return Self.none }
    return keys[Int(key)].firstWatch
  }

  func key(_ number: Int32) -> Key { keys[Int(number)] }

  mutating func setSeen(_ watch: Int32, _ seen: Seen) { watches[Int(watch)].seen = seen }

  /// The watched keys of a database.
  func places(in database: Int) -> [Effects.KeyPlace] { index.keys.filter { $0.database == database } }
}
