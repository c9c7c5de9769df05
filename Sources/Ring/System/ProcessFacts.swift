// ProcessFacts.swift: what this process has used and may use.
import CURing
import Glibc

/// This process, as the kernel sees it.
public enum ProcessFacts {
  /// The process number.
  public static var number: Int32 { getpid() }

  /// Bytes of memory that are really there; 0 when /proc is not.
  public static var residentBytes: UInt64 {
    guard let text = try? File.readAll("/proc/self/statm") else { return 0 }
    let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages &* UInt64(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// CPU time in microseconds.
  public struct Usage: Sendable {
    public let userMicroseconds: UInt64
    public let systemMicroseconds: UInt64

    init(_ raw: rusage) {
      userMicroseconds = Usage.microseconds(raw.ru_utime)
      systemMicroseconds = Usage.microseconds(raw.ru_stime)
    }

    private static func microseconds(_ time: timeval) -> UInt64 {
      UInt64(max(0, time.tv_sec)) &* 1_000_000 &+ UInt64(max(0, time.tv_usec))
    }
  }

  /// Of all threads of this process.
  public static var usage: Usage {
    var raw = rusage()
    _ = unsafe curing_usage_self(&raw)
    return Usage(raw)
  }

  /// Of the calling thread alone.
  public static var threadUsage: Usage {
    var raw = rusage()
    _ = unsafe curing_usage_thread(&raw)
    return Usage(raw)
  }

  /// Of children that have ended and been waited for.
  public static var childrenUsage: Usage {
    var raw = rusage()
    _ = unsafe curing_usage_children(&raw)
    return Usage(raw)
  }

  /// Descriptors that this process may have open.
  public static var fileLimit: UInt64 {
    var limit = rlimit()
    guard unsafe curing_get_file_limit(&limit) == 0 else { return 1024 }
    return UInt64(limit.rlim_cur)
  }

  /// Raises the limit of open descriptors to `wanted`, or as far as it goes; answers what holds now.
  public static func raiseFileLimit(to wanted: UInt64) -> UInt64 {
    var limit = rlimit()
    guard unsafe curing_get_file_limit(&limit) == 0 else { return 1024 }
    guard limit.rlim_cur < wanted else { return UInt64(limit.rlim_cur) }
    // The hard limit only moves for the privileged; the soft one moves up to it for everybody.
    var raised = rlimit(rlim_cur: rlim_t(wanted), rlim_max: max(limit.rlim_max, rlim_t(wanted)))
    if unsafe curing_set_file_limit(&raised) == 0 { return wanted }
    raised = rlimit(rlim_cur: min(rlim_t(wanted), limit.rlim_max), rlim_max: limit.rlim_max)
    _ = unsafe curing_set_file_limit(&raised)
    return fileLimit
  }
}
