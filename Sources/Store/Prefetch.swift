// Prefetch.swift: what a look-up will need, asked for before it is needed.
//
// A look-up in a large table waits for memory twice: for the bucket, then for the entry. A batch of
// requests asks for all buckets first, then for all entries, and by the time the first look-up begins
// the lines are on their way: the waits overlap.
import Bytes
import CPrefetch

extension Keyspace {
  /// First round: asks for the bucket of a hash.
  public func prefetchBucket(_ hash: KeyHash) {
    guard table.count > 0 else { return }
    table.bucket(table.index(hash)).prefetch()
  }

  /// Second round: asks for the entries in that bucket that may be the key's.
  public func prefetchEntry(_ hash: KeyHash) {
    guard table.count > 0 else { return }
    let bucket = table.bucket(table.index(hash))
    var candidates = bucket.candidates(hash.tag)
    while candidates != 0 {
      let word = bucket.word(candidates.trailingZeroBitCount >> 3)
      if word & EntryWord.carriedMask == hash.carried { EntryWord.entry(word).prefetch() }
      candidates &= candidates - 1
    }
    bucket.child?.prefetch()
  }
}

extension Bucket {
  func prefetch() { unsafe martlet_prefetch(words) }

  /// Asks for the headers of all entries in this bucket, and for the child.
  func prefetchEntries() {
    for slot in 0..<count { entry(slot).prefetch() }
    child?.prefetch()
  }
}

extension Entry {
  /// Asks for the line with the header and, usually, the key.
  func prefetch() { unsafe martlet_prefetch(memory) }
}
