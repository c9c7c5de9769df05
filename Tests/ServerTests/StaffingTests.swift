// StaffingTests.swift — a step of load engages what it needs at once; what is not needed goes late, and later each time.
import Testing

@testable import Server

@Suite struct StaffingTests {
  private static let look = Staffing.lookNanoseconds
  private static let second: UInt64 = 1_000_000_000

  /// The executor alone, busy for `percent` of the time, in turns of so many microseconds.
  private func alone(_ percent: UInt64, turn microseconds: UInt64, for nanoseconds: UInt64 = look) -> Staffing.Span {
    let busy = nanoseconds * percent / 100
    return Staffing.Span(
      nanoseconds: nanoseconds, executorNanoseconds: busy, executorTurns: max(1, busy / (microseconds * 1_000)))
  }

  /// Reactors that together took so much of one processor's time.
  private func together(
    _ percent: UInt64, turn microseconds: UInt64, executor: UInt64 = 30, for nanoseconds: UInt64 = look
  ) -> Staffing.Span {
    var span = alone(executor, turn: 20, for: nanoseconds)
    span.reactorNanoseconds = nanoseconds * percent / 100
    span.reactorTurns = max(1, span.reactorNanoseconds / (microseconds * 1_000))
    return span
  }

  @Test func aStepEngagesWhatTheBacklogNeedsAtOnce() {
    var staffing = Staffing()
    staffing.look(at: Self.second, alone(100, turn: 350), available: 7)
    #expect(staffing.engaged == 4)
    staffing.look(at: Self.second + Self.look, together(390, turn: 240), available: 7)
    #expect(staffing.engaged == 7, "three times four are more than there are")
  }

  @Test func shortTurnsAndIdleTimeEngageNobody() {
    var staffing = Staffing()
    staffing.look(at: Self.second, alone(100, turn: 90), available: 7)
    staffing.look(at: 2 * Self.second, alone(60, turn: 350), available: 7)
    staffing.look(at: 3 * Self.second, alone(100, turn: 350), available: 0)
    #expect(staffing.engaged == 0)
  }

  @Test func littleToDoSendsThemAwayAfterTwoSeconds() {
    var staffing = Staffing()
    staffing.engage(exactly: 3)
    var now = 5 * Self.second
    let began = now
    while staffing.engaged == 3 && now < 10 * Self.second {
      now += Self.look
      staffing.look(at: now, together(70, turn: 30), available: 3)
    }
    #expect(staffing.engaged == 2, "two at 35 % each")
    #expect(now - began >= Staffing.patienceMin - Self.look && now - began <= Staffing.patienceMin + Self.look)
    // One busy look in between, and the two seconds begin anew.
    for step in 1...600 {
      staffing.look(at: now + UInt64(step) * Self.look, together(10, turn: 30, executor: 10), available: 3)
      if step == 400 { staffing.look(at: now + UInt64(step) * Self.look, together(75, turn: 30), available: 3) }
    }
    #expect(staffing.engaged == 2)
    now += 600 * Self.look
    staffing.look(at: now + 3 * Self.second, together(1, turn: 30, executor: 1, for: 3 * Self.second), available: 3)
    #expect(staffing.engaged == 0, "a look behind a long sleep sees the sleep")
  }

  @Test func theLastGoesOnlyIfTheExecutorHasTimeForBoth() {
    var staffing = Staffing()
    staffing.engage(exactly: 1)
    var now = Self.second
    for _ in 0..<2_000 {
      now += Self.look
      staffing.look(at: now, together(20, turn: 30, executor: 25), available: 1)
    }
    #expect(staffing.engaged == 1)
    for _ in 0..<2_000 {
      now += Self.look
      staffing.look(at: now, together(20, turn: 30, executor: 15), available: 1)
    }
    #expect(staffing.engaged == 0)
  }

  @Test func whoIsNeededAgainSoonIsKeptLonger() {
    var staffing = Staffing()
    var now = Self.second
    var stays: [UInt64] = []
    for _ in 0..<8 {
      now += Self.look
      staffing.look(at: now, alone(100, turn: 150), available: 1)
      #expect(staffing.engaged == 1)
      let began = now
      while staffing.engaged == 1 {
        now += Self.look
        staffing.look(at: now, together(5, turn: 30, executor: 5), available: 1)
      }
      stays.append((now - began + Self.second / 2) / Self.second)
    }
    #expect(stays == [2, 4, 8, 16, 32, 60, 60, 60])
    // Long not needed: forgiven.
    now += 2 * Staffing.regretNanoseconds
    staffing.look(at: now, alone(100, turn: 150), available: 1)
    #expect(staffing.patienceNanoseconds == Staffing.patienceMin)
  }

  @Test func neverMoreThanThereCanBe() {
    var staffing = Staffing()
    staffing.engage(exactly: 5)
    staffing.look(at: Self.second, together(500, turn: 300), available: 2)
    #expect(staffing.engaged == 2)
  }
}
