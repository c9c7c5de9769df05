// Statistics.swift — what INFO counts.
import Ring

/// Counters of the whole server since the start or CONFIG RESETSTAT.
struct Statistics {
  var connectionsAccepted: UInt64 = 0
  var connectionsRefused: UInt64 = 0
  var commands: UInt64 = 0
  /// Times that memory was asked for before several requests ran, and the requests.
  var prefetchBatches: UInt64 = 0
  var prefetchEntries: UInt64 = 0
  /// How long requests of other threads waited for the executor, of those that were timed.
  private(set) var queueAge = TickHistogram()
  var protocolErrors: UInt64 = 0
  var queryBufferDisconnections: UInt64 = 0
  var outputBufferDisconnections: UInt64 = 0
  /// Clients disconnected because all together made the server hold too much.
  var evictedClients: UInt64 = 0
  var unexpectedErrorReplies: UInt64 = 0
  /// Time that went into sweeps for what has expired.
  var expiryTicks: UInt64 = 0
  /// Wrong passwords and unknown users.
  var authenticationFailures: UInt64 = 0
  var peakMemoryBytes: UInt64 = 0
  /// Commands that took at least this many clock ticks are looked at for the slow log.
  var slowTicks: UInt64 = .max
  /// Requests and replies of at least this many bytes are looked at for their logs.
  var largeRequestBytes = Int.max
  var largeReplyBytes = UInt64.max

  var commandRate = Rate()
  var inputRate = Rate()
  var outputRate = Rate()
  /// Turns of the executor's loop, and nanoseconds of processor time that they took.
  var cycleRate = Rate()
  var processorRate = Rate()

  /// A batch that another thread told of at `ticks` is about to run.
  @inline(never)
  mutating func count(queuedSince ticks: UInt64) {
    let now = Clock.ticks()
    // The processors' counters may differ by a little.
    queueAge.add(now > ticks ? now - ticks : 0)
  }

  /// CONFIG RESETSTAT: thresholds and the peak stay.
  mutating func reset() {
    var fresh = Statistics()
    fresh.slowTicks = slowTicks
    fresh.largeRequestBytes = largeRequestBytes
    fresh.largeReplyBytes = largeReplyBytes
    fresh.peakMemoryBytes = peakMemoryBytes
    self = fresh
  }
}

/// A rate per second, smoothed over sixteen samples as `instantaneous_…` fields are.
struct Rate {
  private var samples = InlineArray<16, UInt64>(repeating: 0)
  private var next = 0
  private var lastTotal: UInt64 = 0
  private var lastNanoseconds: UInt64 = 0

  mutating func sample(total: UInt64, nanoseconds: UInt64) {
    defer {
      lastTotal = total
      lastNanoseconds = nanoseconds
    }
    guard lastNanoseconds != 0, nanoseconds > lastNanoseconds, total >= lastTotal else { return }
    let elapsed = nanoseconds - lastNanoseconds
    let (scaled, overflow) = (total - lastTotal).multipliedReportingOverflow(by: 1_000_000_000)
    samples[next] = overflow ? 0 : scaled / elapsed
    next = (next + 1) % 16
  }

  var perSecond: UInt64 {
    var sum: UInt64 = 0
    for i in 0..<16 { sum &+= samples[i] }
    return sum / 16
  }
}

/// One command's line in INFO commandstats, and its latencies.
struct CommandStatistics {
  var calls: UInt64 = 0
  var ticks: UInt64 = 0
  var rejections: UInt64 = 0
  var failures: UInt64 = 0
  var latency = TickHistogram()

  @inline(__always)
  mutating func count(ticks spent: UInt64) {
    calls += 1
    ticks &+= spent
    latency.add(spent)
  }
}

/// Durations by powers of two, four steps to each: 18 % wide classes in 512 bytes.
///
///   class = 4·⌊log2 t⌋ + the two bits below the highest one
struct TickHistogram {
  private var counts = InlineArray<128, UInt32>(repeating: 0)

  @inline(__always)
  mutating func add(_ ticks: UInt64) {
    let slot = Self.slot(ticks)
    counts[slot] &+= 1
  }

  @inline(__always)
  private static func slot(_ ticks: UInt64) -> Int {
    guard ticks >= 4 else { return Int(ticks) }
    let exponent = 63 - ticks.leadingZeroBitCount
    let fraction = Int(truncatingIfNeeded: ticks >> UInt64(exponent - 2)) & 3
    return min(exponent * 4 + fraction, 127)
  }

  /// The upper end of a class, in ticks.
  private static func upperEnd(_ slot: Int) -> UInt64 {
    guard slot >= 8 else { return UInt64(slot) }
    let exponent = UInt64(slot / 4)
    return (UInt64(4 + slot % 4 + 1) << (exponent - 2)) - 1
  }

  /// The duration that `fraction` of all calls did not exceed.
  func percentile(_ fraction: Double) -> UInt64 {
    var total: UInt64 = 0
    for i in 0..<128 { total += UInt64(counts[i]) }
    guard total > 0 else { return 0 }
    let wanted = UInt64((Double(total) * fraction).rounded(.up))
    var seen: UInt64 = 0
    for i in 0..<128 {
      seen += UInt64(counts[i])
      if seen >= wanted { return Self.upperEnd(i) }
    }
    return Self.upperEnd(127)
  }

  /// Calls counted.
  var count: UInt64 {
    var total: UInt64 = 0
    for i in 0..<128 { total += UInt64(counts[i]) }
    return total
  }

  /// Calls in the classes that begin at or below `ticks`.
  func count(upTo ticks: UInt64) -> UInt64 {
    var total: UInt64 = 0
    for i in 0...Self.slot(ticks) { total += UInt64(counts[i]) }
    return total
  }

  /// Visits the classes that were hit, smallest first, with the calls in each.
  func forEach(_ body: (_ upperEndTicks: UInt64, _ count: UInt64) -> Void) {
    for i in 0..<128 where counts[i] > 0 { body(Self.upperEnd(i), UInt64(counts[i])) }
  }
}
