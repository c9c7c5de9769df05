import Bytes
import Testing

@testable import Persistence

/// Batches that are written as whole blocks and batches that are written as they are leave the same file: every record
/// once, in order, nothing of it overwritten, whatever the disk refuses in between.
@Suite struct DirectWriteTests {
  private struct Disk {
    var bytes: [UInt8] = []

    mutating func write(_ memory: UnsafeRawPointer, _ count: Int, at offset: Int64) {
      let end = Int(offset) + count
      if bytes.count < end { bytes += Array(repeating: 0, count: end - bytes.count) }
      bytes.withUnsafeMutableBytes { ($0.baseAddress! + Int(offset)).copyMemory(from: memory, byteCount: count) }
    }
  }

  /// Zeros that a sync has made durable.
  private func reserve(_ pipeline: inout CommitPipeline, _ end: Int64) {
    pipeline.zerosWritten(to: end)
    pipeline.reservedOffset = end
  }

  @Test func everyRecordIsThereOnce() {
    var operations = (direct: 0, singles: 0, chains: 0)
    for seed in UInt64(1)...20 {
      let some = play(seed)
      operations = (operations.direct + some.direct, operations.singles + some.singles, operations.chains + some.chains)
    }
    #expect(operations.direct > 30 && operations.singles > 30 && operations.chains > 30, "\(operations)")
  }

  /// How often which operation was asked for.
  private func play(_ seed: UInt64) -> (direct: Int, singles: Int, chains: Int) {
    var random = Dice(seed: seed)
    var pipeline = CommitPipeline()
    pipeline.policy = .always
    var disk = Disk()
    var expected: [UInt8] = []
    // What a restart finds there already.
    let before = Int(random.next() % 9_000)
    expected = random.bytes(before)
    disk.bytes = expected
    pipeline.open(3, offset: Int64(before))
    pipeline.openDirect(4)
    var direct = 0
    var singles = 0
    var chains = 0
    var now: UInt64 = 1
    for _ in 0..<400 {
      now += 5_000_000
      if random.next() % 10 == 0 {
        let offset = pipeline.file?.offset ?? 0
        if random.next() % 4 == 0 { pipeline.zerosRemoved() } else { pipeline.zerosWritten(to: offset + Int64(random.next() % 200_000)) }
      }
      for _ in 0..<random.next() % 4 {
        let large = random.next() % 20 == 0
        let record = random.bytes(1 + Int(random.next() % (large ? 100_000 : 300)))
        record.withUnsafeBytes { pipeline.filling.pointee.append(ByteView($0)) }
        pipeline.appended(nowNanoseconds: now)
        expected += record
      }
      pipeline.demandSync()
      while let operation = pipeline.next(nowNanoseconds: now, seal: { _ in }) {
        switch operation {
        case .writeDurably(3, let memory, let count, let offset):
          let reserved = pipeline.reservedOffset
          #expect(offset + Int64(count) <= reserved)
          let some = random.next() % 8 == 0 ? Int(random.next() % UInt64(count)) : count
          disk.write(memory, some, at: offset)
          pipeline.wrote(Int32(some), nowNanoseconds: now)
          singles += 1
        case .writeDurably(let descriptor, let memory, let count, let offset):
          #expect(descriptor == 4 && count % 4096 == 0 && offset % 4096 == 0 && UInt(bitPattern: memory) % 4096 == 0)
          let reserved = pipeline.reservedOffset
          #expect(offset + Int64(count) <= reserved)
          switch random.next() % 12 {
          case 0: pipeline.wrote(-22, nowNanoseconds: now)
          case 1:
            let some = Int(random.next() % UInt64(count))
            disk.write(memory, some, at: offset)
            pipeline.wrote(Int32(some), nowNanoseconds: now)
          case 2: pipeline.wrote(-4, nowNanoseconds: now)
          default:
            disk.write(memory, count, at: offset)
            pipeline.wrote(Int32(count), nowNanoseconds: now)
            direct += 1
          }
        case .writeThenSync(let descriptor, let memory, let count, let offset):
          #expect(descriptor == 3)
          let some = random.next() % 10 == 0 ? 1 + Int(random.next() % UInt64(count)) : count
          disk.write(memory, some, at: offset)
          pipeline.wrote(Int32(some), nowNanoseconds: now)
          pipeline.synced(some == count ? 0 : -125, isChain: true, nowNanoseconds: now)
          chains += 1
        case .write, .sync: Issue.record("no such operation was expected")
        }
      }
    }
    let isIdle = pipeline.isIdle
    #expect(isIdle)
    let end = pipeline.file?.offset
    #expect(end == Int64(expected.count))
    // Not inside #expect, which would look for the smallest difference of two long arrays.
    let isSame = Array(disk.bytes.prefix(expected.count)) == expected
    #expect(isSame, "seed \(seed)")
    #expect(disk.bytes.dropFirst(expected.count).allSatisfy { $0 == 0 }, "seed \(seed)")
    return (direct, singles, chains)
  }

  /// The first block is not known after a restart, and nothing is assumed of it.
  @Test func whatStandsInTheFirstBlockIsKnownFirst() {
    var pipeline = CommitPipeline()
    pipeline.policy = .always
    pipeline.open(3, offset: 100)
    pipeline.openDirect(4)
    reserve(&pipeline, 1 << 20)
    pipeline.filling.pointee.append(ByteView("x" as StaticString))
    pipeline.appended(nowNanoseconds: 1)
    guard case .writeDurably(3, _, 1, 100) = pipeline.next(nowNanoseconds: 1, seal: { _ in }) else {
      Issue.record("written over bytes that were never read")
      return
    }
    pipeline.wrote(1, nowNanoseconds: 1)
    let synced = pipeline.syncedSequence
    #expect(synced == 1)
  }

  /// One operation syncs its own bytes: what was written without a sync before needs one of the whole file. And an error
  /// of the disk is told to one sync of a file only.
  @Test func whatIsNotOnDiskYetNeedsAChain() {
    var pipeline = CommitPipeline()
    pipeline.policy = .everySecond
    pipeline.open(3, offset: 0)
    pipeline.openDirect(4)
    pipeline.filling.pointee.append(ByteView("plain" as StaticString))
    pipeline.appended(nowNanoseconds: 1)
    guard case .write = pipeline.next(nowNanoseconds: 1, seal: { _ in }) else {
      Issue.record("no plain write")
      return
    }
    pipeline.wrote(5, nowNanoseconds: 1)
    pipeline.policy = .always
    reserve(&pipeline, 1 << 20)
    pipeline.filling.pointee.append(ByteView("x" as StaticString))
    pipeline.appended(nowNanoseconds: 2)
    guard case .writeThenSync(3, _, 1, 5) = pipeline.next(nowNanoseconds: 2, seal: { _ in }) else {
      Issue.record("not a chain")
      return
    }
    let isAlone = pipeline.next(nowNanoseconds: 2, seal: { _ in }) == nil
    #expect(isAlone)
    pipeline.wrote(1, nowNanoseconds: 3)
    pipeline.synced(0, isChain: true, nowNanoseconds: 3)
    let synced = pipeline.syncedSequence
    #expect(synced == 2)
  }

  /// Whichever way is faster is taken, soon after that changes, and the slow one is hardly ever tried.
  @Test func theFasterWayIsTaken() {
    var choice = CommitChoice()
    func play(_ commits: Int, direct: UInt64, cached: UInt64) -> Int {
      var directs = 0
      for _ in 0..<commits {
        let isDirect = choice.isDirect
        if isDirect { directs += 1 }
        choice.committed(isDirect: isDirect, tookNanoseconds: isDirect ? direct : cached)
      }
      return directs
    }
    #expect(play(20_000, direct: 200_000, cached: 300_000) > 19_900)
    #expect(play(1_000, direct: 4_000_000, cached: 300_000) < 100)
    _ = play(70_000, direct: 4_000_000, cached: 300_000)
    #expect(play(20_000, direct: 4_000_000, cached: 300_000) < 100)
    _ = play(140_000, direct: 200_000, cached: 300_000)
    #expect(play(20_000, direct: 200_000, cached: 300_000) > 19_900)
  }

  /// Zeros count once a sync of our own that began after them has succeeded, and that sync comes with the next commit.
  @Test func zerosCountOnceTheyAreSynced() {
    var pipeline = CommitPipeline()
    pipeline.policy = .always
    pipeline.open(3, offset: 0)
    func commit(zerosMeanwhile end: Int64 = 0, result: Int32 = 0) -> Bool? {
      pipeline.filling.pointee.append(ByteView("x" as StaticString))
      pipeline.appended(nowNanoseconds: 1)
      let operation = pipeline.next(nowNanoseconds: 1, seal: { _ in })
      if end > 0 { pipeline.zerosWritten(to: end) }
      pipeline.wrote(1, nowNanoseconds: 2)
      switch operation {
      case .writeThenSync:
        pipeline.synced(result, isChain: true, nowNanoseconds: 2)
        if result != 0, case .sync(_, isChain: true)? = pipeline.next(nowNanoseconds: 2, seal: { _ in }) {
          pipeline.synced(0, isChain: true, nowNanoseconds: 2)
        }
        return false
      case .writeDurably: return true
      default: return nil
      }
    }
    #expect(commit(zerosMeanwhile: 1 << 20) == false)
    let before = pipeline.reservedOffset
    #expect(before == 0, "a sync proves nothing of what came after it had begun")
    #expect(commit() == false)
    #expect(commit() == true)
    #expect(commit(zerosMeanwhile: 2 << 20) == true)
    #expect(commit(result: -4) == false)
    let after = pipeline.reservedOffset
    #expect(after == 2 << 20)
    pipeline.zerosRemoved()
    #expect(commit() == false)
  }

  /// A failed direct write is a failed sync: nothing is believed of the file any more.
  @Test func anErrorPoisonsTheFile() {
    var pipeline = CommitPipeline()
    pipeline.policy = .always
    pipeline.open(3, offset: 0)
    pipeline.openDirect(4)
    reserve(&pipeline, 1 << 20)
    pipeline.filling.pointee.append(ByteView("x" as StaticString))
    pipeline.appended(nowNanoseconds: 1)
    guard case .writeDurably(4, _, 4096, 0) = pipeline.next(nowNanoseconds: 1, seal: { _ in }) else {
      Issue.record("not written directly")
      return
    }
    pipeline.wrote(-5, nowNanoseconds: 1)
    let (health, synced) = (pipeline.health, pipeline.syncedSequence)
    #expect(health == .poisoned(errno: 5))
    #expect(synced == 0)
  }
}
