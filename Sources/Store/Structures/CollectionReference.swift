// CollectionReference.swift: a large hash, set or sorted set.
//
//   entry's payload ──▶ ┌────────┬──────────────────────────┐
//                       │ owners │ elements: a keyspace     │
//                       └────────┴──────────────────────────┘
//                                   each element an entry: the member or field is its key, a hash's value its
//                                   string, a sorted set's score its payload
//
// A collection is a small database of its own: it grows by one bucket at a time, SSCAN and HSCAN have SCAN's
// guarantee, and a field can expire as a key does. It is counted as a blob is: whoever reads it for longer than
// a call pins it, a pinned one does not change, the last owner frees.
import Bytes
import CAllocator

struct CollectionRoot: ~Copyable {
  var owners = 1
  var elements = Keyspace()
  /// The elements of a sorted set in their order; empty for others.
  var ranks = RankTree()

  /// Takes the element of this name out, if there is one.
  mutating func remove(_ name: ByteView, _ hash: KeyHash) {
    if let place = elements.find(name, hash) { elements.remove(place) }
  }

  var memoryBytes: Int { elements.memoryBytes + ranks.memoryBytes }
}

/// A counted pointer to a large collection. Copying it counts nothing: `pin` and `release` do.
@safe public struct CollectionReference: BitwiseCopyable, Equatable {
  let root: UnsafeMutablePointer<CollectionRoot>

  init(bits: UInt64) { unsafe root = UnsafeMutablePointer(bitPattern: UInt(bits)).unsafelyUnwrapped }

  private init(_ root: UnsafeMutablePointer<CollectionRoot>) { unsafe self.root = root }

  /// As an entry's payload.
  var bits: UInt64 { unsafe UInt64(UInt(bitPattern: root)) }

  /// An empty one, owned once.
  static func make() -> CollectionReference {
    let root = UnsafeMutablePointer<CollectionRoot>.allocate(capacity: 1)
    unsafe root.initialize(to: CollectionRoot())
    return unsafe CollectionReference(root)
  }

  private static var rootBytes: Int { SizeClass.round(MemoryLayout<CollectionRoot>.size) }

  /// Elements, expired ones that were not removed yet included.
  public var count: Int { unsafe root.pointee.elements.count }

  /// Bytes of memory of everything.
  public var memoryBytes: Int { unsafe CollectionReference.rootBytes + root.pointee.memoryBytes }

  public var isPinned: Bool { unsafe root.pointee.owners > 1 }

  /// Makes the caller one more owner. Only on the thread that owns the store.
  public func pin() { unsafe root.pointee.owners += 1 }

  /// Lets go; the last owner frees, all at once: the graveyard does it in steps.
  public func release() {
    let remaining = unsafe root.pointee.owners - 1
    precondition(remaining >= 0, "a collection was released more often than owned")
    unsafe root.pointee.owners = remaining
    guard remaining == 0 else { return }
    unsafe root.deinitialize(count: 1)
    unsafe root.deallocate()
  }

  /// The same elements in a collection of its own.
  func copied() -> CollectionReference {
    var copy = CollectionCopy(of: self)
    while !copy.advance(.max) {}
    return copy.finish()
  }

  /// Frees about `effort` elements of a collection with one owner; how many it freed, 0 when none is left.
  func freeSome(_ effort: Int) -> Int {
    let order = unsafe root.pointee.ranks.freeSome(effort)
    return order > 0 ? order : unsafe root.pointee.elements.freeSome(effort)
  }

  // MARK: elements

  /// The element under a name, or nil.
  public func find(_ name: ByteView, _ hash: KeyHash) -> Entry? {
    unsafe root.pointee.elements.find(name, hash)?.entry
  }

  /// The elements at the sweep's place, which moves on: `Keyspace.visit`.
  public func visit(_ sweep: inout Sweep) -> BucketEntries? { unsafe root.pointee.elements.visit(&sweep) }

  /// An element chosen by a random number; there is one.
  public func random(_ draw: UInt64) -> Entry? { unsafe root.pointee.elements.random(draw)?.entry }

  /// The table's inner figures.
  public func figures() -> Keyspace.Figures { unsafe root.pointee.elements.figures() }

  /// Elements that have an expiry.
  public var volatileCount: Int { unsafe root.pointee.elements.volatileCount }

  public static func == (a: CollectionReference, b: CollectionReference) -> Bool { unsafe a.root == b.root }

  // MARK: going through

  /// All elements, in the order of sweeps. Good while the collection does not change.
  public struct Cursor: BitwiseCopyable {
    let collection: CollectionReference
    var sweep = Sweep()
    var bucket: BucketEntries?

    public mutating func next() -> Entry? {
      while true {
        if let location = bucket?.next() { return location.entry }
        guard let next = collection.visit(&sweep) else { return nil }
        bucket = next
      }
    }
  }

  public func cursor() -> Cursor { Cursor(collection: self) }
}

extension Keyspace {
  /// Frees about `effort` entries from the last bucket backwards; how many, 0 when none is left. The sums are
  /// not kept: what is freed so is read no more.
  mutating func freeSome(_ effort: Int) -> Int {
    var freed = 0
    while freed < effort, let count = table.freeLastBucket() { freed += max(1, count) }
    return freed
  }
}
