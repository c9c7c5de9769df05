// Persistence.swift — snapshots and the log: when they are written, where, and what a failure means.

/// Snapshot and log. Each field is described by its line in the table below.
package struct PersistenceSettings: Sendable, Equatable {
  package var savePoints: [SavePoint] = []
  package var snapshotFile = ""
  package var snapshotVersion = 0
  package var snapshotVersionCheck = SnapshotVersionCheck.strict
  package var snapshotCompressed = true
  package var snapshotChecksummed = true
  package var snapshotFailureStopsWrites = true
  package var snapshotDeletesSyncFiles = false
  package var snapshotIncrementalSync = true
  package var snapshotKeyDelayMicroseconds = 0
  package var loadKeyDelayMicroseconds = 0
  package var loadEventsIntervalBytes = 0
  package var dumpPayloadSanitizing = PayloadSanitizing.no
  package var logEnabled = false
  package var logFile = ""
  package var logDirectory = ""
  package var logSync = LogSync.everysec
  package var logSyncPausedByRewrite = false
  package var logErrorPolicy = LogErrorPolicy.readonly
  package var logRewritePercentage = 0
  package var logRewriteBytesMin = 0
  package var logLoadsTruncated = true
  package var logBaseIsSnapshot = true
  package var logTimestamps = false
  package var logRewriteIncrementalSync = true
  package var logKeepsOldFiles = false
  package var logChecksummed = false
  package var logReserveBytes = 0
  package var logWritesDirectly = false
  package var unsyncedBytesHigh = 0
  package var unsyncedBytesMax = 0
}

/// Write a snapshot once `changes` were made and `seconds` have passed since the last one.
package struct SavePoint: Sendable, Equatable {
  package var seconds: Int
  package var changes: Int

  package init(seconds: Int, changes: Int) {
    self.seconds = seconds
    self.changes = changes
  }

  static func parse(_ words: [String]) throws(Refusal) -> [SavePoint] {
    guard words.count % 2 == 0 else { throw Refusal("Invalid save parameters") }
    var points: [SavePoint] = []
    for index in stride(from: 0, to: words.count, by: 2) {
      guard let seconds = Int(words[index]), let changes = Int(words[index + 1]), seconds >= 1, changes >= 0 else {
        throw Refusal("Invalid save parameters")
      }
      points.append(SavePoint(seconds: seconds, changes: changes))
    }
    return points
  }
}

/// When the log is forced to disk.
package enum LogSync: String, CaseIterable, Sendable { case everysec, always, no }
/// What happens when the log cannot be written.
package enum LogErrorPolicy: String, CaseIterable, Sendable { case readonly, exit }
/// What to do with a snapshot of a version nobody here knows.
package enum SnapshotVersionCheck: String, CaseIterable, Sendable { case strict, relaxed }
/// Whose RESTORE payloads are checked in depth.
package enum PayloadSanitizing: String, CaseIterable, Sendable { case no, yes, clients }

extension Directive {
  static let snapshots: [Directive] = [
    .growing(
      "save", accepts: "pairs of seconds and changes; \"\" for none",
      reset: {
        $0.persistence.savePoints = [
          SavePoint(seconds: 3600, changes: 1), SavePoint(seconds: 300, changes: 100),
          SavePoint(seconds: 60, changes: 10000),
        ]
      },
      clear: { $0.persistence.savePoints = [] },
      append: { settings, words throws(Refusal) in
        settings.persistence.savePoints += try SavePoint.parse(words)
      },
      show: { $0.persistence.savePoints.map { "\($0.seconds) \($0.changes)" }.joined(separator: " ") },
      lines: { settings in
        let points = settings.persistence.savePoints
        return points.isEmpty ? ["\"\""] : points.map { "\($0.seconds) \($0.changes)" }
      },
      "Writes a snapshot when that many seconds have passed and that many changes were made; lines add up."),
    .text(
      "dbfilename", \.persistence.snapshotFile, default: "dump.rdb", changes: .protected, accepts: "file name",
      check: { text throws(Refusal) in
        guard !text.isEmpty else { throw Refusal("dbfilename can't be empty") }
        guard FileName.isPlain(text) else { throw Refusal("dbfilename can't be a path, just a filename") }
      }, "File of the snapshot, inside 'dir'."),
    .integer(
      "rdb-version", \.persistence.snapshotVersion, 9...11, default: 11,
      "Version of the snapshot format that is written; 10 can be read by Redis 7.0. "
        + "Fields of hashes that expire need that of Valkey 9, which is written while there are any."),
    .choice(
      "rdb-version-check", \.persistence.snapshotVersionCheck, default: .strict,
      "Whether a snapshot of an unknown version is refused, or loaded as far as it is understood."),
    .flag("rdbcompression", \.persistence.snapshotCompressed, default: true, "Compresses long strings in snapshots."),
    .flag(
      "rdbchecksum", \.persistence.snapshotChecksummed, default: true, changes: .atStart,
      "Ends the snapshot with a checksum, and verifies it when loading."),
    .flag(
      "stop-writes-on-bgsave-error", \.persistence.snapshotFailureStopsWrites, default: true,
      "Refuses writes while the last snapshot failed."),
    .flag(
      "rdb-del-sync-files", \.persistence.snapshotDeletesSyncFiles, default: false,
      "Removes the files that a full synchronization left, where nothing is persistent."),
    .flag(
      "rdb-save-incremental-fsync", \.persistence.snapshotIncrementalSync, default: true,
      "Forces a snapshot to disk piece by piece while it is written."),
    .choice(
      "sanitize-dump-payload", \.persistence.dumpPayloadSanitizing, default: .no,
      "Deep checks of RESTORE payloads; here every payload is checked in full."
    ).accepted(),
    .integer(
      "rdb-key-save-delay", \.persistence.snapshotKeyDelayMicroseconds, .any32, default: 0,
      "Microseconds to wait after each key of a snapshot; for tests."
    ).hidden().accepted(),
    .integer(
      "key-load-delay", \.persistence.loadKeyDelayMicroseconds, .any32, default: 0,
      "Microseconds to wait after each key that is loaded; for tests."
    ).hidden().accepted(),
    .memory(
      "loading-process-events-interval-bytes", \.persistence.loadEventsIntervalBytes, 1024...Int.max,
      default: 2_097_152, "Bytes loaded between two looks at the clients."
    ).hidden().accepted(),
  ]

  static let log: [Directive] = [
    .flag("appendonly", \.persistence.logEnabled, default: false, "Logs every change, so that it survives a restart."),
    .choice(
      "appendfsync", \.persistence.logSync, default: .everysec,
      "When the log is forced to disk; with 'always' no client hears of a change that is not there yet."),
    .text(
      "appendfilename", \.persistence.logFile, default: "appendonly.aof", changes: .atStart, accepts: "file name",
      check: { text throws(Refusal) in
        guard !text.isEmpty else { throw Refusal("appendfilename can't be empty") }
        guard FileName.isPlain(text) else { throw Refusal("appendfilename can't be a path, just a filename") }
      }, "Common part of the names of the log's files."),
    .text(
      "appenddirname", \.persistence.logDirectory, default: "appendonlydir", changes: .atStart,
      accepts: "directory name",
      check: { text throws(Refusal) in
        guard !text.isEmpty else { throw Refusal("appenddirname can't be empty") }
        guard FileName.isPlain(text) else { throw Refusal("appenddirname can't be a path, just a dirname") }
      }, "Directory of the log's files, inside 'dir'."),
    .choice(
      "aof-error-policy", \.persistence.logErrorPolicy, default: .readonly,
      "What a log that cannot be written means: refuse writes until it can, or exit."),
    .flag(
      "no-appendfsync-on-rewrite", \.persistence.logSyncPausedByRewrite, default: false,
      "Pauses the forcing to disk while the log is rewritten; here the rewrite does not disturb it."
    ).accepted(),
    .integer(
      "auto-aof-rewrite-percentage", \.persistence.logRewritePercentage, .nonNegative32, default: 100,
      "Growth of the log in percent after which it is rewritten; 0 never does."),
    .memory(
      "auto-aof-rewrite-min-size", \.persistence.logRewriteBytesMin, default: 67_108_864,
      "Size below which the log is not rewritten by itself."),
    .flag(
      "aof-load-truncated", \.persistence.logLoadsTruncated, default: true,
      "Starts with a log whose last record is cut short, as after a power failure."),
    .flag(
      "aof-use-rdb-preamble", \.persistence.logBaseIsSnapshot, default: true,
      "Writes the base of the log as a snapshot, which loads faster than commands."),
    .flag("aof-timestamp-enabled", \.persistence.logTimestamps, default: false, "Notes the time in the log."),
    .flag(
      "aof-rewrite-incremental-fsync", \.persistence.logRewriteIncrementalSync, default: true,
      "Forces a rewritten log to disk piece by piece while it is written."),
    .flag(
      "aof-disable-auto-gc", \.persistence.logKeepsOldFiles, default: false,
      "Keeps files of the log that a rewrite has replaced."),
    .flag(
      "aof-checksum", \.persistence.logChecksummed, default: true,
      "Ends each batch of the log with a line that holds its checksum; Redis takes it for a comment."),
    .memory(
      "aof-preallocate", \.persistence.logReserveBytes, default: 8_388_608,
      "With 'appendfsync always': zeros kept ready ahead of a log in constant use, which makes syncs faster; 0 for none."),
    .flag(
      "aof-direct-io", \.persistence.logWritesDirectly, default: true,
      "Writes over such zeros may go past the page cache, where that is measured to be faster."),
    .memory(
      "aof-unsynced-high-mark", \.persistence.unsyncedBytesHigh, default: 67_108_864,
      "With 'appendfsync always': writers wait while more than this is not on disk yet; 0 lets them go on."),
    .memory(
      "aof-unsynced-hard-limit", \.persistence.unsyncedBytesMax, default: 1_073_741_824,
      "Writes are refused while more than this is not on disk yet; 0 refuses none."),
  ]
}

/// Names of files that must stay inside a directory.
enum FileName {
  static func isPlain(_ name: String) -> Bool {
    !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 } && name != "." && name != ".."
  }
}
