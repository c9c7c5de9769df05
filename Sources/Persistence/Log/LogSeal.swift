// LogSeal.swift — the line before a batch that says how long it is and what it sums up to.
//
//   #MARTLET:<number>:<bytes>:<crc64>\r\n  *3 $3 SET …                     each field 16 hexadecimal digits
//   └──────────── 61 bytes ─────────────┘  └── bytes of the batch ──┘
//
// Redis takes a line that begins with # for a remark. We read the batch whole before any of it
// is run: a batch that a power cut has torn is found exactly, sector by sector, and so is one
// that the disk has changed. The length stands before the bytes, so nothing is parsed twice.
import Bytes

package struct LogSeal: Equatable, Sendable {
  /// Grows by one with each batch of a file.
  package var number: UInt64
  /// Bytes of the batch behind the line.
  package var count: UInt64
  package var checksum: UInt64

  package init(number: UInt64, count: UInt64, checksum: UInt64) {
    self.number = number
    self.count = count
    self.checksum = checksum
  }

  package static let prefix: StaticString = "#MARTLET:"
  /// Bytes of the line.
  package static let byteCount = 9 + 3 * 16 + 2 + 2

  /// The line in `byteCount` bytes at `out`.
  package func write(to out: UnsafeMutablePointer<UInt8>) {
    unsafe ByteView(LogSeal.prefix).copy(to: UnsafeMutableRawPointer(out))
    var position = 9
    for (index, field) in [number, count, checksum].enumerated() {
      for digit in 0..<16 {
        let nibble = UInt8(truncatingIfNeeded: field >> UInt64(60 - 4 * digit)) & 15
        unsafe out[position] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        position += 1
      }
      if index < 2 {
        unsafe out[position] = UInt8(ascii: ":")
        position += 1
      }
    }
    unsafe out[position] = UInt8(ascii: "\r")
    unsafe out[position + 1] = UInt8(ascii: "\n")
  }

  /// The seal at the start of `bytes`; nil if there is none.
  package init?(_ bytes: ByteView) {
    guard bytes.count >= LogSeal.byteCount, bytes[0..<9] == ByteView(LogSeal.prefix),
      bytes[25] == UInt8(ascii: ":"), bytes[42] == UInt8(ascii: ":"),
      bytes[59] == UInt8(ascii: "\r"), bytes[60] == UInt8(ascii: "\n"),
      let number = LogSeal.field(bytes[9..<25]), let count = LogSeal.field(bytes[26..<42]),
      let checksum = LogSeal.field(bytes[43..<59])
    else { return nil }
    self.init(number: number, count: count, checksum: checksum)
  }

  /// Whether `bytes`, however few they are, may be the start of a seal.
  package static func mayBegin(_ bytes: ByteView) -> Bool {
    let known = min(bytes.count, 9)
    return bytes[0..<known] == ByteView(prefix)[0..<known]
  }

  private static func field(_ digits: ByteView) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<digits.count {
      let byte = digits[index]
      let nibble: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = byte - UInt8(ascii: "a") + 10
      default: return nil
      }
      value = value << 4 | UInt64(nibble)
    }
    return value
  }
}

extension LogBatch {
  /// Leaves room for a seal at the beginning of an empty batch.
  package mutating func beginSealed() {
    guard isEmpty else { return }
    let out = unsafe reserve(LogSeal.byteCount)
    unsafe LogSeal(number: 0, count: 0, checksum: 0).write(to: out)
    commit(LogSeal.byteCount)
    isSealed = true
  }

  /// Fills the seal in: the batch is complete.
  package mutating func seal(number: UInt64) {
    guard isSealed else { return }
    let content = bytes[LogSeal.byteCount..<count]
    let seal = LogSeal(number: number, count: UInt64(content.count), checksum: Checksum(of: content).value)
    unsafe seal.write(to: memory)
  }
}
