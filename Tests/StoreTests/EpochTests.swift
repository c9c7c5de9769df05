// EpochTests.swift: a walk sees what was there at one instant, whatever happens meanwhile.
import Bytes
import CAllocator
import Testing
@testable import Store

/// What a database should hold under one key.
private struct Model: Equatable {
  var bytes: [UInt8]
  var expiry: Milliseconds?
}

/// A key and the number of its database.
private struct Place: Hashable {
  let database: Int
  let key: [UInt8]
}

extension Blob {
  fileprivate init(copying bytes: [UInt8]) {
    self.init(capacity: bytes.count)
    unsafe UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
    count = bytes.count
  }
}

/// Four databases, what they should hold, and dice that change both.
private final class World {
  static let databaseCount = 4
  let databases = UnsafeMutablePointer<Keyspace>.allocate(capacity: databaseCount)
  let graveyard = UnsafeMutablePointer<Graveyard>.allocate(capacity: 1)
  var models = [[[UInt8]: Model]](repeating: [:], count: databaseCount)
  var dice: Dice
  let keyCount: Int
  /// Expiry sweeps, which belong to places, not to databases: here it makes no difference.
  var sweeps = [ExpirySweep](repeating: ExpirySweep(), count: databaseCount)

  init(seed: UInt64) {
    dice = Dice(seed: seed)
    keyCount = [6, 20, 50, 120][Int(seed % 4)]
    for index in 0..<World.databaseCount { unsafe (databases + index).initialize(to: Keyspace()) }
    unsafe graveyard.initialize(to: Graveyard())
  }

  deinit {
    unsafe databases.deinitialize(count: World.databaseCount)
    unsafe graveyard.deinitialize(count: 1)
    unsafe databases.deallocate()
    unsafe graveyard.deallocate()
  }

  /// Everything, by the numbers that the databases have now.
  var instant: [Place: Model] {
    var all: [Place: Model] = [:]
    for (number, model) in models.enumerated() {
      for (key, value) in model { all[Place(database: number, key: key)] = value }
    }
    return all
  }

  func find(_ database: Int, _ key: [UInt8]) -> Location? {
    key.viewed { unsafe databases[database].find($0, KeyHash($0)) }
  }

  func value() -> [UInt8] {
    switch dice.below(24) {
    case 0: filled(dice.below(40_000))
    case 1, 2: filled(EntryShape.inlineBytesMax - 20 + dice.below(40))
    case 3...7: Array(String(Int64(bitPattern: dice.next()) >> 20).utf8)
    default: filled(dice.below(60))
    }
  }

  func filled(_ count: Int) -> [UInt8] { [UInt8](repeating: UInt8(dice.below(256)), count: count) }

  /// Sets keys to begin with, mostly in database 0.
  func fill() {
    for number in 0..<keyCount { set(number % 5 == 0 ? dice.below(4) : 0, makeKey(number)) }
  }

  func set(_ database: Int, _ key: [UInt8]) {
    set(database, key, value())
  }

  private func set(_ database: Int, _ key: [UInt8], _ bytes: [UInt8]) {
    let expiry: Milliseconds? = dice.below(3) == 0 ? Milliseconds(dice.below(1_000)) : nil
    key.viewed { k in
      if dice.below(4) == 0 {
        let blob = Blob(copying: bytes)
        if let location = find(database, key) {
          unsafe databases[database].overwrite(location, adopting: blob, expiry: expiry.map { .at($0) } ?? .clear)
        } else {
          unsafe databases[database].insert(k, KeyHash(k), adopting: blob, expiry: expiry)
        }
      } else {
        bytes.viewed {
          _ = unsafe databases[database].set(k, KeyHash(k), string: $0, expiry: expiry.map { .at($0) } ?? .clear)
        }
      }
    }
    models[database][key] = Model(bytes: bytes, expiry: expiry)
  }

  func remove(_ database: Int, _ key: [UInt8]) {
    guard let location = find(database, key) else { return }
    if dice.below(2) == 0 {
      unsafe databases[database].remove(location, into: &graveyard.pointee)
    } else {
      unsafe databases[database].remove(location)
    }
    models[database][key] = nil
  }

  func flush(_ database: Int) {
    unsafe databases[database].detachAll(into: &graveyard.pointee)
    models[database] = [:]
  }

  /// One random change of one of all kinds.
  func change() {
    let database = dice.below(3) == 0 ? dice.below(4) : 0
    let key = makeKey(dice.below(keyCount * 2))
    switch dice.below(100) {
    case 0: flush(database)
    case 1: if dice.below(8) == 0 { for index in 0..<World.databaseCount { flush(index) } }
    case 2...4: swap(database, dice.below(4))
    case 5:
      guard dice.below(3) == 0 else { return }
      for number in 0..<keyCount { remove(database, makeKey(number)) }
    case 6:
      guard dice.below(3) == 0 else { return }
      for number in 0..<keyCount { set(database, makeKey(keyCount + number), [UInt8(number)]) }
    case 7...12: expire(database, now: Milliseconds(dice.below(400)))
    case 13...24: set(database, key)
    case 25...34: remove(database, key)
    case 35...49: move(database, key)
    case 50...54: unsafe graveyard.pointee.free(upTo: dice.below(20))
    default: changeInPlace(database, key)
    }
  }

  private func swap(_ a: Int, _ b: Int) {
    guard a != b else { return }
    let first = unsafe (databases + a).move()
    unsafe (databases + a).moveInitialize(from: databases + b, count: 1)
    unsafe (databases + b).initialize(to: first)
    models.swapAt(a, b)
  }

  private func expire(_ database: Int, now: Milliseconds) {
    sweeps[database].beginSlice(budget: 20)
    while let location = unsafe databases[database].nextExpired(&sweeps[database], now: now) {
      models[database][location.entry.key.array] = nil
      unsafe databases[database].remove(location, into: &graveyard.pointee)
    }
    _ = sweeps[database].endSlice()
  }

  /// RENAME, MOVE or COPY, replacing what is there.
  private func move(_ database: Int, _ key: [UInt8]) {
    guard let model = models[database][key] else { return }
    let target = dice.below(2) == 0 ? database : dice.below(4)
    let newKey = dice.below(2) == 0 ? key : makeKey(dice.below(keyCount * 2))
    guard target != database || newKey != key else { return }
    remove(target, newKey)
    let location = find(database, key)!
    newKey.viewed { k in
      if dice.below(3) == 0 {
        unsafe databases[target].put(LooseEntry(copying: location.entry), k, KeyHash(k))
      } else {
        unsafe databases[target].put(databases[database].take(location), k, KeyHash(k))
        models[database][key] = nil
      }
    }
    models[target][newKey] = model
  }

  private func changeInPlace(_ database: Int, _ key: [UInt8]) {
    guard let location = find(database, key) else { return }
    switch dice.below(6) {
    case 0:
      let instant = Milliseconds(dice.below(1_000))
      unsafe databases[database].setExpiry(location, at: instant)
      models[database][key]!.expiry = instant
    case 1:
      unsafe databases[database].clearExpiry(location)
      models[database][key]!.expiry = nil
    case 2:
      let number = Int64(bitPattern: dice.next()) >> Int64(dice.below(60))
      unsafe databases[database].setInteger(location, number)
      models[database][key]!.bytes = Array(String(number).utf8)
    case 3:
      let tail = filled(dice.below(40))
      _ = tail.viewed { unsafe databases[database].append(location, $0) }
      models[database][key]!.bytes += tail
    case 4:
      let patch = filled(dice.below(40))
      let offset = dice.below(60)
      _ = patch.viewed { unsafe databases[database].setRange(location, offset: offset, $0) }
      var bytes = models[database][key]!.bytes
      bytes += [UInt8](repeating: 0, count: max(0, offset + patch.count - bytes.count))
      bytes.replaceSubrange(offset..<offset + patch.count, with: patch)
      models[database][key]!.bytes = bytes
    default:
      // The same length again: nothing moves, and a blob is written over where it is.
      let bytes = models[database][key]!.bytes.map { $0 &+ 1 }
      bytes.viewed { unsafe databases[database].overwrite(location, string: $0, form: .text, expiry: .keep) }
      models[database][key]!.bytes = bytes
    }
  }

  /// Walks to the end, or gives up before; commands go on in between. What was seen.
  func walk(givesUp: Bool, meddle: () -> Void = {}) -> [Place: Model] {
    var seen: [Place: Model] = [:]
    var walk = unsafe EpochWalk(databases: databases, count: World.databaseCount, graveyard: graveyard)
    while !walk.isDone {
      if givesUp && dice.below(8) == 0 { return seen }
      var effort = 1 + dice.below(keyCount / 2)
      while let found = walk.next(&effort) {
        let place = Place(database: found.database, key: found.entry.key.array)
        #expect(seen[place] == nil, "seen twice")
        let expiry = found.entry.expiry
        guard let blob = found.entry.blob, dice.below(2) == 0 else {
          seen[place] = Model(bytes: stringBytes(found.entry), expiry: expiry)
          continue
        }
        // Written piece by piece: it stays although everything changes.
        blob.pin()
        for _ in 0..<dice.below(10) { change() }
        seen[place] = Model(bytes: blob.bytes.array, expiry: expiry)
        blob.release()
      }
      for _ in 0..<dice.below(12) { change() }
      meddle()
      if dice.below(20) == 0 { checkInvariants() }
    }
    #expect(walk.seenCount == walk.totalCount && walk.keptCount == 0 && walk.keptBytes == 0)
    return seen
  }

  func checkInvariants() {
    for index in 0..<World.databaseCount { unsafe databases[index].checkInvariants() }
  }

  /// What should be there is there, nothing is pinned and, after a complete walk, every entry is of one epoch.
  func checkContents(isLevel: Bool) {
    checkInvariants()
    for index in 0..<World.databaseCount {
      #expect(unsafe databases[index].count == models[index].count)
      if isLevel { #expect(unsafe databases[index].staleEpochs == 0) }
      var sweep = Sweep()
      while var entries = unsafe databases[index].visit(&sweep) {
        while let location = entries.next() {
          let entry = location.entry
          #expect(Model(bytes: stringBytes(entry), expiry: entry.expiry) == models[index][entry.key.array])
          #expect(entry.blob.map { !$0.isPinned } ?? true)
        }
      }
    }
  }
}

/// Each key that was there when a walk began is seen exactly once with the value, expiry and database number that it
/// had then, and nothing else is seen, although between its slices everything changes: values in place and
/// by replacement, keys by RENAME, MOVE, COPY and expiry, databases by SWAPDB, FLUSHDB and FLUSHALL,
/// tables by growing and shrinking. Walks that are given up leave no trace, nor a byte.
@Test(arguments: UInt64(0)..<25) func walkSeesOneInstant(block: UInt64) {
  seeded
  func walkTwice(seed: UInt64) {
    let world = World(seed: seed)
    world.fill()
    for round: UInt64 in 0..<2 {
      let givesUp = (seed / 4 + round) % 5 == 0
      let instant = world.instant
      let seen = world.walk(givesUp: givesUp)
      #expect(givesUp ? seen.allSatisfy { instant[$0.key] == $0.value } : seen == instant, "seed \(seed)")
      world.checkContents(isLevel: !givesUp)
      for _ in 0..<world.dice.below(30) { world.change() }
    }
  }
  for seed in (block * 48)..<(block * 48 + 48) { walkTwice(seed: seed) }
  #expect(bytesLeaked { walkTwice(seed: block) } == 0)
  #expect(bytesLeaked { walkTwice(seed: block + 3_000) } == 0)
}

/// However often walks are given up, the next one sees its own instant: with slices of levelling between, and without.
@Test(arguments: UInt64(1)...40) func walksAreGivenUpInARow(seed: UInt64) {
  let world = World(seed: seed)
  world.fill()
  for _ in 0..<9 {
    _ = world.walk(givesUp: true)
    guard seed % 2 == 0 else { continue }
    for index in 0..<World.databaseCount {
      _ = unsafe world.databases[index].levelEpochs(effortMax: world.dice.below(90))
    }
    world.checkInvariants()
  }
  let instant = world.instant
  let seen = world.walk(givesUp: false)
  #expect(seen == instant)
  world.checkContents(isLevel: true)
}

/// Levelling comes to its end in bounded steps and leaves one epoch.
@Test func levellingEnds() {
  let world = World(seed: 3)
  world.fill()
  do {
    var walk = unsafe EpochWalk(databases: world.databases, count: World.databaseCount, graveyard: world.graveyard)
    var effort = 20
    while walk.next(&effort) != nil {}
  }
  #expect(unsafe world.databases[0].needsLevelling)
  var steps = 0
  while unsafe !world.databases[0].levelEpochs(effortMax: 5) { steps += 1 }
  #expect(steps > 10 && steps < world.keyCount)
  #expect(unsafe !world.databases[0].needsLevelling)
  world.checkInvariants()
}

/// The planted bug: a mutator that does not say `willChange`. The comparison of the tests above finds it.
@Test func aForgottenHookIsSeen() {
  var found = 0
  for seed: UInt64 in 20..<40 {
    let world = World(seed: seed)
    world.fill()
    let instant = world.instant
    let seen = world.walk(givesUp: false) {
      for key in world.models[0].keys {
        guard let entry = world.find(0, key)?.entry, entry.hasExpiry else { continue }
        entry.expiryBits += 1
        world.models[0][key]!.expiry = entry.expiry
      }
    }
    found += seen == instant ? 0 : 1
  }
  #expect(found > 10)
}

#if os(Linux)
  /// A mutator that gives the entry another shape is stopped on the spot.
  @Test func aForgottenHookIsStopped() async {
    await #expect(processExitsWith: .failure) {
      let world = World(seed: 3)
      world.set(0, [1])
      let walk = unsafe EpochWalk(databases: world.databases, count: World.databaseCount, graveyard: world.graveyard)
      let location = world.find(0, [1])!
      let entry = location.entry
      unsafe world.databases[0].settle(
        entry, at: location, wasVolatile: entry.hasExpiry, bytesBefore: entry.memoryBytes)
      _ = walk.isDone
    }
  }
#endif

/// A slice never looks at more than it was told, even where everything is newer than the instant.
@Test func slicesAreBoundedAmongNewKeys() {
  let world = World(seed: 1)
  seeded
  world.set(0, makeKey(1))
  var walk = unsafe EpochWalk(databases: world.databases, count: World.databaseCount, graveyard: world.graveyard)
  for number in 2..<5_000 { world.set(0, makeKey(number)) }
  var slices = 0
  var seen = 0
  while !walk.isDone {
    var effort = 10
    while walk.next(&effort) != nil { seen += 1 }
    #expect(effort >= 0)
    slices += 1
  }
  #expect(seen == 1 && slices > 50)
}
