// Subscriptions.swift — who listens to which name: one of these for channels, for patterns, for shard channels.
//
//                subscriptions of "a":  ┌────┐   ┌────┐
//   index: "a" ─▶ name ────────────────▶│ c1 │⇄ │ c2 │      a subscription stands in two lists, both ways:
//          "b" ─▶ name ────────────────▶├────┤   └────┘      its name's, in the order in which clients came,
//                                       │ c1 │               and its client's, in which it asked for them
//                                       └────┘
//   pairs: (client, name) ─▶ subscription
//
// All lie in arrays with free lists, so adding one and taking one out cost the same whoever else listens, and a client
// that goes costs what it has. Names are found by their hash and compared byte for byte.
import Bytes
import Store

struct Subscriptions {
  /// What stands for no subscription, and no name.
  static let none: Int32 = -1

  struct Subscription {
    /// The client's slot.
    let client: UInt32
    let name: Int32
    var nextOfName = none
    var previousOfName = none
    var nextOfClient = none
    var previousOfClient = none
  }

  /// One list of subscriptions: a name's, or a client's.
  struct List: BitwiseCopyable {
    var first = none
    var last = none
    var count: Int32 = 0
  }

  struct Name {
    let bytes: [UInt8]
    let hash: UInt64
    var subscriptions = List()
    /// Another name with the same hash.
    var nextOfHash = none
    /// Links of the list of all names.
    var next = none
    var previous = none
  }

  private var index: [UInt64: Int32] = [:]
  private(set) var names: [Name] = []
  private var freeNames: [Int32] = []
  private(set) var all: [Subscription] = []
  private var freeSubscriptions: [Int32] = []
  private var pairs: [UInt64: Int32] = [:]
  /// The first of the names that somebody listens to, in the order in which they came.
  private(set) var firstName = none
  private var lastName = none
  /// Names that somebody listens to.
  private(set) var nameCount = 0

  var isEmpty: Bool { nameCount == 0 }
  /// All of them.
  var count: Int { pairs.count }

  /// What one costs, its place in the index of pairs included.
  static let bytesEach = MemoryLayout<Subscription>.stride + 2 * MemoryLayout<UInt64>.stride

  // MARK: adding and removing

  /// The client listens to `name`; false if it did so before.
  mutating func add(_ name: ByteView, client: UInt32, _ list: inout List) -> Bool {
    let hash = KeyHash(name).bits
    let number = find(name, hash) ?? make(name, hash)
    let pair = Self.pair(client, number)
    guard pairs[pair] == nil else { return false }
    var made = Subscription(client: client, name: number)
    made.previousOfName = names[Int(number)].subscriptions.last
    made.previousOfClient = list.last
    let place: Int32
    if let free = freeSubscriptions.popLast() {
      all[Int(free)] = made
      place = free
    } else {
      all.append(made)
      place = Int32(all.count - 1)
    }
    pairs[pair] = place
    if made.previousOfName == Self.none {
      names[Int(number)].subscriptions.first = place
    } else {
      all[Int(made.previousOfName)].nextOfName = place
    }
    names[Int(number)].subscriptions.last = place
    names[Int(number)].subscriptions.count += 1
    if made.previousOfClient == Self.none { list.first = place } else { all[Int(made.previousOfClient)].nextOfClient = place }
    list.last = place
    list.count += 1
    return true
  }

  /// The client does not listen to `name` any more; false if it did not.
  mutating func remove(_ name: ByteView, client: UInt32, _ list: inout List) -> Bool {
    guard let number = find(name, KeyHash(name).bits), let place = pairs[Self.pair(client, number)] else { return false }
    remove(place, &list)
    return true
  }

  /// Takes a subscription out of the list of its client, and of its name's.
  mutating func remove(_ place: Int32, _ list: inout List) {
    let gone = all[Int(place)]
    if gone.previousOfClient == Self.none {
      list.first = gone.nextOfClient
    } else {
      all[Int(gone.previousOfClient)].nextOfClient = gone.nextOfClient
    }
    if gone.nextOfClient == Self.none {
      list.last = gone.previousOfClient
    } else {
      all[Int(gone.nextOfClient)].previousOfClient = gone.previousOfClient
    }
    list.count -= 1
    takeOutOfName(gone)
    pairs[Self.pair(gone.client, gone.name)] = nil
    freeSubscriptions.append(place)
    if isEmpty { giveBack() }
  }

  private mutating func takeOutOfName(_ gone: Subscription) {
    let name = Int(gone.name)
    if gone.previousOfName == Self.none {
      names[name].subscriptions.first = gone.nextOfName
    } else {
      all[Int(gone.previousOfName)].nextOfName = gone.nextOfName
    }
    if gone.nextOfName == Self.none {
      names[name].subscriptions.last = gone.previousOfName
    } else {
      all[Int(gone.nextOfName)].previousOfName = gone.previousOfName
    }
    names[name].subscriptions.count -= 1
    if names[name].subscriptions.count == 0 { forget(gone.name) }
  }

  private static func pair(_ client: UInt32, _ name: Int32) -> UInt64 {
    UInt64(client) << 32 | UInt64(UInt32(bitPattern: name))
  }

  /// Nobody listens to anything: memory beyond what is usual is not kept.
  private mutating func giveBack() {
    guard all.capacity > Self.keptMax || names.capacity > Self.keptMax else { return }
    self = Subscriptions()
  }

  private static let keptMax = 4_096

  // MARK: names

  /// The number of a name that somebody listens to.
  func find(_ name: ByteView) -> Int32? {
    nameCount == 0 ? nil : find(name, KeyHash(name).bits)
  }

  /// A name with this hash.
  func find(hash: UInt64) -> Int32? { index[hash] }

  private func find(_ name: ByteView, _ hash: UInt64) -> Int32? {
    var number = index[hash] ?? Self.none
    while number != Self.none {
      if names[Int(number)].bytes.withUnsafeBytes({ ByteView($0) == name }) { return number }
      number = names[Int(number)].nextOfHash
    }
    return nil
  }

  private mutating func make(_ bytes: ByteView, _ hash: UInt64) -> Int32 {
    var name = Name(bytes: Array(bytes.buffer), hash: hash)
    name.nextOfHash = index[hash] ?? Self.none
    name.previous = lastName
    let number: Int32
    if let free = freeNames.popLast() {
      names[Int(free)] = name
      number = free
    } else {
      names.append(name)
      number = Int32(names.count - 1)
    }
    index[hash] = number
    if lastName == Self.none { firstName = number } else { names[Int(lastName)].next = number }
    lastName = number
    nameCount += 1
    return number
  }

  private mutating func forget(_ number: Int32) {
    let name = names[Int(number)]
    if index[name.hash] == number {
      index[name.hash] = name.nextOfHash == Self.none ? nil : name.nextOfHash
    } else {
      var before = index[name.hash] ?? Self.none
      while before != Self.none && names[Int(before)].nextOfHash != number { before = names[Int(before)].nextOfHash }
      if before != Self.none { names[Int(before)].nextOfHash = name.nextOfHash }
    }
    if name.previous == Self.none { firstName = name.next } else { names[Int(name.previous)].next = name.next }
    if name.next == Self.none { lastName = name.previous } else { names[Int(name.next)].previous = name.previous }
    names[Int(number)] = Name(bytes: [], hash: 0)
    freeNames.append(number)
    nameCount -= 1
  }

  // MARK: asking

  /// The name of a subscription.
  func name(of place: Int32) -> [UInt8] { names[Int(all[Int(place)].name)].bytes }

  /// How many listen to a name.
  func count(of name: ByteView) -> Int { find(name).map { Int(names[Int($0)].subscriptions.count) } ?? 0 }

  /// Calls `body` for each name that somebody listens to.
  func forEachName(_ body: (ByteView) -> Void) {
    var number = firstName
    while number != Self.none {
      names[Int(number)].bytes.withUnsafeBytes { body(ByteView($0)) }
      number = names[Int(number)].next
    }
  }

  /// Calls `body` with the slot of each client that listens to the name with this number. It may not change who listens.
  @inline(__always)
  func forEachClient(of number: Int32, _ body: (UInt32) -> Void) {
    var place = names[Int(number)].subscriptions.first
    while place != Self.none {
      body(all[Int(place)].client)
      place = all[Int(place)].nextOfName
    }
  }
}
