// FieldExpiryTests.swift: fields of hashes that end are found when they have, wherever the hash went meanwhile.
//
// Changes from a seed are compared with a dictionary; after each the keyspace's invariants hold, the agenda's among them:
// it lists the hashes of which fields end, and no others.
import Bytes
import CAllocator
import Testing
@testable import Store

private struct Field: Equatable {
  var value: [UInt8]
  var expiry: Milliseconds?
}

/// A few hashes in one database, and what they should hold.
private final class World {
  var keyspace = Keyspace()
  var graveyard = Graveyard()
  var models: [[UInt8]: [[UInt8]: Field]] = [:]
  var dice: Dice
  var now: Milliseconds = 1_000
  let limits = EncodingLimits()
  let fieldCount: Int

  init(seed: UInt64) {
    dice = Dice(seed: seed)
    fieldCount = [4, 30, 900][Int(seed % 3)]
  }

  func key() -> [UInt8] { Array("hash:\(dice.below(6))".utf8) }
  func field() -> [UInt8] { Array("field:\(dice.below(fieldCount))".utf8) }
  func find(_ key: [UInt8]) -> Location? { key.viewed { keyspace.find($0, KeyHash($0)) } }

  func hash(_ key: [UInt8]) -> Location {
    find(key) ?? key.viewed { keyspace.insertHash($0, KeyHash($0), limits) }
  }

  func set() {
    let (key, field) = (key(), field())
    let value = Array("\(dice.below(1_000))".utf8)
    let old = models[key]?[field]
    var expiry = ExpiryChange.clear
    var instant: Milliseconds?
    switch dice.below(4) {
    case 0: (expiry, instant) = (.keep, old?.expiry)
    case 1:
      let end = now + Milliseconds(dice.below(100))
      (expiry, instant) = (.at(end), end)
    default: break
    }
    let isNew = field.viewed { f in
      value.viewed { keyspace.setField(hash(key), f, $0, limits, expiry: expiry) }
    }
    #expect(isNew == (old == nil))
    models[key, default: [:]][field] = Field(value: value, expiry: instant)
  }

  func expire() {
    let (key, field) = (key(), field())
    guard let location = find(key) else { return }
    let end = now + Milliseconds(dice.below(100))
    let isThere = field.viewed { keyspace.setFieldExpiry(location, $0, at: end) }
    #expect(isThere == (models[key]?[field] != nil))
    if isThere { models[key]?[field]?.expiry = end }
  }

  func persist() {
    let (key, field) = (key(), field())
    guard let location = find(key) else { return }
    let hadExpiry = field.viewed { keyspace.clearFieldExpiry(location, $0) }
    #expect(hadExpiry == (models[key]?[field]?.expiry != nil))
    if hadExpiry { models[key]?[field]?.expiry = nil }
  }

  func remove() {
    let (key, field) = (key(), field())
    guard let location = find(key) else { return }
    let wasThere = field.viewed { keyspace.removeField(location, $0) }
    #expect(wasThere == (models[key]?.removeValue(forKey: field) != nil))
    dropEmpty(key, location)
  }

  private func dropEmpty(_ key: [UInt8], _ location: Location) {
    guard HashView(location.entry).count == 0 else { return }
    keyspace.remove(location, into: &graveyard)
    models[key] = nil
  }

  /// Renames, copies, overwrites or deletes a whole hash, or all of them.
  func move() {
    let (from, to) = (key(), key())
    guard from != to, let location = find(from) else { return }
    switch dice.below(40) {
    case 0:
      keyspace.detachAll(into: &graveyard)
      models = [:]
    case 1...5:
      let copy = LooseEntry(copying: location.entry)
      if let old = find(to) { keyspace.remove(old) }
      put(copy, to)
      models[to] = models[from]
    case 6...10:
      if dice.below(2) == 0 { keyspace.emptyValue(location, into: &graveyard) }
      keyspace.overwrite(location, string: ByteView("text"), expiry: .clear)
      keyspace.remove(location)
      models[from] = nil
    default:
      let loose = keyspace.take(location)
      if let old = find(to) { keyspace.remove(old, into: &graveyard) }
      put(loose, to)
      models[to] = models.removeValue(forKey: from)
    }
  }

  private func put(_ loose: consuming LooseEntry, _ key: [UInt8]) {
    let name = key.viewed { BlobReference.copy(of: $0) }
    keyspace.put(loose, name.bytes, KeyHash(name.bytes))
    name.release()
  }

  /// A slice of any size: what it takes out has ended.
  func sweep(budget: Int) -> Int {
    var slice = FieldSlice(budget: budget)
    while let location = keyspace.nextExpiredFields(&slice, now: now) {
      let key = location.entry.key.array
      let names = slice.names.map(\.array)
      for name in names {
        #expect((models[key]?.removeValue(forKey: name)?.expiry).map { $0 < now } == true)
        name.viewed { _ = keyspace.removeField(location, $0) }
      }
      dropEmpty(key, location)
    }
    return slice.examined
  }

  func check() {
    keyspace.checkInvariants()
    for (key, model) in models {
      guard let location = find(key) else { return #expect(model.isEmpty) }
      var found: [[UInt8]: Field] = [:]
      var fields = HashView(location.entry).cursor()
      while let item = fields.next() {
        found[item.name.withView { $0.array }] = Field(value: item.value.withView { $0.array }, expiry: item.expiry)
      }
      #expect(found == model)
    }
  }
}

@Test(arguments: UInt64(1)...12) func fieldsEndWhereverTheirHashIs(seed: UInt64) {
  let leaked = bytesLeaked {
    let world = World(seed: seed)
    for step in 0..<2_000 {
      switch world.dice.below(20) {
      case 0...8: world.set()
      case 9...12: world.expire()
      case 13: world.persist()
      case 14...15: world.remove()
      case 16: world.move()
      case 17: world.now += Milliseconds(world.dice.below(20))
      default: _ = world.sweep(budget: 1 + world.dice.below(40))
      }
      if step % 50 == 0 { world.check() }
    }
    // In the end nothing that had ended is left, and nothing is due.
    world.now += 50
    while world.sweep(budget: 100) > 0 {}
    world.check()
    for model in world.models.values { #expect(model.values.allSatisfy { ($0.expiry ?? .max) >= world.now }) }
    while world.graveyard.free(upTo: 100) > 0 {}
  }
  #expect(leaked == 0)
}

/// A large hash is swept a slice at a time; a field that is given a time behind the sweep is found when it has passed.
@Test func largeHashesAreSweptInSlices() {
  seeded
  var keyspace = Keyspace()
  let key = ByteView("h")
  let limits = EncodingLimits()
  let location = keyspace.insertHash(key, KeyHash(key), limits)
  for number in 0..<5_000 {
    Array("f\(number)".utf8).viewed {
      _ = keyspace.setField(location, $0, key, limits, expiry: .at(number % 2 == 0 ? 10 : 1_000))
    }
  }
  var removed = 0
  var slices = 0
  while true {
    var slice = FieldSlice(budget: 100)
    while let location = keyspace.nextExpiredFields(&slice, now: 20) {
      for name in slice.names { removed += keyspace.removeField(location, name) ? 1 : 0 }
    }
    if slice.examined == 0 { break }
    #expect(slice.examined <= 100 + 30)
    slices += 1
    if slices == 20 {
      for number in stride(from: 1, to: 5_000, by: 2) {
        Array("f\(number)".utf8).viewed { _ = keyspace.setFieldExpiry(location, $0, at: 30) }
      }
    }
  }
  #expect(removed == 2_500 && slices > 40)
  keyspace.checkInvariants()
  var slice = FieldSlice(budget: .max)
  while let location = keyspace.nextExpiredFields(&slice, now: 31) {
    for name in slice.names { removed += keyspace.removeField(location, name) ? 1 : 0 }
  }
  #expect(removed == 5_000 && keyspace.volatileHashCount == 0)
}

/// Clients do not see a field after its last millisecond; those who see everything still do.
@Test func endedFieldsAreNotSeen() {
  seeded
  var keyspace = Keyspace()
  let key = ByteView("h")
  let limits = EncodingLimits()
  let location = keyspace.insertHash(key, KeyHash(key), limits)
  keyspace.setField(location, ByteView("a"), ByteView("1"), limits)
  keyspace.setField(location, ByteView("b"), ByteView("2"), limits)
  #expect(location.entry.encoding == .listpack && !location.entry.hasVolatileFields)
  let isMissingSet = keyspace.setFieldExpiry(location, ByteView("none"), at: 50)
  #expect(!isMissingSet && location.entry.encoding == .listpack)
  let isSet = keyspace.setFieldExpiry(location, ByteView("a"), at: 50)
  #expect(isSet)
  #expect(location.entry.encoding == .hashtable && location.entry.hasVolatileFields)
  var view = HashView(location.entry)
  #expect(view.state(ByteView("a")) == .live(50) && view.state(ByteView("b")) == .live(nil))
  #expect(view.state(ByteView("c")) == .absent)
  view.now = 50
  #expect(view.contains(ByteView("a")))
  view.now = 51
  #expect(view.state(ByteView("a")) == .expired && view.value(ByteView("a")) == nil && view.count == 2)
  var fields = view.cursor()
  #expect(fields.next()?.name.equals(ByteView("b")) == true && fields.next() == nil)
}

/// What a walk has still to see is what was there at its instant, whatever is done to the fields since.
@Test func walksSeeFieldsOfTheirInstant() {
  seeded
  let keyspaces = UnsafeMutablePointer<Keyspace>.allocate(capacity: 1)
  unsafe keyspaces.initialize(to: Keyspace())
  let graveyard = UnsafeMutablePointer<Graveyard>.allocate(capacity: 1)
  unsafe graveyard.initialize(to: Graveyard())
  defer {
    unsafe keyspaces.deinitialize(count: 1)
    unsafe graveyard.deinitialize(count: 1)
    unsafe keyspaces.deallocate()
    unsafe graveyard.deallocate()
  }
  let key = ByteView("h")
  let limits = EncodingLimits()
  let location = unsafe keyspaces.pointee.insertHash(key, KeyHash(key), limits)
  for name in ["a", "b", "c"] {
    Array(name.utf8).viewed {
      _ = unsafe keyspaces.pointee.setField(location, $0, key, limits, expiry: name == "c" ? .clear : .at(50))
    }
  }
  var walk = unsafe EpochWalk(databases: keyspaces, count: 1, graveyard: graveyard)
  #expect(walk.sizes.first?.volatileHashes == 1)
  unsafe keyspaces.pointee.setFieldExpiry(location, ByteView("c"), at: 90)
  unsafe keyspaces.pointee.clearFieldExpiry(location, ByteView("b"))
  var slice = FieldSlice(budget: 100)
  while let location = unsafe keyspaces.pointee.nextExpiredFields(&slice, now: 51) {
    for name in slice.names { unsafe keyspaces.pointee.removeField(location, name) }
  }
  #expect(HashView(location.entry).count == 2)
  var effort = 10
  let seen = walk.next(&effort)
  var found: [String: Milliseconds?] = [:]
  var items = seen!.entry.items()
  while let item = items.next() { found[item.name.withView { String(decoding: $0.array, as: UTF8.self) }] = item.expiry }
  #expect(found == ["a": 50, "b": 50, "c": nil])
  unsafe keyspaces.pointee.checkInvariants()
}

/// Hashes without such fields do not pay: a large collection takes the memory that it took before there were any.
@Test func otherCollectionsPayNothing() {
  #expect(SizeClass.round(MemoryLayout<CollectionRoot>.size) == 192)
  #expect(MemoryLayout<FieldAgenda>.size == 8)
}
