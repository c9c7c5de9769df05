// Snapshots.swift — when images of the data are made, and what became of the last ones.

struct Snapshots: ~Copyable {
  /// The one under way: a snapshot or a base, never both.
  private(set) var job: UnsafeMutablePointer<SnapshotJob>?
  /// Asked for while the other kind was under way.
  var isSaveScheduled = false
  var isRewriteScheduled = false
  /// Jobs since the start; part of their files' names.
  var jobs = 0
  /// A snapshot is being written without the loop: no other image begins.
  var isSavingAtOnce = false

  // MARK: BGSAVE

  /// The last snapshot that was asked for could not be written.
  var lastFailed = false
  var lastSaveSeconds: Int64 = 0
  var lastAttemptSeconds: Int64 = 0
  var lastDurationSeconds: Int64 = -1
  var changesAtSave: UInt64 = 0
  var saves: UInt64 = 0

  // MARK: the log's base

  var lastRewriteFailed = false
  var lastRewriteSeconds: Int64 = -1
  var rewrites: UInt64 = 0
  var rewriteFailures = 0
  /// Not before this second, after a failure.
  var rewriteNotBeforeSeconds: Int64 = 0

  /// Where the log's switch to its next increment stands.
  var fileSwitch = FileSwitch.none
  /// The next increment, made but in no manifest yet.
  var hiddenDescriptor: Int32 = -1
  /// The base is durable under its temporary name and waits for the switch.
  var isBaseReady = false
  /// Steps that change the manifest are under way.
  var isChangingManifest = false
  /// The base under way is for a log that is not on.
  var isLooseBase = false
  var rewriteStartedAt: UInt64 = 0
  /// When a rescue may be tried again.
  var rescueAtNanoseconds: UInt64 = 0

  enum FileSwitch {
    case none
    /// The old increment gets its last bytes to disk.
    case draining
    /// The next increment is being made.
    case making
  }

  /// The walk stands still until then: rdb-key-save-delay.
  var resumesAtNanoseconds: UInt64 = 0
  /// When the walk last had its share.
  var lastSliceEndedAt: UInt64 = 0
  var lastSliceNanoseconds: UInt64 = 0

  /// What errands are for.
  var errands: [(number: UInt64, purpose: ErrandPurpose)] = []

  enum ErrandPurpose {
    case openFile, nextIncrement, hiddenIncrement, installFile, installBase, removal, other
    /// Zeros ahead of the log, or away from its end.
    case reserve(generation: UInt64)
    /// The log's file once more, for direct writing.
    case directFile(generation: UInt64)
  }


  mutating func begin(_ new: consuming SnapshotJob) {
    precondition(job == nil, "one image at a time")
    let memory = UnsafeMutablePointer<SnapshotJob>.allocate(capacity: 1)
    memory.initialize(to: new)
    job = memory
  }

  /// The job is over: its walk and its memory go.
  mutating func endJob() {
    job?.deinitialize(count: 1)
    job?.deallocate()
    job = nil
  }

  deinit {
    job?.deinitialize(count: 1)
    job?.deallocate()
  }

  var isSaving: Bool { job?.pointee.purpose == .file }
  var isRewriting: Bool { job != nil && !isSaving }
}
