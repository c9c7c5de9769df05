// Checksum.swift — CRC-64 as snapshots, DUMP payloads and log annotations carry it.
//
// The polynomial is Jones's, reflected, starting at 0 and not inverted at the end:
// "123456789" gives e9c6d914c4b8d9ca. ISA-L computes it with carry-less multiplication, but
// inverts its start value and its result, which is undone here.
import Bytes
import CISAL

/// A running CRC-64. Sums of consecutive stretches are the sum of the whole.
package struct Checksum: BitwiseCopyable, Equatable, Sendable {
  /// The sum of what was added so far; 0 of nothing.
  package private(set) var value: UInt64 = 0

  package init() {}

  /// The sum of `bytes` alone.
  package init(of bytes: ByteView) { add(bytes) }

  package mutating func add(_ bytes: ByteView) {
    let start = unsafe bytes.start.assumingMemoryBound(to: UInt8.self)
    value = unsafe ~crc64_jones_refl(~value, start, UInt64(bytes.count))
  }
}
