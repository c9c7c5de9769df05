// HyperLogLogEstimate.swift — from registers to a number of elements, and from an element to a register.
//
// The estimator is the one of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
// (2017, algorithm 6): it needs only how many registers have each value, and no tables for small numbers.
// The hash is MurmurHash64A by Austin Appleby (public domain), under the seed that Redis uses.
import Bytes

/// How many registers have each value.
struct HyperLogLogHistogram {
  var counts = InlineArray<64, Int>(repeating: 0)

  init() {}

  init(registers: UnsafePointer<UInt8>) {
    for index in 0..<HyperLogLog.registerCount { counts[Int(registers[index] & 63)] += 1 }
  }

  /// Bits of a hash that do not choose the register; a run of zeros is at most one longer.
  private static var runBits: Int { 50 }

  /// About how many different elements there were.
  var cardinality: UInt64 {
    let count = Double(HyperLogLog.registerCount)
    var sum = count * Self.tau((count - Double(counts[Self.runBits + 1])) / count)
    for value in stride(from: Self.runBits, through: 1, by: -1) { sum = (sum + Double(counts[value])) * 0.5 }
    sum += count * Self.sigma(Double(counts[0]) / count)
    let estimate = (0.721347520444481703680 * count * count / sum).rounded(.toNearestOrAwayFromZero)
    // Only registers that nobody computed come to this; it is what a C conversion makes of infinity.
    return Int64(exactly: estimate).map(UInt64.init(bitPattern:)) ?? 1 << 63
  }

  private static func tau(_ x: Double) -> Double {
    guard x != 0 && x != 1 else { return 0 }
    var x = x
    var y = 1.0
    var sum = 1 - x
    while true {
      let before = sum
      x = x.squareRoot()
      y *= 0.5
      sum -= (1 - x) * (1 - x) * y
      if sum == before { return sum / 3 }
    }
  }

  private static func sigma(_ x: Double) -> Double {
    guard x != 1 else { return .infinity }
    var x = x
    var y = 1.0
    var sum = x
    while true {
      let before = sum
      x *= x
      sum += x * y
      y += y
      if sum == before { return sum }
    }
  }
}

extension HyperLogLog {
  /// The register that `element` goes to, and the value that it raises it to.
  static func place(_ element: ByteView) -> (register: Int, value: UInt8) {
    let hash = murmur(element, seed: 0xADC8_3B19)
    // The bit above the last ends the run, so there is always one.
    let rest = hash >> 14 | 1 << 50
    return (Int(hash & UInt64(registerCount - 1)), UInt8(rest.trailingZeroBitCount + 1))
  }

  static func murmur(_ bytes: ByteView, seed: UInt64) -> UInt64 {
    let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995
    var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* multiplier
    let words = bytes.count / 8
    for word in 0..<words {
      var mixed = UInt64(littleEndian: bytes.start.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self))
      mixed &*= multiplier
      mixed ^= mixed >> 47
      hash = (hash ^ mixed &* multiplier) &* multiplier
    }
    if bytes.count % 8 != 0 {
      var rest: UInt64 = 0
      for index in words * 8..<bytes.count { rest |= UInt64(bytes[index]) << UInt64(index % 8 * 8) }
      hash = (hash ^ rest) &* multiplier
    }
    hash ^= hash >> 47
    hash &*= multiplier
    return hash ^ hash >> 47
  }
}
