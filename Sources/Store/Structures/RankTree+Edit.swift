// RankTree+Edit.swift: adding entries to the order and taking them out.
//
// Nodes split when they are full, in the middle; at the end of all entries a new leaf is begun instead, so that
// members that come in their order fill their leaves. Neighbours that are small together become one.

extension RankTree {
  /// Adds an entry, which is not there, at the place that its score and key say.
  mutating func insert(_ entry: Entry) {
    count += 1
    guard root != 0 else {
      let leaf = makeLeaf()
      leaf[0] = entry
      leaf.count = 1
      (first, last) = (leaf, leaf)
      root = unsafe UInt(bitPattern: leaf.memory)
      return
    }
    let score = entry.score
    let member = entry.key
    guard let right = insert(entry, root, height, { $0.isBefore(score, member) }) else { return }
    let top = Inner.make()
    innerCount += 1
    let low = height == 0 ? RankTree.leaf(root)[0] : RankTree.inner(root)[0].low
    top.count = 2
    top[0] = Child(bits: root, count: count - right.count, low: low)
    top[1] = right
    root = unsafe UInt(bitPattern: top.memory)
    height += 1
  }

  private mutating func makeLeaf() -> Leaf {
    leafCount += 1
    return Leaf.make()
  }

  /// Adds below a node; the node that was split off behind it, if one was.
  private mutating func insert(_ entry: Entry, _ bits: UInt, _ height: Int, _ isBefore: (Entry) -> Bool) -> Child? {
    guard height > 0 else { return insert(entry, RankTree.leaf(bits), isBefore) }
    let inner = RankTree.inner(bits)
    let index = RankTree.child(of: inner, isBefore)
    var child = inner[index]
    let split = insert(entry, child.bits, height - 1, isBefore)
    child.count += 1 - (split?.count ?? 0)
    child.low = height == 1 ? RankTree.leaf(child.bits)[0] : RankTree.inner(child.bits)[0].low
    inner[index] = child
    guard let split else { return nil }
    return insert(split, into: inner, at: index + 1)
  }

  /// The child in whose stretch an entry belongs before which `isBefore` stand.
  private static func child(of inner: Inner, _ isBefore: (Entry) -> Bool) -> Int {
    var low = 1
    var high = inner.count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(inner[middle].low) { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  private mutating func insert(_ entry: Entry, _ leaf: Leaf, _ isBefore: (Entry) -> Bool) -> Child? {
    let index = RankTree.position(leaf, isBefore)
    guard leaf.count == Leaf.capacity else {
      leaf.shift(from: index, by: 1)
      leaf[index] = entry
      return nil
    }
    let right = makeLeaf()
    right.next = leaf.next
    right.previous = leaf
    if let next = leaf.next { next.previous = right } else { last = right }
    leaf.next = right
    // At the very end only the new entry goes over.
    let isLast = right.next == nil && index == leaf.count
    let kept = isLast ? leaf.count : leaf.count / 2
    for source in kept..<leaf.count { right[source - kept] = leaf[source] }
    right.count = leaf.count - kept
    leaf.count = kept
    if index > kept || isLast {
      right.shift(from: index - kept, by: 1)
      right[index - kept] = entry
    } else {
      leaf.shift(from: index, by: 1)
      leaf[index] = entry
    }
    return Child(bits: unsafe UInt(bitPattern: right.memory), count: right.count, low: right[0])
  }

  private mutating func insert(_ child: Child, into inner: Inner, at index: Int) -> Child? {
    guard inner.count == Inner.capacity else {
      inner.shift(from: index, by: 1)
      inner[index] = child
      return nil
    }
    let right = Inner.make()
    innerCount += 1
    let kept = index == inner.count ? inner.count - 1 : inner.count / 2
    for source in kept..<inner.count { right[source - kept] = inner[source] }
    right.count = inner.count - kept
    inner.count = kept
    if index > kept {
      right.shift(from: index - kept, by: 1)
      right[index - kept] = child
    } else {
      inner.shift(from: index, by: 1)
      inner[index] = child
    }
    return Child(bits: unsafe UInt(bitPattern: right.memory), count: right.sum, low: right[0].low)
  }

  // MARK: taking out

  /// Takes out an entry that is there, before its score or key change.
  mutating func remove(_ entry: Entry) {
    let score = entry.score
    let member = entry.key
    remove(entry, root, height) { $0.isBefore(score, member) }
    count -= 1
    // A root with one child is none.
    while height > 0 {
      let top = RankTree.inner(root)
      guard top.count <= 1 else { return }
      root = top.count == 1 ? top[0].bits : 0
      top.free()
      innerCount -= 1
      height -= 1
      if root == 0 { height = 0 }
    }
    if count == 0, root != 0 {
      drop(RankTree.leaf(root))
      root = 0
    }
  }

  /// Frees a leaf and takes it out of the row.
  private mutating func drop(_ leaf: Leaf) {
    if let previous = leaf.previous { previous.next = leaf.next } else { first = leaf.next }
    if let next = leaf.next { next.previous = leaf.previous } else { last = leaf.previous }
    leaf.free()
    leafCount -= 1
  }

  private mutating func remove(_ entry: Entry, _ bits: UInt, _ height: Int, _ isBefore: (Entry) -> Bool) {
    guard height > 0 else {
      let leaf = RankTree.leaf(bits)
      let index = RankTree.position(leaf, isBefore)
      precondition(index < leaf.count && leaf[index] == entry, "the entry stands in the order")
      leaf.shift(from: index + 1, by: -1)
      return
    }
    let inner = RankTree.inner(bits)
    // The last child whose first entry is not behind: before, or the entry itself.
    var index = RankTree.child(of: inner, isBefore)
    if index + 1 < inner.count, inner[index + 1].low == entry { index += 1 }
    var child = inner[index]
    remove(entry, child.bits, height - 1, isBefore)
    child.count -= 1
    guard child.count > 0 else {
      if height == 1 {
        drop(RankTree.leaf(child.bits))
      } else {
        RankTree.inner(child.bits).free()
        innerCount -= 1
      }
      inner.shift(from: index + 1, by: -1)
      return
    }
    child.low = height == 1 ? RankTree.leaf(child.bits)[0] : RankTree.inner(child.bits)[0].low
    inner[index] = child
    if index + 1 < inner.count { merge(inner, index, height - 1) }
    if index > 0 { merge(inner, index - 1, height - 1) }
  }

  /// Makes one node of the children `index` and `index + 1` if they are small.
  private mutating func merge(_ parent: Inner, _ index: Int, _ height: Int) {
    guard index + 1 < parent.count else { return }
    var left = parent[index]
    let right = parent[index + 1]
    if height == 0 {
      guard left.count + right.count <= Leaf.mergedMax else { return }
      let (into, from) = (RankTree.leaf(left.bits), RankTree.leaf(right.bits))
      for source in 0..<from.count { into[into.count + source] = from[source] }
      into.count += from.count
      drop(from)
    } else {
      let (into, from) = (RankTree.inner(left.bits), RankTree.inner(right.bits))
      guard into.count + from.count <= Inner.mergedMax else { return }
      for source in 0..<from.count { into[into.count + source] = from[source] }
      into.count += from.count
      from.free()
      innerCount -= 1
    }
    left.count += right.count
    parent[index] = left
    parent.shift(from: index + 2, by: -1)
  }
}
