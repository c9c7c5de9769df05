import Testing

@testable import Persistence

/// Zeros are written only where no record is or will be before they are there, and cut off only behind the last one.
@Suite struct LogReserveTests {
  private static let millisecond: UInt64 = 1_000_000

  /// A log that is written to all the time.
  private func busy(_ reserve: inout LogReserve, _ now: inout UInt64) {
    for _ in 0..<100 {
      now += Self.millisecond
      reserve.committed(nowNanoseconds: now)
    }
  }

  @Test func fillingNeverMeetsRecords() {
    var trims = 0
    for seed in UInt64(1)...50 { trims += play(seed) }
    #expect(trims > 20)
  }

  /// How often what was left was cut off.
  private func play(_ seed: UInt64) -> Int {
    var random = Dice(seed: seed)
    var reserve = LogReserve()
    reserve.aheadBytes = 4 << 20
    reserve.began(generation: 1)
    var now: UInt64 = 1_000_000_000
    var offset = Int64(random.next() % 10_000)
    var zeroed: Range<Int64>?
    var filling: Range<Int64>?
    var trimming = false
    var fills = 0
    var trims = 0
    for _ in 0..<4_000 {
      now += random.next() % (random.next() % 50 == 0 ? 3_000_000_000 : 2_000_000)
      let bytes = Int64(random.next() % 100_000)
      if random.next() % 3 != 0 && offset + bytes <= reserve.limit {
        #expect(!trimming)
        if let filling { #expect(offset + bytes <= filling.lowerBound) }
        offset += bytes
        reserve.committed(nowNanoseconds: now)
      }
      switch reserve.next(offset: offset, isIdle: random.next() % 4 == 0, nowNanoseconds: now) {
      case .fill(let from, let bytes):
        #expect(filling == nil && !trimming && from >= offset && bytes > 0)
        filling = from..<from + bytes
        fills += 1
      case .trim(let to):
        #expect(filling == nil && to == offset)
        trimming = true
        trims += 1
      case nil: break
      }
      guard filling != nil || trimming, random.next() % 3 == 0 else { continue }
      let isDone = random.next() % 8 != 0
      reserve.finished(generation: 1, isDone: isDone, nowNanoseconds: now)
      if isDone, let filling {
        zeroed = filling
        #expect(reserve.end == filling.upperBound)
      }
      if isDone && trimming { #expect(reserve.end == 0) }
      filling = nil
      trimming = false
      #expect(reserve.limit == .max)
    }
    #expect(fills > 3 && zeroed != nil, "seed \(seed)")
    return trims
  }

  @Test func aLogThatIsSeldomWrittenGetsNone() {
    var reserve = LogReserve()
    reserve.aheadBytes = 4 << 20
    var now: UInt64 = 1_000_000_000
    for _ in 0..<1_000 {
      now += 150 * Self.millisecond
      reserve.committed(nowNanoseconds: now)
      #expect(reserve.next(offset: 100, isIdle: true, nowNanoseconds: now) == nil)
    }
  }

  @Test func noneAreWantedWithoutTheDirective() {
    var reserve = LogReserve()
    var now: UInt64 = 1_000_000_000
    busy(&reserve, &now)
    #expect(reserve.next(offset: 100, isIdle: false, nowNanoseconds: now) == nil)
  }

  @Test func whatIsLeftGoesWhenTheLogIsIdle() {
    var reserve = LogReserve()
    reserve.aheadBytes = 4 << 20
    var now: UInt64 = 1_000_000_000
    busy(&reserve, &now)
    #expect(reserve.next(offset: 100, isIdle: false, nowNanoseconds: now) != nil)
    reserve.finished(generation: 0, isDone: true, nowNanoseconds: now)
    #expect(reserve.hasZeros(beyond: 100))
    #expect(reserve.next(offset: 100, isIdle: true, nowNanoseconds: now + 2_000_000_000) == .trim(to: 100))
    #expect(reserve.limit == 0)
    reserve.finished(generation: 0, isDone: true, nowNanoseconds: now)
    #expect(!reserve.hasZeros(beyond: 100) && reserve.limit == .max)
  }

  /// The clock that a commit was timed with may be ahead of the turn's.
  @Test func aCommitOfThisVeryTurnIsNoPause() {
    var reserve = LogReserve()
    reserve.aheadBytes = 4 << 20
    var now: UInt64 = 1_000_000_000
    busy(&reserve, &now)
    _ = reserve.next(offset: 100, isIdle: false, nowNanoseconds: now)
    reserve.finished(generation: 0, isDone: true, nowNanoseconds: now)
    let next = reserve.next(offset: 100, isIdle: true, nowNanoseconds: now - 1)
    if case .trim = next { Issue.record("trimmed between two commits") }
  }

  @Test func aResultOfTheFileBeforeMeansNothing() {
    var reserve = LogReserve()
    reserve.aheadBytes = 4 << 20
    var now: UInt64 = 1_000_000_000
    busy(&reserve, &now)
    _ = reserve.next(offset: 100, isIdle: false, nowNanoseconds: now)
    reserve.began(generation: 2)
    #expect(reserve.limit == .max && reserve.end == 0)
    busy(&reserve, &now)
    _ = reserve.next(offset: 50, isIdle: false, nowNanoseconds: now)
    reserve.finished(generation: 0, isDone: true, nowNanoseconds: now)
    #expect(reserve.end == 0 && reserve.limit < .max)
  }

  @Test func aFullDiskIsNotAskedAllTheTime() {
    var reserve = LogReserve()
    reserve.aheadBytes = 4 << 20
    var now: UInt64 = 1_000_000_000
    busy(&reserve, &now)
    _ = reserve.next(offset: 100, isIdle: false, nowNanoseconds: now)
    reserve.finished(generation: 0, isDone: false, nowNanoseconds: now)
    busy(&reserve, &now)
    #expect(reserve.next(offset: 100, isIdle: false, nowNanoseconds: now) == nil)
  }
}
