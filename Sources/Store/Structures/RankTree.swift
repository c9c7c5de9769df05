// RankTree.swift: the members of a sorted set in their order, with ranks.
//
//   inner   low, count, child │ low, count, child │ …        low: the first entry below the child
//             │                     │                        count: entries below the child
//             ▼                     ▼
//   leaf    entry entry entry … ◀──▶ entry entry entry …     up to 61 pointers each
//
// A B+ tree over the entries of the set's table: score and member are read there, so an entry costs eight bytes and
// the unused part of its leaf. Every inner node counts what is below each child: the rank of an entry, and the entry
// of a rank, are found on one way down, and so is where a range of scores or of members begins.
import Bytes
import CAllocator

@safe struct RankTree: ~Copyable {
  @safe struct Leaf: BitwiseCopyable {
    static var capacity: Int { 61 }
    /// Leaves that together have at most so many entries become one.
    static var mergedMax: Int { 44 }

    let memory: UnsafeMutableRawPointer

    static func make() -> Leaf {
      let leaf = unsafe Leaf(memory: SizeClass.allocate(bytes))
      leaf.count = 0
      leaf.previous = nil
      leaf.next = nil
      return leaf
    }

    static var bytes: Int { 24 + capacity * 8 }

    func free() { unsafe martlet_free_sized(memory, Leaf.bytes) }

    var count: Int {
      get { unsafe memory.load(as: Int.self) }
      nonmutating set { unsafe memory.storeBytes(of: newValue, as: Int.self) }
    }

    var next: Leaf? {
      get { link(8) }
      nonmutating set { setLink(8, newValue) }
    }

    var previous: Leaf? {
      get { link(16) }
      nonmutating set { setLink(16, newValue) }
    }

    private func link(_ offset: Int) -> Leaf? {
      unsafe UnsafeMutableRawPointer(bitPattern: memory.load(fromByteOffset: offset, as: UInt.self)).map { unsafe Leaf(memory: $0) }
    }

    private func setLink(_ offset: Int, _ leaf: Leaf?) {
      let bits = leaf.map { unsafe UInt(bitPattern: $0.memory) } ?? 0
      unsafe memory.storeBytes(of: bits, toByteOffset: offset, as: UInt.self)
    }

    subscript(index: Int) -> Entry {
      get {
        precondition(index >= 0 && index < Leaf.capacity, "no such place in a leaf")
        return unsafe Entry(memory.load(fromByteOffset: 24 + index * 8, as: UnsafeMutableRawPointer.self))
      }
      nonmutating set {
        precondition(index >= 0 && index < Leaf.capacity, "no such place in a leaf")
        unsafe memory.storeBytes(of: newValue.memory, toByteOffset: 24 + index * 8, as: UnsafeMutableRawPointer.self)
      }
    }

    /// Moves entries from `index` on by `shift` places.
    func shift(from index: Int, by shift: Int) {
      let start = unsafe memory + (24 + index * 8)
      unsafe memmove(start + shift * 8, start, (count - index) * 8)
      count += shift
    }
  }

  struct Child: BitwiseCopyable {
    /// A leaf, or an inner node.
    var bits: UInt
    var count: Int
    var low: Entry
  }

  @safe struct Inner: BitwiseCopyable {
    static var capacity: Int { 36 }
    static var mergedMax: Int { 26 }
    static var bytes: Int { 8 + capacity * 24 }

    let memory: UnsafeMutableRawPointer

    static func make() -> Inner {
      let inner = unsafe Inner(memory: SizeClass.allocate(SizeClass.round(bytes)))
      inner.count = 0
      return inner
    }

    func free() { unsafe martlet_free_sized(memory, SizeClass.round(Inner.bytes)) }

    var count: Int {
      get { unsafe memory.load(as: Int.self) }
      nonmutating set { unsafe memory.storeBytes(of: newValue, as: Int.self) }
    }

    subscript(index: Int) -> Child {
      get {
        precondition(index >= 0 && index < Inner.capacity, "no such child")
        return unsafe memory.load(fromByteOffset: 8 + index * 24, as: Child.self)
      }
      nonmutating set {
        precondition(index >= 0 && index < Inner.capacity, "no such child")
        unsafe memory.storeBytes(of: newValue, toByteOffset: 8 + index * 24, as: Child.self)
      }
    }

    func shift(from index: Int, by shift: Int) {
      let start = unsafe memory + (8 + index * 24)
      unsafe memmove(start + shift * 24, start, (count - index) * 24)
      count += shift
    }

    /// Entries below all children.
    var sum: Int { (0..<count).reduce(0) { $0 + self[$1].count } }
  }

  /// A leaf if `height` is 0, else an inner node; 0 for an empty tree.
  var root: UInt = 0
  var height = 0
  var first: Leaf?
  var last: Leaf?
  /// Entries.
  var count = 0
  var leafCount = 0
  var innerCount = 0

  init() {}

  deinit {
    var next = first
    while let leaf = next {
      next = leaf.next
      leaf.free()
    }
    RankTree.freeInner(root, height)
  }

  /// Frees inner nodes; the leaves are not looked at.
  private static func freeInner(_ bits: UInt, _ height: Int) {
    guard height > 0, bits != 0 else { return }
    let inner = RankTree.inner(bits)
    if height > 1 { for index in 0..<inner.count { freeInner(inner[index].bits, height - 1) } }
    inner.free()
  }

  static func leaf(_ bits: UInt) -> Leaf { unsafe Leaf(memory: UnsafeMutableRawPointer(bitPattern: bits).unsafelyUnwrapped) }
  static func inner(_ bits: UInt) -> Inner { unsafe Inner(memory: UnsafeMutableRawPointer(bitPattern: bits).unsafelyUnwrapped) }

  var memoryBytes: Int { leafCount * Leaf.bytes + innerCount * SizeClass.round(Inner.bytes) }

  /// Frees about `effort` entries' places of a tree that nobody reads any more; how many, 0 when none is left.
  mutating func freeSome(_ effort: Int) -> Int {
    var freed = 0
    while freed < effort, let leaf = first {
      first = leaf.next
      freed += max(1, leaf.count)
      leaf.free()
    }
    if first == nil && root != 0 {
      RankTree.freeInner(root, height)
      (root, height, count, leafCount, innerCount, last) = (0, 0, 0, 0, 0, nil)
    }
    return freed
  }

  // MARK: finding

  /// How many entries `isBefore` says it of: those that come first, if any.
  func rank(_ isBefore: (Entry) -> Bool) -> Int {
    guard root != 0 else { return 0 }
    var rank = 0
    var bits = root
    for _ in 0..<height {
      let inner = RankTree.inner(bits)
      // The last child whose first entry is before; entries of the children before it all are.
      var low = 0
      var high = inner.count
      while low < high {
        let middle = (low + high) / 2
        if isBefore(inner[middle].low) { low = middle + 1 } else { high = middle }
      }
      guard low > 0 else { return rank }
      for index in 0..<(low - 1) { rank += inner[index].count }
      bits = inner[low - 1].bits
    }
    return rank + RankTree.position(RankTree.leaf(bits), isBefore)
  }

  static func position(_ leaf: Leaf, _ isBefore: (Entry) -> Bool) -> Int {
    var low = 0
    var high = leaf.count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(leaf[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The leaf of the entry with this rank, and its place there; nil if there is none.
  private func place(_ rank: Int) -> (leaf: Leaf, index: Int)? {
    guard rank >= 0 && rank < count else { return nil }
    var left = rank
    var bits = root
    for _ in 0..<height {
      let inner = RankTree.inner(bits)
      var index = 0
      while left >= inner[index].count {
        left -= inner[index].count
        index += 1
      }
      bits = inner[index].bits
    }
    return (RankTree.leaf(bits), left)
  }

  /// Entries one after the other.
  struct Cursor: BitwiseCopyable {
    var leaf: Leaf?
    var index: Int
    let isBackward: Bool

    mutating func next() -> Entry? {
      guard let here = leaf else { return nil }
      let entry = here[index]
      if isBackward {
        index -= 1
        if index < 0 {
          leaf = here.previous
          index = (leaf?.count ?? 0) - 1
        }
      } else {
        index += 1
        if index == here.count {
          leaf = here.next
          index = 0
        }
      }
      return entry
    }
  }

  /// The entries from `rank` on; none if there is no such rank.
  func cursor(at rank: Int, isBackward: Bool = false) -> Cursor {
    guard let place = place(rank) else { return Cursor(leaf: nil, index: 0, isBackward: isBackward) }
    return Cursor(leaf: place.leaf, index: place.index, isBackward: isBackward)
  }
}

extension Entry {
  /// The score of a sorted set's member.
  var score: Double { Double(bitPattern: payload) }

  /// The order of sorted sets: by score, then by the bytes of the member.
  func isBefore(_ score: Double, _ member: ByteView) -> Bool {
    let own = self.score
    return own != score ? own < score : key.precedes(member)
  }
}
