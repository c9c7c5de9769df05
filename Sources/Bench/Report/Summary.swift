// Summary.swift: what all threads measured, as one.

struct Summary {
  let options: Options
  private(set) var latency = Histogram()
  private(set) var lateness = Histogram()
  private(set) var replies: UInt64 = 0
  private(set) var errors: UInt64 = 0
  private(set) var misses: UInt64 = 0
  private(set) var bytesSent: UInt64 = 0
  private(set) var bytesReceived: UInt64 = 0
  private(set) var enters: UInt64 = 0
  private(set) var firstError: String?
  private(set) var engine = ""
  /// The longest window of all threads.
  private(set) var seconds = 0.0
  /// Nanoseconds on a processor inside the window, of our threads.
  private(set) var ownProcessor: UInt64 = 0
  /// Of the server, as the first thread read it; nil when nobody asked or it could not be read.
  private(set) var serverProcessor: UInt64?

  init(_ options: Options, _ outcomes: [Outcome]) {
    self.options = options
    for outcome in outcomes {
      latency.add(outcome.latency)
      lateness.add(outcome.lateness)
      replies += outcome.replies
      errors += outcome.errors
      misses += outcome.misses
      bytesSent += outcome.bytesSent
      bytesReceived += outcome.bytesReceived
      enters += outcome.enters
      firstError = firstError ?? outcome.firstError
      engine = outcome.engine
      seconds = max(seconds, outcome.seconds)
      ownProcessor += outcome.closed.ownProcessor - outcome.opened.ownProcessor
    }
    if let first = outcomes.first, let before = first.opened.serverProcessor, let after = first.closed.serverProcessor {
      // A thread that ended in between takes its time with it.
      serverProcessor = after >= before ? after - before : nil
    }
  }

  var requestsPerSecond: Double { seconds > 0 ? Double(replies) / seconds : 0 }
  var ownMicrosecondsPerRequest: Double { perRequest(ownProcessor) }
  /// Processor time over wall time; 1.0 is one full core.
  var ownBusy: Double { busy(ownProcessor) }
  var serverMicrosecondsPerRequest: Double? { serverProcessor.map(perRequest) }
  var serverBusy: Double? { serverProcessor.map(busy) }
  var entersPerRequest: Double { replies > 0 ? Double(enters) / Double(replies) : 0 }

  private func perRequest(_ nanoseconds: UInt64) -> Double {
    replies > 0 ? Double(nanoseconds) / Double(replies) / 1000 : 0
  }

  private func busy(_ nanoseconds: UInt64) -> Double { seconds > 0 ? Double(nanoseconds) / 1e9 / seconds : 0 }

  /// What was asked, in a line.
  var load: String {
    let what = options.command.isEmpty ? options.mix.text : options.command.joined(separator: " ")
    let loop = options.rate.map { "open loop, \($0.text(0)) requests/s due" } ?? "closed loop"
    return "\(what), \(options.clients) clients, pipeline \(options.depth), \(loop), "
      + "\(options.valueBytes)-byte values, \(options.keys) keys"
  }
}
