// PipelineSimulation+Files.swift — the owner's changes of files.
//
//   switch    old file ─▶ complete ─▶ next file           or abandoned: the old one goes on
//   rescue    poisoned ─▶ base begun ─▶ base on disk ─▶ next file
//   off, on   whatever was unsynced is nobody's concern; then as a rescue
//
// A start reads the files from the last base on; so only a base on disk makes older ones dispensable.
@testable import Persistence

extension PipelineSimulation {
  func open(offset: Int, seal: UInt64) {
    let file = SimulatedFile(count: offset)
    files.append(LogFile(file: file, end: offset, begin: offset, beginSeal: seal))
    filling = nil
    descriptorOfGeneration[pipeline.generation] = files.count - 1
    pipeline.open(Int32(files.count - 1), offset: Int64(offset), seal: seal)
  }

  func descriptor(of batch: Batch) -> Int? { descriptorOfGeneration[batch.generation] }

  func advanceFiles() {
    if basePending > 0 { return finishBase() }
    guard isSwitching else {
      guard hasFaults, dice.below(2) == 0, pipeline.health == .healthy else { return }
      return beginSwitch()
    }
    guard pipeline.isFileComplete else { return }
    let old = pipeline.file?.generation ?? 0
    expect(write == nil && sync == nil, "complete with operations in flight")
    for (sequence, batch) in batches where batch.generation <= old {
      expect(sequence <= pipeline.syncedSequence, "the old file is called complete without batch \(sequence)")
    }
    isSwitching = false
    if dice.below(2) == 0 { abandon(for: old) } else { open(offset: 0, seal: 0) }
  }

  private func beginSwitch() {
    let durable = pipeline.durableSeal
    pipeline.beginGeneration { seal(&$0, durable) }
    sealNumberOfOldFile = sealNumber
    sealNumber = 0
    isSwitching = true
    count(.generation)
  }

  /// The next file could not be made: batches that have ended for it get seals of the old one.
  private func abandon(for old: UInt64) {
    count(.abandoned)
    pipeline.abandonGeneration { _ in }
    let moved = batches.filter { $0.value.generation > old }.keys
    for sequence in moved { batches[sequence]?.generation = old }
    guard plant != .numbersSealsAnewAfterAbandoning else { return }
    for sequence in moved {
      batches[sequence]?.bytes = nil
      batches[sequence]?.sealNumber = 0
    }
    sealNumber = sealNumberOfOldFile
    let durable = pipeline.durableSeal
    for unsafe batch in unsafe pipeline.closed { unsafe seal(&batch.pointee, durable) }
  }

  /// The base is there, and with it all that was in memory when it began.
  private func finishBase() {
    guard dice.below(2) == 0 else { return }
    if plant != .opensBeforeTheBase { baseDurable = basePending }
    basePending = 0
    isPoisoned = false
    firstFile = files.count
    open(offset: 0, seal: 0)
  }

  /// A new base is begun if the file is poisoned; or once more, if the last one failed.
  func rescue() {
    guard case .poisoned = pipeline.health, !pipeline.isFlying else { return }
    guard basePending == 0 || hasFaults && dice.below(4) == 0 else { return }
    count(basePending == 0 ? .rescue : .rescueOfRescue)
    beginBase()
  }

  private func beginBase() {
    if basePending == 0 { baseFirst = headSequence }
    basePending = unsafe pipeline.filling.pointee.sequence
    isSwitching = false
    pipeline.beginRescue()
    sealNumber = 0
    headSequence = basePending + 1
    headProgress = 0
  }

  /// `appendonly no`, `appendonly yes`: nobody waits for what was there, and a base is written.
  func turnOffAndOn() {
    guard !pipeline.isFlying, basePending == 0, !isSwitching else { return }
    count(.turnedOff)
    pipeline.closeFile()
    pipeline.forgetUnsynced()
    expect(pipeline.unsyncedBytes == 0, "turned off, and \(pipeline.unsyncedBytes) bytes count as unsynced")
    expect(pipeline.syncedSequence >= checkedSequence, "turned off, and the watermark went back")
    checkedSequence = pipeline.syncedSequence
    isPoisoned = false
    beginBase()
  }
}
