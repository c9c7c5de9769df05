// Entropy.swift: bytes that nobody can guess: hash seeds, run identifiers, generated passwords.
import CURing
import Glibc

/// The kernel's random numbers.
public enum Entropy {
  /// Fills the buffer from the kernel's generator.
  public static func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    var filled = 0
    while filled < buffer.count {
      filled += try checked { unsafe getrandom(buffer.baseAddress! + filled, buffer.count - filled, 0) }
    }
  }

  /// Sixty-four random bits.
  public static func number() throws(Errno) -> UInt64 {
    var value: UInt64 = 0
    // Up to 256 bytes come whole.
    _ = try checked { unsafe getrandom(&value, MemoryLayout<UInt64>.size, 0) }
    return value
  }

  /// `count` random bytes as lower-case hexadecimal digits, two for each.
  public static func hexadecimal(bytes count: Int) throws(Errno) -> String {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let number = try number()
      for shift in stride(from: 0, to: 64, by: 8) where bytes.count < count {
        bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
      }
    }
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
