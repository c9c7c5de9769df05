// PipelineSimulation.swift — a commit pipeline, its owner and its disk, driven by one seed.
//
//   records ─▶ pipeline ─▶ operations ─▶ executed on files ─▶ results ─▶ pipeline
//                                        at any moment         in any order
//
// The simulation knows of each batch what is in it and where its bytes went. After every step it compares what
// the pipeline claims with what the simulated disk has. Whatever does not agree is a line in `failures`.
import Bytes

@testable import Persistence

final class PipelineSimulation {
  /// What a wrong owner or a wrong pipeline would do; the checks must see it.
  enum Plant { case nothing, acknowledgesOnSyncAlone, forgetsFirstError, takesOldResult }

  enum Event: Hashable, CaseIterable {
    case short, interrupted, again, cancelled, noSpace, quota, tooBig, nothingWritten, writeError, syncError
    case syncInterrupted, syncCancelled, chain, plainWrite, loneSync, repeatedSync, syncDeliveredFirst, overlap
    case policyChange, pause, fullBatch, generation, abandoned, rescue, crash, writeBack, rescueOfRescue
  }

  struct Batch {
    var appended: [UInt8] = []
    /// All of it, once it has ended.
    var bytes: [UInt8]?
    var generation: UInt64
    var keys: Set<UInt64> = []
    /// Where it went.
    var descriptor = -1
    var offset = 0
    /// A plain write has taken it whole: the pipeline keeps no keys of it.
    var isForgotten = false
  }

  struct WriteFlight {
    let descriptor: Int
    let memory: UnsafeRawPointer?
    let count: Int
    let offset: Int
    let isChain: Bool
    let sequence: UInt64
    /// What became of each half, once it was executed.
    var written: Int32?
    var synced: Int32?
    var isWriteDelivered: Bool
    var isSyncDelivered: Bool
  }

  struct SyncFlight {
    let descriptor: Int
    var result: Int32?
  }

  var pipeline = CommitPipeline()
  var dice: Dice
  var now: UInt64 = 1_000_000_000
  let plant: Plant
  /// The sync of a chain runs though its write was short or failed: a hard link.
  let isHardLinked: Bool
  /// Errors come also while another operation is in flight.
  let hasOverlappingErrors: Bool
  var hasFaults = true
  private(set) var failures: [String] = []
  private(set) var events: [Event: Int] = [:]

  private var files: [SimulatedFile] = []
  private var ends: [Int] = []
  private var descriptorOfGeneration: [UInt64: Int] = [:]
  private var batches: [UInt64: Batch] = [:]
  private var headSequence: UInt64 = 1
  private var headProgress = 0
  private var keyBatches: [UInt64: [UInt64]] = [:]
  private var write: WriteFlight?
  private var sync: SyncFlight?
  private var recordNumber: UInt64 = 0
  private var checkedSequence: UInt64 = 0
  /// An error has been told; until a new base is there nothing may be proven.
  private var isPoisoned = false
  /// A base that is being written covers batches up to here; 0 if none is.
  private var basePending: UInt64 = 0
  private var baseDurable: UInt64 = 0
  private var isSwitching = false
  private var hasForgottenError = false
  private let demandsAlways: Bool
  /// One record fills a batch: slow, so only few seeds have one.
  private let mayFill: Bool

  init(seed: UInt64, plant: Plant = .nothing, isHardLinked: Bool = false, hasOverlappingErrors: Bool = false) {
    // The numbers of neighbouring seeds are the same ones, shifted by one: a first throw takes them apart.
    var first = Dice(seed: seed)
    dice = Dice(seed: first.next())
    self.plant = plant
    self.isHardLinked = isHardLinked
    self.hasOverlappingErrors = hasOverlappingErrors
    mayFill = seed % 5_000 == 1
    demandsAlways = dice.below(3) == 0
    pipeline.policy = demandsAlways ? .always : anyPolicy()
    open(offset: dice.below(2) * dice.below(100))
  }

  private func anyPolicy() -> CommitPipeline.Policy { [.always, .everySecond, .never][dice.below(3)] }
  private func count(_ event: Event) { events[event, default: 0] += 1 }
  private func fail(_ text: String) { if failures.count < 20 { failures.append(text) } }
  private func expect(_ isTrue: Bool, _ text: @autoclosure () -> String) { if !isTrue { fail(text()) } }

  // MARK: the run

  /// Random steps, then a crash or the end of all faults.
  func run(steps: Int) {
    for _ in 0..<steps {
      step()
      check()
      guard failures.isEmpty else { return }
      if dice.below(250) == 0 { return crash() }
    }
    settle()
    checkEverything()
  }

  private func step() {
    switch dice.below(100) {
    case 0..<28: append()
    case 28..<48: submit()
    case 48..<66: execute()
    case 66..<84: deliver()
    case 84..<87: changePolicy()
    case 87..<89: pipeline.demandSync()
    case 89: if hasFaults { pipeline.isPaused.toggle(); count(.pause) }
    case 90..<93: now += UInt64(dice.below(1_200)) * 1_000_000
    case 93..<95: if !files.isEmpty { files[dice.below(files.count)].writeBack(); count(.writeBack) }
    case 95..<98: advanceFiles()
    default: rescue()
    }
  }

  private func crash() {
    count(.crash)
    checkEverything()
  }

  /// No fault from now on: whatever was appended must get to disk.
  private func settle() {
    hasFaults = false
    pipeline.isPaused = false
    for _ in 0..<400 {
      pipeline.demandSync()
      rescue()
      advanceFiles()
      submit()
      for _ in 0..<4 { execute() }
      for _ in 0..<4 { deliver() }
      check()
      guard failures.isEmpty else { return }
      if pipeline.isIdle && basePending == 0 && !isSwitching { break }
      now += 300_000_000
    }
    expect(pipeline.isIdle, "not idle though nothing fails any more: \(pipeline.health)")
    expect(pipeline.syncedSequence >= pipeline.appendedSequence, "appended batches never became durable")
    expect(pipeline.unsyncedBytes == 0, "\(pipeline.unsyncedBytes) bytes count as unsynced")
    expect(pipeline.oldestUnsyncedNanoseconds(now: now) == 0, "a record counts as unsynced")
    expect(pipeline.health == .healthy, "not healthy: \(pipeline.health)")
  }

  // MARK: records

  private func append() {
    recordNumber += 1
    let isLarge = hasFaults && mayFill && recordNumber == 3
    var record = Array("\(recordNumber);".utf8)
    record += repeatElement(UInt8(ascii: "x"), count: isLarge ? LogBatch.bytesFull : dice.below(40))
    let filling = unsafe pipeline.filling
    let sequence = unsafe filling.pointee.sequence
    let before = unsafe filling.pointee.isEmpty
    record.viewed { unsafe filling.pointee.append($0) }
    var batch = batches[sequence] ?? Batch(generation: unsafe filling.pointee.generation)
    expect(before == batch.appended.isEmpty, "batch \(sequence) is not what was appended to it")
    expect(batch.generation == pipeline.generation, "batch \(sequence) belongs to an old file")
    batch.appended += record
    for _ in 0..<dice.below(3) {
      let key = UInt64(dice.below(8))
      unsafe filling.pointee.keys.insert(KeyIdentity(hash: key, database: 0))
      batch.keys.insert(key)
      if keyBatches[key, default: []].last != sequence { keyBatches[key, default: []].append(sequence) }
    }
    batches[sequence] = batch
    pipeline.appended(nowNanoseconds: now)
    pipeline.closeIfFull { seal(&$0) }
    if isLarge { count(.fullBatch) }
    expect(unsafe pipeline.batchOfLastRecord.pointee.sequence == sequence, "the last record's batch is another one")
    expect(pipeline.appendedSequence == sequence, "appended to \(sequence), not \(pipeline.appendedSequence)")
  }

  private func seal(_ batch: inout LogBatch) {
    let sequence = batch.sequence
    expect(batches[sequence]?.bytes == nil, "batch \(sequence) is sealed twice")
    Array("|\(sequence)\n".utf8).viewed { batch.append($0) }
    let bytes = batch.bytes.array
    let appended = batches[sequence]?.appended ?? [0]
    let isWhole = unsafe bytes.withUnsafeBytes { bytes in
      unsafe appended.withUnsafeBytes {
        unsafe $0.count <= bytes.count && areSame(UnsafeRawBufferPointer(rebasing: bytes[..<$0.count]), $0)
      }
    }
    expect(isWhole, "batch \(sequence) lost its records")
    batches[sequence]?.bytes = bytes
  }

  private func changePolicy() {
    guard !demandsAlways else { return }
    pipeline.policy = anyPolicy()
    count(.policyChange)
  }

  // MARK: operations

  private func submit() {
    // An error on its way: with what is in flight then, see `hasOverlappingErrors`.
    if !hasOverlappingErrors && (isError(write?.synced) || isError(sync?.result)) { return }
    for _ in 0..<10 {
      guard let operation = pipeline.next(nowNanoseconds: now, seal: { seal(&$0) }) else { return }
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
      takeWrite(Int(descriptor), memory, bytes, Int(offset), isChain: true)
    case .sync(let descriptor, isChain: true):
      expect(write == nil, "two chains in flight")
      count(.repeatedSync)
      write = unsafe WriteFlight(
        descriptor: Int(descriptor), memory: nil, count: 0, offset: 0, isChain: true, sequence: headSequence - 1,
        written: 0, isWriteDelivered: true, isSyncDelivered: false)
    case .sync(let descriptor, isChain: false):
      expect(sync == nil, "two syncs in flight")
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
    guard var batch = batches[headSequence], let wanted = batch.bytes else { return fail("a batch is written that is still open") }
    expect(descriptorOfGeneration[batch.generation] == descriptor, "batch \(headSequence) goes to another file")
    expect(offset == ends[descriptor], "a gap: at \(offset), the file ends at \(ends[descriptor])")
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

  /// The kernel gets to one of the operations.
  private func execute() {
    if let flight = write, flight.written == nil, dice.below(2) == 0 { return executeWrite(flight) }
    if let flight = write, flight.written != nil, flight.isChain, flight.synced == nil, dice.below(2) == 0 {
      let isSevered = !isHardLinked && Int(flight.written ?? 0) != flight.count
      write?.synced = isSevered ? -125 : syncResult(flight.descriptor, isWhole: Int(flight.written ?? 0) == flight.count, isAlone: sync == nil)
      return
    }
    if let flight = sync, flight.result == nil {
      sync?.result = syncResult(flight.descriptor, isWhole: true, isAlone: write == nil)
    }
  }

  private func executeWrite(_ flight: WriteFlight) {
    let wanted = batches[flight.sequence]?.bytes ?? []
    let place = headProgress..<(headProgress + flight.count)
    let memory = unsafe UnsafeRawBufferPointer(start: flight.memory, count: flight.count)
    let isUnchanged = unsafe wanted.withUnsafeBytes { unsafe areSame(memory, UnsafeRawBufferPointer(rebasing: $0[place])) }
    expect(isUnchanged, "batch \(flight.sequence) has changed under the kernel")
    let result = writeResult(flight.count)
    write?.written = result
    // A write that is interrupted or fails may have left some of its bytes.
    let bytes = result > 0 ? Int(result) : result == -5 || result == -4 ? dice.below(flight.count) : 0
    unsafe files[flight.descriptor].write(UnsafeRawBufferPointer(rebasing: memory[..<bytes]), at: flight.offset)
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

  private func syncResult(_ descriptor: Int, isWhole: Bool, isAlone: Bool) -> Int32 {
    if hasFaults && dice.below(5) == 0 {
      switch dice.below(4) {
      case 0:
        count(.syncInterrupted)
        if dice.below(2) == 0 { files[descriptor].sync() }
        return -4
      case 1: count(.syncCancelled); return -125
      case 2 where hasOverlappingErrors || isAlone && isWhole:
        count(.syncError)
        files[descriptor].failToSync(keeping: dice.below(2))
        return -5
      default: break
      }
    }
    files[descriptor].sync()
    return 0
  }

  private func isError(_ result: Int32?) -> Bool { result.map { $0 < 0 && $0 != -4 && $0 != -125 } ?? false }

  // MARK: results

  private func deliver() {
    if let flight = write {
      // Either half may come first.
      let isSyncFirst = dice.below(2) == 0
      if let result = flight.synced, !flight.isSyncDelivered, isSyncFirst || flight.isWriteDelivered { return deliverChainSync(result) }
      if let result = flight.written, !flight.isWriteDelivered, dice.below(2) == 0 { return deliverWrite(result) }
    }
    if let result = sync?.result {
      sync = nil
      if isError(result) { isPoisoned = isPoisoned || !isForgetting(result) }
      pipeline.synced(told(result), isChain: false, nowNanoseconds: now)
    }
  }

  private func deliverChainSync(_ result: Int32) {
    if write?.isWriteDelivered == false { count(.syncDeliveredFirst) }
    write?.isSyncDelivered = true
    let told = told(result)
    write?.synced = told
    endFlight()
    pipeline.synced(told, isChain: true, nowNanoseconds: now)
  }

  private func deliverWrite(_ result: Int32) {
    guard let flight = write else { return }
    var told = result
    if plant == .acknowledgesOnSyncAlone && flight.isChain && flight.synced == 0 { told = Int32(flight.count) }
    if told > 0 {
      headProgress += Int(told)
      ends[flight.descriptor] += Int(told)
    }
    if told > 0 && headProgress == batches[flight.sequence]?.bytes?.count {
      batches[flight.sequence]?.isForgotten = !flight.isChain
      headSequence += 1
      headProgress = 0
    }
    write?.written = told
    write?.isWriteDelivered = true
    endFlight()
    pipeline.wrote(told, nowNanoseconds: now)
  }

  private func endFlight() {
    guard let flight = write, flight.isWriteDelivered, flight.isSyncDelivered else { return }
    // A chain is judged when both halves are known.
    if flight.written == -5 || isError(flight.synced) { isPoisoned = true }
    write = nil
  }

  /// What an owner makes of a result that would have to poison the file.
  private func isForgetting(_ result: Int32) -> Bool { plant == .forgetsFirstError && !hasForgottenError }

  private func told(_ result: Int32) -> Int32 {
    guard isError(result), isForgetting(result) else { return result }
    hasForgottenError = true
    return -4
  }

  // MARK: files

  private func open(offset: Int) {
    files.append(SimulatedFile(count: offset))
    ends.append(offset)
    descriptorOfGeneration[pipeline.generation] = files.count - 1
    pipeline.open(Int32(files.count - 1), offset: Int64(offset))
  }

  private func advanceFiles() {
    guard basePending == 0 else {
      // The base is there, and with it all that was in memory when it began.
      guard dice.below(2) == 0 else { return }
      baseDurable = basePending
      basePending = 0
      isPoisoned = false
      return open(offset: 0)
    }
    guard isSwitching else {
      guard hasFaults, dice.below(2) == 0, pipeline.health == .healthy else { return }
      pipeline.beginGeneration { seal(&$0) }
      isSwitching = true
      return count(.generation)
    }
    guard pipeline.isFileComplete else { return }
    let old = pipeline.file?.generation ?? 0
    expect(write == nil && sync == nil, "complete with operations in flight")
    for (sequence, batch) in batches where batch.generation <= old {
      expect(sequence <= pipeline.syncedSequence, "the old file is called complete without batch \(sequence)")
    }
    isSwitching = false
    if dice.below(3) == 0 {
      count(.abandoned)
      pipeline.abandonGeneration()
      for sequence in batches.keys where batches[sequence]?.generation ?? 0 > old { batches[sequence]?.generation = old }
    } else {
      open(offset: 0)
    }
  }

  /// A new base is begun if the file is poisoned; or once more, if the last one failed.
  private func rescue() {
    guard case .poisoned = pipeline.health, !pipeline.isFlying else { return }
    guard basePending == 0 || hasFaults && dice.below(4) == 0 else { return }
    count(basePending == 0 ? .rescue : .rescueOfRescue)
    basePending = unsafe pipeline.filling.pointee.sequence
    isSwitching = false
    pipeline.beginRescue()
    headSequence = basePending + 1
    headProgress = 0
  }

  // MARK: checks

  private func check() {
    let synced = pipeline.syncedSequence
    expect(synced >= checkedSequence, "the watermark went back from \(checkedSequence) to \(synced)")
    if isPoisoned {
      expect(synced == checkedSequence, "a poisoned file proved batch \(synced)")
      if case .poisoned = pipeline.health {} else { fail("poisoned, but the pipeline says \(pipeline.health)") }
    }
    if synced > checkedSequence {
      for sequence in (checkedSequence + 1)...synced { checkDurable(sequence) }
      checkedSequence = synced
    }
    expect(pipeline.isFlying == (write != nil || sync != nil), "isFlying is wrong")
    checkKey(UInt64(dice.below(8)))
  }

  private func checkDurable(_ sequence: UInt64) {
    guard sequence > baseDurable, let batch = batches[sequence] else { return }
    guard let bytes = batch.bytes, batch.descriptor >= 0 else { return fail("batch \(sequence) was acknowledged and never written") }
    expect(files[batch.descriptor].isDurable(bytes, at: batch.offset), "batch \(sequence) was acknowledged and is not on disk")
  }

  private func checkKey(_ key: UInt64) {
    let synced = pipeline.syncedSequence
    var newest = keyBatches[key]?.last { $0 > synced && batches[$0]?.isForgotten == false }
    if let found = newest, basePending > 0, found <= basePending { newest = basePending }
    let said = pipeline.dirtySequence(of: KeyIdentity(hash: key, database: 0))
    expect(said == newest, "key \(key): dirty in \(String(describing: said)), wanted \(String(describing: newest))")
  }

  private func checkEverything() {
    if pipeline.syncedSequence > 0 { for sequence in 1...pipeline.syncedSequence { checkDurable(sequence) } }
    for key in UInt64(0)..<8 { checkKey(key) }
  }
}
