// Snapshots.swift — when snapshots were written, and whether the last one was.

struct Snapshots {
  /// The last one that was asked for could not be written.
  var lastFailed = false
  var lastSaveSeconds: Int64 = 0
  var changesAtSave: UInt64 = 0
}

extension Server {
  mutating func stepSnapshot(_ source: Recovery.Source) -> Bool { false }
  mutating func snapshotWritten(_ result: Int32) {}
  mutating func snapshotSynced(_ result: Int32) {}
}
