// Window.swift: the stretch of time that counts.
//
//   start ──── warm-up ────┬──── measured ────┐
//                        opens             closes (by time, or by a number of replies)
//
// Counters and processor clocks are taken at both ends; what happens outside is not in the result.

/// When to measure.
struct Plan: Sendable {
  /// Nanoseconds of the monotonic clock.
  let start: UInt64
  let opens: UInt64
  /// Nil: when `requests` replies have come.
  let closes: UInt64?
  let requests: UInt64?

  init(_ options: Options, start: UInt64, requests: UInt64?) {
    self.start = start
    opens = start + UInt64(options.warmupSeconds * 1e9)
    closes = requests == nil ? opens + UInt64(options.seconds * 1e9) : nil
    self.requests = requests
  }
}

/// What one thread measured.
struct Outcome: Sendable {
  var latency = Histogram()
  /// Open loop: how late the generator itself came round to requests that were due.
  var lateness = Histogram()
  var replies: UInt64 = 0
  var errors: UInt64 = 0
  var misses: UInt64 = 0
  var bytesSent: UInt64 = 0
  var bytesReceived: UInt64 = 0
  var enters: UInt64 = 0
  var firstError: String?
  var engine = ""
  var opened = Sample()
  var closed = Sample()

  /// The clocks at one end of the window.
  struct Sample: Sendable {
    var moment: UInt64 = 0
    /// Nanoseconds on a processor: this thread, and the server's process.
    var ownProcessor: UInt64 = 0
    var serverProcessor: UInt64?
  }

  var seconds: Double { Double(closed.moment - opened.moment) / 1e9 }
}
