// PackedForm.swift — whether a packed value says the same from all its ends.
//
//   listpack   bytes (4)  count (2)  { encoding data back-length }  FF
//   ziplist    bytes (4)  last (4)  count (2)  { length-before encoding data }  FF
//   intset     width (4)  count (4)  numbers, ascending
//   zipmap     count (1)  { length name  length free value … }  FF
//
// Servers keep such values as they found them and walk them in both directions by the lengths inside. A
// value whose lengths contradict each other leads them out of its memory, so all of them are followed here.
import Bytes

extension PackedForm {
  /// Whether the lengths inside `bytes` agree with each other and with the whole.
  func isSound(_ bytes: ByteView) -> Bool {
    switch self {
    case .listpack: PackedBytes(bytes).isListpack
    case .ziplist: PackedBytes(bytes).isZiplist
    case .intset: PackedBytes(bytes).isIntset
    case .zipmap: PackedBytes(bytes).isZipmap
    }
  }
}

/// Bytes with reads that know where they end.
private struct PackedBytes {
  let bytes: ByteView

  init(_ bytes: ByteView) { self.bytes = bytes }

  /// A little-endian number of `size` bytes, or nil if it does not lie inside.
  private func number(_ offset: Int, _ size: Int) -> Int? {
    guard offset >= 0 && offset <= bytes.count - size else { return nil }
    var value = 0
    for index in 0..<size { value |= Int(bytes[offset + index]) << (8 * index) }
    return value
  }

  private func byte(_ offset: Int) -> Int? { number(offset, 1) }

  /// A big-endian number of four bytes.
  private func bigNumber(_ offset: Int) -> Int? {
    guard let value = number(offset, 4) else { return nil }
    return Int(UInt32(truncatingIfNeeded: value).byteSwapped)
  }

  // MARK: listpack

  var isListpack: Bool {
    guard number(0, 4) == bytes.count, let announced = number(4, 2) else { return false }
    var offset = 6
    var count = 0
    while true {
      guard let first = byte(offset) else { return false }
      if first == 0xFF { break }
      guard let size = listpackSize(offset, first) else { return false }
      let back = backLengthBytes(size)
      guard size <= bytes.count - offset, backLength(endingAt: offset + size + back) == size else { return false }
      offset += size + back
      count += 1
    }
    // 65,535 says that there are more than can be said.
    return offset == bytes.count - 1 && (announced == 0xFFFF || announced == count)
  }

  /// Bytes of encoding and data, from the first byte.
  private func listpackSize(_ offset: Int, _ first: Int) -> Int? {
    switch first {
    case 0..<0x80: return 1
    case 0x80..<0xC0: return 1 + first & 0x3F
    case 0xC0..<0xE0: return 2
    case 0xE0..<0xF0: return byte(offset + 1).map { 2 + (first & 0xF) << 8 + $0 }
    case 0xF0: return number(offset + 1, 4).map { 5 + $0 }
    case 0xF1: return 3
    case 0xF2: return 4
    case 0xF3: return 5
    case 0xF4: return 9
    default: return nil
    }
  }

  private func backLengthBytes(_ size: Int) -> Int {
    // As Redis has it: the largest numbers of two, three and four bytes take one more.
    switch size {
    case ...127: 1
    case ...16_382: 2
    case ...2_097_150: 3
    case ...268_435_454: 4
    default: 5
    }
  }

  /// Seven bits per byte, read backwards; all but the first of them are marked.
  private func backLength(endingAt end: Int) -> Int? {
    var value = 0
    for place in 0..<5 {
      guard let part = byte(end - 1 - place) else { return nil }
      value |= (part & 0x7F) << (7 * place)
      if part & 0x80 == 0 { return value }
    }
    return nil
  }

  // MARK: ziplist

  var isZiplist: Bool {
    guard number(0, 4) == bytes.count, let last = number(4, 4), let announced = number(8, 2) else { return false }
    var offset = 10
    var before = 0
    var lastOffset = 10
    var count = 0
    while true {
      guard let first = byte(offset) else { return false }
      if first == 0xFF { break }
      // The length of the entry before is 1 byte, or FE and 4.
      let isLong = first == 0xFE
      guard (isLong ? number(offset + 1, 4) : first) == before else { return false }
      let header = isLong ? 5 : 1
      guard let size = ziplistSize(offset + header), size <= bytes.count - offset - header else { return false }
      lastOffset = offset
      before = header + size
      offset += before
      count += 1
    }
    return offset == bytes.count - 1 && last == lastOffset && (announced == 0xFFFF || announced == count)
  }

  private func ziplistSize(_ offset: Int) -> Int? {
    guard let first = byte(offset) else { return nil }
    switch first {
    case 0..<0x40: return 1 + first
    case 0x40..<0x80: return byte(offset + 1).map { 2 + (first & 0x3F) << 8 + $0 }
    case 0x80: return bigNumber(offset + 1).map { 5 + $0 }
    case 0xC0: return 3
    case 0xD0: return 5
    case 0xE0: return 9
    case 0xF0: return 4
    case 0xF1...0xFD: return 1
    case 0xFE: return 2
    default: return nil
    }
  }

  // MARK: intset

  var isIntset: Bool {
    guard let width = number(0, 4), let count = number(4, 4), width == 2 || width == 4 || width == 8,
      count > 0, bytes.count == 8 + width * count
    else { return false }
    var previous: Int?
    for index in 0..<count {
      guard let raw = number(8 + index * width, width) else { return false }
      let shift = 64 - 8 * width
      let value = (raw << shift) >> shift
      if let previous, previous >= value { return false }
      previous = value
    }
    return true
  }

  // MARK: zipmap

  var isZipmap: Bool {
    guard let announced = byte(0) else { return false }
    var offset = 1
    var count = 0
    while true {
      guard let first = byte(offset) else { return false }
      if first == 0xFF { break }
      guard let name = zipmapLength(offset), name.size + name.length < bytes.count - offset else { return false }
      offset += name.size + name.length
      // Between a value's length and the value stands how many unused bytes follow it.
      guard let value = zipmapLength(offset), let free = byte(offset + value.size) else { return false }
      let size = value.size + 1 + value.length + free
      guard size < bytes.count - offset else { return false }
      offset += size
      count += 1
    }
    return offset == bytes.count - 1 && (announced >= 254 || announced == count)
  }

  private func zipmapLength(_ offset: Int) -> (size: Int, length: Int)? {
    guard let first = byte(offset) else { return nil }
    if first < 254 { return (1, first) }
    // What one byte can say must be said in one: those who walk such bytes backwards or change them rely on it.
    guard first == 254, let length = number(offset + 1, 4), length >= 254 else { return nil }
    return (5, length)
  }
}
