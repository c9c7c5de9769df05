// SnapshotJob.swift — one image of the data on its way to a file: BGSAVE, or the base of the log.
//
//   opening ─▶ writing (walk a slice │ write a piece │ sync now and then) ─▶ syncing ─▶ installing ─▶ over
//
// The walk fills, one write empties, both a little per turn; nothing of it blocks the thread that
// runs the commands and nothing is forked. The file gets its name when all of it is durable.
import Bytes
import Persistence
import Ring

struct SnapshotJob: ~Copyable {
  enum Purpose: Equatable {
    /// The snapshot file.
    case file
    /// The base of a log that is in use.
    case base
    /// The base of a log that has none, or none that can be trusted: its first increment is hidden until then.
    case firstBase
  }

  /// Where it stands.
  enum Stage { case opening, writing, syncing, installing }

  let purpose: Purpose
  let temporary: String
  /// Base of a log: written as a snapshot or as commands.
  let isSnapshot: Bool
  /// Nil once the job is given up: the instant is let go at once, whatever is in flight.
  private(set) var walk: UnsafeMutablePointer<SnapshotWalk>?
  var stage = Stage.opening
  var descriptor: Int32 = -1
  /// Bytes that are written.
  var offset: Int64 = 0
  /// What is being written: `staged` bytes, of which `stagedDone` are. The kernel reads them, so they stay to the end.
  let staging: UnsafeMutableRawPointer
  var staged = 0
  var stagedDone = 0
  var isWriting = false
  var isSyncing = false
  var bytesSinceSync = 0
  let beganAtNanoseconds: UInt64
  /// Changes that the data had seen at the instant.
  let changesAtInstant: UInt64
  /// Why it will not become a file; it ends when nothing of it is in flight.
  var failure: Errno?
  var isCancelled = false
  /// The client that waits for it: SAVE.
  var waiting: (slot: UInt32, generation: UInt32)?

  static let stagingBytes = 256 << 10
  /// Pending output beyond this is written before more is gathered.
  static let pendingBytesMax = 512 << 10
  /// A file is forced to disk piece by piece, so that the last sync is no longer than the others.
  static let syncEveryBytes = 32 << 20
  static let sliceNanoseconds: UInt64 = 250_000
  /// Entries between two looks at the clock.
  static let entriesPerLook = 64

  init(
    purpose: Purpose, temporary: String, isSnapshot: Bool, walk: consuming SnapshotWalk, now: UInt64, changes: UInt64
  ) {
    self.purpose = purpose
    self.temporary = temporary
    self.isSnapshot = isSnapshot
    let memory = UnsafeMutablePointer<SnapshotWalk>.allocate(capacity: 1)
    memory.initialize(to: walk)
    self.walk = memory
    staging = .allocate(byteCount: Self.stagingBytes, alignment: 4096)
    beganAtNanoseconds = now
    changesAtInstant = changes
  }

  deinit {
    precondition(!isWriting, "the kernel still reads the staged bytes")
    staging.deallocate()
    walk?.deinitialize(count: 1)
    walk?.deallocate()
  }

  var isFlying: Bool { isWriting || isSyncing }
  /// Everything gathered so far is written.
  var isWritten: Bool { staged == stagedDone && walk?.pointee.output.isEmpty ?? true }
  var isGathered: Bool { walk?.pointee.isDone ?? false }
  var hasFailed: Bool { failure != nil || isCancelled }

  /// There is something to gather now.
  var wantsTime: Bool {
    stage == .writing && !hasFailed && !isGathered && (walk?.pointee.output.pending ?? .max) < Self.pendingBytesMax
  }

  /// Gathers for a slice.
  mutating func gather(nanoseconds: UInt64, entriesPerLook: Int = Self.entriesPerLook) {
    let deadline = Clock.monotonicNanoseconds() + nanoseconds
    while wantsTime {
      walk?.pointee.step(entriesMax: entriesPerLook, bytesMax: 64 << 10)
      guard Clock.monotonicNanoseconds() < deadline else { return }
    }
  }

  /// The next piece to write, or nil.
  mutating func nextPiece() -> (start: UnsafeRawPointer, count: Int)? {
    guard stage == .writing, !isFlying, !hasFailed else { return nil }
    if staged == stagedDone { fillStaging() }
    guard staged > stagedDone else { return nil }
    isWriting = true
    return (UnsafeRawPointer(staging + stagedDone), staged - stagedDone)
  }

  private mutating func fillStaging() {
    staged = 0
    stagedDone = 0
    // A few large writes instead of many small ones; the last may be as small as it is.
    guard let output = walk?.pointee.output, output.pending >= Self.stagingBytes || isGathered else { return }
    let (memory, end) = (staging, output.sent + UInt64(min(output.pending, Self.stagingBytes)))
    var count = 0
    _ = output.stretches(upTo: end, capacity: .max) { _, start, bytes in
      (memory + count).copyMemory(from: start, byteCount: bytes)
      count += bytes
    }
    walk?.pointee.release(count)
    staged = count
  }

  /// What a write came to.
  mutating func wrote(_ result: Int32) {
    isWriting = false
    if result > 0 {
      stagedDone += Int(result)
      offset += Int64(result)
      bytesSinceSync += Int(result)
    } else if result != -Errno.interrupted.code && result != -Errno.again.code {
      failure = Errno(result == 0 ? Errno.noSpace.code : -result)
    }
  }

  /// Once all is gathered and written the file is forced to disk; also if there was nothing to write, as in a base
  /// of commands without keys.
  mutating func endWritingIfDone() {
    if stage == .writing && !isFlying && !hasFailed && isGathered && isWritten { stage = .syncing }
  }

  /// Gives it up; what is in flight ends first.
  mutating func giveUp(_ reason: Errno?) {
    if let reason { failure = reason } else { isCancelled = true }
    walk?.deinitialize(count: 1)
    walk?.deallocate()
    walk = nil
  }
}
