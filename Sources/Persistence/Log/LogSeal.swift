// LogSeal.swift — the line before a batch that says how long it is and what it sums up to.
//
//   #MARTLET:<number>:<bytes>:<crc64>:<durable>\r\n  *3 $3 SET …      each field 16 hexadecimal digits
//   └───────────────── 78 bytes ─────────────────┘  └ the batch ┘
//
// Redis takes a line that begins with # for a remark. We read the batch whole before any of it
// is run: a batch that a power cut has torn is found exactly, sector by sector, and so is one that the
// disk has changed. `durable` tells the two apart: the batch that was known to be on disk when this one
// was written. A bad batch is torn, and what follows it worthless, unless a later seal vouches for it.
import Bytes

package struct LogSeal: Equatable, Sendable {
  /// Grows by one with each batch of a file, from 1.
  package var number: UInt64
  /// Bytes of the batch behind the line.
  package var count: UInt64
  package var checksum: UInt64
  /// The last batch of the file that was on disk for certain; 0 if none was.
  package var durable: UInt64

  package init(number: UInt64, count: UInt64, checksum: UInt64, durable: UInt64) {
    self.number = number
    self.count = count
    self.checksum = checksum
    self.durable = durable
  }

  package static var prefix: StaticString { "#MARTLET:" }
  /// Bytes of the line.
  package static var byteCount: Int { prefixBytes + fields * (fieldBytes + 1) - 1 + 2 }
  private static var prefixBytes: Int { 9 }
  private static var fieldBytes: Int { 16 }
  private static var fields: Int { 4 }

  /// The line in `byteCount` bytes at `out`.
  package func write(to out: UnsafeMutablePointer<UInt8>) {
    unsafe ByteView(LogSeal.prefix).copy(to: UnsafeMutableRawPointer(out))
    var position = LogSeal.prefixBytes
    func write(_ field: UInt64, before separator: UInt8) {
      for digit in 0..<LogSeal.fieldBytes {
        let nibble = UInt8(truncatingIfNeeded: field >> UInt64(60 - 4 * digit)) & 15
        unsafe out[position] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        position += 1
      }
      unsafe out[position] = separator
      position += 1
    }
    write(number, before: UInt8(ascii: ":"))
    write(count, before: UInt8(ascii: ":"))
    write(checksum, before: UInt8(ascii: ":"))
    write(durable, before: UInt8(ascii: "\r"))
    unsafe out[position] = UInt8(ascii: "\n")
  }

  /// The seal at the start of `bytes`; nil if there is none.
  package init?(_ bytes: ByteView) {
    guard bytes.count >= LogSeal.byteCount, LogSeal.mayBegin(bytes),
      bytes[LogSeal.byteCount - 2] == UInt8(ascii: "\r"), bytes[LogSeal.byteCount - 1] == UInt8(ascii: "\n"),
      let number = LogSeal.field(0, bytes), let count = LogSeal.field(1, bytes),
      let checksum = LogSeal.field(2, bytes), let durable = LogSeal.field(3, bytes)
    else { return nil }
    self.init(number: number, count: count, checksum: checksum, durable: durable)
  }

  /// Whether `bytes`, however few they are, may be the start of a seal.
  package static func mayBegin(_ bytes: ByteView) -> Bool {
    let known = min(bytes.count, prefixBytes)
    return bytes[0..<known] == ByteView(prefix)[0..<known]
  }

  /// Field `index` of a line, with the separator before it.
  private static func field(_ index: Int, _ line: ByteView) -> UInt64? {
    let start = prefixBytes + index * (fieldBytes + 1)
    guard index == 0 || line[start - 1] == UInt8(ascii: ":") else { return nil }
    var value: UInt64 = 0
    for position in start..<(start + fieldBytes) {
      let byte = line[position]
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
    unsafe LogSeal(number: 0, count: 0, checksum: 0, durable: 0).write(to: out)
    commit(LogSeal.byteCount)
    isSealed = true
  }

  /// Fills the seal in: the batch is complete.
  package mutating func seal(number: UInt64, durable: UInt64) {
    guard isSealed else { return }
    let content = bytes[LogSeal.byteCount..<count]
    let seal = LogSeal(
      number: number, count: UInt64(content.count), checksum: Checksum(of: content).value, durable: durable)
    unsafe seal.write(to: start)
    sealNumber = number
  }
}
