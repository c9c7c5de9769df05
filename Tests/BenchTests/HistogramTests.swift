// A percentile must be within one part in 128 of the exact one, whatever the values.
import Testing

@testable import martlet_bench

/// Seeded values over nine powers of ten against sorting them.
@Test(arguments: UInt64(1)...20) func percentilesAgreeWithSorting(seed: UInt64) {
  var random = Random(seed: seed)
  var histogram = Histogram()
  var values: [UInt64] = []
  for _ in 0..<5000 {
    let value = random.next() >> (24 + random.below(38))
    values.append(value)
    histogram.record(value)
  }
  values.sort()
  for percent in [0.1, 1, 50, 90, 99, 99.9, 100] {
    let place = max(1, Int((Double(values.count) * percent / 100).rounded(.up))) - 1
    let exact = values[place]
    let found = histogram.percentile(percent)
    #expect(found >= exact && found <= exact + exact / 128 + 1, "p\(percent): \(found) for \(exact)")
  }
  #expect(histogram.largest == values.last)
  #expect(histogram.smallest == values.first)
  #expect(histogram.cumulative.last?.count == 5000)
}

/// Two halves added are the whole.
@Test func addingIsTheSameAsRecordingTogether() {
  var whole = Histogram()
  var halves = (Histogram(), Histogram())
  var random = Random(seed: 7)
  for turn in 0..<1000 {
    let value = random.below(10_000_000)
    whole.record(value)
    if turn % 2 == 0 { halves.0.record(value) } else { halves.1.record(value) }
  }
  halves.0.add(halves.1)
  #expect(halves.0.cumulative.map(\.count) == whole.cumulative.map(\.count))
  #expect(halves.0.sum == whole.sum)
}

/// Values beyond the last bucket count there instead of trapping.
@Test func hugeValuesAreKept() {
  var histogram = Histogram()
  histogram.record(.max)
  histogram.record(0)
  #expect(histogram.total == 2)
  #expect(histogram.percentile(100) == histogram.largest)
}
