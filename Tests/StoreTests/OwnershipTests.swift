// OwnershipTests.swift: who frees what, and when.
import Bytes
import Testing
@testable import Store

private func fill(_ keyspace: inout Keyspace, _ count: Int, seed: UInt64) {
  var dice = Dice(seed: seed)
  for number in 0..<count {
    let key = makeKey(number)
    let value = makeValue(&dice)
    key.viewed { k in
      value.viewed { _ = keyspace.set(k, KeyHash(k), string: $0, expiry: number % 2 == 0 ? .at(1) : .clear) }
    }
  }
}

/// A keyspace that goes away frees everything.
@Test func keyspaceFreesEverything() {
  fillOnce()
  #expect(bytesLeaked { fillOnce() } == 0)
  func fillOnce() {
    var keyspace = Keyspace()
    fill(&keyspace, 20_000, seed: 1)
  }
}

/// A detached table is gone at once, is freed in slices of about the asked number of keys, and leaves nothing.
@Test(arguments: [1, 64, 5_000]) func graveyardFreesInSlices(slice: Int) {
  let leaked = bytesLeaked {
    var keyspace = Keyspace()
    var graveyard = Graveyard()
    for round in 1...3 {
      fill(&keyspace, 3_000, seed: UInt64(round))
      keyspace.detachAll(into: &graveyard)
      #expect(keyspace.count == 0 && keyspace.volatileCount == 0 && keyspace.memoryBytes == 0)
      #expect(keyspace.random(1) == nil)
    }
    #expect(graveyard.pendingCount == 9_000)
    var sum = 0
    while graveyard.pendingCount > 0 {
      let freed = graveyard.free(upTo: slice)
      #expect(freed < slice + 40)
      sum += freed
      #expect(graveyard.pendingCount == 9_000 - sum)
    }
    #expect(sum == 9_000 && graveyard.freedCount == 9_000)
    let more = graveyard.free(upTo: slice)
    #expect(more == 0)
    // What is still in a graveyard when it goes away is freed too.
    fill(&keyspace, 500, seed: 5)
    keyspace.detachAll(into: &graveyard)
    graveyard.free(upTo: 100)
  }
  #expect(leaked == 0)
}

/// A large value is unlinked at once and freed by the graveyard; a small one is freed on the spot.
@Test func graveyardTakesLargeValues() {
  seeded
  let leaked = bytesLeaked {
    var keyspace = Keyspace()
    var graveyard = Graveyard()
    let large = [UInt8](repeating: 0x61, count: 3 << 20)
    for name: ByteView in ["a", "b", "c"].map({ ByteView($0) }) {
      large.viewed { _ = keyspace.set(name, KeyHash(name), string: $0) }
    }
    let small = ByteView("small").inserted(into: &keyspace)
    keyspace.remove(small, into: &graveyard)
    #expect(graveyard.pendingCount == 0)
    for name: ByteView in ["a", "b"].map({ ByteView($0) }) {
      keyspace.remove(keyspace.find(name, KeyHash(name))!, into: &graveyard)
    }
    #expect(keyspace.count == 1 && graveyard.pendingCount == 2)
    let freed = graveyard.free(upTo: 1)
    #expect(freed == 1 && graveyard.pendingCount == 1)
  }
  #expect(leaked == 0)
}

/// A received blob becomes a value where it lies, and a pinned value outlives overwriting, appending,
/// deleting and flushing unchanged.
@Test func blobsAreAdoptedAndPinned() {
  seeded
  let leaked = bytesLeaked {
    var keyspace = Keyspace()
    let key = ByteView("key")
    let hash = KeyHash(key)
    func received(_ count: Int, _ byte: UInt8) -> Blob {
      var blob = Blob(capacity: count)
      unsafe blob.start.initializeMemory(as: UInt8.self, repeating: byte, count: count)
      blob.count = count
      return blob
    }
    let blob = received(100_000, 0x61)
    let address = unsafe UInt(bitPattern: blob.start)
    let location = keyspace.insert(key, hash, adopting: blob, expiry: 9)
    #expect(unsafe UInt(bitPattern: location.entry.blob!.start) == address)
    #expect(location.entry.encoding == .raw && location.entry.expiry == 9)

    let pinned = location.entry.blob!
    pinned.pin()
    let longer = keyspace.append(location, ByteView("b"))
    #expect(longer == 100_001 && pinned.bytes.count == 100_000 && location.entry.blob!.bytes[100_000] == 0x62)
    let second = location.entry.blob!
    second.pin()
    keyspace.overwrite(location, adopting: received(100_001, 0x63), expiry: .keep)
    #expect(second.bytes[0] == 0x61 && location.entry.bytes[0] == 0x63)
    let third = location.entry.blob!
    third.pin()
    let other = [UInt8](repeating: 0x64, count: 100_001)
    other.viewed { keyspace.overwrite(location, string: $0, expiry: .keep) }
    #expect(third.bytes[0] == 0x63 && location.entry.bytes[0] == 0x64)
    keyspace.checkInvariants()
    let fourth = location.entry.blob!
    fourth.pin()
    keyspace.remove(location)
    #expect(fourth.bytes[100_000] == 0x64)
    for blob in [pinned, second, third, fourth] { blob.release() }

    // Small ones are copied into the entry, with the encoding that SET gives.
    let number = keyspace.insert(key, hash, adopting: Blob(copying: ByteView("123")))
    #expect(number.entry.isInteger)
    keyspace.overwrite(number, adopting: received(50, 0x65), expiry: .clear)
    #expect(number.entry.blob == nil && number.entry.bytes.count == 50 && number.entry.encoding == .raw)
    // An integer that happens to be a blob's address does not keep the blob.
    keyspace.overwrite(number, adopting: received(5_000, 0x66), expiry: .keep)
    keyspace.overwrite(number, integer: Int64(bitPattern: number.entry.payload), expiry: .keep)
    #expect(number.entry.isInteger)
    // One with much room to spare gives it back.
    var roomy = Blob(capacity: 1 << 20)
    roomy.count = 2_000
    unsafe roomy.start.initializeMemory(as: UInt8.self, repeating: 0, count: 2_000)
    keyspace.overwrite(number, adopting: roomy, expiry: .keep)
    #expect(number.entry.blob!.capacity < 3_000)
    keyspace.checkInvariants()
    _ = Blob(capacity: 10)
  }
  #expect(leaked == 0)
}

/// RENAME and MOVE hand the blob over by its pointer and keep expiry, encoding and stamp; COPY makes a second value.
@Test(arguments: [3, 300, 30_000], [true, false]) func entriesMove(count: Int, expires: Bool) {
  seeded
  let leaked = bytesLeaked {
    var source = Keyspace()
    var target = Keyspace()
    source.stampOfNewEntry = 0xABCDEF
    let value = [UInt8](repeating: 0x61, count: count)
    let key = ByteView("key")
    let longKey = [UInt8](repeating: 0x6C, count: 400)
    let first = value.viewed { source.insert(key, KeyHash(key), string: $0, form: .raw, expiry: expires ? 5 : nil) }
    let address = first.entry.blob?.bits
    func check(_ location: Location, _ key: ByteView) {
      let entry = location.entry
      #expect(entry.key == key && entry.bytes.array == value && entry.expiry == (expires ? 5 : nil))
      #expect(entry.encoding == .raw && entry.accessStamp == 0xABCDEF)
    }

    let copy = LooseEntry(copying: first.entry)
    #expect(address == nil || copy.entry.blob?.bits != address)
    longKey.viewed { k in
      // MOVE, then RENAME, then back.
      let moved = target.put(source.take(first), key, KeyHash(key))
      check(moved, key)
      #expect(source.count == 0 && source.volatileCount == 0 && source.valueBytes == 0)
      let renamed = target.put(target.take(moved), k, KeyHash(k))
      check(renamed, k)
      #expect(renamed.entry.blob?.bits == address && target.count == 1)
      _ = target.take(renamed)
      #expect(target.count == 0)
    }
    check(source.put(copy, key, KeyHash(key)), key)
    source.checkInvariants()
    target.checkInvariants()
  }
  #expect(leaked == 0)
}
