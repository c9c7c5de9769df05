// DirtyKeysTests.swift — the set of keys that a batch has changed.
import Bytes
import Testing

@testable import Persistence

/// The set answers as a set of the standard library does, whatever is put in and however often it is emptied; emptying
/// it touches no slot; and no generation brings the keys of an older one back.
struct DirtyKeysTests {
  @Test(arguments: UInt64(1)...40) func answersAsASetDoes(seed: UInt64) {
    var dice = Dice(independent: seed)
    var keys = DirtyKeys()
    var model: Set<UInt64> = []
    // Few identities collide in the set, many in their low bits: both kinds of neighbours in the table.
    let pool = (0..<600).map { _ in
      dice.below(2) == 0 ? dice.next() : UInt64(dice.below(64)) << 32 | UInt64(dice.below(4))
    }
    for _ in 0..<3_000 {
      let hash = pool[dice.below(pool.count)]
      if dice.below(400) == 0 {
        keys.removeAll()
        model.removeAll()
      } else if dice.below(2) == 0 {
        keys.insert(KeyIdentity(hash: hash, database: 0))
        model.insert(hash)
      }
      let asked = pool[dice.below(pool.count)]
      #expect(keys.contains(KeyIdentity(hash: asked, database: 0)) == model.contains(asked))
      #expect(keys.count == model.count)
    }
    for hash in pool { #expect(keys.contains(KeyIdentity(hash: hash, database: 0)) == model.contains(hash)) }
  }

  /// The same name in two databases is two keys; in database 0 the identity is the hash.
  @Test func databasesAreApart() {
    var keys = DirtyKeys()
    keys.insert(KeyIdentity(hash: 42, database: 3))
    for database in 0..<16 { #expect(keys.contains(KeyIdentity(hash: 42, database: database)) == (database == 3)) }
    #expect(KeyIdentity(hash: 42, database: 0).bits == 42)
  }

  /// All that a set can hold and still keeps its slots: emptied without a single slot being written or moved.
  @Test func emptyingWritesNoSlot() {
    var keys = DirtyKeys()
    for hash in 0..<UInt64(30_000) { keys.insert(KeyIdentity(hash: hash &* 0x9E37_79B9_7F4A_7C15, database: 0)) }
    let bytes = keys.memoryBytes
    let address = unsafe keys.slots
    let before = unsafe [UInt8](UnsafeRawBufferPointer(start: keys.slots, count: bytes))
    keys.removeAll()
    #expect(unsafe keys.slots == address)
    #expect(keys.memoryBytes == bytes)
    #expect(unsafe [UInt8](UnsafeRawBufferPointer(start: keys.slots, count: bytes)) == before)
    #expect(keys.count == 0)
    for hash in 0..<UInt64(30_000) {
      #expect(keys.contains(KeyIdentity(hash: hash &* 0x9E37_79B9_7F4A_7C15, database: 0)) == false)
    }
  }

  /// A million keys: one block of memory goes back and nothing is left to visit.
  @Test func aMillionKeysGoAtOnce() {
    var keys = DirtyKeys()
    for hash in 0..<UInt64(1_000_000) { keys.insert(KeyIdentity(hash: hash &* 0x9E37_79B9_7F4A_7C15, database: 1)) }
    #expect(keys.count == 1_000_000)
    #expect(keys.memoryBytes >= 2_000_000 * MemoryLayout<DirtyKeys.Slot>.stride)
    keys.removeAll()
    #expect(unsafe keys.slots == nil)
    #expect(keys.memoryBytes == 0)
    #expect(keys.count == 0)
    #expect(keys.contains(KeyIdentity(hash: 0, database: 1)) == false)
    keys.insert(KeyIdentity(hash: 7, database: 1))
    #expect(keys.contains(KeyIdentity(hash: 7, database: 1)) == true)
    #expect(keys.count == 1)
  }

  /// The generations begin again after the last one: slots of the first time around stay dead.
  @Test func generationsBeginAgain() {
    var keys = DirtyKeys()
    let old = (0..<50).map { KeyIdentity(hash: UInt64($0) &* 0x1234_5678_9ABC_DEF1, database: 0) }
    for key in old { keys.insert(key) }
    #expect(keys.generation == 1)
    keys.removeAll()
    keys.generation = .max
    let last = KeyIdentity(hash: 99, database: 0)
    keys.insert(last)
    #expect(keys.contains(last) == true)
    keys.removeAll()
    #expect(keys.generation == 1)
    #expect(keys.count == 0)
    // An empty set answers no without looking; one key makes it look.
    keys.insert(KeyIdentity(hash: 1 << 40 | 5, database: 0))
    #expect(keys.contains(last) == false)
    for key in old { #expect(keys.contains(key) == false) }
  }
}
