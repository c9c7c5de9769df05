// TableTests.swift: linear hashing at its edges.
import Bytes
import CAllocator
import Testing
@testable import Store

/// Keys that share the low `bits` bits of their hashes.
private func collidingKeys(_ count: Int, bits: UInt64) -> [[UInt8]] {
  seeded
  var keys: [[UInt8]] = []
  var number = 0
  let wanted = Array("0".utf8).viewed(KeyHash.init).bits
  while keys.count < count {
    let key = Array("\(number)".utf8)
    if (key.viewed(KeyHash.init).bits ^ wanted) & (1 << bits - 1) == 0 { keys.append(key) }
    number += 1
  }
  return keys
}

/// Sixty keys that all belong to one bucket hang in a chain of children; each is found, removals in any order
/// leave the others, and children are given back.
@Test(arguments: UInt64(1)...6) func collidingKeysChain(seed: UInt64) {
  var dice = Dice(seed: seed)
  var keyspace = Keyspace()
  var keys = collidingKeys(60, bits: 11)
  for key in keys {
    key.viewed { k in _ = keyspace.insert(k, KeyHash(k), string: k) }
    keyspace.checkInvariants()
  }
  #expect(keyspace.table.childCount >= 8)
  while !keys.isEmpty {
    let key = keys.swapAt(dice.below(keys.count))
    key.viewed { k in keyspace.remove(keyspace.find(k, KeyHash(k))!) }
    key.viewed { k in #expect(keyspace.find(k, KeyHash(k)) == nil) }
    #expect(keys.allSatisfy { $0.viewed { k in keyspace.find(k, KeyHash(k))?.entry.key == k } })
    keyspace.checkInvariants()
  }
  #expect(keyspace.table.childCount == 0 && keyspace.table.bucketCount == 1)
}

/// Up through several segments and down again: the table's memory follows, never a step allocates more than one
/// segment or moves more than the first, and nothing is lost.
@Test func growthAndShrinkageAreSteps() {
  seeded
  let count = 80_000
  let leaked = bytesLeaked {
    var keyspace = Keyspace()
    var largest: UInt64 = 0
    var allocatedBefore: UInt64 = 0
    var freed: UInt64 = 0
    for number in 0..<count {
      withKey(number) { key in
        unsafe martlet_thread_traffic(&allocatedBefore, &freed)
        _ = keyspace.insert(key, KeyHash(key), integer: 0)
        var allocated: UInt64 = 0
        unsafe martlet_thread_traffic(&allocated, &freed)
        largest = max(largest, allocated - allocatedBefore)
      }
    }
    keyspace.checkInvariants()
    #expect(largest <= 300_000)
    #expect(keyspace.table.segmentCount >= 4)
    #expect(keyspace.table.memoryBytes < count * 18)
    for number in 0..<count where number % 100 != 0 {
      withKey(number) { key in keyspace.remove(keyspace.find(key, KeyHash(key))!) }
    }
    keyspace.checkInvariants()
    #expect(keyspace.count == count / 100)
    #expect(keyspace.table.segmentCount == 1 && keyspace.table.memoryBytes < 64 * 2_048)
    var wrong = 0
    for number in 0..<count {
      withKey(number) { key in wrong += (keyspace.find(key, KeyHash(key)) != nil) == (number % 100 == 0) ? 0 : 1 }
    }
    #expect(wrong == 0)
  }
  #expect(leaked == 0)
}

/// Splits of a table of 2^12 buckets and more read the hash bits that the entry words carry; they must be
/// those of the keys.
@Test func carriedBitsAreTheHashes() {
  var dice = Dice(seed: 1)
  for _ in 0..<100 {
    let hash = KeyHash(bits: dice.next())
    for bit in EntryWord.carriedFrom..<EntryWord.carriedUpTo {
      let carried = hash.carried >> (EntryWord.carriedShift + UInt64(bit - EntryWord.carriedFrom)) & 1
      #expect(carried == hash.bits >> UInt64(bit) & 1)
    }
    #expect(hash.position.mirrored == hash.bits)
  }
  #expect((1 as UInt64).mirrored == 1 << 63 && (0b110 as UInt64).mirrored == 0b011 << 61)
}

/// Prefetching is only a hint, also for keys that are not there, in an empty keyspace and along chains.
@Test func prefetchChangesNothing() {
  var keyspace = Keyspace()
  for key in collidingKeys(40, bits: 9) {
    key.viewed { k in
      keyspace.prefetchBucket(KeyHash(k))
      keyspace.prefetchEntry(KeyHash(k))
      _ = keyspace.insert(k, KeyHash(k), integer: 1)
      keyspace.prefetchBucket(KeyHash(k))
      keyspace.prefetchEntry(KeyHash(k))
    }
  }
  keyspace.checkInvariants()
}

/// The key of a number, without allocating.
private func withKey(_ number: Int, _ body: (ByteView) -> Void) {
  DecimalText(Int64(number)).withView(body)
}
