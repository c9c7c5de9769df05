// Prefetch.swift: what a look-up will need, asked for before it is needed.
//
// A look-up in a large table waits for memory twice: for the bucket, then for the entry. A batch of
// requests asks for all buckets first, then for all entries, and by the time the first look-up begins
// the lines are on their way: the waits overlap.
import Bytes
import CPrefetch

extension Keyspace {
  /// First round: asks for the bucket of a hash.
  package func prefetchBucket(_ hash: KeyHash) {
    guard table.count > 0 else { return }
    unsafe martlet_prefetch(table.bucket(table.index(hash)).words)
  }

  /// Second round: asks for the entries in that bucket that may be the key's.
  package func prefetchEntry(_ hash: KeyHash) {
    guard table.count > 0 else { return }
    let bucket = table.bucket(table.index(hash))
    var candidates = bucket.candidates(hash.tag)
    while candidates != 0 {
      let word = bucket.word(candidates.trailingZeroBitCount >> 3)
      if word & EntryWord.carriedMask == hash.carried { unsafe martlet_prefetch(EntryWord.entry(word).memory) }
      candidates &= candidates - 1
    }
    if let child = bucket.child { unsafe martlet_prefetch(child.words) }
  }
}
