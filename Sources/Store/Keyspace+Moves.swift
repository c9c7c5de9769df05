// Keyspace+Moves.swift: RENAME, MOVE and COPY.
//
// An entry is taken out of one keyspace and put into another, or back under another key. Its value
// never moves: only a new key makes a new entry, and a blob goes over by its pointer.
import Bytes

/// An entry that stands in no keyspace. Frees itself if nobody puts it anywhere.
public struct LooseEntry: ~Copyable {
  public let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  /// A copy of an entry with its value, expiry and access stamp.
  public init(copying entry: Entry) { self.entry = entry.duplicated(key: entry.key) }

  deinit { entry.free() }

  consuming func relinquish() -> Entry {
    let entry = entry
    discard self
    return entry
  }
}

extension Keyspace {
  /// Takes the entry at `location` out.
  public mutating func take(_ location: Location) -> LooseEntry {
    willChange(location)
    let entry = location.entry
    unlink(location)
    return LooseEntry(entry)
  }

  /// Puts an entry in under a key for which `find` answered nil.
  @discardableResult
  public mutating func put(_ loose: consuming LooseEntry, _ key: ByteView, _ hash: KeyHash) -> Location {
    let entry = loose.relinquish()
    entry.epoch = epoch
    guard !entry.hasKey(key) else { return add(entry, hash) }
    let renamed = entry.relabelled(key: key)
    entry.freeAllocation()
    return add(renamed, hash)
  }
}
