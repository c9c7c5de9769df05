// Histogram.swift: latencies, counted in buckets that grow with the value.
//
//   value (ns)   0 … 127   128 … 255   256 … 511   512 … 1023   …
//   bucket width    1          1           2           4        …
//
// Each power of two is cut into 128 equal parts, so a value is known to 1 part in 128 (0.8 %)
// whatever its size, in the manner of HdrHistogram. Recording is a shift and an increment.

/// Counts of values from 0 to 2^42 - 1 nanoseconds (over an hour); larger ones count as that.
struct Histogram: Sendable {
  private static var partBits: Int { 7 }
  private static var parts: Int { 1 << partBits }
  private static var valueMax: UInt64 { 1 << 42 - 1 }

  private var counts = [UInt64](repeating: 0, count: (42 - partBits + 1) << partBits)
  private(set) var total: UInt64 = 0
  private(set) var sum: UInt64 = 0
  private(set) var largest: UInt64 = 0
  private(set) var smallest = UInt64.max

  @inline(__always) mutating func record(_ nanoseconds: UInt64, times: UInt64 = 1) {
    let value = min(nanoseconds, Histogram.valueMax)
    counts[Histogram.bucket(value)] &+= times
    total &+= times
    sum &+= value &* times
    largest = max(largest, value)
    smallest = min(smallest, value)
  }

  mutating func add(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    total += other.total
    sum += other.sum
    largest = max(largest, other.largest)
    smallest = min(smallest, other.smallest)
  }

  /// Back to nothing, without giving up the memory.
  mutating func reset() {
    for index in counts.indices { counts[index] = 0 }
    total = 0
    sum = 0
    largest = 0
    smallest = .max
  }

  @inline(__always) private static func bucket(_ value: UInt64) -> Int {
    guard value >= UInt64(parts) else { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - partBits
    return (shift + 1) << partBits + Int(value >> UInt64(shift)) - parts
  }

  /// The largest value that falls into the bucket.
  private static func upperEnd(_ bucket: Int) -> UInt64 {
    guard bucket >= parts else { return UInt64(bucket) }
    let shift = UInt64(bucket >> partBits) - 1
    let part = UInt64(bucket & (parts - 1) + parts)
    return (part + 1) << shift - 1
  }

  var mean: Double { total == 0 ? 0 : Double(sum) / Double(total) }

  /// The value that `percent` of all are not above, in nanoseconds; 0 when nothing was recorded.
  func percentile(_ percent: Double) -> UInt64 {
    guard total > 0 else { return 0 }
    let wanted = max(1, UInt64((Double(total) * percent / 100).rounded(.up)))
    var seen: UInt64 = 0
    for (bucket, count) in counts.enumerated() where count > 0 {
      seen += count
      if seen >= wanted { return min(Histogram.upperEnd(bucket), largest) }
    }
    return largest
  }

  /// Every bucket that holds something: its upper end in nanoseconds and the count up to and including it.
  var cumulative: [(nanoseconds: UInt64, count: UInt64)] {
    var seen: UInt64 = 0
    return counts.enumerated().compactMap { bucket, count in
      guard count > 0 else { return nil }
      seen += count
      return (min(Histogram.upperEnd(bucket), largest), seen)
    }
  }
}
