// PipelineSimulation.swift — a commit pipeline, its owner and its disk, driven by one seed.
//
//   records ─▶ pipeline ─▶ operations ─▶ executed on files ─▶ results ─▶ pipeline
//                                        at any moment         in any order
//
// The simulation knows of each batch what is in it and where its bytes went. After every step it compares what
// the pipeline claims with what the disk has; now and then it looks at what a power cut would leave. Whatever
// does not agree is a line in `failures`. Here: what there is, the run, and the records.
import Bytes

@testable import Persistence

final class PipelineSimulation {
  /// What a wrong owner or a wrong pipeline would do; the checks must see it.
  enum Plant {
    case nothing
    /// The result of the sync stands for the chain; the write is taken to be whole.
    case acknowledgesOnSyncAlone
    /// A sync that never ran because the write was short is told as a success.
    case tellsCancelledSyncsAsDone
    /// The first error of a sync is told as an interruption.
    case forgetsFirstError
    /// The result of a sync is told before it has run.
    case takesOldResult
    /// A byte changes while the kernel reads it.
    case touchesMemoryInFlight
    /// A result never comes.
    case losesResult
    /// Seals begin again from 1 though the old file goes on.
    case numbersSealsAnewAfterAbandoning
    /// Whoever writes zeros syncs them, on a disk that tells an error to one sync only.
    case syncsZerosApart
    /// The new file is opened over what waits for a base that is not there.
    case opensBeforeTheBase
  }

  enum Event: Hashable, CaseIterable {
    case short, interrupted, again, cancelled, noSpace, quota, tooBig, nothingWritten, writeError
    case syncError, syncErrorInOverlap, syncInterrupted, syncCancelled, writeBack, writeBackError
    case chain, plainWrite, loneSync, repeatedSync, syncDeliveredFirst, overlap, stalled, gathered
    case policyChange, pause, resume, fullBatch, fullBatchInSwitch
    case generation, abandoned, rescue, rescueOfRescue, turnedOff
    case zeros, zerosRemoved, single, singleSyncError
    case powerCut, tornTail, survivorBehindTear, zeroTail, end, settled
  }

  struct Batch {
    /// What was appended, without the seal.
    var content: [UInt8] = []
    /// All of it, once it has ended, and the number of its seal.
    var bytes: [UInt8]?
    var sealNumber: UInt64 = 0
    var generation: UInt64
    /// Where it went.
    var descriptor = -1
    var offset = 0
  }

  /// A file, and what a start knows of it.
  struct LogFile {
    var file: SimulatedFile
    var end: Int
    /// Up to here zeros were written ahead of the records; 0 if there are none.
    var zeroed = 0
    /// It ever had any: then what stands behind its records may be zeros.
    var hadZeros = false
    let begin: Int
    let beginSeal: UInt64
  }

  struct WriteFlight {
    let descriptor: Int
    let memory: UnsafeRawPointer?
    let count: Int
    let offset: Int
    let isChain: Bool
    var isSingle = false
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
  var hasFaults = true
  private(set) var failures: [String] = []
  private(set) var events: [Event: Int] = [:]
  /// How often the owner was told to ask again at once though there was nothing for it.
  var needlessTurns = 0

  var files: [LogFile] = []
  /// Files before this one are replaced by a base.
  var firstFile = 0
  var descriptorOfGeneration: [UInt64: Int] = [:]
  var batches: [UInt64: Batch] = [:]
  /// The oldest batch that the kernel has not taken, and how many bytes of it it has.
  var headSequence: UInt64 = 1
  var headProgress = 0
  var keyBatches: [UInt64: [UInt64]] = [:]
  var write: WriteFlight?
  var sync: SyncFlight?
  /// Where zeros are being written.
  var filling: Range<Int>?
  private var recordNumber: UInt64 = 0
  var sealNumber: UInt64 = 0
  var sealNumberOfOldFile: UInt64 = 0
  /// The watermark when it was last looked at, and how far it was an answer to somebody.
  var checkedSequence: UInt64 = 0
  var promisedSequence: UInt64 = 0
  /// An error has been told; until a new base is there nothing may be proven.
  var isPoisoned = false
  /// A base that is being written covers batches up to here, 0 if none is; and the first of them that memory holds.
  var basePending: UInt64 = 0
  var baseFirst: UInt64 = 0
  var baseDurable: UInt64 = 0
  var isSwitching = false
  var hasForgottenError = false
  var hasLostResult = false
  let keepsPolicy: Bool
  /// Records that fill a batch: slow, so only few seeds have them.
  private var fillsLeft: Int

  init(seed: UInt64, plant: Plant = .nothing, isHardLinked: Bool = false) {
    dice = Dice(independent: seed)
    self.plant = plant
    self.isHardLinked = isHardLinked
    fillsLeft = plant == .nothing && seed % 256 == 1 ? 2 : 0
    // Wrong seals are seen where a power cut finds three batches that no sync has followed, and tears the second.
    let isNever = plant == .numbersSealsAnewAfterAbandoning
    keepsPolicy = dice.below(2) == 0 || isNever
    pipeline.policy = isNever ? .never : anyPolicy()
    sealNumber = UInt64(dice.below(2) * dice.below(100))
    open(offset: sealNumber == 0 ? 0 : dice.below(5_000), seal: sealNumber)
  }

  private func anyPolicy() -> CommitPipeline.Policy { [.always, .everySecond, .never][dice.below(3)] }
  func count(_ event: Event) { events[event, default: 0] += 1 }
  func fail(_ text: String) { if failures.count < 20 { failures.append(text) } }
  func expect(_ isTrue: Bool, _ text: @autoclosure () -> String) { if !isTrue { fail(text()) } }

  // MARK: the run

  /// Random steps, then the end of everything or the end of all faults.
  func run(steps: Int) {
    for _ in 0..<steps {
      step()
      check()
      if plant == .numbersSealsAnewAfterAbandoning { events[.abandoned] == nil ? advanceFiles() : cutPower() }
      guard failures.isEmpty else { return }
    }
    if dice.below(4) == 0 {
      count(.end)
    } else {
      settle()
      count(.settled)
    }
    cutPower()
    checkEverything()
  }

  private func step() {
    now += UInt64(dice.below(100_000))
    switch dice.below(100) {
    case 0..<26: append()
    case 26..<28: zeros()
    case 28..<48: submit()
    case 48..<66: execute()
    case 66..<84: deliver()
    case 84..<86: changePolicy()
    case 86..<88: pipeline.demandSync()
    case 88: togglePause()
    case 89..<92: now += UInt64(dice.below(1_200)) * 1_000_000
    case 92..<94: writeBack()
    case 94..<96: advanceFiles()
    case 96..<98: cutPower()
    case 98: rescue()
    default: if dice.below(6) == 0 { turnOffAndOn() }
    }
  }

  /// No fault from now on: whatever was appended must get to disk, and the owner sleeps no less than it is told to.
  private func settle() {
    hasFaults = false
    if pipeline.isPaused { togglePause() }
    if filling != nil { endFilling() }
    var isAsked = false
    for _ in 0..<400 {
      rescue()
      advanceFiles()
      submit()
      for _ in 0..<4 { execute() }
      for _ in 0..<4 {
        deliver()
        check()
      }
      guard failures.isEmpty else { return }
      guard write == nil && sync == nil else { continue }
      if basePending == 0 && !isSwitching && pipeline.isIdle { break }
      submit()
      guard write == nil && sync == nil && basePending == 0 else { continue }
      if let wait = pipeline.waitNanoseconds(now: now) {
        now += wait
      } else if isSwitching && pipeline.isFileComplete {
        continue
      } else if pipeline.policy == .never && !isAsked && !isSwitching {
        pipeline.demandSync()
        isAsked = true
      } else if !isPoisoned {
        fail("would sleep for ever: \(pipeline.health), \(pipeline.policy)")
      }
    }
    expect(pipeline.isIdle, "not idle though nothing fails any more: \(pipeline.health)")
    expect(pipeline.syncedSequence >= pipeline.appendedSequence, "appended batches never became durable")
    expect(pipeline.unsyncedBytes == 0, "\(pipeline.unsyncedBytes) bytes count as unsynced")
    expect(pipeline.oldestUnsyncedNanoseconds(now: now) == 0, "a record counts as unsynced")
    expect(pipeline.health == .healthy, "not healthy: \(pipeline.health)")
  }

  private func togglePause() {
    pipeline.isPaused.toggle()
    count(pipeline.isPaused ? .pause : .resume)
  }

  private func changePolicy() {
    guard !keepsPolicy else { return }
    pipeline.policy = anyPolicy()
    count(.policyChange)
  }

  // MARK: records

  private func append() {
    recordNumber += 1
    let isLarge = fillsLeft > 0 && (isSwitching || fillsLeft == 2 && recordNumber > 3)
    var record = Array("\(recordNumber);".utf8)
    let filler = isLarge ? LogBatch.bytesFull : dice.below(4) == 0 ? dice.below(3_000) : dice.below(40)
    record += [UInt8](repeating: UInt8(ascii: "x"), count: filler)
    let filling = unsafe pipeline.filling
    let sequence = unsafe filling.pointee.sequence
    var batch = batches[sequence] ?? Batch(generation: unsafe filling.pointee.generation)
    expect(unsafe filling.pointee.isEmpty == batch.content.isEmpty, "batch \(sequence) is not what was appended to it")
    expect(batch.generation == pipeline.generation, "batch \(sequence) belongs to an old file")
    unsafe filling.pointee.beginSealed()
    record.viewed { unsafe filling.pointee.append($0) }
    batch.content += record
    for _ in 0..<dice.below(3) {
      let key = UInt64(dice.below(8))
      unsafe filling.pointee.keys.insert(KeyIdentity(hash: key, database: 0))
      if keyBatches[key, default: []].last != sequence { keyBatches[key, default: []].append(sequence) }
    }
    batches[sequence] = batch
    pipeline.appended(nowNanoseconds: now)
    let durable = pipeline.durableSeal
    pipeline.closeIfFull { seal(&$0, durable) }
    if isLarge {
      fillsLeft -= 1
      count(isSwitching ? .fullBatchInSwitch : .fullBatch)
    }
    expect(unsafe pipeline.batchOfLastRecord.pointee.sequence == sequence, "the last record's batch is another one")
    expect(pipeline.appendedSequence == sequence, "appended to \(sequence), not \(pipeline.appendedSequence)")
  }

  func seal(_ batch: inout LogBatch, _ durable: UInt64) {
    let sequence = batch.sequence
    expect(batches[sequence]?.bytes == nil, "batch \(sequence) is sealed twice")
    sealNumber += 1
    batch.seal(number: sealNumber, durable: durable)
    if plant != .numbersSealsAnewAfterAbandoning {
      let generation = batch.generation
      let vouched = batches.first { $0.value.generation == generation && $0.value.sealNumber == max(1, durable) }
      expect(durable < sealNumber, "seal \(sealNumber) vouches for \(durable)")
      let isProven = durable == 0 || vouched?.key ?? 0 <= checkedSequence
      expect(isProven, "seal \(sealNumber) vouches for \(durable), which nothing has proven")
    }
    batches[sequence]?.sealNumber = sealNumber
    let bytes = batch.bytes.array
    let content = batches[sequence]?.content ?? []
    let isWhole = unsafe bytes.withUnsafeBytes { bytes in
      unsafe content.withUnsafeBytes { content in
        unsafe areSame(UnsafeRawBufferPointer(rebasing: bytes[LogSeal.byteCount...]), content)
      }
    }
    expect(isWhole, "batch \(sequence) lost its records")
    batches[sequence]?.bytes = bytes
  }
}
