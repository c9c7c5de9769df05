// StreamProgress.swift: how far a group has come, as a number of entries.
//
// A stream counts every entry that was ever added, a group every one that it has read. Entries deleted by themselves
// leave holes (tombstones) that neither count knows; of them only the highest is remembered. Where one may be
// in the way the number is unknown, and nil.

extension StreamReference {
  /// The group has read up to `id`, which is there and behind what it has read before.
  public func advance(_ group: StreamGroupReference, to id: StreamID) {
    if let read = group.entriesRead, isCountable(from: group.lastID) {
      group.entriesRead = read &+ 1
    } else if entriesAdded > 0 {
      group.entriesRead = entriesRead(through: id)
    }
    group.lastID = id
  }

  /// Whether a number of entries read up to `id` goes on being right: nothing was trimmed or deleted behind it.
  private func isCountable(from id: StreamID) -> Bool { id >= firstID && !hasTombstones(from: id) }

  /// Whether an entry at or behind `id` was deleted by itself.
  private func hasTombstones(from id: StreamID) -> Bool {
    count > 0 && deletedIDMax != .zero && id <= deletedIDMax
  }

  /// How many entries were ever added up to `id`; nil where deletions make that unknowable.
  public func entriesRead(through id: StreamID) -> Int64? {
    let added = Int64(clamping: entriesAdded)
    guard added > 0 else { return 0 }
    if count == 0 && id <= lastID { return added }
    // A tombstone behind `id` may stand for an entry that it has not counted.
    if id != .zero && id < deletedIDMax { return nil }
    if id == lastID { return added }
    guard id < lastID else { return nil }
    guard deletedIDMax == .zero || deletedIDMax < firstID else { return nil }
    if id < firstID { return added - Int64(count) }
    return id == firstID ? added - Int64(count) + 1 : nil
  }

  /// How many entries the group has still to read; nil where deletions make that unknowable.
  public func lag(_ group: StreamGroupReference) -> Int64? {
    let added = Int64(clamping: entriesAdded)
    guard added > 0 else { return 0 }
    if let read = group.entriesRead, !hasTombstones(from: group.lastID) { return added &- read }
    return entriesRead(through: group.lastID).map { added - $0 }
  }
}
