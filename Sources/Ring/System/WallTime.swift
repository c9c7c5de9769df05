// WallTime.swift — the time of day as people write it.
import Glibc

/// A moment in the zone that the process was started in.
@safe public struct WallTime {
  private var parts = unsafe tm()
  private let milliseconds: Int

  /// Microseconds since 1970.
  public init(microseconds: Int64) {
    var seconds = time_t(microseconds / 1_000_000)
    milliseconds = Int(microseconds / 1_000 % 1_000)
    _ = unsafe localtime_r(&seconds, &parts)
  }

  public static var now: WallTime { WallTime(microseconds: Clock.wallMicroseconds()) }

  /// "21 Nov 2026 09:41:33.123", the form of a log line.
  public var logText: String {
    let months: [StaticString] = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    let month = unsafe months[Int(min(max(parts.tm_mon, 0), 11))]
    let date = unsafe "\(two(parts.tm_mday)) \(month) \(1900 + Int(parts.tm_year))"
    let fraction = String(milliseconds)
    let padding = String(repeating: "0", count: max(0, 3 - fraction.count))
    return unsafe "\(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(padding)\(fraction)"
  }

  private func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
