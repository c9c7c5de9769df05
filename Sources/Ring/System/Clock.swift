// Clock.swift: what time it is, in integers.
import Glibc

/// Monotonic for durations and deadlines, wall for what users see. A few tens of nanoseconds each, no system call.
public enum Clock {
  /// Nanoseconds since some moment before the process started; never goes back.
  @inlinable public static func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

  /// Milliseconds since 1970; goes back when somebody sets the clock.
  @inlinable public static func wallMilliseconds() -> Int64 { Int64(nanoseconds(CLOCK_REALTIME) / 1_000_000) }

  /// Microseconds since 1970.
  @inlinable public static func wallMicroseconds() -> Int64 { Int64(nanoseconds(CLOCK_REALTIME) / 1000) }

  @inlinable static func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var now = timespec()
    _ = unsafe clock_gettime(clock, &now)
    // A clock before 1970 reads as 1970: nothing here may trap on a machine with a flat battery.
    return UInt64(max(0, now.tv_sec)) &* 1_000_000_000 &+ UInt64(max(0, now.tv_nsec))
  }
}
