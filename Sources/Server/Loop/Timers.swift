// Timers.swift — when the loop must wake up although nobody asked anything.
//
// One tick, `hz` times a second while there is something to look after (keys that expire,
// clients with a deadline), and once a second otherwise: an idle server sleeps.

struct Timers {
  /// Ticks a second while busy: the directive `hz`.
  var ticksPerSecond: UInt64 = 10
  /// Whether the last tick found something that needs the next one soon.
  var isBusy = true
  private var nextTick: UInt64 = 0
  private var now: UInt64 = 0

  /// Nanoseconds until the next tick, for `enter`.
  mutating func waitNanoseconds(_ now: UInt64) -> UInt64 {
    nextTick > now ? nextTick - now : 0
  }

  func isDue(_ now: UInt64) -> Bool { now >= nextTick }

  mutating func ticked(_ now: UInt64) {
    let period = isBusy ? 1_000_000_000 / max(ticksPerSecond, 1) : 1_000_000_000
    nextTick = now + period
  }

  /// Something arrived that the next tick should see soon.
  mutating func hurry(_ now: UInt64) {
    nextTick = min(nextTick, now + 1_000_000_000 / max(ticksPerSecond, 1))
  }
}
