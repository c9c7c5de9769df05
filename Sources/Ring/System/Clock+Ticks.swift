// Clock+Ticks.swift — durations of commands, measured by the processor's own counter.
//
// clock_gettime costs as much as a short command; the counter costs a few nanoseconds. How long
// a tick is gets measured once, against the monotonic clock, before the first client comes.
import CURing

extension Clock {
  /// The processor's counter. Only differences mean anything.
  @inlinable @inline(__always) public static func ticks() -> UInt64 { curing_ticks() }

  /// Measured over two milliseconds on first use: ask once at start.
  public static let ticksPerMicrosecond: Double = {
    let startTicks = ticks()
    let start = monotonicNanoseconds()
    var now = start
    while now < start + 2_000_000 { now = monotonicNanoseconds() }
    return max(0.001, Double(ticks() &- startTicks) * 1_000 / Double(now - start))
  }()

  public static func microseconds(ticks: UInt64) -> UInt64 { UInt64(Double(ticks) / ticksPerMicrosecond) }

  public static func ticks(microseconds: UInt64) -> UInt64 {
    let ticks = Double(microseconds) * ticksPerMicrosecond
    return ticks < 1e19 ? UInt64(ticks) : .max
  }
}
