// PinnedValue.swift: one more owner of a value, for who reads it longer than a call.
//
//   key ──▶ entry ──▶ value ◀── pin          the key may go, be renamed or get another value; this one stays as it is
//
// Strings and integers that lie in their entry cannot be pinned: a pin of one holds nothing, and who reads it longer
// than a call copies it.
import Bytes

/// One more owner of a value, without its key. Copying it counts nothing: `release` once.
public struct PinnedValue: BitwiseCopyable {
  private let holding: Entry.Holding

  /// Pins the value at `entry`.
  public init(pinning entry: Entry) {
    entry.pinValue()
    holding = entry.holding
  }

  /// The same, or nil if so many have pinned it that no more can be counted.
  public init?(ifCountable entry: Entry) {
    if case .blob(let blob) = entry.holding, blob.owners >= BlobReference.ownersMax - 1 { return nil }
    self.init(pinning: entry)
  }

  /// It holds on to something: the value does not lie in its entry.
  public var holdsMemory: Bool {
    if case .itself = holding { false } else { true }
  }

  /// Whether the entry has this very value, unchanged. Of values that lie in their entries that is not known: false.
  public func isStill(at entry: Entry) -> Bool {
    switch (holding, entry.holding) {
    case (.blob(let own), .blob(let other)): own == other
    case (.collection(let own), .collection(let other)): own == other
    case (.list(let own), .list(let other)): own == other
    case (.stream(let own), .stream(let other)): own == other
    default: false
    }
  }

  /// Lets go. Only on the thread that owns the store.
  public func release() { holding.release() }

  /// Lets go; if nobody else owns what takes long to free, the graveyard frees it.
  public func release(into graveyard: inout Graveyard) {
    let entry: Entry
    switch holding {
    case .collection(let collection) where !collection.isPinned && collection.count > Graveyard.freedAtOnceMax:
      entry = .nameless(.set, .hashtable, payload: collection.bits)
    case .list(let list) where !list.isPinned && list.nodeCount > Graveyard.freedAtOnceMax:
      entry = .nameless(.list, .quicklist, payload: list.bits)
    case .stream(let stream) where !stream.isPinned && stream.blockCount > Graveyard.freedAtOnceMax:
      entry = .nameless(.stream, .stream, payload: stream.bits)
    default: return holding.release()
    }
    graveyard.bury(entry)
  }
}

extension Entry {
  /// An entry without a key that owns a value.
  fileprivate static func nameless(_ type: ValueType, _ encoding: Encoding, payload: UInt64) -> Entry {
    let shape = EntryShape(kind: kind(type, encoding), flags: Flag.payload, keyCount: 0, inlineCount: 0)
    let entry = Entry.allocate(shape, key: .empty, stamp: 0)
    entry.payload = payload
    return entry
  }
}
