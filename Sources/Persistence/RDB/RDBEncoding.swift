// RDBEncoding.swift — lengths, numbers and strings as snapshots spell them.
//
//   00nnnnnn                     length below 64
//   01nnnnnn nnnnnnnn            below 16,384
//   10000000 + 4 bytes           below 2^32, big-endian
//   10000001 + 8 bytes           beyond
//   11ffffff …                   no length: a string of form f, see RDBStringForm
//
// Everything is written to memory that the caller has reserved; each function says how much it takes.
import Bytes
import CAllocator

enum RDBEncoding {
  /// The longest length, and the longest number as a string.
  static var lengthBytesMax: Int { 9 }

  /// Room for a string of `count` bytes in any form: two lengths and the mark of a compressed one at most.
  static func stringBytesMax(_ count: Int) -> Int { count + 24 }

  static func writeLength(_ value: UInt64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    if value < 1 << 6 {
      unsafe out[0] = UInt8(truncatingIfNeeded: value)
      return 1
    }
    if value < 1 << 14 {
      unsafe out[0] = 0x40 | UInt8(truncatingIfNeeded: value >> 8)
      unsafe out[1] = UInt8(truncatingIfNeeded: value)
      return 2
    }
    let memory = UnsafeMutableRawPointer(out)
    if let word = UInt32(exactly: value) {
      unsafe out[0] = 0x80
      unsafe memory.storeBytes(of: word.bigEndian, toByteOffset: 1, as: UInt32.self)
      return 5
    }
    unsafe out[0] = 0x81
    unsafe memory.storeBytes(of: value.bigEndian, toByteOffset: 1, as: UInt64.self)
    return 9
  }

  /// Bytes that `writeLength` takes.
  static func lengthBytes(_ value: UInt64) -> Int {
    if value < 1 << 6 { return 1 }
    if value < 1 << 14 { return 2 }
    return value <= UInt64(UInt32.max) ? 5 : 9
  }

  /// A number of at most 32 bits in a string's place; nil for larger ones.
  static func writeSmallInteger(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int? {
    let memory = UnsafeMutableRawPointer(out)
    if let byte = Int8(exactly: value) {
      unsafe out[0] = 0xC0 | RDBStringForm.int8
      unsafe out[1] = UInt8(bitPattern: byte)
      return 2
    }
    if let half = Int16(exactly: value) {
      unsafe out[0] = 0xC0 | RDBStringForm.int16
      unsafe memory.storeBytes(of: half.littleEndian, toByteOffset: 1, as: Int16.self)
      return 3
    }
    if let word = Int32(exactly: value) {
      unsafe out[0] = 0xC0 | RDBStringForm.int32
      unsafe memory.storeBytes(of: word.littleEndian, toByteOffset: 1, as: Int32.self)
      return 5
    }
    return nil
  }

  /// The string that is the text of `value`; `out` has room for `stringBytesMax(Decimal.digitsMax)`.
  static func writeInteger(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    if let written = unsafe writeSmallInteger(value, to: out) { return written }
    // At most twenty characters: their length is one byte.
    let digits = unsafe Decimal.write(value, to: out + 1)
    unsafe out[0] = UInt8(digits)
    return digits + 1
  }

  /// A string in the form that is shortest: a number, compressed if that saves four bytes, or as it is.
  /// `out` has room for `stringBytesMax(bytes.count)`.
  static func writeString(_ bytes: ByteView, to out: UnsafeMutablePointer<UInt8>, compresses: Bool) -> Int {
    if bytes.count <= 11 {
      if let value = bytes.int64, let written = unsafe writeSmallInteger(value, to: out) { return written }
    } else if compresses && bytes.count > LZF.plainBytesMax {
      if let written = unsafe writeCompressed(bytes, to: out) { return written }
    }
    let header = unsafe writeLength(UInt64(bytes.count), to: out)
    unsafe memcpy(out + header, bytes.start, bytes.count)
    return header + bytes.count
  }

  private static func writeCompressed(_ bytes: ByteView, to out: UnsafeMutablePointer<UInt8>) -> Int? {
    // The length of the compressed text stands in front of it, so it is written behind the longest header first.
    let room = 1 + 2 * lengthBytesMax
    guard let count = unsafe LZF.compress(bytes, to: out + room, capacity: bytes.count - 4) else { return nil }
    let header = unsafe writeCompressedHeader(compressed: count, text: bytes.count, to: out)
    unsafe memmove(out + header, out + room, count)
    return header + count
  }

  /// What stands before the compressed text: at most 1 + 2 × `lengthBytesMax` bytes.
  static func writeCompressedHeader(compressed: Int, text: Int, to out: UnsafeMutablePointer<UInt8>) -> Int {
    unsafe out[0] = 0xC0 | RDBStringForm.compressed
    let first = unsafe 1 + writeLength(UInt64(compressed), to: out + 1)
    return unsafe first + writeLength(UInt64(text), to: out + first)
  }
}

extension OutputBuffer {
  mutating func putByte(_ byte: UInt8) {
    let out = unsafe reserve(1)
    unsafe out[0] = byte
    commit(1)
  }

  mutating func putLength(_ value: UInt64) {
    let out = unsafe reserve(RDBEncoding.lengthBytesMax)
    commit(unsafe RDBEncoding.writeLength(value, to: out))
  }

  /// A short string.
  mutating func putString(_ bytes: ByteView) {
    let out = unsafe reserve(RDBEncoding.stringBytesMax(bytes.count))
    commit(unsafe RDBEncoding.writeString(bytes, to: out, compresses: false))
  }

  mutating func putInteger(_ value: Int64) {
    let out = unsafe reserve(RDBEncoding.stringBytesMax(Decimal.digitsMax))
    commit(unsafe RDBEncoding.writeInteger(value, to: out))
  }

  mutating func putLittleEndian(_ value: UInt64) {
    let out = unsafe reserve(8)
    unsafe UnsafeMutableRawPointer(out).storeBytes(of: value.littleEndian, as: UInt64.self)
    commit(8)
  }

  /// Takes at most `bytes` from the front of `source`, copies them here, and says how many.
  mutating func move(from source: inout OutputBuffer, upTo bytes: Int) -> Int {
    var moved = 0
    while moved < bytes && !source.isEmpty {
      var piece = ByteView.empty
      let limit = source.sent + UInt64(bytes - moved)
      _ = unsafe source.stretches(upTo: limit, capacity: 1) { unsafe piece = ByteView(start: $1, count: $2) }
      append(piece)
      source.release(piece.count)
      moved += piece.count
    }
    return moved
  }
}
