// BitWords.swift — bits in strings: counted, searched and combined a word at a time.
//
//     byte 0            byte 1
//     0 1 2 3 4 5 6 7   8 9 …       bit 0 is the most significant bit of byte 0
//
// So a word loaded as big-endian has its bits in the order of their numbers, and the first one
// that is set is found by counting leading zeros. The loops are plain: the compiler makes vector
// instructions of them.
import Bytes

enum BitWords {
  /// How many bits of `bytes` are set.
  static func count(_ bytes: ByteView) -> Int {
    let words = bytes.count / 8
    var total = 0
    for word in 0..<words {
      total &+= bytes.start.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self).nonzeroBitCount
    }
    for index in words * 8..<bytes.count { total &+= bytes[index].nonzeroBitCount }
    return total
  }

  /// How many bits of `bytes` are set among those that `bits` numbers, which must lie inside.
  static func count(_ bytes: ByteView, bits: Range<Int>) -> Int {
    guard !bits.isEmpty else { return 0 }
    let last = bits.upperBound - 1
    let whole = count(bytes[bits.lowerBound / 8..<last / 8 + 1])
    let before = bytes[bits.lowerBound / 8] & ~(UInt8.max >> UInt8(bits.lowerBound % 8))
    let behind = bytes[last / 8] & ~(UInt8.max << UInt8(7 - last % 8))
    return whole - before.nonzeroBitCount - behind.nonzeroBitCount
  }

  /// The number of the first bit that is `value`, among those that `bits` numbers, which must lie inside.
  static func first(_ value: Bool, in bytes: ByteView, bits: Range<Int>) -> Int? {
    guard !bits.isEmpty else { return nil }
    let flip: UInt64 = value ? 0 : .max
    let end = (bits.upperBound + 7) / 8
    var index = bits.lowerBound / 8
    // The first byte may begin in its middle; the last may end there, which is seen from what was found.
    let first = (bytes[index] ^ UInt8(truncatingIfNeeded: flip)) & (UInt8.max >> UInt8(bits.lowerBound % 8))
    if first != 0 { return within(bits, index * 8 + first.leadingZeroBitCount) }
    index += 1
    while index + 8 <= end {
      let word = UInt64(bigEndian: bytes.start.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ flip
      if word != 0 { return within(bits, index * 8 + word.leadingZeroBitCount) }
      index += 8
    }
    while index < end {
      let byte = bytes[index] ^ UInt8(truncatingIfNeeded: flip)
      if byte != 0 { return within(bits, index * 8 + byte.leadingZeroBitCount) }
      index += 1
    }
    return nil
  }

  private static func within(_ bits: Range<Int>, _ found: Int) -> Int? { found < bits.upperBound ? found : nil }

  // MARK: combining, for `count` bytes of each

  /// target &= source
  static func and(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) {
    combine(target, source, count, { $0 & $1 }, { $0 & $1 })
  }

  /// target |= source
  static func or(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) {
    combine(target, source, count, { $0 | $1 }, { $0 | $1 })
  }

  /// target ^= source
  static func exclusiveOr(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) {
    combine(target, source, count, { $0 ^ $1 }, { $0 ^ $1 })
  }

  /// target &= ~source
  static func andNot(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) {
    combine(target, source, count, { $0 & ~$1 }, { $0 & ~$1 })
  }

  /// target = ~target
  static func invert(_ target: UnsafeMutableRawPointer, _ count: Int) {
    combine(target, target, count, { word, _ in ~word }, { byte, _ in ~byte })
  }

  /// target |= left & right
  static func orAnd(
    _ target: UnsafeMutableRawPointer, _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int
  ) {
    for index in 0..<count {
      let both = left.load(fromByteOffset: index, as: UInt8.self) & right.load(fromByteOffset: index, as: UInt8.self)
      let sum = target.load(fromByteOffset: index, as: UInt8.self) | both
      target.storeBytes(of: sum, toByteOffset: index, as: UInt8.self)
    }
  }

  /// Inlined with its closures into each of the above, which leaves a loop of loads and stores.
  @inline(__always)
  private static func combine(
    _ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int,
    _ words: (UInt64, UInt64) -> UInt64, _ bytes: (UInt8, UInt8) -> UInt8
  ) {
    let wordCount = count / 8
    for word in 0..<wordCount {
      let offset = word &* 8
      let left = target.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let right = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      target.storeBytes(of: words(left, right), toByteOffset: offset, as: UInt64.self)
    }
    for index in wordCount * 8..<count {
      let left = target.load(fromByteOffset: index, as: UInt8.self)
      let right = source.load(fromByteOffset: index, as: UInt8.self)
      target.storeBytes(of: bytes(left, right), toByteOffset: index, as: UInt8.self)
    }
  }
}
