// AppendLog.swift — the append-only log as the server keeps it: its state, its files, its figures.
//
//   off ──▶ enabling (a base is written, records gather) ──▶ on ──▶ ending (one last sync) ──▶ off
//            ▲                                              │
//            └────────── rescue: the file is poisoned ◀─────┘
//
// Decisions are the pipeline's and the directory's (Persistence), operations are the ring's. What is
// here joins them: which records go in, who waits for them, and what the operator sees.
import Bytes
import Configuration
import Persistence
import Ring
import Store

struct AppendLog: ~Copyable {
  enum State { case off, enabling, on, ending }

  var state = State.off
  var pipeline = CommitPipeline()
  var directory = LogDirectory(path: "appendonlydir", prefix: "appendonly.aof")
  /// The database that the last record was for; -1 at the start of a file.
  var selectedDatabase: Int32 = -1
  /// The number of the last seal in the current file.
  var sealNumber: UInt64 = 0
  /// The number of the last seal in the file before: a switch that fails goes on from it.
  var sealNumberBefore: UInt64 = 0
  /// The records of the EXEC that runs.
  var unit: LogUnit?
  /// Takes the unit's records while whoever writes it is in the middle and others' batches leave.
  var aside: UnsafeMutablePointer<LogBatch>?
  /// The database of its first record.
  var asideDatabase: Int32 = -1
  /// What has become dirty by the unit under way, if it may be put aside; nil if not.
  var asideKeys: [KeyIdentity]?
  var asideDatabases: [Int] = []
  /// The second of the last `#TS:` line.
  var stampedSecond: Int64 = 0

  // MARK: who waits

  var holds = HoldTable()
  /// Per database: the last batch that changed it as a whole (FLUSHDB, SWAPDB).
  var databaseSequences: [UInt64] = []
  /// Reads of anything wait for this batch: what was there when waiting began was not tracked key by key.
  var barrierSequence: UInt64 = 0
  /// Holds were released up to this batch.
  var releasedSequence: UInt64 = 0
  /// Clients that wait in WAITAOF.
  var waiters: [SyncWaiter] = []
  /// The answer to the command under way waits for this batch whatever the policy: CONFIG SET that weakens it.
  var commandBarrier: UInt64 = 0

  // MARK: the files

  /// Bytes of all increments and of the base when the log was last rewritten, and now.
  var bytesAtRewrite: Int64 = 0
  var baseBytes: Int64 = 0
  var olderIncrementBytes: Int64 = 0
  /// Bytes behind the end of the data that a crash may have left; the file is cut there.
  var droppedTailBytes: Int64 = 0

  /// Zeros ahead of the file's end, and the file's path.
  var reserve = LogReserve()
  var path = ""
  /// It is on a file system that is known to keep RWF_DSYNC.
  var keepsDurableWrites = false

  /// The client whose DEBUG LOADAOF waits until the log is on disk.
  var reloading: (slot: UInt32, generation: UInt32)?

  /// Writes go through the ring until then: one in the loop has taken long.
  var writesAtOnceAgainNanoseconds: UInt64 = 0
  /// DEBUG AOF-FLUSH-SLEEP: the loop stands still for so long before it writes. For tests.
  var flushSleepMicroseconds: UInt32 = 0

  // MARK: figures

  var figures = LogFigures()

  /// Bytes of the log on disk, as far as they are written.
  var currentBytes: Int64 { baseBytes + olderIncrementBytes + (pipeline.file?.offset ?? 0) }

  /// Records are taken.
  var isRecording: Bool { state != .off }
  /// Answers wait for the disk.
  var holdsReplies: Bool { state == .on && (pipeline.policy == .always) }
  /// Records that no reader has been promised yet wait for the disk.
  var isDirty: Bool { pipeline.appendedSequence > pipeline.syncedSequence || barrierSequence > pipeline.syncedSequence }
}

/// Counters and histograms of the log since the start.
struct LogFigures {
  var records: UInt64 = 0
  var bytes: UInt64 = 0
  var commits: UInt64 = 0
  /// Those of them that were one operation, over zeros that were on disk already.
  var singleCommits: UInt64 = 0
  var syncs: UInt64 = 0
  var failures: UInt64 = 0
  /// Times that a sync took over two seconds: what Redis counts as delayed.
  var delayedSyncs: UInt64 = 0
  var heldByWrite: UInt64 = 0
  var heldByRead: UInt64 = 0
  var throttled: UInt64 = 0
  var syncMicroseconds = Durations()
  var holdMicroseconds = Durations()
  /// When the operations in flight began.
  var chainBeganAt: UInt64 = 0
  var syncBeganAt: UInt64 = 0
}

/// A histogram of durations: a bucket for each power of two of microseconds.
struct Durations {
  private(set) var buckets: InlineArray<32, UInt64> = InlineArray(repeating: 0)
  private(set) var count: UInt64 = 0
  private(set) var maxMicroseconds: UInt64 = 0

  mutating func add(_ microseconds: UInt64) {
    let index = min(31, 64 - microseconds.leadingZeroBitCount)
    buckets[index] += 1
    count += 1
    maxMicroseconds = max(maxMicroseconds, microseconds)
  }

  /// The upper bound of the bucket that holds this part of all values, in microseconds.
  func percentile(_ part: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    let rank = UInt64((Double(count) * part).rounded(.up))
    var seen: UInt64 = 0
    for index in 0..<32 {
      seen += buckets[index]
      if seen >= rank { return min(maxMicroseconds, index == 0 ? 0 : (1 << UInt64(index)) - 1) }
    }
    return maxMicroseconds
  }
}
