// KeyHash.swift: the 64 bits that decide where a key lives, and who uses which of them.
//
//   63      56 55                    27 26            12 11           0
//  ┌──────────┬────────────────────────┬────────────────┬──────────────┐
//  │   tag    │                        │  carried by    │              │
//  │ (bucket) │                        │ the entry word │              │
//  └──────────┴────────────────────────┴────────────────┴──────────────┘
//   ◀────────────────────────── bucket number, low bits first ─────────┘
//
// The bucket number takes bits from below as the table grows. Splitting a bucket of a table
// of 2^12 to 2^27 buckets asks for one of the bits that the entry word carries, so it reads no
// entry. Smaller tables fit a cache and hash the key again.
import Bytes
import CHash

/// The seeded hash of a key. Computed once per command and handed along.
public struct KeyHash: BitwiseCopyable, Hashable, Sendable {
  public let bits: UInt64

  @inlinable public init(_ key: ByteView) {
    unsafe self.bits = martlet_hash(key.start, key.count)
  }

  @inlinable public init(bits: UInt64) { self.bits = bits }

  /// Where the key stands in the order of sweeps, which is that of the hash read backwards.
  @inlinable public var position: UInt64 { bits.mirrored }

  /// What the bucket keeps beside the entry word.
  var tag: UInt8 { UInt8(truncatingIfNeeded: bits &>> 56) }

  /// Bits 12 to 26, placed where an entry word carries them.
  var carried: UInt64 { (bits &>> 12 & EntryWord.carriedMax) &<< EntryWord.carriedShift }
}

extension UInt64 {
  /// The bits in the opposite order.
  @inlinable public var mirrored: UInt64 {
    var bits = self
    bits = (bits &>> 1) & 0x5555_5555_5555_5555 | (bits & 0x5555_5555_5555_5555) &<< 1
    bits = (bits &>> 2) & 0x3333_3333_3333_3333 | (bits & 0x3333_3333_3333_3333) &<< 2
    bits = (bits &>> 4) & 0x0F0F_0F0F_0F0F_0F0F | (bits & 0x0F0F_0F0F_0F0F_0F0F) &<< 4
    return bits.byteSwapped
  }
}
