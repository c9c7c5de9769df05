// CommitPipeline+Files.swift — from one file to the next.
//
//   rotation   old file ─▶ all of it on disk ─▶ next file; or there is none, and the old one goes on
//   rescue     poisoned ─▶ a base holds what memory holds ─▶ next file
import Bytes

extension CommitPipeline {
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
