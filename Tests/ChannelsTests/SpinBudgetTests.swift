import Channels
import Testing

/// Spinning must be earned, follows what is seen, never exceeds its limit, and ends for an idle thread after one
/// spin. Pure: the tests are the clock.
@Suite struct SpinBudgetTests {
  @Test func shortGapsOpenIt() {
    var budget = SpinBudget()
    for wait in 1...8 {
      #expect(budget.nextSpin() == 0, "wait \(wait): nothing earned yet")
      budget.endWait(workAfter: 10_000)
    }
    #expect(budget.nextSpin() == 20_000, "twice the mean gap")
    budget.endWait(workAfter: 10_000)
    #expect(budget.spins == 1 && budget.rewarded == 1)
  }

  @Test func itGrowsWithTheGapsAndShrinksWithThem() {
    var budget = Self.opened(gap: 5_000)
    for _ in 0..<40 { budget.serve(gap: 20_000) }
    #expect(budget.budgetNanoseconds > 35_000 && budget.budgetNanoseconds <= 40_000)
    for _ in 0..<40 { budget.serve(gap: 3_000) }
    #expect(budget.budgetNanoseconds < 8_000)
  }

  @Test func longGapsShutIt() {
    var budget = Self.opened(gap: 10_000)
    var spins = 0
    for _ in 0..<20 {
      if budget.nextSpin() > 0 { spins += 1 }
      budget.endWait(workAfter: 1_000_000)
    }
    #expect(spins == 1 && budget.budgetNanoseconds == 0)
    // And then a single short gap is not enough.
    budget.serve(gap: 1_000)
    #expect(budget.nextSpin() == 0)
  }

  /// An idle thread that timers wake ten times a second spins once, then sleeps.
  @Test func anIdleThreadSpinsOnce() {
    var budget = Self.opened(gap: 10_000)
    var spins = 0
    for _ in 0..<1_000 {
      if budget.nextSpin() > 0 { spins += 1 }
      budget.endWaitWithoutWork()
    }
    #expect(spins == 1)
  }

  @Test func oneShortGapArmsItAgain() {
    var budget = Self.opened(gap: 10_000)
    _ = budget.nextSpin()
    budget.endWait(workAfter: 200_000)
    #expect(budget.nextSpin() == 0)
    budget.endWait(workAfter: 10_000)
    #expect(budget.nextSpin() > 0)
  }

  @Test func aLimitOfZeroNeverSpins() {
    var budget = SpinBudget(limitNanoseconds: 0)
    for gap in [UInt64(0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1_000] {
      #expect(budget.nextSpin() == 0)
      budget.endWait(workAfter: gap)
    }
  }

  /// Whatever the gaps are: within the limit; between two spins in vain there was a short gap; and what is spun in vain
  /// stays small beside what is waited.
  @Test(arguments: UInt64(1)...200) func itKeepsItsPromises(seed: UInt64) {
    var random = SplitMix(seed)
    let limit = 1_000 + random.next() % 100_000
    var budget = SpinBudget(limitNanoseconds: limit)
    var mayBeVain = true
    for _ in 0..<2_000 {
      let given = budget.nextSpin()
      #expect(given <= limit)
      if random.next() % 8 == 0 {
        if given > 0 {
          #expect(mayBeVain)
          mayBeVain = false
        }
        budget.endWaitWithoutWork()
        continue
      }
      // From 256 ns to 8 ms, every magnitude equally often, in phases.
      let gap = 256 << (random.next() % 15) + random.next() % 256
      if given > 0 && gap > given {
        #expect(mayBeVain)
        mayBeVain = false
      }
      if gap <= limit { mayBeVain = true }
      budget.endWait(workAfter: gap)
    }
    #expect(budget.rewarded <= budget.spins)
  }

  private static func opened(gap: UInt64) -> SpinBudget {
    var budget = SpinBudget()
    for _ in 0..<9 { budget.serve(gap: gap) }
    return budget
  }
}

extension SpinBudget {
  /// Tests do not care which of them begins a wait.
  fileprivate mutating func nextSpin() -> UInt64 { beginWait() }

  fileprivate mutating func serve(gap: UInt64) {
    _ = beginWait()
    endWait(workAfter: gap)
  }
}
