// Clock+Sleep.swift: doing nothing, on purpose.
import Glibc

extension Clock {
  /// Stops the calling thread for so long; signals do not shorten it.
  public static func sleep(nanoseconds: UInt64) {
    var left = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    while true {
      var rest = timespec()
      guard unsafe nanosleep(&left, &rest) != 0, errno == EINTR else { return }
      left = rest
    }
  }
}
