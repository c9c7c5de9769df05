// Invariants.swift: sentences about a keyspace that tests run.
import Bytes

extension Keyspace {
  /// Walks everything and stops at the first sentence that is not true. For tests and simulations.
  public func checkInvariants() {
    var entryCount = 0
    var volatile = 0
    var bytes = 0
    var children = 0
    for index in 0..<table.bucketCount {
      var bucket = table.bucket(index)
      precondition(unsafe UInt(bitPattern: bucket.words) & 63 == 0, "a bucket begins on a cache line")
      var isHead = true
      while true {
        precondition(!bucket.isChained || bucket.count == 6, "a bucket with a child is full")
        precondition(isHead || bucket.isChained || bucket.count >= 2, "a child holds at least two entries")
        children += isHead ? 0 : 1
        for slot in 0..<bucket.count {
          let entry = bucket.entry(slot)
          let hash = KeyHash(entry.key)
          precondition(table.index(hash) == index, "an entry is in the bucket of its hash")
          precondition(bucket.tag(slot) == hash.tag, "a tag is that of its entry's hash")
          precondition(
            bucket.word(slot) == EntryWord.make(entry, carried: hash.carried), "a word says what its entry says")
          precondition(find(entry.key, hash)?.entry == entry, "a key is found once and where it is")
          precondition(
            entry.epoch == epoch || (staleEpochs > 0 && !epochSweep.hasPassed(hash)),
            "what a walk has passed is of its epoch")
          entryCount += 1
          volatile += entry.hasExpiry ? 1 : 0
          bytes += entry.memoryBytes
        }
        guard let child = bucket.child else { break }
        bucket = child
        isHead = false
      }
    }
    precondition(walked == nil || staleEpochs > 0, "a walk leaves an epoch behind")
    precondition(entryCount == count, "the count is that of the entries")
    precondition(volatile == volatileCount, "the volatile count is that of the entries")
    precondition(bytes == valueBytes, "the sum of bytes is that of the entries")
    precondition(children == table.childCount, "the table knows its children")
    precondition(
      count <= table.bucketCount * Table.splitAbove, "the table is never fuller than its limit")
  }
}
