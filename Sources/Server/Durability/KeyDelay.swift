// KeyDelay.swift — rdb-key-save-delay and key-load-delay: levers that make saving and loading slow, for tests.

struct KeyDelay {
  /// Per key; a negative number -N is a microsecond for N keys.
  let microseconds: Int

  var isNone: Bool { microseconds == 0 }

  /// Few enough that the pauses between are short, or they would not be seen as one long save.
  var entriesPerLook: Int {
    microseconds > 0 ? max(1, 1_000 / microseconds) : SnapshotJob.entriesPerLook
  }

  func nanoseconds(keys: Int) -> UInt64 {
    guard keys > 0 && microseconds != 0 else { return 0 }
    if microseconds < 0 { return UInt64(keys) * 1_000 / UInt64(microseconds.magnitude) }
    let (product, overflow) = UInt64(keys).multipliedReportingOverflow(by: UInt64(microseconds.magnitude) &* 1_000)
    return overflow ? .max / 4 : min(product, .max / 4)
  }
}
