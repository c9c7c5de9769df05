// Listpack.swift: a short list in one piece of memory, byte for byte as Redis keeps it.
//
//   bytes (4)  count (2)  │ encoding  data  back-length │ … │ FF
//
//   0xxxxxxx                          7-bit number
//   10llllll  data                    text of up to 63 bytes
//   110xxxxx  xxxxxxxx                13-bit number
//   1110llll  llllllll  data          text of up to 4,095 bytes
//   F0  length (4)  data              longer text
//   F1, F2, F3, F4                    numbers of 2, 3, 4 and 8 bytes, little-endian
//
// The back-length is the length of encoding and data, seven bits a byte, to be read backwards. A count of
// 65,535 says that there are more than can be said. What is read here was made here or was found sound before.
import Bytes
import CAllocator

/// A view of a listpack. Places in it are offsets in bytes; each is that of an element's first byte.
@safe public struct Listpack: BitwiseCopyable {
  let start: UnsafeRawPointer
  let byteCount: Int

  static var headerBytes: Int { 6 }
  static var endMark: UInt8 { 0xFF }
  static var countUnknown: Int { 0xFFFF }

  public init(_ bytes: ByteView) {
    unsafe start = bytes.start
    byteCount = bytes.count
  }

  init(_ blob: BlobReference) { self.init(blob.bytes) }

  @inline(__always) func byte(_ offset: Int) -> UInt8 { unsafe start.load(fromByteOffset: offset, as: UInt8.self) }

  @inline(__always) private func number<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Word.Type) -> Word {
    unsafe Word(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: Word.self))
  }

  /// Elements, walked through if there are more than the header can say.
  public var count: Int {
    let announced = Int(number(4, UInt16.self))
    guard announced == Listpack.countUnknown else { return announced }
    var count = 0
    var place = first
    while let here = place {
      count += 1
      place = next(after: here)
    }
    return count
  }

  public var isEmpty: Bool { byte(Listpack.headerBytes) == Listpack.endMark }

  // MARK: places

  /// Where the end mark stands: an element put there is the last.
  public var end: Int { byteCount - 1 }

  public var first: Int? { isEmpty ? nil : Listpack.headerBytes }

  public var last: Int? { previous(before: end) }

  @inline(__always) public func next(after offset: Int) -> Int? {
    let next = offset &+ entryBytes(at: offset)
    return byte(next) == Listpack.endMark ? nil : next
  }

  /// The place before `offset`, which may be `end`.
  public func previous(before offset: Int) -> Int? {
    guard offset > Listpack.headerBytes else { return nil }
    var size = 0
    var shift = 0
    var place = offset - 1
    while true {
      let part = Int(byte(place))
      size |= (part & 0x7F) << shift
      if part & 0x80 == 0 { break }
      shift += 7
      place -= 1
    }
    return offset - size - Listpack.backLengthBytes(size)
  }

  /// The place of the element `index`, counted from the end if negative; nil if there is none.
  public func place(_ index: Int) -> Int? {
    let count = count
    guard index >= -count && index < count else { return nil }
    var left = index < 0 ? index + count : index
    if left > count / 2 {
      left = count - 1 - left
      var place = last
      while left > 0, let here = place {
        place = previous(before: here)
        left -= 1
      }
      return place
    }
    var place = first
    while left > 0, let here = place {
      place = next(after: here)
      left -= 1
    }
    return place
  }

  // MARK: elements

  /// Bytes of encoding and data.
  @inline(__always) func dataBytes(at offset: Int) -> Int {
    let first = Int(byte(offset))
    switch first {
    case 0..<0x80: return 1
    case 0x80..<0xC0: return 1 &+ first & 0x3F
    case 0xC0..<0xE0: return 2
    case 0xE0..<0xF0: return 2 &+ (first & 0xF) &<< 8 &+ Int(byte(offset &+ 1))
    case 0xF0: return 5 &+ Int(number(offset &+ 1, UInt32.self))
    case 0xF1: return 3
    case 0xF2: return 4
    case 0xF3: return 5
    default: return 9
    }
  }

  /// Bytes of the whole element.
  @inline(__always) func entryBytes(at offset: Int) -> Int {
    let size = dataBytes(at: offset)
    return size &+ Listpack.backLengthBytes(size)
  }

  @inline(__always) public func element(at offset: Int) -> Element {
    let first = Int(byte(offset))
    switch first {
    case 0..<0x80: return .integer(Int64(first))
    case 0x80..<0xC0: return .bytes(view(offset &+ 1, first & 0x3F))
    case 0xC0..<0xE0:
      let raw = Int64(first & 0x1F) &<< 8 | Int64(byte(offset &+ 1))
      return .integer(raw >= 0x1000 ? raw - 0x2000 : raw)
    case 0xE0..<0xF0: return .bytes(view(offset &+ 2, (first & 0xF) &<< 8 &+ Int(byte(offset &+ 1))))
    case 0xF0: return .bytes(view(offset &+ 5, Int(number(offset &+ 1, UInt32.self))))
    case 0xF1: return .integer(Int64(number(offset &+ 1, Int16.self)))
    case 0xF2:
      let low = Int32(number(offset &+ 1, UInt16.self))
      return .integer(Int64(Int32(Int8(bitPattern: byte(offset &+ 3))) &<< 16 | low))
    case 0xF3: return .integer(Int64(number(offset &+ 1, Int32.self)))
    default: return .integer(number(offset &+ 1, Int64.self))
    }
  }

  @inline(__always) private func view(_ offset: Int, _ count: Int) -> ByteView {
    unsafe ByteView(start: start + offset, count: count)
  }

  /// The place of the first element that is `text`, of those `stride` apart beginning with the first; nil if none is.
  func find(_ text: ByteView, stride: Int = 1) -> Int? {
    let needle = Needle(text)
    var place = Listpack.headerBytes
    var skipped = 0
    while byte(place) != Listpack.endMark {
      if skipped == 0 {
        if needle.matches(element(at: place)) { return place }
        skipped = stride
      }
      skipped &-= 1
      place &+= entryBytes(at: place)
    }
    return nil
  }

  static func backLengthBytes(_ size: Int) -> Int {
    // As Redis has it: the largest numbers of two, three and four bytes take one more.
    if size < 1 << 7 { return 1 }
    if size < 1 << 14 - 1 { return 2 }
    if size < 1 << 21 - 1 { return 3 }
    return size < 1 << 28 - 1 ? 4 : 5
  }

  // MARK: going through

  /// The elements one after the other.
  public struct Cursor: BitwiseCopyable {
    let listpack: Listpack
    var place: Int

    /// The next element and its place, or nil after the last.
    @inline(__always) public mutating func next() -> Element? {
      guard listpack.byte(place) != Listpack.endMark else { return nil }
      let element = listpack.element(at: place)
      place &+= listpack.entryBytes(at: place)
      return element
    }
  }

  public func cursor() -> Cursor { Cursor(listpack: self, place: Listpack.headerBytes) }
}
