// CommitPipeline+Next.swift — which operation is next.
//
//   nothing in flight   the oldest batch: as one operation over zeros, else a write linked to a sync
//   a write in flight   wait
//
// Without `always` a batch is written at once and a sync of its own follows when it is due.
import Bytes

extension CommitPipeline {
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

  mutating func nextWrite(_ file: File, _ now: UInt64, _ seal: (inout LogBatch) -> Void) -> Operation? {
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
  mutating func directBlocks(
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

  mutating func nextSync(_ file: File, _ now: UInt64) -> Operation? {
    guard sync == nil, write?.isSyncing != true, writtenSequence > syncedSequence else { return nil }
    let isDemanded = demandedSequence > syncedSequence
    let isDue = policy == .everySecond && now >= syncDueNanoseconds
    guard isDemanded || isDue || policy == .always else { return nil }
    lastSyncNanoseconds = now
    sync = SyncFlight(sequence: writtenSequence, seal: writtenSeal, bytes: writtenBytes, reserves: zeroedOffset)
    return .sync(descriptor: file.descriptor, isChain: false)
  }

  /// Under `everysec`: half a second after the oldest record that is not on disk, and after the sync before.
  var syncDueNanoseconds: UInt64 {
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
}
