// CommitPipelineTests.swift — nothing is called durable that is not.
import Bytes
import Glibc
import Testing

@testable import Persistence

/// Histories of one pipeline over a disk that is short of room, interrupts, loses pages, tears sectors and stops; the
/// checks are in PipelineSimulation. Then the same checks against owners that cheat, and single rules by hand.
@Suite(.serialized) struct CommitPipelineTests {
  /// Seeds in all: MARTLET_SEEDS, or as many as a test run has time for.
  static var seeds: UInt64 { getenv("MARTLET_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 4_000 }

  private func play(_ seed: UInt64, _ plant: PipelineSimulation.Plant = .nothing) -> PipelineSimulation {
    let isHardLinked = plant == .acknowledgesOnSyncAlone || seed % 8 == 0
    let simulation = PipelineSimulation(seed: seed, plant: plant, isHardLinked: isHardLinked)
    simulation.run(steps: 60 + Int(seed % 180))
    return simulation
  }

  /// Every kind of fault happens, and none of them makes the pipeline promise what the disk does not keep.
  @Test func anyHistory() {
    var events: [PipelineSimulation.Event: Int] = [:]
    for seed in 1...CommitPipelineTests.seeds {
      let simulation = play(seed)
      #expect(simulation.failures == [], "MARTLET_SEED=\(seed)")
      if !simulation.failures.isEmpty { return }
      events.merge(simulation.events) { $0 + $1 }
    }
    for event in PipelineSimulation.Event.allCases { #expect(events[event, default: 0] > 0, "\(event) never happened") }
    guard getenv("MARTLET_SEEDS") != nil else { return }
    for (event, count) in events.sorted(by: { $0.value < $1.value }) { print(event, count) }
  }

  /// MARTLET_SEED plays that one alone.
  @Test func oneHistory() {
    guard let seed = getenv("MARTLET_SEED").flatMap({ UInt64(String(cString: $0)) }) else { return }
    #expect(play(seed).failures == [])
  }

  /// Where there is nothing to do, the owner is told to sleep, not to ask again at once.
  @Test func nothingToDoIsNoReasonToStayAwake() {
    var turns = 0
    for seed in UInt64(2)...200 { turns += play(seed).needlessTurns }
    #expect(turns == 0)
  }

  /// What the checks must say of an owner or a disk that is not right, in one of the first seeds.
  @Test(arguments: [
    (PipelineSimulation.Plant.acknowledgesOnSyncAlone, "is not on disk"),
    (.tellsCancelledSyncsAsDone, "is not on disk"),
    (.forgetsFirstError, "is not on disk"),
    (.takesOldResult, "is not on disk"),
    (.touchesMemoryInFlight, "has changed under the kernel"),
    (.losesResult, "not idle though nothing fails"),
    (.syncsZerosApart, "is not on disk"),
    (.opensBeforeTheBase, "was acknowledged and"),
    (.numbersSealsAnewAfterAbandoning, "is on disk, and"),
  ])
  func isCaught(plant: PipelineSimulation.Plant, complaint: String) {
    let seed = (UInt64(1)...3_000).first { play($0, plant).failures.contains { $0.contains(complaint) } }
    #expect(seed != nil)
  }

  // MARK: single rules

  private func record(_ pipeline: inout CommitPipeline, _ text: String = "record", key: UInt64 = 1) {
    Array(text.utf8).viewed { unsafe pipeline.filling.pointee.append($0) }
    unsafe pipeline.filling.pointee.keys.insert(KeyIdentity(hash: key, database: 0))
    pipeline.appended(nowNanoseconds: 1)
  }

  private enum Wanted: Equatable {
    case write(Int, at: Int64), chain(Int, at: Int64), blocks(Int, at: Int64), sync, chainSync, nothing
  }

  private func next(_ pipeline: inout CommitPipeline, at now: UInt64 = 1) -> Wanted {
    switch pipeline.next(nowNanoseconds: now, seal: { _ in }) {
    case .write(_, _, let count, let offset): .write(count, at: offset)
    case .writeThenSync(_, _, let count, let offset): .chain(count, at: offset)
    case .writeDurably(_, _, let count, let offset): .blocks(count, at: offset)
    case .sync(_, isChain: true): .chainSync
    case .sync(_, isChain: false): .sync
    case nil: .nothing
    }
  }

  private func open(_ policy: CommitPipeline.Policy) -> CommitPipeline {
    var pipeline = CommitPipeline()
    pipeline.policy = policy
    pipeline.open(3, offset: 100)
    return pipeline
  }

  /// The rest of a short write follows at its offset, and only the last piece carries the sync.
  @Test func aShortWriteGoesOn() {
    var pipeline = open(.always)
    record(&pipeline, "0123456789")
    #expect(next(&pipeline) == .chain(10, at: 100))
    #expect(next(&pipeline) == .nothing)
    pipeline.wrote(4, nowNanoseconds: 1)
    #expect(pipeline.isFlying == true)
    pipeline.synced(-125, isChain: true, nowNanoseconds: 1)
    #expect(!pipeline.isFlying && pipeline.syncedSequence == 0)
    #expect(next(&pipeline) == .chain(6, at: 104))
    pipeline.synced(0, isChain: true, nowNanoseconds: 1)
    #expect(pipeline.syncedSequence == 0)
    pipeline.wrote(6, nowNanoseconds: 1)
    #expect(pipeline.syncedSequence == 1 && pipeline.isIdle)
  }

  /// Written whole, sync cancelled: the sync alone is repeated, nothing is written twice.
  @Test func aCancelledSyncIsRepeated() {
    var pipeline = open(.always)
    record(&pipeline)
    #expect(next(&pipeline) == .chain(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    pipeline.synced(-125, isChain: true, nowNanoseconds: 1)
    #expect(pipeline.dirtySequence(of: KeyIdentity(hash: 1, database: 0)) == 1)
    #expect(next(&pipeline) == .chainSync)
    pipeline.synced(0, isChain: true, nowNanoseconds: 1)
    #expect(pipeline.syncedSequence == 1)
    #expect(pipeline.dirtySequence(of: KeyIdentity(hash: 1, database: 0)) == nil)
  }

  @Test(arguments: [Int32(-28), -122, -27, 0]) func noRoomIsTriedAgainAfterASecond(result: Int32) {
    var pipeline = open(.always)
    record(&pipeline)
    #expect(next(&pipeline, at: 10) == .chain(6, at: 100))
    pipeline.wrote(result, nowNanoseconds: 10)
    pipeline.synced(-125, isChain: true, nowNanoseconds: 10)
    #expect(pipeline.health == .stalled(errno: result == 0 ? 28 : -result))
    #expect(pipeline.waitNanoseconds(now: 10) == 1_000_000_000)
    #expect(next(&pipeline, at: 1_000_000_009) == .nothing)
    #expect(next(&pipeline, at: 1_000_000_010) == .chain(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 20)
    pipeline.synced(0, isChain: true, nowNanoseconds: 20)
    #expect(pipeline.health == .healthy && pipeline.syncedSequence == 1)
  }

  /// Interrupted for ever is not tried for ever at full speed.
  @Test func fruitlessAttemptsStall() {
    var pipeline = open(.never)
    record(&pipeline)
    var attempts = 0
    while pipeline.health == .healthy && attempts < 1_000 {
      #expect(next(&pipeline) == .write(6, at: 100))
      pipeline.wrote(-4, nowNanoseconds: 1)
      attempts += 1
    }
    #expect(attempts == 64)
    #expect(pipeline.health == .stalled(errno: 11))
  }

  @Test func neverMeansNoSyncUntilSomebodyAsks() {
    var pipeline = open(.never)
    record(&pipeline)
    #expect(next(&pipeline) == .write(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    #expect(next(&pipeline, at: 10_000_000_000) == .nothing)
    #expect(pipeline.waitNanoseconds(now: 10_000_000_000) == nil)
    pipeline.demandSync()
    #expect(next(&pipeline, at: 10_000_000_000) == .sync)
    pipeline.synced(0, isChain: false, nowNanoseconds: 2)
    #expect(pipeline.syncedSequence == 1 && pipeline.isIdle)
  }

  /// A sync proves what was written when it began, not what was written since.
  @Test func aSyncProvesWhatWasThereBefore() {
    var pipeline = open(.everySecond)
    record(&pipeline)
    #expect(next(&pipeline, at: 1_000_000_000) == .write(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    #expect(next(&pipeline, at: 1_000_000_000) == .sync)
    record(&pipeline)
    #expect(next(&pipeline, at: 1_000_000_000) == .write(6, at: 106))
    pipeline.wrote(6, nowNanoseconds: 1)
    pipeline.synced(0, isChain: false, nowNanoseconds: 1)
    #expect(pipeline.writtenSequence == 2 && pipeline.syncedSequence == 1)
    #expect(pipeline.unsyncedBytes == 6)
    #expect(pipeline.waitNanoseconds(now: 1_000_000_000) == 500_000_000)
  }

  /// A failed sync is final: no operation, no proof, until a new base holds everything.
  @Test(arguments: [Int32(-5), -28, -122, -11]) func aFailedSyncPoisons(result: Int32) {
    var pipeline = open(.always)
    record(&pipeline)
    #expect(next(&pipeline) == .chain(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    pipeline.synced(result, isChain: true, nowNanoseconds: 1)
    #expect(pipeline.health == .poisoned(errno: -result))
    record(&pipeline, key: 2)
    pipeline.demandSync()
    #expect(next(&pipeline, at: .max) == .nothing)
    pipeline.synced(0, isChain: true, nowNanoseconds: 1)
    pipeline.synced(0, isChain: false, nowNanoseconds: 1)
    #expect(pipeline.syncedSequence == 0)
    pipeline.beginRescue()
    #expect(pipeline.dirtySequence(of: KeyIdentity(hash: 1, database: 0)) == 2)
    record(&pipeline, key: 2)
    #expect(pipeline.dirtySequence(of: KeyIdentity(hash: 2, database: 0)) == 3)
    #expect(next(&pipeline) == .nothing)
    pipeline.open(4, offset: 0)
    #expect(pipeline.health == .healthy && pipeline.syncedSequence == 2)
    #expect(pipeline.dirtySequence(of: KeyIdentity(hash: 1, database: 0)) == nil)
    #expect(next(&pipeline) == .chain(6, at: 0))
  }

  /// A lone sync fails while the next batch is being written: that the write succeeds proves nothing about the file.
  @Test func aWriteDoesNotHealAPoisonedFile() {
    var pipeline = open(.everySecond)
    record(&pipeline)
    #expect(next(&pipeline, at: 1_000_000_000) == .write(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    #expect(next(&pipeline, at: 1_000_000_000) == .sync)
    record(&pipeline, key: 2)
    #expect(next(&pipeline, at: 1_000_000_000) == .write(6, at: 106))
    pipeline.synced(-5, isChain: false, nowNanoseconds: 1)
    pipeline.wrote(6, nowNanoseconds: 1)
    #expect(pipeline.health == .poisoned(errno: 5) && !pipeline.isFlying)
    // The batch stays, for the base.
    #expect(pipeline.writtenSequence == 1 && pipeline.dirtySequence(of: KeyIdentity(hash: 2, database: 0)) == 2)
  }

  /// Linux tells an error of a file to one of the syncs that run at the same time, and the other one says yes: a chain
  /// waits for the lone sync, and the lone sync for the chain.
  @Test func twoSyncsOfOneFileDoNotRunTogether() {
    var pipeline = open(.everySecond)
    record(&pipeline)
    #expect(next(&pipeline, at: 1_000_000_000) == .write(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    #expect(next(&pipeline, at: 1_000_000_000) == .sync)
    record(&pipeline)
    pipeline.policy = .always
    #expect(next(&pipeline, at: 1_000_000_000) == .nothing)
    pipeline.synced(0, isChain: false, nowNanoseconds: 1)
    #expect(next(&pipeline, at: 1_000_000_000) == .chain(6, at: 106))
    pipeline.demandSync()
    #expect(next(&pipeline, at: 9_000_000_000) == .nothing)
  }

  /// The sync half of a chain fails and the write half was short: the error counts, whichever is told first.
  @Test(arguments: [false, true]) func theErrorOfASyncCountsWhateverTheWriteDid(isSyncFirst: Bool) {
    var pipeline = open(.always)
    record(&pipeline)
    #expect(next(&pipeline) == .chain(6, at: 100))
    if isSyncFirst { pipeline.synced(-5, isChain: true, nowNanoseconds: 1) }
    pipeline.wrote(3, nowNanoseconds: 1)
    if !isSyncFirst { pipeline.synced(-5, isChain: true, nowNanoseconds: 1) }
    #expect(pipeline.health == .poisoned(errno: 5))
  }

  /// A sync is due, but the file is being synced already: its result wakes the owner, not the clock.
  @Test func aChainInFlightIsNotAskedAfter() {
    var pipeline = open(.everySecond)
    record(&pipeline)
    #expect(next(&pipeline, at: 1) == .write(6, at: 100))
    pipeline.wrote(6, nowNanoseconds: 1)
    record(&pipeline)
    pipeline.demandSync()
    #expect(next(&pipeline, at: 1_000_000_000) == .chain(6, at: 106))
    #expect(next(&pipeline, at: 1_000_000_000) == .nothing)
    #expect(pipeline.waitNanoseconds(now: 1_000_000_000) == nil)
  }

  /// The next batch would wait a moment for others; but it belongs to a file that is not there yet.
  @Test func aBatchOfTheNextFileIsNotAskedAfter() {
    var pipeline = open(.always)
    record(&pipeline)
    record(&pipeline)
    #expect(next(&pipeline, at: 1) == .chain(12, at: 100))
    pipeline.wrote(12, nowNanoseconds: 1_000_000)
    pipeline.synced(0, isChain: true, nowNanoseconds: 1_000_000)
    pipeline.beginGeneration { _ in }
    record(&pipeline)
    #expect(next(&pipeline, at: 2_000_000) == .nothing)
    #expect(pipeline.waitNanoseconds(now: 2_000_000) == nil)
  }

  /// The log is turned off with things unwritten: nobody waits any more, and turning it on again saves them in a base.
  @Test func turnedOffAndOn() {
    var pipeline = open(.always)
    record(&pipeline)
    pipeline.closeFile()
    pipeline.forgetUnsynced()
    #expect(pipeline.syncedSequence == pipeline.appendedSequence && pipeline.unsyncedBytes == 0)
    #expect(next(&pipeline) == .nothing)
    pipeline.beginRescue()
    record(&pipeline)
    pipeline.open(5, offset: 0)
    #expect(next(&pipeline) == .chain(6, at: 0))
    pipeline.wrote(6, nowNanoseconds: 1)
    pipeline.synced(0, isChain: true, nowNanoseconds: 1)
    #expect(pipeline.isIdle && pipeline.unsyncedBytes == 0)
  }
}
