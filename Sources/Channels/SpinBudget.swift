// SpinBudget.swift — how long a thread with nothing to do looks around before it sleeps.
//
//   gap: from the beginning of a wait until work came
//
//   gaps ──┬── short, one after the other ──▶ the budget opens at twice their mean, and follows it
//          └── longer than the limit ───────▶ the budget halves, below 2 µs it is shut
//
// To sleep and to be woken costs two context switches, on both sides together some 10 µs of processor time; to spin
// costs the time that it lasts. So spinning pays only if work comes within a few tens of microseconds, and nobody
// knows but the past. The rule that keeps an idle server at 0 %: a spin that was in vain is not repeated before a
// short gap has been seen again, whatever else ends the waits in between (a timer, a stray wake).
//
// A pure decision: the caller has the clock. Where there are fewer processors than threads the limit should be 0:
// the thread that would bring the work cannot run while this one spins.

/// Decides, wait by wait, how many nanoseconds to spin.
@frozen public struct SpinBudget: BitwiseCopyable, Sendable {
  /// What one wait spins at most; 0 never spins.
  public let limitNanoseconds: UInt64
  /// What the next wait may spin if it may spin at all.
  public private(set) var budgetNanoseconds: UInt64 = 0
  /// The last spin was not in vain, or since then work came soon.
  public private(set) var isArmed = false
  /// Mean of the short gaps, by eighths.
  private var meanGapNanoseconds: UInt64 = 0
  /// Short gaps one after the other.
  private var streak: UInt8 = 0
  /// What the wait that has begun was given.
  private var givenNanoseconds: UInt64 = 0

  /// Waits that spun, and those of them in which work came while they did.
  public private(set) var spins: UInt64 = 0
  public private(set) var rewarded: UInt64 = 0

  /// Short gaps in a row that open a budget which is shut.
  public static var streakToOpen: UInt8 { 8 }
  /// Below this a budget is shut: one look into all queues takes about as long.
  public static var floorNanoseconds: UInt64 { 2_000 }

  public init(limitNanoseconds: UInt64 = 50_000) {
    precondition(limitNanoseconds <= 1_000_000_000, "a spin of over a second")
    self.limitNanoseconds = limitNanoseconds
  }

  /// A wait begins: there is nothing to do. Returns how long to spin; 0 means to sleep at once.
  public mutating func beginWait() -> UInt64 {
    givenNanoseconds = isArmed ? budgetNanoseconds : 0
    if givenNanoseconds > 0 { spins &+= 1 }
    return givenNanoseconds
  }

  /// The wait ended because work came, `gapNanoseconds` after it had begun, the time asleep included.
  public mutating func endWait(workAfter gapNanoseconds: UInt64) {
    if givenNanoseconds > 0 && gapNanoseconds <= givenNanoseconds {
      rewarded &+= 1
    } else if givenNanoseconds > 0 {
      isArmed = false
    }
    givenNanoseconds = 0
    guard gapNanoseconds <= limitNanoseconds else { return lengthen() }
    remember(gapNanoseconds)
  }

  /// The wait ended without work: a timer, a wake for nothing.
  public mutating func endWaitWithoutWork() {
    if givenNanoseconds > 0 { lengthen() }
    isArmed = false
    streak = 0
    givenNanoseconds = 0
  }

  /// A gap that the longest spin would have bridged.
  private mutating func remember(_ gap: UInt64) {
    // Both are at most the limit, which is at most a second.
    meanGapNanoseconds = streak == 0 ? gap : (meanGapNanoseconds * 7 + gap) / 8
    if streak < Self.streakToOpen { streak += 1 }
    guard budgetNanoseconds > 0 || streak == Self.streakToOpen else { return }
    budgetNanoseconds = min(max(meanGapNanoseconds * 2, Self.floorNanoseconds), limitNanoseconds)
    isArmed = true
  }

  /// A gap that no spin would have bridged.
  private mutating func lengthen() {
    streak = 0
    isArmed = false
    budgetNanoseconds /= 2
    if budgetNanoseconds < Self.floorNanoseconds { budgetNanoseconds = 0 }
  }
}
