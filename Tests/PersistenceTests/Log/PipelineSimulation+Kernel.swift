// PipelineSimulation+Kernel.swift — operations are taken, executed with faults, and their results told.
//
//   submit ─▶ [ write | chain ] [ sync ] ─▶ execute: bytes move, a result is known ─▶ deliver ─▶ pipeline
//
// Taken, executed and told are three moments, with anything between them. The two halves of a chain are executed
// in order and told in any. A plant may tell something else than what happened.
import Bytes

@testable import Persistence

extension PipelineSimulation {
  // MARK: taken

  func submit() {
    for _ in 0..<10 {
      let durable = pipeline.durableSeal
      guard let operation = pipeline.next(nowNanoseconds: now, seal: { seal(&$0, durable) }) else {
        let isLeft = unsafe !pipeline.filling.pointee.isEmpty
        let wait = pipeline.waitNanoseconds(now: now)
        if pipeline.policy == .always && isLeft && write == nil && wait ?? 0 > 0 { count(.gathered) }
        // There is nothing to do, and yet the owner may not sleep.
        if wait == 0 { needlessTurns += 1 }
        return
      }
      take(operation)
    }
    fail("operations without end")
  }

  private func take(_ operation: CommitPipeline.Operation) {
    expect(!isPoisoned, "an operation on a poisoned file")
    expect(!pipeline.isPaused, "an operation though paused")
    switch operation {
    case .write(let descriptor, let memory, let bytes, let offset):
      count(.plainWrite)
      takeWrite(Int(descriptor), memory, bytes, Int(offset), isChain: false)
    case .writeThenSync(let descriptor, let memory, let bytes, let offset):
      count(.chain)
      expect(sync == nil, "two syncs of one file")
      takeWrite(Int(descriptor), memory, bytes, Int(offset), isChain: true)
    case .writeDurably(let descriptor, let memory, let bytes, let offset):
      count(.single)
      takeSingle(Int(descriptor), memory, bytes, Int(offset))
    case .sync(let descriptor, isChain: true):
      expect(write == nil && sync == nil, "a sync repeated with another one in flight")
      expect(headProgress == batches[headSequence]?.bytes?.count, "a sync repeated before its batch is whole")
      count(.repeatedSync)
      write = unsafe WriteFlight(
        descriptor: Int(descriptor), memory: nil, count: 0, offset: 0, isChain: true, sequence: headSequence,
        written: 0, isWriteDelivered: true, isSyncDelivered: false)
    case .sync(let descriptor, isChain: false):
      expect(sync == nil && write?.isChain != true, "two syncs of one file")
      count(.loneSync)
      sync = SyncFlight(descriptor: Int(descriptor))
      if plant == .takesOldResult && dice.below(3) == 0 {
        pipeline.synced(0, isChain: false, nowNanoseconds: now)
        sync = nil
      }
    }
    if write != nil && sync != nil { count(.overlap) }
  }

  private func takeWrite(_ descriptor: Int, _ memory: UnsafeRawPointer, _ bytes: Int, _ offset: Int, isChain: Bool) {
    expect(write == nil, "two writes in flight")
    if let filling { expect(offset + bytes <= filling.lowerBound, "a record where zeros are being written") }
    guard var batch = batches[headSequence], let wanted = batch.bytes else {
      return fail("a batch is written that is still open")
    }
    expect(self.descriptor(of: batch) == descriptor, "batch \(headSequence) goes to another file")
    expect(offset == files[descriptor].end, "a gap: at \(offset), the file ends at \(files[descriptor].end)")
    expect(bytes > 0 && headProgress + bytes <= wanted.count, "\(bytes) bytes of \(wanted.count - headProgress)")
    expect(!isChain || headProgress + bytes == wanted.count, "a chain that does not end its batch")
    if headProgress == 0 {
      batch.descriptor = descriptor
      batch.offset = offset
      batches[headSequence] = batch
    }
    write = unsafe WriteFlight(
      descriptor: descriptor, memory: memory, count: bytes, offset: offset, isChain: isChain, sequence: headSequence,
      isWriteDelivered: false, isSyncDelivered: !isChain)
  }

  /// One operation that is durable when it ends.
  private func takeSingle(_ descriptor: Int, _ memory: UnsafeRawPointer, _ bytes: Int, _ offset: Int) {
    expect(sync == nil, "two syncs of one file")
    expect(headProgress == 0 && bytes == batches[headSequence]?.bytes?.count, "one operation for a part of a batch")
    expect(offset + bytes <= files[descriptor].zeroed, "one operation beyond the zeros")
    expect(!files[descriptor].file.isDirty(before: offset), "one operation behind bytes that are not on disk")
    takeWrite(descriptor, memory, bytes, offset, isChain: false)
    write?.isSingle = true
  }

  // MARK: executed

  /// The kernel gets to one of the operations.
  func execute() {
    if let flight = write, flight.written == nil, dice.below(2) == 0 { return executeWrite(flight) }
    if let flight = write, let written = flight.written, flight.isChain, flight.synced == nil, dice.below(2) == 0 {
      let isSevered = !isHardLinked && Int(written) != flight.count
      let result = isSevered ? -125 : syncResult(flight.descriptor)
      write?.synced = result
    } else if let flight = sync, flight.result == nil {
      let result = syncResult(flight.descriptor)
      sync?.result = result
    }
  }

  private func executeWrite(_ flight: WriteFlight) {
    checkMemory(flight)
    var result = writeResult(flight.count)
    if flight.isSingle { result = singleResult(result, flight) }
    write?.written = result
    guard !flight.isSingle else { return }
    // A write that is interrupted or fails may have left some of its bytes.
    let bytes = result > 0 ? Int(result) : result == -5 || result == -4 ? dice.below(flight.count) : 0
    let memory = unsafe UnsafeRawBufferPointer(start: flight.memory, count: bytes)
    unsafe files[flight.descriptor].file.write(memory, at: flight.offset)
  }

  /// The bytes are written and synced, and no others.
  private func singleResult(_ wanted: Int32, _ flight: WriteFlight) -> Int32 {
    let bytes = wanted > 0 ? Int(wanted) : wanted == -5 || wanted == -4 ? dice.below(flight.count) : 0
    let memory = unsafe UnsafeRawBufferPointer(start: flight.memory, count: bytes)
    unsafe files[flight.descriptor].file.write(memory, at: flight.offset)
    guard bytes > 0, wanted > 0 else { return wanted }
    if hasFaults && dice.below(40) == 0 {
      count(.singleSyncError)
      files[flight.descriptor].file.failToSync(&dice)
      return -5
    }
    return files[flight.descriptor].file.sync(flight.offset..<(flight.offset + bytes)) ? wanted : -5
  }

  /// What the kernel reads is what was sealed, for as long as it may read it.
  private func checkMemory(_ flight: WriteFlight) {
    guard let start = unsafe flight.memory, let wanted = batches[flight.sequence]?.bytes else { return }
    let place = headProgress..<(headProgress + flight.count)
    if plant == .touchesMemoryInFlight && dice.below(20) == 0 {
      unsafe UnsafeMutableRawPointer(mutating: start).storeBytes(of: 0, as: UInt8.self)
    }
    let memory = unsafe UnsafeRawBufferPointer(start: start, count: flight.count)
    let isUnchanged = unsafe wanted.withUnsafeBytes { wanted in
      unsafe areSame(memory, UnsafeRawBufferPointer(rebasing: wanted[place]))
    }
    expect(isUnchanged, "batch \(flight.sequence) has changed under the kernel")
  }

  private func writeResult(_ bytes: Int) -> Int32 {
    guard hasFaults, dice.below(4) == 0 else { return Int32(bytes) }
    switch dice.below(20) {
    case 0..<6 where bytes > 1:
      count(.short)
      return Int32(1 + dice.below(bytes - 1))
    case 6..<8: count(.interrupted); return -4
    case 8..<10: count(.again); return -11
    case 10..<12: count(.cancelled); return -125
    case 12..<14: count(.noSpace); return -28
    case 14: count(.quota); return -122
    case 15: count(.tooBig); return -27
    case 16..<18: count(.nothingWritten); return 0
    case 18: count(.writeError); return -5
    default: return Int32(bytes)
    }
  }

  private func syncResult(_ descriptor: Int) -> Int32 {
    if hasFaults && dice.below(6) == 0 {
      switch dice.below(6) {
      case 0..<2:
        count(.syncInterrupted)
        for _ in 0..<dice.below(3) { files[descriptor].file.writeBack(&dice) }
        return -4
      case 2..<4: count(.syncCancelled); return -125
      default:
        count(.syncError)
        if write != nil && sync != nil { count(.syncErrorInOverlap) }
        files[descriptor].file.failToSync(&dice)
        return [-5, -5, -28, -122][dice.below(4)]
      }
    }
    return files[descriptor].file.sync() ? 0 : -5
  }

  /// The kernel writes some page back by itself, and may fail.
  func writeBack() {
    let descriptor = dice.below(files.count)
    guard files[descriptor].file.isDirty else { return }
    guard hasFaults, dice.below(12) == 0 else {
      count(.writeBack)
      return files[descriptor].file.writeBack(&dice)
    }
    count(.writeBackError)
    files[descriptor].file.failToWriteBack(&dice)
  }

  // MARK: told

  private func isError(_ result: Int32?) -> Bool { result.map { $0 < 0 && $0 != -4 && $0 != -125 } ?? false }

  func deliver() {
    if plant == .losesResult && (write != nil || sync != nil) && dice.below(40) == 0 { hasLostResult = true }
    guard !hasLostResult else { return }
    if let flight = write {
      // Either half may come first.
      let isSyncFirst = dice.below(2) == 0
      if let result = flight.synced, !flight.isSyncDelivered, isSyncFirst || flight.isWriteDelivered {
        return deliverChainSync(result, flight)
      }
      if let result = flight.written, !flight.isWriteDelivered, dice.below(2) == 0 {
        return deliverWrite(result, flight)
      }
    }
    if let result = sync?.result {
      sync = nil
      let told = told(result)
      if isError(told) { isPoisoned = true }
      pipeline.synced(told, isChain: false, nowNanoseconds: now)
      noteHealth()
    }
  }

  private func deliverChainSync(_ result: Int32, _ flight: WriteFlight) {
    if !flight.isWriteDelivered { count(.syncDeliveredFirst) }
    var told = told(result)
    if plant == .tellsCancelledSyncsAsDone && told == -125 { told = 0 }
    write?.isSyncDelivered = true
    write?.synced = told
    endFlight()
    pipeline.synced(told, isChain: true, nowNanoseconds: now)
    noteHealth()
  }

  private func deliverWrite(_ result: Int32, _ flight: WriteFlight) {
    checkMemory(flight)
    var told = result
    let isCheating = switch plant {
    case .acknowledgesOnSyncAlone: flight.synced == 0
    case .tellsCancelledSyncsAsDone: flight.synced != nil
    default: false
    }
    if isCheating && flight.isChain && result >= 0 { told = Int32(flight.count) }
    write?.isWriteDelivered = true
    write?.written = told
    endFlight()
    pipeline.wrote(told, nowNanoseconds: now)
    noteHealth()
  }

  private func noteHealth() {
    if case .stalled = pipeline.health { count(.stalled) }
  }

  /// Judged when all halves are known: what the pipeline must make of them.
  private func endFlight() {
    guard let flight = write, let written = flight.written, flight.isWriteDelivered, flight.isSyncDelivered else {
      return
    }
    write = nil
    if isError(flight.synced) || written == -5 { isPoisoned = true }
    // The batch stays where it is, for the new base.
    guard !isPoisoned else { return }
    // It is written again from its beginning, as if nothing had been.
    if flight.isSingle && Int(written) != flight.count { return }
    if written > 0 {
      headProgress += Int(written)
      files[flight.descriptor].end += Int(written)
    }
    guard Int(written) == flight.count, headProgress == batches[flight.sequence]?.bytes?.count else { return }
    guard !flight.isChain || flight.synced == 0 else { return }
    headSequence += 1
    headProgress = 0
  }

  /// What an owner makes of a result that would have to poison the file.
  private func told(_ result: Int32) -> Int32 {
    guard plant == .forgetsFirstError, isError(result), !hasForgottenError else { return result }
    hasForgottenError = true
    return -4
  }
}
