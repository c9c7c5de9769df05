// SnapshotWalk.swift — all databases as they are at one instant, on their way to a file.
//
//   init: the instant ─▶ step, step, step … ─▶ isDone
//                          │ between steps: commands change the data, the caller writes `output` out
//                          ▼
//   output:  header ▸ entries, in no order, of any database in turn ▸ end
//
// There is no fork and no second copy of the data: `EpochWalk` finds every entry once and learns of those that
// change before. A step runs on the thread that executes commands, handles what its caller allows and
// returns. No descriptor and no clock here: what is pending is the caller's to write, and how
// often to step, how much, and when to hold back (`output.pending`, `keptBytes`), is his decision.
import Bytes
import Store

package struct SnapshotWalk: ~Copyable {
  /// What a snapshot file says about itself.
  package struct Facts: Sendable {
    package var serverVersion: StaticString
    /// Since 1970.
    package var nowSeconds: Int64
    package var usedMemoryBytes: Int64
    /// It is the base of an append-only log.
    package var isLogBase: Bool

    package init(serverVersion: StaticString, nowSeconds: Int64, usedMemoryBytes: Int64, isLogBase: Bool) {
      self.serverVersion = serverVersion
      self.nowSeconds = nowSeconds
      self.usedMemoryBytes = usedMemoryBytes
      self.isLogBase = isLogBase
    }
  }

  package enum Form: Sendable {
    /// In the version of the options, or in Valkey 9's if there are fields of hashes that end.
    case rdb(RDBWriter.Options, Facts)
    /// `aof-use-rdb-preamble no`.
    case commands
  }

  private var writer: SnapshotWriter
  private var source: SnapshotSource

  /// Everything is in `output` or was released.
  package private(set) var isDone = false

  /// The instant is now. The databases, the graveyard and the pool outlive the walk. No other walk runs: one that
  /// makes a log's base and one that makes a snapshot file come one after the other, as in Redis.
  package init(
    databases: UnsafeMutablePointer<Keyspace>, count: Int, graveyard: UnsafeMutablePointer<Graveyard>, form: Form,
    pool: UnsafeMutablePointer<ChunkPool>
  ) {
    source = unsafe SnapshotSource(EpochWalk(databases: databases, count: count, graveyard: graveyard), count)
    switch form {
    case .rdb(var options, let facts):
      // Nothing older can say when a field ends, and a field that never ends is another value.
      if source.walk.sizes.contains(where: { $0.volatileHashes > 0 }) { options.version = .valkey9 }
      var rdb = unsafe RDBWriter(pool: pool, options: options)
      rdb.header()
      rdb.usualAuxiliaries(
        serverVersion: ByteView(facts.serverVersion), nowSeconds: facts.nowSeconds,
        usedMemoryBytes: facts.usedMemoryBytes, isLogBase: facts.isLogBase)
      writer = .rdb(rdb)
    case .commands:
      writer = unsafe .commands(CommandWriter(pool: pool))
    }
  }

  /// Goes on: handles at most `entriesMax` entries and buckets and, give or take the last entry, `bytesMax` bytes of
  /// keys and values. An entry handled as a whole is at most 64 KiB and its key long. Does nothing when done.
  package mutating func step(entriesMax: Int, bytesMax: Int) {
    guard !isDone else { return }
    isDone = writer.pour(from: &source, entriesMax, bytesMax)
  }

  // MARK: what has come of it

  /// What waits to be written out. Read it with `stretches`, then call `release`. While a write of it is under way the
  /// walk must live.
  package var output: OutputBuffer { writer.output }

  /// The first `bytes` of what was pending have been written out.
  package mutating func release(_ bytes: Int) { writer.release(bytes) }

  // MARK: progress

  /// Keys of the instant, and those of them that were handled.
  package var totalCount: Int { source.walk.totalCount }
  package var writtenCount: Int { source.walk.seenCount }

  /// When done: every key of the instant was written. Anything else is a bug of ours, and the file must not
  /// replace an older one.
  package var isComplete: Bool { isDone && writtenCount == totalCount }

  /// Values that were written in pieces, and are.
  package var largeValuesWritten: Int { source.largeValuesWritten }

  /// Entries that were about to change and wait to be written, and their bytes. When they grow the walk needs a larger
  /// share: commands change data faster than it is written.
  package var keptCount: Int { source.walk.keptCount }
  package var keptBytes: Int { source.walk.keptBytes }
}
