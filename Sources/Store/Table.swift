// Table.swift: linear hashing, so that nothing big is ever allocated, moved or waited for.
//
//   directory ──▶ segment 0   segment 1   …   the last segment
//                 ┌──────────┬──────────┬───┬───────────────┐
//                 │ buckets  │ buckets  │   │ buckets ┆ not │
//                 │ 0…4095   │ …8191    │   │         ┆ yet │
//                 └──────────┴──────────┴───┴───────────────┘
//        split already: S ◀──┤ next to split              ├──▶ the next one is bucket 2^L + S
//
// With 2^L + S buckets a hash belongs to bucket `hash mod 2^(L+1)` if there is one, else to
// `hash mod 2^L`. An insert that makes the table too full splits bucket S in two; a removal that
// makes it too empty undoes the last split. Segments are allocated one at a time; only the
// first one moves while it is small, so that an empty database costs nothing and a small one little.
import Bytes
import CAllocator

@safe struct Table: ~Copyable {
  /// Pointers to segments.
  private var directory: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>?
  private var directoryCapacity = 0
  private(set) var segmentCount = 0
  /// Buckets for which the first segment has room; it grows to a whole segment.
  private var firstCapacity = 0
  /// 2^L + S; 0 until the first insert.
  private(set) var bucketCount = 0
  /// 2^L - 1.
  private(set) var levelMask = 0
  /// Buckets that hang on others.
  private(set) var childCount = 0
  /// Entries in all chains.
  private(set) var count = 0

  /// Buckets of a segment: 256 KiB of address space, touched as the table grows into it.
  static var segmentShift: Int { 12 }
  static var segmentBuckets: Int { 1 << segmentShift }

  /// Entries per bucket above which an insert splits, and below which a removal merges.
  ///
  /// Measured with 5 million keys of 16 bytes and values of 32: splitting above 5, 6 and 7 takes 81.1, 80.3 and
  /// 79.7 bytes of resident memory per key, of which the table is 14.7, 13.9 and 13.3 (Valkey 9.1 takes 95.3,
  /// and 110.7 with expiries, which cost nothing here). One entry in eight, five and four stands in a child
  /// and costs a look-up one more line from memory.
  static var splitAbove: Int { 6 }
  static var mergeBelow: Int { 4 }

  init() { unsafe directory = nil }

  deinit {
    guard let directory = unsafe directory else { return }
    for index in 0..<bucketCount { Table.freeEntries(unsafe Table.bucket(index, directory)) }
    for segment in 0..<segmentCount { unsafe CAllocator.free(directory[segment]) }
    unsafe CAllocator.free(directory)
  }

  // MARK: looking up

  private static func bucket(
    _ index: Int, _ directory: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
  ) -> Bucket {
    unsafe Bucket(directory[index &>> segmentShift] + (index & (segmentBuckets &- 1)) &* 8)
  }

  /// A bucket by number, below `bucketCount`.
  @inline(always) func bucket(_ index: Int) -> Bucket {
    assert(index >= 0 && index < bucketCount)
    return unsafe Table.bucket(index, directory.unsafelyUnwrapped)
  }

  /// The bucket number of a hash. Written so that the compiler needs no branch: which side of S a hash
  /// falls on cannot be predicted.
  @inline(always) func index(_ hash: KeyHash) -> Int {
    let wide = Int(truncatingIfNeeded: hash.bits) & (levelMask &<< 1 | 1)
    return wide < bucketCount ? wide : wide & levelMask
  }

  @inline(always) func find(_ key: ByteView, _ hash: KeyHash) -> Location? {
    guard count > 0 else { return nil }
    let head = bucket(index(hash))
    let tag = hash.tag
    let carried = hash.carried
    var current = head
    while true {
      var candidates = current.candidates(tag)
      while candidates != 0 {
        let slot = candidates.trailingZeroBitCount &>> 3
        let word = current.word(slot)
        if word & EntryWord.carriedMask == carried && EntryWord.entry(word).hasKey(key) {
          return Location(head: head, bucket: current, slot: slot)
        }
        candidates &= candidates &- 1
      }
      guard let child = current.child else { return nil }
      current = child
    }
  }

  // MARK: adding and removing

  /// Puts in an entry whose key is not there yet.
  mutating func insert(_ entry: Entry, _ hash: KeyHash) -> Location {
    if count >= bucketCount &* Table.splitAbove { grow() }
    count += 1
    return append(EntryWord.make(entry, carried: hash.carried), tag: hash.tag, to: bucket(index(hash)))
  }

  /// Takes an entry out without freeing it. The last entry of the chain fills its place.
  mutating func remove(_ location: Location) {
    let hole = location.bucket
    var parent: Bucket?
    var tail = location.head
    while let child = tail.child {
      parent = tail
      tail = child
    }
    let last = tail.count - 1
    hole.set(location.slot, tail.word(last), tag: tail.tag(last))
    tail.removeLast()
    if let parent, tail.count == 1 {
      parent.detachChild()
      parent.append(tail.word(0), tag: tail.tag(0))
      tail.free()
      childCount -= 1
    }
    count -= 1
    if count < (bucketCount &- 1) &* Table.mergeBelow { shrink() }
  }

  private mutating func append(_ word: UInt64, tag: UInt8, to head: Bucket) -> Location {
    var tail = head
    while let child = tail.child { tail = child }
    if tail.count == Bucket.slots {
      let child = Bucket.allocate()
      childCount += 1
      child.append(tail.word(6), tag: tail.tag(6))
      tail.removeLast()
      tail.attach(child)
      tail = child
    }
    tail.append(word, tag: tag)
    return Location(head: head, bucket: tail, slot: tail.count - 1)
  }

  // MARK: splitting and merging

  /// One more bucket: takes its half of bucket S.
  private mutating func grow() {
    makeRoomForBucket()
    let new = bucketCount
    bucketCount += 1
    bucket(new).clear()
    guard new > 0 else { return }
    let bit = new.leadingBit
    redistribute(bucket(new - bit), levelBit: bit, zero: bucket(new - bit), one: bucket(new))
    levelMask = bucketCount.leadingBit - 1
  }

  /// One bucket less: its entries return to where they were split off.
  private mutating func shrink() {
    guard bucketCount > 1 else { return }
    let last = bucketCount - 1
    let target = bucket(last - last.leadingBit)
    redistribute(bucket(last), levelBit: 0, zero: target, one: target)
    bucketCount = last
    levelMask = bucketCount.leadingBit - 1
    releaseRoom()
  }

  /// Empties a chain and appends its entries to `zero` or `one`, as bit `levelBit` of their hashes says.
  private mutating func redistribute(_ chain: Bucket, levelBit: Int, zero: Bucket, one: Bucket) {
    var next = takeContents(of: chain)
    while true {
      let slots = next
      for slot in 0..<slots.count {
        let goesToOne = Table.hashBit(levelBit, slots.words[slot + 1])
        _ = append(slots.words[slot + 1], tag: slots.tag(slot), to: goesToOne ? one : zero)
      }
      guard let child = slots.child else { return }
      next = takeContents(of: child)
      child.free()
      childCount -= 1
    }
  }

  /// A bucket's words, copied off so that it can be filled again.
  private struct Contents {
    var words: InlineArray<8, UInt64>
    var count: Int { Int(words[0] >> 56 & 7) }
    func tag(_ slot: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[0] >> (UInt64(slot) * 8)) }
    var child: Bucket? {
      guard words[0] & Bucket.chainedBit != 0 else { return nil }
      return unsafe Bucket(UnsafeMutablePointer(bitPattern: UInt(words[7])).unsafelyUnwrapped)
    }
  }

  private func takeContents(of bucket: Bucket) -> Contents {
    var contents = Contents(words: InlineArray(repeating: 0))
    for index in 0..<8 { unsafe contents.words[index] = bucket.words[index] }
    bucket.clear()
    return contents
  }

  /// Whether the hash of the entry behind `word` has `bit`, read from the word if it is carried there.
  private static func hashBit(_ bit: Int, _ word: UInt64) -> Bool {
    guard bit != 0 else { return false }
    let number = bit.trailingZeroBitCount
    if number >= EntryWord.carriedFrom && number < EntryWord.carriedUpTo {
      return word >> (EntryWord.carriedShift + UInt64(number - EntryWord.carriedFrom)) & 1 != 0
    }
    return KeyHash(EntryWord.entry(word).key).bits & UInt64(bit) != 0
  }

  // MARK: memory

  /// Bytes of segments, children and directory.
  var memoryBytes: Int {
    guard segmentCount > 0 else { return 0 }
    return (firstCapacity + (segmentCount - 1) * Table.segmentBuckets + childCount) * Bucket.bytes
      + directoryCapacity * MemoryLayout<UInt>.stride
  }

  private mutating func makeRoomForBucket() {
    let segment = bucketCount >> Table.segmentShift
    if segment == 0 {
      if bucketCount == firstCapacity { resizeFirstSegment(to: max(1, firstCapacity * 2)) }
    } else if segment == segmentCount {
      addSegment(buckets: Table.segmentBuckets)
    }
  }

  private mutating func releaseRoom() {
    if bucketCount <= (segmentCount - 1) << Table.segmentShift {
      segmentCount -= 1
      unsafe CAllocator.free(directory.unsafelyUnwrapped[segmentCount])
    } else if segmentCount == 1 && bucketCount * 4 <= firstCapacity {
      resizeFirstSegment(to: firstCapacity / 2)
    }
  }

  private mutating func addSegment(buckets: Int) {
    if segmentCount == directoryCapacity {
      let capacity = max(1, directoryCapacity * 2)
      let bytes = capacity * MemoryLayout<UInt>.stride
      guard let moved = unsafe realloc(directory, bytes) else { SizeClass.outOfMemory(bytes) }
      unsafe directory = moved.bindMemory(to: UnsafeMutablePointer<UInt64>.self, capacity: capacity)
      directoryCapacity = capacity
    }
    let memory = unsafe SizeClass.allocateLines(buckets * Bucket.bytes)
    unsafe directory.unsafelyUnwrapped[segmentCount] = memory.bindMemory(to: UInt64.self, capacity: buckets * 8)
    segmentCount += 1
  }

  /// Moves at most a quarter of a megabyte, and that only once on the way up.
  private mutating func resizeFirstSegment(to capacity: Int) {
    let old = unsafe segmentCount > 0 ? directory.unsafelyUnwrapped[0] : nil
    segmentCount = 0
    addSegment(buckets: capacity)
    firstCapacity = capacity
    guard let old = unsafe old else { return }
    unsafe memcpy(directory.unsafelyUnwrapped[0], old, bucketCount * Bucket.bytes)
    unsafe CAllocator.free(old)
  }

  // MARK: freeing in slices

  /// Frees all entries of the last bucket and the bucket itself; the number of entries, nil when none is left.
  mutating func freeLastBucket() -> Int? {
    var expensive: [Entry] = []
    defer { for entry in expensive { entry.free() } }
    return freeLastBucket(sparing: &expensive)
  }

  /// The same, but entries that are expensive to free are left to the caller.
  mutating func freeLastBucket(sparing expensive: inout [Entry]) -> Int? {
    guard bucketCount > 0 else { return nil }
    let freed = Table.freeEntries(bucket(bucketCount - 1), sparing: &expensive)
    childCount -= freed.children
    count -= freed.entries
    bucketCount -= 1
    if bucketCount == (segmentCount - 1) << Table.segmentShift && segmentCount > 1 {
      segmentCount -= 1
      unsafe CAllocator.free(directory.unsafelyUnwrapped[segmentCount])
    }
    return freed.entries
  }

  @discardableResult
  private static func freeEntries(_ head: Bucket) -> (entries: Int, children: Int) {
    var expensive: [Entry] = []
    defer { for entry in expensive { entry.free() } }
    return freeEntries(head, sparing: &expensive)
  }

  private static func freeEntries(
    _ head: Bucket, sparing expensive: inout [Entry]
  ) -> (entries: Int, children: Int) {
    var freed = (entries: 0, children: 0)
    var current = head
    while true {
      current.prefetchEntries()
      for slot in 0..<current.count {
        let entry = current.entry(slot)
        if entry.isExpensiveToFree { expensive.append(entry) } else { entry.free() }
      }
      freed.entries += current.count
      let child = current.child
      if freed.children > 0 { current.free() }
      guard let child else { return freed }
      freed.children += 1
      current = child
    }
  }
}

extension Int {
  /// The highest bit that is set, alone; the number is positive.
  var leadingBit: Int { 1 << (Int.bitWidth - 1 - leadingZeroBitCount) }
}
