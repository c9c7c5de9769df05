// SHA1.swift — the hash of RFC 3174, for digests that others compute the same way.
//
// Not for secrets: collisions can be made. It is here because DEBUG DIGEST is defined by it.

enum SHA1 {
  static let bytes = 20
  private static let blockBytes = 64

  static func hash(_ data: UnsafeRawBufferPointer) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    let whole = data.count / blockBytes * blockBytes
    for start in stride(from: 0, to: whole, by: blockBytes) {
      absorb(UnsafeRawBufferPointer(rebasing: data[start..<start + blockBytes]), &state)
    }
    // The end: a one bit, zeros, and the length in bits in the last eight bytes.
    var tail = Array(data[whole...]) + [0x80]
    let isTwoBlocks = tail.count > blockBytes - 8
    tail += [UInt8](repeating: 0, count: (isTwoBlocks ? 2 : 1) * blockBytes - 8 - tail.count)
    let bits = UInt64(data.count) * 8
    for shift in stride(from: UInt64(56), through: 0, by: -8) { tail.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    tail.withUnsafeBytes { tail in
      for start in stride(from: 0, to: tail.count, by: blockBytes) {
        absorb(UnsafeRawBufferPointer(rebasing: tail[start..<start + blockBytes]), &state)
      }
    }
    return state.flatMap { word in
      stride(from: UInt32(24), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }

  /// Additions are modulo 2³² by definition.
  private static func absorb(_ block: UnsafeRawBufferPointer, _ state: inout [UInt32]) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
      for i in 0..<16 { words[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self)) }
      for i in 16..<80 { words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1) }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for i in 0..<80 {
        let (mixed, constant) = round(i, b, c, d)
        let next = rotate(a, 5) &+ mixed &+ e &+ constant &+ words[i]
        (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
      }
      state[0] &+= a
      state[1] &+= b
      state[2] &+= c
      state[3] &+= d
      state[4] &+= e
    }
  }

  private static func round(_ step: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> (UInt32, UInt32) {
    switch step {
    case 0..<20: ((b & c) | (~b & d), 0x5A82_7999)
    case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
    case 40..<60: ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
    default: (b ^ c ^ d, 0xCA62_C1D6)
    }
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
