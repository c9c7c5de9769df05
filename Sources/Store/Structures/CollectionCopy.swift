// CollectionCopy.swift: a copy of a large collection, made some elements at a time.
//
//   source ─▶ in ranks' order, if it has ranks, so that the tree of the copy fills its leaves; else in the order of sweeps
//
// The source must not change before the copy is complete: whoever makes one piecewise has seen to that.
import Bytes

/// A large hash, set or sorted set on its way into a second one that shares nothing with it.
@safe public struct CollectionCopy: ~Copyable {
  private let source: CollectionReference
  private let copy: CollectionReference
  private var ranked: RankTree.Cursor?
  private var swept: CollectionReference.Cursor

  init(of source: CollectionReference) {
    self.source = source
    copy = CollectionReference.make()
    swept = source.cursor()
    if unsafe source.root.pointee.ranks.count > 0 { ranked = unsafe source.root.pointee.ranks.cursor(at: 0) }
  }

  /// Begins a copy of the value at an entry; nil if that is copied in one step, as anything is but a large collection.
  public init?(of entry: Entry) {
    guard let collection = entry.collection else { return nil }
    self.init(of: collection)
  }

  deinit { copy.release() }

  /// Copies up to `count` elements; true when all have been copied.
  public mutating func advance(_ count: Int) -> Bool {
    for _ in 0..<count {
      guard let entry = ranked?.next() ?? (ranked == nil ? swept.next() : nil) else { return true }
      let twin = entry.duplicated(key: entry.key)
      unsafe _ = copy.root.pointee.elements.add(twin, KeyHash(twin.key))
      if ranked != nil { unsafe copy.root.pointee.ranks.insert(twin) }
    }
    return false
  }

  /// The copy, which is complete and the caller's.
  consuming func finish() -> CollectionReference {
    let copy = copy
    discard self
    return copy
  }

  /// A second entry like `entry`, with the copy for its value.
  public consuming func finish(as entry: Entry) -> LooseEntry {
    let result = entry.relabelled(key: entry.key)
    result.payload = finish().bits
    return LooseEntry(result)
  }
}
