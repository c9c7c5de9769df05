// RestoreFuzz.swift — any bytes as the payload of RESTORE, for every type and every old encoding.
//
//   byte 0   the version modulo 5: 9, 10, 11, 12, or Valkey's 80, each of which gives some types another meaning;
//            bit 7: small limits, so that what is taken becomes a large form
//   byte 1   the seed of what is done to the value afterwards
//   byte 2…  type and value, as DUMP says them; version and checksum are put behind
//
// What is taken must be sound, leave again as a payload, in pieces and as commands, and come back the same. Then it is
// changed at random as commands would, and must stay sound: a lie that loading has believed shows here.
import Bytes
@testable import Persistence
import Store

/// Picks from a seed.
struct Dice {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(max(1, bound)))
  }
}

/// What was said of something, in 64 bits: texts would take most of the time.
struct Digest {
  var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ number: UInt64) { value = (value ^ number) &* 0x9E37_79B9_7F4A_7C15 &+ (value >> 29) }
  mutating func add(_ number: Int64) { add(UInt64(bitPattern: number)) }
  mutating func add(_ bytes: ByteView) {
    add(UInt64(bytes.count))
    for byte in bytes.buffer { add(UInt64(byte)) }
  }
  mutating func add(_ element: Element) { element.withView { add($0) } }
  mutating func add(_ id: StreamID) {
    add(id.milliseconds)
    add(id.sequence)
  }
}

/// Everything a value says, in an order that is not the table's.
func contents(_ entry: Entry) -> [UInt64] {
  if let stream = entry.stream { return contents(stream) }
  if entry.isString {
    var digest = Digest()
    if entry.isInteger { digest.add(entry.integer) } else { digest.add(entry.bytes) }
    return [digest.value]
  }
  var lines: [UInt64] = []
  var items = entry.items()
  while let item = items.next() {
    var digest = Digest()
    digest.add(item.name)
    digest.add(item.value)
    // A packed score is a number, which has no zero below zero.
    digest.add(item.score == 0 ? 0 : item.score.bitPattern)
    digest.add(item.expiry ?? -1)
    lines.append(digest.value)
  }
  demand(lines.count == items.count, "a value has another count than elements")
  return entry.type == .list || entry.type == .sortedSet ? lines : lines.sorted()
}

func contents(_ stream: StreamReference) -> [UInt64] {
  var facts = Digest()
  facts.add(stream.lastID)
  facts.add(stream.deletedIDMax)
  facts.add(stream.entriesAdded)
  var forwards: [UInt64] = []
  var backwards: [UInt64] = []
  for isReversed in [false, true] {
    var entries = stream.cursor(from: .zero, through: .greatest, isReversed: isReversed)
    while let entry = entries.next() {
      var digest = Digest()
      digest.add(entry.id)
      var fields = entry.fields
      while let pair = fields.next() {
        digest.add(pair.field)
        digest.add(pair.value)
      }
      if isReversed { backwards.append(digest.value) } else { forwards.append(digest.value) }
    }
  }
  demand(forwards.count == stream.count, "a stream has another length than entries")
  demand(forwards == backwards.reversed(), "a stream is another one from behind")
  for group in stream.groups { add(group, of: stream, to: &facts) }
  return [facts.value] + forwards
}

func add(_ group: StreamGroupReference, of stream: StreamReference, to facts: inout Digest) {
  facts.add(group.name)
  facts.add(group.lastID)
  facts.add(group.entriesRead ?? -1)
  facts.add(stream.lag(group) ?? -1)
  var next = StreamID.zero
  var count = 0
  while let (id, pending) = group.pending(atLeast: next) {
    facts.add(id)
    facts.add(pending.delivered)
    facts.add(pending.deliveries)
    facts.add(pending.consumer.name)
    count += 1
    guard let following = id.next else { break }
    next = following
  }
  demand(count == group.pendingCount, "a group has another number of pending entries than it says")
  for index in 0..<group.consumerCount {
    let consumer = group.consumer(index)
    facts.add(consumer.name)
    facts.add(consumer.seen)
    facts.add(consumer.active)
    facts.add(UInt64(consumer.pendingCount))
  }
}

extension Databases {
  /// What stands under `key` in the first database.
  func entry(_ key: ByteView) -> Entry? { keyspaces[0].find(key, KeyHash(key))?.entry }

  /// Puts a payload's value under `key`; false if it is refused.
  func restore(_ payload: [UInt8], under key: ByteView, _ limits: EncodingLimits) -> Bool {
    copied(payload[...]) { bytes in
      guard let value = try? DumpPayload.value(bytes, limits, verifiesChecksum: false) else { return false }
      keyspaces[0].insert(key, KeyHash(key), restored: value, expiry: nil)
      return true
    }
  }

  func dump(_ entry: Entry) -> [UInt8] {
    var output = OutputBuffer(pool: pool)
    DumpPayload.append(entry, compresses: true, to: &output)
    return drained(&output)
  }

  /// The commands that would make the value, which nobody runs here.
  func writeCommands(_ entry: Entry) {
    var writer = CommandWriter(pool: pool)
    writer.entry(entry, database: 0)
    while writer.isBusy { writer.advance(bytes: 50) }
    demand(writer.output.appended > 0, "a value is made by no commands")
  }

  private func drained(_ output: inout OutputBuffer) -> [UInt8] {
    var bytes: [UInt8] = []
    _ = output.stretches(upTo: output.appended, capacity: .max) { _, start, count in
      bytes += UnsafeRawBufferPointer(start: start, count: count)
    }
    output.discardAll()
    return bytes
  }
}

// MARK: - Changes

/// Words that commands could bring: some of which the value has, and some that change its form.
func words(_ entry: Entry, _ dice: inout Dice) -> [[UInt8]] {
  var words: [[UInt8]] = [[97], Array("12".utf8), Array("-70000".utf8), [UInt8](repeating: 120, count: 70), []]
  var items = entry.items()
  var left = dice.below(40)
  while left > 0, let item = items.next() {
    words.append(item.name.withView { Array($0.buffer) })
    left -= 1
  }
  return words
}

/// One change of the value under `key`; it is gone when it has become empty.
func change(_ databases: Databases, _ key: ByteView, _ dice: inout Dice, _ limits: EncodingLimits) {
  let keyspace = databases.keyspaces
  guard let place = keyspace[0].find(key, KeyHash(key)) else { return }
  let entry = place.entry
  if let stream = entry.stream { return change(stream, databases, place, &dice) }
  let known = words(entry, &dice)
  let word = known[dice.below(known.count)]
  let isRemoval = dice.below(2) == 0
  let number = dice.below(1000)
  copied(word[...]) { word in
    switch entry.type {
    case .list where isRemoval:
      let index = dice.below(entry.items().count)
      keyspace[0].removeElements(place, at: index, count: 1 + dice.below(entry.items().count - index))
      keyspace[0].shrinkList(place, limits)
    case .list:
      keyspace[0].growList(place, bytes: word.count, count: 1, limits)
      let index = dice.below(entry.items().count)
      if number % 3 == 0 {
        keyspace[0].replaceElement(place, at: index, with: word, limits)
      } else {
        keyspace[0].insertElement(place, word, at: index, limits)
      }
    case .set: _ = isRemoval ? keyspace[0].removeMember(place, word) : keyspace[0].addMember(place, word, limits)
    case .hash where isRemoval: keyspace[0].removeField(place, word)
    case .hash:
      keyspace[0].setField(place, word, word, limits, expiry: number % 3 == 0 ? .at(Int64(number)) : .keep)
      if number % 5 == 0 { keyspace[0].clearFieldExpiry(place, word) }
    case .sortedSet where isRemoval: keyspace[0].removeScored(place, word)
    case .sortedSet: keyspace[0].setScore(place, word, Double(number) / 3, limits)
    case .string, .stream: break
    }
  }
  if !entry.isString && place.entry.items().count == 0 { keyspace[0].remove(place) }
}

func change(_ stream: StreamReference, _ databases: Databases, _ place: Location, _ dice: inout Dice) {
  let name = ByteView("g")
  databases.keyspaces[0].changeStream(place) { stream in
    switch dice.below(6) {
    case 0:
      guard let id = stream.nextID(now: 5) else { break }
      [ByteView("f"), ByteView("v")].withUnsafeBufferPointer { stream.append(id, $0, StreamLimits()) }
    case 1: if let entry = stream.edge(isLast: dice.below(2) == 0) { _ = stream.delete(entry.id) }
    case 2: _ = stream.trim(StreamTrim(.count(dice.below(stream.count + 1)), isApproximate: dice.below(2) == 0))
    case 3:
      guard let group = stream.findGroup(name) ?? stream.makeGroup(name, lastID: .zero, entriesRead: nil),
        let consumer = group.findConsumer(name) ?? stream.makeConsumer(name, in: group, now: 1),
        let entry = stream.edge(isLast: dice.below(2) == 0)
      else { break }
      stream.assign(entry.id, to: consumer, in: group, delivered: 1, deliveries: 1)
    case 4:
      for group in stream.groups {
        if let (id, _) = group.pending(atLeast: .zero) { _ = stream.acknowledge(id, in: group) }
      }
    default:
      guard let group = stream.groups.first else { break }
      if group.consumerCount > 0 { stream.remove(group.consumer(0), of: group) } else { stream.remove(group) }
    }
  }
}

// MARK: - The target

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  secret
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  let version: [UInt8] = [9, 10, 11, 12, 80]
  let payload = Array(input[2...]) + [version[Int(input[0] & 0x7F) % 5], 0] + [UInt8](repeating: 0, count: 8)
  var limits = EncodingLimits()
  if input[0] & 0x80 != 0 {
    limits.hashListpackEntries = 2
    limits.listListpackSize = 2
    limits.setIntsetEntries = 2
    limits.setListpackEntries = 2
    limits.sortedSetListpackEntries = 2
  }
  let databases = Databases(count: 1)
  let (key, copy) = (ByteView("key"), ByteView("copy"))
  guard databases.restore(payload, under: key, limits), let entry = databases.entry(key) else { return 0 }
  let first = contents(entry)
  databases.writeCommands(entry)
  demand(databases.restore(databases.dump(entry), under: copy, limits), "our own payload is refused")
  guard let second = databases.entry(copy) else {
    demand(false, "a key was lost")
    return 0
  }
  demand(entry.type == second.type && first == contents(second), "a payload comes back as another value")
  databases.keyspaces[0].checkInvariants()

  var dice = Dice(state: UInt64(input[1]))
  for _ in 0..<16 { change(databases, key, &dice, limits) }
  databases.keyspaces[0].checkInvariants()
  if let entry = databases.entry(key) { _ = contents(entry) }
  return 0
}
