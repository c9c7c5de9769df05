// ProcessorClock.swift: nanoseconds on a processor, of this thread and of another process.
//
// The scheduler keeps the exact figure per thread: the first number of /proc/PID/task/TID/schedstat.
import Glibc
import Ring

enum ProcessorClock {
  /// Of the calling thread.
  static func thisThread() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Of all threads that the process has now; nil when it cannot be read.
  static func process(_ number: Int32) -> UInt64? {
    let tasks = "/proc/\(number)/task"
    guard let names = try? File.names(in: tasks) else { return nil }
    var sum: UInt64 = 0
    var isKnown = false
    for name in names {
      guard let bytes = try? File.readAll("\(tasks)/\(name)/schedstat") else { continue }
      let first = String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
      guard let nanoseconds = UInt64(first) else { continue }
      sum += nanoseconds
      isKnown = true
    }
    return isKnown ? sum : nil
  }
}
