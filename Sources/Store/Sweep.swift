// Sweep.swift: the one order in which everything long visits a table.
//
//   position   0                                                               2^64
//              ├───────────────┼───────┼───────┼───────────────┼───────┼───────┤
//   bucket            0            2       6          1            3       7
//
// A bucket holds the hashes that share their low bits, so read backwards they are one interval, and
// the buckets together cover all positions without a gap. Splitting a bucket halves its interval,
// merging joins two. A place in this order therefore means the same whatever became of the table:
// what stood before it was visited and what stands after it will be. That is SCAN's guarantee, and
// it lets a snapshot say of any key, from its hash alone, whether it has been written yet.

/// A place in a table. Made once, advanced by `Keyspace.visit`, kept as long as wanted.
public struct Sweep: BitwiseCopyable, Sendable {
  /// Hashes read backwards that are smaller were visited.
  public internal(set) var position: UInt64 = 0
  /// All were visited; `position` is 0 again.
  public internal(set) var isDone = false

  /// At the beginning.
  public init() {}

  /// Where SCAN's cursor says. 0 is the beginning.
  public init(cursor: UInt64) { position = cursor.mirrored }

  /// What SCAN answers: 0 when done. Small numbers, because the order is that of bits read backwards.
  public var cursor: UInt64 { position.mirrored }

  /// Whether a key with this hash, had it been there all the time, was visited.
  @inlinable public func hasPassed(_ hash: KeyHash) -> Bool { isDone || hash.position < position }

  /// Goes on to the first position after the bucket.
  mutating func pass(bucket index: Int, in table: borrowing Table) {
    let bits = table.indexBits(of: index)
    guard bits > 0 else { return finish() }
    let (next, wrapped) = UInt64(index).mirrored.addingReportingOverflow(1 << UInt64(64 - bits))
    if wrapped { finish() } else { position = next }
  }

  mutating func finish() {
    position = 0
    isDone = true
  }
}

/// The entries of one bucket and its children. Good until the next call that changes the keyspace.
public struct BucketEntries: BitwiseCopyable {
  private let head: Bucket?
  private var current: Bucket?
  private var slot = 0

  init(_ head: Bucket?) {
    self.head = head
    self.current = head
  }

  /// Entries that `next` will return.
  var count: Int {
    var rest = self
    var count = 0
    while rest.next() != nil { count += 1 }
    return count
  }

  /// The next entry's location, or nil after the last.
  public mutating func next() -> Location? {
    while let head, let bucket = current {
      if slot < bucket.count {
        slot += 1
        return Location(head: head, bucket: bucket, slot: slot - 1)
      }
      current = bucket.child
      slot = 0
    }
    return nil
  }
}

extension Table {
  /// How many low bits the hashes of a bucket share.
  @inline(always) func indexBits(of index: Int) -> Int {
    let level = (levelMask + 1).trailingZeroBitCount
    let isSplit = index > levelMask || index < bucketCount - levelMask - 1
    return isSplit ? level + 1 : level
  }

  /// The bucket in whose interval `position` lies.
  @inline(always) func index(position: UInt64) -> Int { index(KeyHash(bits: position.mirrored)) }
}

extension Keyspace {
  /// The entries at the sweep's place, which moves on behind them. A caller looks at all of them before
  /// it changes the keyspace. Empty for an empty bucket; nil when the sweep is done.
  ///
  /// Every key that is there from a sweep's beginning to its end is seen at least once; only one whose
  /// bucket was merged while the sweep stood inside it is seen twice.
  public func visit(_ sweep: inout Sweep) -> BucketEntries? {
    guard let bucket = advance(&sweep) else { return nil }
    // The order of visits is one that no processor guesses: ask for what comes next by hand.
    bucket.prefetchEntries()
    if !sweep.isDone { table.bucket(table.index(position: sweep.position)).prefetch() }
    return BucketEntries(bucket)
  }

  /// The bucket at the sweep's place, which moves on behind it.
  func advance(_ sweep: inout Sweep) -> Bucket? {
    guard !sweep.isDone else { return nil }
    guard table.bucketCount > 0 else {
      sweep.finish()
      return nil
    }
    let index = table.index(position: sweep.position)
    sweep.pass(bucket: index, in: table)
    return table.bucket(index)
  }

  /// An entry chosen by a random number. It is drawn from a few neighbouring buckets that hold at least
  /// `sampleCount` entries together, so that a key that is alone in its bucket is not drawn much more often
  /// than others. Nil if the keyspace is empty.
  public func random(_ draw: UInt64) -> Location? {
    guard count > 0 else { return nil }
    var sweep = Sweep()
    sweep.position = draw
    let begin = sweep
    let wanted = min(count, Keyspace.sampleCount)
    var found = 0
    while found < wanted { found += nextCircular(&sweep).count }
    // The low bits of the number took no part in choosing the bucket, unless the table is enormous.
    var chosen = Int(((draw & 0xFFFF_FFFF) * UInt64(found)) >> 32)
    sweep = begin
    while true {
      var entries = nextCircular(&sweep)
      while let location = entries.next() {
        if chosen == 0 { return location }
        chosen -= 1
      }
    }
  }

  private static var sampleCount: Int { 16 }

  /// The next entries, beginning again after the end.
  private func nextCircular(_ sweep: inout Sweep) -> BucketEntries {
    if sweep.isDone { sweep = Sweep() }
    return BucketEntries(advance(&sweep))
  }
}
