// CommitPipeline.swift — from appended to durable: which operation is next, and what a result means.
//
//   append ─▶ [ filling ] ─▶ [ closed … ] ─▶ [ in flight ] ─▶ synced
//                             one file each      write ─link▶ fdatasync
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
  public private(set) var health = Health.healthy
  /// Nothing new is submitted: a lever for tests. What is in flight still ends.
  public var isPaused = false
  /// Nothing is written at or behind this offset of the file: somebody else works there.
  public var offsetLimit = Int64.max
  /// Up to here the file has bytes on disk already, zeros: what is written there changes no metadata.
  public internal(set) var reservedOffset: Int64 = 0
  /// Up to here zeros were written; the next sync of the file makes them durable.
  var zeroedOffset: Int64 = 0
  /// Nil while the log is off, or while a new file is being prepared.
  public private(set) var file: File?
  /// What new batches belong to; ahead of `file.generation` while a switch waits for its file.
  public private(set) var generation: UInt64 = 0

  /// The batch that takes records.
  public private(set) var filling: UnsafeMutablePointer<LogBatch>
  /// Full or submitted, oldest first; the first may be in flight.
  public private(set) var closed: [UnsafeMutablePointer<LogBatch>]
  private var spare: UnsafeMutablePointer<LogBatch>?

  /// The last batch that has left for the kernel whole, and the last one that is on disk.
  public private(set) var writtenSequence: UInt64 = 0
  public private(set) var syncedSequence: UInt64 = 0
  /// The last batch with a record in it.
  public private(set) var appendedSequence: UInt64 = 0
  /// Batches up to here must be forced to disk whatever the policy: somebody waits for it.
  public private(set) var demandedSequence: UInt64 = 0
  /// Batches up to here count as durable once a new base is.
  @usableFromInline private(set) var rescuedSequence: UInt64 = 0
  /// Those of them that were not on disk: their keys stay dirty until then.
  private var rescued: [UnsafeMutablePointer<LogBatch>]

  /// Bytes of closed batches since the start, and how many of them are on disk.
  public private(set) var closedBytes: UInt64 = 0
  public private(set) var syncedBytes: UInt64 = 0
  private var writtenBytes: UInt64 = 0
  /// Seals of the current file: the last batch written, and the last one on disk.
  private var writtenSeal: UInt64 = 0
  public private(set) var syncedSeal: UInt64 = 0

  private var write: Flight?
  private var sync: SyncFlight?
  private var lastSyncNanoseconds: UInt64 = 0
  private var chainBeganNanoseconds: UInt64 = 0
  private var gathering = CommitGathering()
  private var choice = CommitChoice()
  private var retryAtNanoseconds: UInt64 = 0
  private var fruitlessAttempts = 0
  /// When the oldest record came that is not on disk; 0 if all are.
  private var unsyncedSinceNanoseconds: UInt64 = 0

  /// A write in flight, alone or with the sync that is linked to it.
  private struct Flight {
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
  private struct SyncFlight {
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
  private var tail = FileTail()

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
  private mutating func close() {
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
  private var expectedEnd: Int64 {
    guard let file, file.generation == generation else { return 0 }
    var end = file.offset
    for unsafe batch in unsafe closed where unsafe batch.pointee.generation == generation {
      unsafe end += Int64(batch.pointee.count - batch.pointee.written)
    }
    return end
  }

  private mutating func recycle(_ batch: UnsafeMutablePointer<LogBatch>) {
    guard unsafe spare == nil else {
      unsafe batch.deinitialize(count: 1)
      unsafe batch.deallocate()
      return
    }
    // Now, not when it is filled again: that is what ends the dirtiness of its keys.
    unsafe batch.pointee.reset(sequence: 0, generation: 0)
    unsafe spare = batch
  }

  // MARK: the next operation

  /// What to submit now; ask again until nil. `seal` is called on a batch that ends, to add what belongs at its end.
  public mutating func next(
    nowNanoseconds now: UInt64, seal: (inout LogBatch) -> Void
  ) -> Operation? {
    guard let file, !isPaused else { return nil }
    switch health {
    case .poisoned: return nil
    case .stalled where now < retryAtNanoseconds: return nil
    case .stalled, .healthy: break
    }
    if write == nil, let operation = nextWrite(file, now, seal) { return operation }
    return nextSync(file, now)
  }

  private mutating func nextWrite(_ file: File, _ now: UInt64, _ seal: (inout LogBatch) -> Void) -> Operation? {
    if unsafe closed.isEmpty {
      guard unsafe !filling.pointee.isEmpty, unsafe filling.pointee.generation == file.generation else { return nil }
      if policy == .always, unsafe filling.pointee.sequence > demandedSequence {
        guard unsafe !gathering.waits(records: filling.pointee.records, now: now) else { return nil }
      }
      unsafe seal(&filling.pointee)
      close()
    }
    guard let batch = unsafe closed.first, unsafe batch.pointee.generation == file.generation else { return nil }
    let left = unsafe batch.pointee.count - batch.pointee.written
    let isForced = unsafe policy == .always || batch.pointee.sequence <= demandedSequence
    guard left > 0 else {
      guard sync == nil else { return nil }
      // Written whole, but the sync linked to it never ran.
      write = Flight(count: 0, isChain: true, reserves: zeroedOffset, writeResult: 0)
      return .sync(descriptor: file.descriptor, isChain: true)
    }
    let count = min(left, Self.operationBytesMax)
    // An error of the disk is told to one sync only: two must not be under way together.
    guard !isForced || sync == nil else {
      return nil
    }
    guard file.offset + Int64(count) <= offsetLimit else { return nil }
    // One operation syncs its own bytes and no others: all that was written before must be on disk already, and
    // zeros that are not yet get their sync with this commit.
    let mayBeOne =
      unsafe isForced && isSynced && zeroedOffset == reservedOffset && batch.pointee.written == 0
      && !batch.pointee.isRefusedAsOne
    if mayBeOne, let blocks = unsafe directBlocks(of: batch, file) {
      chainBeganNanoseconds = now
      write = unsafe Flight(count: blocks.count, isChain: false, isSingle: true, isDirect: true)
      return unsafe .writeDurably(
        descriptor: file.directDescriptor, memory: blocks.memory, count: blocks.count, offset: blocks.offset)
    }
    let memory = unsafe UnsafeRawPointer(batch.pointee.start + batch.pointee.written)
    let isWhole = isForced && count == left
    if isWhole { chainBeganNanoseconds = now }
    if mayBeOne && count == left && file.offset + Int64(count) <= reservedOffset {
      write = Flight(count: count, isChain: false, isSingle: true)
      return unsafe .writeDurably(descriptor: file.descriptor, memory: memory, count: count, offset: file.offset)
    }
    let isChain = isWhole
    write = Flight(count: count, isChain: isChain, reserves: isChain ? zeroedOffset : 0)
    return unsafe isChain
      ? .writeThenSync(descriptor: file.descriptor, memory: memory, count: count, offset: file.offset)
      : .write(descriptor: file.descriptor, memory: memory, count: count, offset: file.offset)
  }

  /// The batch as blocks of the file, if it can be written so: over zeros that are on disk, and with all known that
  /// the file has in the first of them.
  private mutating func directBlocks(
    of batch: UnsafeMutablePointer<LogBatch>, _ file: File
  ) -> (memory: UnsafeRawPointer, count: Int, offset: Int64)? {
    let block = Int64(LogBatch.blockBytes)
    let head = file.offset & (block - 1)
    let end = unsafe (file.offset + Int64(batch.pointee.count) + block - 1) & ~(block - 1)
    guard file.directDescriptor >= 0, choice.isDirect, end <= reservedOffset, end <= offsetLimit, end - file.offset < Self.directBytesMax,
      unsafe batch.pointee.head == head,
      head == 0 || tail.end == file.offset
    else { return nil }
    let blocks = unsafe batch.pointee.blocks(before: tail.bytes)
    return unsafe (blocks.memory, blocks.count, file.offset - head)
  }

  private mutating func nextSync(_ file: File, _ now: UInt64) -> Operation? {
    guard sync == nil, write?.isSyncing != true, writtenSequence > syncedSequence else { return nil }
    let isDemanded = demandedSequence > syncedSequence
    let isDue = policy == .everySecond && now >= syncDueNanoseconds
    guard isDemanded || isDue || policy == .always else { return nil }
    lastSyncNanoseconds = now
    sync = SyncFlight(sequence: writtenSequence, seal: writtenSeal, bytes: writtenBytes, reserves: zeroedOffset)
    return .sync(descriptor: file.descriptor, isChain: false)
  }

  /// Under `everysec`: half a second after the oldest record that is not on disk, and after the sync before.
  private var syncDueNanoseconds: UInt64 {
    let since = max(lastSyncNanoseconds, unsyncedSinceNanoseconds)
    return since == 0 ? 0 : since &+ Self.syncPeriodNanoseconds
  }

  /// Nanoseconds until `next` may answer differently though nothing happens; nil if never.
  public func waitNanoseconds(now: UInt64) -> UInt64? {
    guard file != nil, !isPaused else { return nil }
    if case .stalled = health, write != nil || sync != nil { return nil }
    if case .stalled = health {
      if retryAtNanoseconds > now { return retryAtNanoseconds - now }
      return offsetLimit == .max ? 0 : nil
    }
    if health == .healthy, policy == .always, write == nil, unsafe closed.isEmpty, unsafe !filling.pointee.isEmpty,
      unsafe filling.pointee.generation == file?.generation, gathering.untilNanoseconds > 0
    {
      return gathering.untilNanoseconds > now ? gathering.untilNanoseconds - now : 0
    }
    guard health == .healthy, policy == .everySecond, sync == nil, write?.isSyncing != true,
      writtenSequence > syncedSequence
    else { return nil }
    let due = syncDueNanoseconds
    return due > now ? due - now : 0
  }

  // MARK: results

  /// The result of a write, or of the first half of a chain.
  public mutating func wrote(_ result: Int32, nowNanoseconds: UInt64) {
    write?.writeResult = result
    settle(nowNanoseconds)
  }

  /// The result of a sync. Chains and lone syncs carry different tokens: `isChain` tells them apart.
  public mutating func synced(_ result: Int32, isChain: Bool, nowNanoseconds: UInt64) {
    if isChain {
      write?.syncResult = result
      return settle(nowNanoseconds)
    }
    guard let flight = sync else { return }
    sync = nil
    switch -result {
    case 0:
      syncedSeal = max(syncedSeal, flight.seal)
      reservedOffset = max(reservedOffset, flight.reserves)
      advance(to: flight.sequence, bytes: flight.bytes, nowNanoseconds)
    case Failure.interrupted, Failure.cancelled: break
    case let code: poison(code)
    }
  }

  /// Both results of a chain decide, never the sync's alone.
  private mutating func settle(_ now: UInt64) {
    guard let flight = write, let written = flight.writeResult else { return }
    if flight.isSingle { return settleSingle(flight, written, now) }
    if flight.isChain && flight.syncResult == nil { return }
    write = nil
    // Whatever a poisoned file says now proves nothing. The batch stays where it is: it goes into the new base.
    if case .poisoned = health { return }
    if let code = flight.syncResult.map({ -$0 }), code != 0, code != Failure.interrupted, code != Failure.cancelled {
      return poison(code)
    }
    guard let batch = unsafe closed.first else { return }
    if written > 0 {
      precondition(Int(written) <= flight.count, "more was written than was asked for")
      unsafe batch.pointee.written += Int(written)
      file?.offset += Int64(written)
      fruitlessAttempts = 0
    }
    let isWhole = Int(written) == flight.count
    guard isWhole else { return attemptFailed(written, now) }
    if case .stalled = health { health = .healthy }
    if let result = flight.syncResult {
      switch -result {
      case 0:
        reservedOffset = max(reservedOffset, flight.reserves)
        unsafe finishForced(batch, now)
      default: attemptFailed(-Failure.interrupted, now)
      }
    } else if unsafe batch.pointee.written == batch.pointee.count {
      unsafe finish(batch, isDurable: false, now)
    }
  }

  /// All of it is on disk, or it is written again in the ordinary way.
  private mutating func settleSingle(_ flight: Flight, _ written: Int32, _ now: UInt64) {
    write = nil
    if case .poisoned = health { return }
    guard let batch = unsafe closed.first else { return }
    guard Int(written) == flight.count else {
      unsafe batch.pointee.isRefusedAsOne = true
      switch -written {
      case Failure.invalid, Failure.notSupported: return
      default: return attemptFailed(written, now)
      }
    }
    unsafe file?.offset += Int64(batch.pointee.count - batch.pointee.written)
    unsafe batch.pointee.written = batch.pointee.count
    fruitlessAttempts = 0
    if case .stalled = health { health = .healthy }
    choice.committed(isDirect: flight.isDirect, tookNanoseconds: now &- min(now, chainBeganNanoseconds))
    unsafe finishForced(batch, now)
  }

  /// A commit that somebody may wait for has succeeded.
  private mutating func finishForced(_ batch: UnsafeMutablePointer<LogBatch>, _ now: UInt64) {
    let records = unsafe batch.pointee.records
    unsafe finish(batch, isDurable: true, now)
    unsafe gathering.committed(
      records: records, waiting: filling.pointee.records, tookNanoseconds: now &- min(now, chainBeganNanoseconds), now: now)
  }

  private mutating func attemptFailed(_ result: Int32, _ now: UInt64) {
    // A short write stopped for a reason that the next attempt will name.
    guard result <= 0 else { return }
    switch -result {
    case Failure.interrupted, Failure.again, Failure.cancelled:
      fruitlessAttempts += 1
      if fruitlessAttempts >= Self.fruitlessMax { stall(Failure.again, now) }
    case 0: stall(Failure.noSpace, now)
    case Failure.noSpace, Failure.quota, Failure.tooBig: stall(-result, now)
    case let code: poison(code)
    }
  }

  private mutating func stall(_ code: Int32, _ now: UInt64) {
    fruitlessAttempts = 0
    retryAtNanoseconds = now &+ Self.retryNanoseconds
    if case .poisoned = health { return }
    health = .stalled(errno: code)
  }

  private mutating func poison(_ code: Int32) {
    if case .poisoned = health { return }
    health = .poisoned(errno: code)
  }

  private mutating func finish(_ batch: UnsafeMutablePointer<LogBatch>, isDurable: Bool, _ now: UInt64) {
    let sequence = unsafe batch.pointee.sequence
    writtenSequence = max(writtenSequence, sequence)
    writtenBytes &+= unsafe UInt64(batch.pointee.count)
    if unsafe batch.pointee.isSealed { writtenSeal = unsafe batch.pointee.sealNumber }
    if isDurable { syncedSeal = writtenSeal }
    if let file, file.directDescriptor >= 0 { unsafe tail.append(batch.pointee.bytes, end: file.offset) }
    unsafe closed.removeFirst()
    unsafe recycle(batch)
    if isDurable { advance(to: sequence, bytes: writtenBytes, now) }
  }

  /// The only place where the watermark moves.
  private mutating func advance(to sequence: UInt64, bytes: UInt64, _ now: UInt64) {
    if case .poisoned = health { return }
    syncedSequence = max(syncedSequence, sequence)
    syncedBytes = max(syncedBytes, bytes)
    if let first = unsafe closed.first {
      unsyncedSinceNanoseconds = unsafe first.pointee.beganAtNanoseconds
    } else if unsafe !filling.pointee.isEmpty {
      unsyncedSinceNanoseconds = unsafe filling.pointee.beganAtNanoseconds
    } else {
      unsyncedSinceNanoseconds = syncedSequence >= writtenSequence ? 0 : now
    }
  }

  /// What a seal made now may say of its file: nothing of the old one, if it is for the next.
  public var durableSeal: UInt64 { file?.generation == generation ? syncedSeal : 0 }

  // MARK: files

  /// From now on records belong to the next file. What was appended before goes to the old one, and must be on disk
  /// before the new one is opened.
  public mutating func beginGeneration(seal: (inout LogBatch) -> Void) {
    if unsafe !filling.pointee.isEmpty {
      unsafe seal(&filling.pointee)
      close()
    }
    demandSync()
    generation += 1
    unsafe filling.pointee.generation = generation
    unsafe filling.pointee.place(at: 0)
  }

  /// Whether all that belongs to the current file is on disk and nothing is in flight on it.
  public var isFileComplete: Bool {
    guard let file else { return true }
    let isWritten = unsafe closed.first.map { unsafe $0.pointee.generation > file.generation } ?? true
    let isLeft = unsafe filling.pointee.generation > file.generation
    return isLeft && isWritten && !isFlying && isSynced
  }

  /// Goes on in the file of the newest generation.
  /// - Parameter seal: the last one in the file.
  public mutating func open(_ descriptor: Int32, offset: Int64, seal: UInt64 = 0) {
    writtenSeal = seal
    syncedSeal = seal
    precondition(!isFlying, "the old file is still in use")
    offsetLimit = .max
    zerosRemoved()
    tail.end = -1
    if unsafe filling.pointee.isEmpty { unsafe filling.pointee.place(at: offset) }
    file = File(descriptor: descriptor, offset: offset, generation: generation)
    if rescuedSequence > 0 {
      // The new base holds what these batches held.
      health = .healthy
      writtenSequence = max(writtenSequence, rescuedSequence)
      let bytes = rescuedBytes
      rescuedSequence = 0
      for unsafe batch in unsafe rescued {
        unsafe batch.deinitialize(count: 1)
        unsafe batch.deallocate()
      }
      unsafe rescued.removeAll()
      writtenBytes = max(writtenBytes, bytes)
      advance(to: writtenSequence, bytes: bytes, unsyncedSinceNanoseconds)
    }
  }
  private var rescuedBytes: UInt64 = 0

  /// The file can be written past the page cache through this descriptor; it is closed with the other one.
  public mutating func openDirect(_ descriptor: Int32) { file?.directDescriptor = descriptor }

  /// The file has zeros up to `end`, though not on disk yet. Their filler does not sync them: some file systems tell an
  /// error of the disk to one sync only, and then it must be one of ours.
  public mutating func zerosWritten(to end: Int64) { zeroedOffset = max(zeroedOffset, end) }

  /// The file ends with its last record again.
  public mutating func zerosRemoved() {
    zeroedOffset = 0
    reservedOffset = 0
  }

  /// The next file could not be had: all goes on in the old one. `reseal` is called on batches that have ended already:
  /// their seals are of the file that is not there.
  public mutating func abandonGeneration(reseal: (inout LogBatch) -> Void) {
    guard let file else { return }
    for unsafe batch in unsafe closed where unsafe batch.pointee.generation != file.generation {
      unsafe reseal(&batch.pointee)
    }
    for unsafe batch in unsafe closed { unsafe batch.pointee.generation = file.generation }
    unsafe filling.pointee.generation = file.generation
    generation = file.generation
  }

  /// A base is about to be written that holds everything appended so far: what is not on disk need not be any more.
  /// Call with nothing in flight. Once the base and a new file are there, `open` says so.
  public mutating func beginRescue() {
    precondition(!isFlying, "the kernel still reads a batch")
    closedBytes &+= unsafe UInt64(filling.pointee.count)
    let last = unsafe filling.pointee.sequence
    unsafe rescued += closed + [filling]
    unsafe closed.removeAll()
    unsafe filling = .allocate(capacity: 1)
    unsafe filling.initialize(to: LogBatch())
    rescuedSequence = last
    rescuedBytes = closedBytes
    generation += 1
    file = nil
    unsafe filling.pointee.reset(sequence: last + 1, generation: generation)
  }

  /// Nobody waits for anything any more: the log was turned off.
  public mutating func forgetUnsynced() {
    health = .healthy
    writtenSequence = appendedSequence
    syncedSequence = max(syncedSequence, appendedSequence)
    demandedSequence = 0
    syncedBytes = unsafe closedBytes &+ UInt64(filling.pointee.count)
    unsyncedSinceNanoseconds = 0
  }

  /// The log ends: nothing more is written. Call when `isIdle`, or after a failure that is final.
  public mutating func closeFile() { file = nil }
}

/// Results that mean something, as errno numbers of Linux.
enum Failure {
  static let interrupted: Int32 = 4
  static let again: Int32 = 11
  static let tooBig: Int32 = 27
  static let noSpace: Int32 = 28
  static let invalid: Int32 = 22
  static let notSupported: Int32 = 95
  static let quota: Int32 = 122
  static let cancelled: Int32 = 125
}
