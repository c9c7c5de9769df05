// StreamID.swift: what an entry of a stream is known by: a time and a number within it.
//
//     1700000000123-0  <  1700000000123-1  <  1700000000124-0

/// An entry's identifier, in the order in which entries stand.
public struct StreamID: BitwiseCopyable, Hashable, Sendable {
  /// Milliseconds since 1970, by convention.
  public var milliseconds: UInt64
  public var sequence: UInt64

  @inlinable public init(_ milliseconds: UInt64, _ sequence: UInt64) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }

  @inlinable public static var zero: StreamID { StreamID(0, 0) }
  @inlinable public static var greatest: StreamID { StreamID(.max, .max) }

  /// The one directly behind; nil behind the greatest.
  public var next: StreamID? {
    if sequence < .max { return StreamID(milliseconds, sequence + 1) }
    return milliseconds < .max ? StreamID(milliseconds + 1, 0) : nil
  }

  /// The one directly before; nil before zero.
  public var previous: StreamID? {
    if sequence > 0 { return StreamID(milliseconds, sequence - 1) }
    return milliseconds > 0 ? StreamID(milliseconds - 1, .max) : nil
  }
}

extension StreamID: Comparable {
  @inlinable public static func < (a: StreamID, b: StreamID) -> Bool {
    a.milliseconds != b.milliseconds ? a.milliseconds < b.milliseconds : a.sequence < b.sequence
  }
}
