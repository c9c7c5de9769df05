// CommitPipeline.swift — from appended to durable: which operation is next, and what a result means.
//
//   append ─▶ [ filling ] ─▶ [ closed … ] ─▶ [ in flight ] ─▶ synced
//                             one file each      write ─link▶ fdatasync
//
// What there is and what is appended stands here; which operation is next in CommitPipeline+Next, what a result means
// in +Results, changes of files in +Files.
//
// Pure decisions: the owner of the ring asks for the next operation, carries it out and brings the
// results back. One chain is in flight and one batch fills; what gathers meanwhile is the next commit,
// so commits grow with the load and no timer is needed. The watermark moves in one place, when both
// results of a chain, or the result of a sync, have been seen and were good. A failed fsync poisons
// the file for ever: the kernel has dropped the pages and a later success would prove nothing.
import Bytes

@safe public struct CommitPipeline: ~Copyable {
  /// When batches are forced to disk: the directive `appendfsync`.
  public enum Policy: Sendable { case always, everySecond, never }

  /// The file that takes the batches.
  public struct File: BitwiseCopyable, Sendable {
    public let descriptor: Int32
    /// Where the next byte goes. Explicit, so that a repeated write is harmless.
    public internal(set) var offset: Int64
    public let generation: UInt64
    /// The same file, written past the page cache; -1 if it cannot be.
    public internal(set) var directDescriptor: Int32 = -1
  }

  public enum Health: Equatable, Sendable {
    case healthy
    /// A write found no room; it is tried again.
    case stalled(errno: Int32)
    /// What the disk has of this file is unknown. Only a new base, from memory, helps.
    case poisoned(errno: Int32)
  }

  @safe public enum Operation: BitwiseCopyable {
    case write(descriptor: Int32, memory: UnsafeRawPointer, count: Int, offset: Int64)
    case writeThenSync(descriptor: Int32, memory: UnsafeRawPointer, count: Int, offset: Int64)
    /// On disk when it completes; `wrote` is told. Over zeros that are there already, one operation is cheaper than two.
    case writeDurably(descriptor: Int32, memory: UnsafeRawPointer, count: Int, offset: Int64)
    /// `isChain`: it stands for the second half of a chain; `synced` is told the same.
    case sync(descriptor: Int32, isChain: Bool)
  }

  public var policy = Policy.everySecond
  public internal(set) var health = Health.healthy
  /// Nothing new is submitted: a lever for tests. What is in flight still ends.
  public var isPaused = false
  /// Nothing is written at or behind this offset of the file: somebody else works there.
  public var offsetLimit = Int64.max
  /// Up to here the file has bytes on disk already, zeros: what is written there changes no metadata.
  public internal(set) var reservedOffset: Int64 = 0
  /// Up to here zeros were written; the next sync of the file makes them durable.
  var zeroedOffset: Int64 = 0
  /// Nil while the log is off, or while a new file is being prepared.
  public internal(set) var file: File?
  /// What new batches belong to; ahead of `file.generation` while a switch waits for its file.
  public internal(set) var generation: UInt64 = 0

  /// The batch that takes records.
  public internal(set) var filling: UnsafeMutablePointer<LogBatch>
  /// Full or submitted, oldest first; the first may be in flight.
  public internal(set) var closed: [UnsafeMutablePointer<LogBatch>]
  var spare: UnsafeMutablePointer<LogBatch>?

  /// The last batch that has left for the kernel whole, and the last one that is on disk.
  public internal(set) var writtenSequence: UInt64 = 0
  public internal(set) var syncedSequence: UInt64 = 0
  /// The last batch with a record in it.
  public internal(set) var appendedSequence: UInt64 = 0
  /// Batches up to here must be forced to disk whatever the policy: somebody waits for it.
  public internal(set) var demandedSequence: UInt64 = 0
  /// Batches up to here count as durable once a new base is.
  @usableFromInline var rescuedSequence: UInt64 = 0
  /// Those of them that were not on disk: their keys stay dirty until then.
  var rescued: [UnsafeMutablePointer<LogBatch>]
  var rescuedBytes: UInt64 = 0

  /// Bytes of closed batches since the start, and how many of them are on disk.
  public internal(set) var closedBytes: UInt64 = 0
  public internal(set) var syncedBytes: UInt64 = 0
  var writtenBytes: UInt64 = 0
  /// Seals of the current file: the last batch written, and the last one on disk.
  var writtenSeal: UInt64 = 0
  public internal(set) var syncedSeal: UInt64 = 0

  var write: Flight?
  var sync: SyncFlight?
  var lastSyncNanoseconds: UInt64 = 0
  var chainBeganNanoseconds: UInt64 = 0
  var gathering = CommitGathering()
  var choice = CommitChoice()
  var retryAtNanoseconds: UInt64 = 0
  var fruitlessAttempts = 0
  /// When the oldest record came that is not on disk; 0 if all are.
  var unsyncedSinceNanoseconds: UInt64 = 0

  /// A write in flight, alone or with the sync that is linked to it.
  struct Flight {
    let count: Int
    let isChain: Bool
    /// One operation that is durable when it completes.
    var isSingle = false
    var isDirect = false
    /// What its sync makes of `zeroedOffset`.
    var reserves: Int64 = 0
    var writeResult: Int32?
    var syncResult: Int32?
    /// It ends with a sync: an error of the disk would be told to it, or to another sync beside it, but not to both.
    var isSyncing: Bool { isChain || isSingle }
  }

  /// A sync of its own, and what it will prove.
  struct SyncFlight {
    let sequence: UInt64
    let seal: UInt64
    let bytes: UInt64
    let reserves: Int64
  }

  /// No operation carries more: the kernel counts in 31 bits.
  static let operationBytesMax = 1 << 30
  /// Nor one past the page cache: what is this large gains nothing from it.
  static let directBytesMax: Int64 = 16 << 20
  static let retryNanoseconds: UInt64 = 1_000_000_000
  /// `everysec` promises to lose a second at most: a sync begins every half, so that it may take the other.
  static let syncPeriodNanoseconds: UInt64 = 500_000_000
  /// So many attempts without a byte of progress are one failure.
  static let fruitlessMax = 64

  /// What the file has in its last block, for a direct write that begins in it.
  var tail = FileTail()

  public init() {
    unsafe filling = .allocate(capacity: 1)
    unsafe filling.initialize(to: LogBatch())
    unsafe filling.pointee.sequence = 1
    unsafe closed = []
    unsafe rescued = []
    unsafe spare = nil
  }

  deinit {
    for unsafe batch in unsafe closed + rescued + [filling] + (spare.map { unsafe [$0] } ?? []) {
      unsafe batch.deinitialize(count: 1)
      unsafe batch.deallocate()
    }
  }

  // MARK: what there is

  /// Nothing waits to be written or forced to disk.
  public var isIdle: Bool { unsafe closed.isEmpty && filling.pointee.isEmpty && !isFlying && isSynced }
  /// An operation is in flight: its memory and its file must stay.
  public var isFlying: Bool { write != nil || sync != nil }
  /// Everything that was written is on disk.
  public var isSynced: Bool { syncedSequence >= writtenSequence }
  /// A sync of its own is in flight.
  public var isSyncing: Bool { sync != nil }
  /// What is in flight is one write that is durable when it completes.
  public var isWritingAsOne: Bool { write?.isSingle ?? false }
  /// Behind the last byte that was given to the kernel for the current file.
  public var submittedOffset: Int64 { (file?.offset ?? 0) + Int64(write?.count ?? 0) }
  /// Bytes that would be lost if the machine stopped now.
  public var unsyncedBytes: UInt64 { unsafe closedBytes &- syncedBytes &+ UInt64(filling.pointee.count) }
  /// Memory of all batches.
  public var memoryBytes: Int {
    var sum = unsafe filling.pointee.memoryBytes
    for unsafe batch in unsafe closed { sum += unsafe batch.pointee.memoryBytes }
    return sum
  }
  /// Age of the oldest record that is not on disk; 0 if there is none.
  public func oldestUnsyncedNanoseconds(now: UInt64) -> UInt64 {
    unsyncedSinceNanoseconds == 0 || now < unsyncedSinceNanoseconds ? 0 : now - unsyncedSinceNanoseconds
  }

  /// The batch that took the last record: the one that fills, or the one that this record has filled.
  @inlinable public var batchOfLastRecord: UnsafeMutablePointer<LogBatch> {
    guard unsafe filling.pointee.isEmpty, let last = unsafe closed.last else { return unsafe filling }
    return unsafe last
  }

  /// The last batch that has changed the key and is not on disk; nil if the key is clean.
  @inlinable public func dirtySequence(of key: KeyIdentity) -> UInt64? {
    if unsafe filling.pointee.keys.contains(key) { return unsafe filling.pointee.sequence }
    for unsafe batch in unsafe closed.reversed() where unsafe batch.pointee.keys.contains(key) {
      return unsafe batch.pointee.sequence
    }
    return rescuedSequence > 0 && isRescued(key) ? rescuedSequence : nil
  }

  @usableFromInline func isRescued(_ key: KeyIdentity) -> Bool {
    unsafe rescued.contains { unsafe $0.pointee.keys.contains(key) }
  }

  // MARK: appending

  /// A record was appended to `filling`: call it after each.
  public mutating func appended(nowNanoseconds: UInt64) {
    unsafe filling.pointee.records += 1
    if unsafe filling.pointee.beganAtNanoseconds == 0 { unsafe filling.pointee.beganAtNanoseconds = nowNanoseconds }
    if unsyncedSinceNanoseconds == 0 { unsyncedSinceNanoseconds = nowNanoseconds }
    appendedSequence = unsafe filling.pointee.sequence
  }

  /// Ends the batch if it has become so large that no more should join it. Call after `appended`.
  public mutating func closeIfFull(seal: (inout LogBatch) -> Void) {
    guard unsafe filling.pointee.isFull else { return }
    unsafe seal(&filling.pointee)
    close()
  }

  /// Everything appended so far must get to disk soon, whatever the policy says.
  public mutating func demandSync() { demandedSequence = max(demandedSequence, appendedSequence) }

  /// Ends the batch that fills, if there is something in it.
  mutating func close() {
    guard unsafe !filling.pointee.isEmpty else { return }
    let sequence = unsafe filling.pointee.sequence
    closedBytes &+= unsafe UInt64(filling.pointee.count)
    unsafe closed.append(filling)
    if let batch = unsafe spare {
      unsafe filling = batch
      unsafe spare = nil
    } else {
      unsafe filling = .allocate(capacity: 1)
      unsafe filling.initialize(to: LogBatch())
    }
    unsafe filling.pointee.reset(sequence: sequence + 1, generation: generation)
    unsafe filling.pointee.place(at: expectedEnd)
  }

  /// Where the file will end when all closed batches are in it; 0 if the next one goes to a file that is not there yet.
  var expectedEnd: Int64 {
    guard let file, file.generation == generation else { return 0 }
    var end = file.offset
    for unsafe batch in unsafe closed where unsafe batch.pointee.generation == generation {
      unsafe end += Int64(batch.pointee.count - batch.pointee.written)
    }
    return end
  }

  mutating func recycle(_ batch: UnsafeMutablePointer<LogBatch>) {
    guard unsafe spare == nil else {
      unsafe batch.deinitialize(count: 1)
      unsafe batch.deallocate()
      return
    }
    // Now, not when it is filled again: that is what ends the dirtiness of its keys.
    unsafe batch.pointee.reset(sequence: 0, generation: 0)
    unsafe spare = batch
  }
}
