// Invariants.swift: sentences about a keyspace that tests run.
import Bytes

extension Keyspace {
  /// Walks everything and stops at the first sentence that is not true. For tests and simulations.
  public func checkInvariants() {
    var entryCount = 0
    var volatile = 0
    var volatileHashes = 0
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
          entry.checkValue()
          if entry.hasVolatileFields {
            precondition(agenda.due(entry.key, hash) != nil, "a hash of which fields end is listed")
            volatileHashes += 1
          }
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
    precondition(volatileHashes == volatileHashCount, "only hashes of which fields end are listed")
    precondition(bytes == valueBytes, "the sum of bytes is that of the entries")
    precondition(children == table.childCount, "the table knows its children")
    precondition(
      count <= table.bucketCount * Table.splitAbove, "the table is never fuller than its limit")
  }
}

extension Entry {
  /// The same for a large value.
  fileprivate func checkValue() {
    switch holding {
    case .itself, .blob: break
    case .collection(let collection): unsafe collection.root.pointee.checkInvariants(isSorted: type == .sortedSet)
    case .list(let list): unsafe list.root.pointee.checkInvariants()
    case .stream(let stream): stream.checkInvariants()
    }
  }
}

extension CollectionRoot {
  func checkInvariants(isSorted: Bool) {
    elements.checkInvariants()
    ranks.checkInvariants()
    precondition(ranks.count == (isSorted ? elements.count : 0), "each member of a sorted set has a rank, and no other")
  }
}

extension ListRoot {
  func checkInvariants() {
    var elementCount = 0
    var blobBytes = 0
    for index in 0..<nodeCount {
      let node = self[index]
      precondition(node.isPlain || Listpack(node.blob).count == node.count, "a node knows its elements")
      elementCount += node.count
      blobBytes += node.blob.memoryBytes
    }
    precondition(elementCount == count, "the count is that of the nodes")
    precondition(blobBytes == bytes, "the sum of bytes is that of the nodes")
  }
}

extension RankTree {
  func checkInvariants() {
    var entries = cursor(at: 0)
    var rank = 0
    var previous: Entry?
    while let entry = entries.next() {
      if let previous { precondition(previous.isBefore(entry.score, entry.key), "entries stand in their order") }
      let score = entry.score
      let member = entry.key
      precondition(self.rank { $0.isBefore(score, member) } == rank, "an entry is found by its rank")
      previous = entry
      rank += 1
    }
    precondition(rank == count, "the count is that of the entries")
    var leaves = 0
    var inner = 0
    if root != 0 { precondition(check(root, height, &leaves, &inner) == count, "the counts add up") }
    precondition(leaves == leafCount && inner == innerCount, "the tree knows its nodes")
  }

  private func check(_ bits: UInt, _ height: Int, _ leaves: inout Int, _ inner: inout Int) -> Int {
    guard height > 0 else {
      leaves += 1
      precondition(RankTree.leaf(bits).count > 0, "no leaf is empty")
      return RankTree.leaf(bits).count
    }
    inner += 1
    let node = RankTree.inner(bits)
    var sum = 0
    for index in 0..<node.count {
      let child = node[index]
      let low = height == 1 ? RankTree.leaf(child.bits)[0] : RankTree.inner(child.bits)[0].low
      precondition(child.low == low, "a child's first entry is known")
      precondition(check(child.bits, height - 1, &leaves, &inner) == child.count, "a child's count is known")
      sum += child.count
    }
    return sum
  }
}
