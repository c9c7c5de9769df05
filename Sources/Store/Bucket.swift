// Bucket.swift: one cache line of the table.
//
//   word 0                                              words 1 … 7
//  ┌────┬────┬────┬────┬────┬────┬────┬───────────┐    ┌──────────────────────────────────────┐
//  │tag0│tag1│tag2│tag3│tag4│tag5│tag6│C····count │    │V│ 15 bits of hash │ 48-bit pointer    │ × 7
//  └────┴────┴────┴────┴────┴────┴────┴───────────┘    └──────────────────────────────────────┘
//
// Entries stand without gaps from slot 0. C (chained) says that the last word is no entry but the
// child bucket, which takes what did not fit; then the first six slots are full. V (volatile) says that
// the key has an expiry, so that expiry sweeps read only the entries that can expire. Tags are compared
// all at once; a look-up that gets as far as reading an entry has found it but for one time in 2^15 or more.
import Bytes
import CAllocator

/// What a slot holds, as bits.
enum EntryWord {
  static var carriedShift: UInt64 { 48 }
  static var carriedMax: UInt64 { 0x7FFF }
  static var carriedMask: UInt64 { carriedMax << carriedShift }
  static var volatileBit: UInt64 { 1 << 63 }

  /// The bits of the hash that an entry word carries: first and one past the last.
  static var carriedFrom: Int { 12 }
  static var carriedUpTo: Int { 27 }

  static func make(_ entry: Entry, carried: UInt64) -> UInt64 {
    let address = unsafe UInt64(UInt(bitPattern: entry.memory))
    return address | carried | (entry.hasExpiry ? volatileBit : 0)
  }

  static func entry(_ word: UInt64) -> Entry { Entry(word: word) }
}

/// A pointer to a bucket.
@safe struct Bucket: BitwiseCopyable {
  let words: UnsafeMutablePointer<UInt64>

  init(_ words: UnsafeMutablePointer<UInt64>) { unsafe self.words = words }

  static var bytes: Int { 64 }
  static var slots: Int { 7 }
  static var chainedBit: UInt64 { 1 << 63 }

  var metadata: UInt64 {
    get { unsafe words[0] }
    nonmutating set { unsafe words[0] = newValue }
  }

  /// Entries in this bucket, without its children's.
  var count: Int { Int(truncatingIfNeeded: metadata &>> 56 & 7) }
  var isChained: Bool { metadata & Bucket.chainedBit != 0 }

  var child: Bucket? {
    guard isChained else { return nil }
    return unsafe Bucket(UnsafeMutablePointer(bitPattern: UInt(words[7])).unsafelyUnwrapped)
  }

  func word(_ slot: Int) -> UInt64 { unsafe words[slot &+ 1] }
  func entry(_ slot: Int) -> Entry { EntryWord.entry(word(slot)) }
  func tag(_ slot: Int) -> UInt8 { UInt8(truncatingIfNeeded: metadata &>> (UInt64(slot) &* 8)) }

  /// One bit (the eighth of its byte) for every slot whose tag may be `tag`. A byte above a true match can
  /// be reported falsely, as a borrow runs upwards; the entry decides.
  func candidates(_ tag: UInt8) -> UInt64 {
    let metadata = metadata
    let difference = metadata ^ (UInt64(tag) &* 0x0001_0101_0101_0101)
    let zeros = (difference &- 0x0001_0101_0101_0101) & ~difference & 0x0080_8080_8080_8080
    let occupied = (1 as UInt64) &<< ((metadata &>> 56 & 7) &* 8) &- 1
    return zeros & occupied
  }

  // MARK: changes within one bucket

  func clear() { metadata = 0 }

  func set(_ slot: Int, _ word: UInt64, tag: UInt8) {
    unsafe words[slot + 1] = word
    let shift = UInt64(slot) * 8
    metadata = metadata & ~(0xFF << shift) | UInt64(tag) << shift
  }

  /// Puts an entry behind the others; there is room.
  func append(_ word: UInt64, tag: UInt8) {
    let slot = count
    metadata &+= 1 << 56
    set(slot, word, tag: tag)
  }

  /// Takes the last entry off.
  func removeLast() { metadata &-= 1 << 56 }

  /// The last word becomes a child; the bucket holds at most six entries.
  func attach(_ child: Bucket) {
    unsafe words[7] = UInt64(UInt(bitPattern: child.words))
    metadata |= Bucket.chainedBit
  }

  func detachChild() { metadata &= ~Bucket.chainedBit }

  static func allocate() -> Bucket {
    let memory = unsafe SizeClass.allocateLines(bytes)
    let bucket = unsafe Bucket(memory.bindMemory(to: UInt64.self, capacity: 8))
    bucket.clear()
    return bucket
  }

  func free() { unsafe martlet_free_sized(words, Bucket.bytes) }
}

/// Where an entry stands. Good until the next call that changes the keyspace.
@safe public struct Location: BitwiseCopyable {
  /// The words of the first bucket of the chain.
  @usableFromInline let headWords: UnsafeMutablePointer<UInt64>
  /// The entry's word, inside one of the chain's buckets.
  @usableFromInline let word: UnsafeMutablePointer<UInt64>

  init(head: Bucket, bucket: Bucket, slot: Int) {
    unsafe headWords = head.words
    unsafe word = bucket.words + (slot &+ 1)
  }

  @inlinable public var entry: Entry { unsafe Entry(word: word.pointee) }

  var head: Bucket { unsafe Bucket(headWords) }

  /// Buckets begin on cache lines, so the word's address says which bucket and slot it is.
  var bucket: Bucket {
    unsafe Bucket(UnsafeMutablePointer(bitPattern: UInt(bitPattern: word) & ~63).unsafelyUnwrapped)
  }

  var slot: Int { unsafe Int(UInt(bitPattern: word) & 63) / 8 - 1 }

  /// Puts an entry with the same key here.
  func replace(_ entry: Entry) {
    unsafe word.pointee = EntryWord.make(entry, carried: word.pointee & EntryWord.carriedMask)
  }
}
