// PackedElements.swift — the elements of packed values, old forms and new.
//
// Only for bytes of which `PackedForm.isSound` was true: the lengths inside lead nowhere else.
import Bytes
import Store

struct PackedElements {
  private let form: PackedForm
  private let bytes: ByteView
  private var offset: Int
  private var listpack: Listpack.Cursor?
  /// In a zipmap a name was told and its value is next.
  private var isValueNext = false

  init(_ form: PackedForm, _ bytes: ByteView) {
    self.form = form
    self.bytes = bytes
    switch form {
    case .listpack:
      offset = 0
      listpack = Listpack(bytes).cursor()
    case .ziplist: offset = 10
    case .zipmap: offset = 1
    case .intset: offset = 8
    }
  }

  /// The next element, or nil after the last.
  mutating func next() -> Element? {
    switch form {
    case .listpack: listpack?.next()
    case .ziplist: nextOfZiplist()
    case .zipmap: nextOfZipmap()
    case .intset: nil
    }
  }

  private func number(_ at: Int, _ size: Int) -> Int64 {
    var value: UInt64 = 0
    for index in 0..<size { value |= UInt64(bytes[at + index]) << UInt64(8 * index) }
    let shift = UInt64(64 - 8 * size)
    return Int64(bitPattern: value << shift) >> Int64(shift)
  }

  private mutating func text(_ at: Int, _ count: Int) -> Element {
    offset = at + count
    return .bytes(bytes[at..<at + count])
  }

  private mutating func integer(_ at: Int, _ size: Int) -> Element {
    offset = at + size
    return .integer(number(at, size))
  }

  private mutating func nextOfZiplist() -> Element? {
    guard bytes[offset] != 0xFF else { return nil }
    let at = offset + (bytes[offset] == 0xFE ? 5 : 1)
    let first = Int(bytes[at])
    switch first {
    case 0..<0x40: return text(at + 1, first)
    case 0x40..<0x80: return text(at + 2, (first & 0x3F) << 8 + Int(bytes[at + 1]))
    case 0x80:
      let count = (1...4).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
      return text(at + 5, count)
    case 0xC0: return integer(at + 1, 2)
    case 0xD0: return integer(at + 1, 4)
    case 0xE0: return integer(at + 1, 8)
    case 0xF0: return integer(at + 1, 3)
    case 0xFE: return integer(at + 1, 1)
    default:
      offset = at + 1
      return .integer(Int64(first & 0xF) - 1)
    }
  }

  private mutating func nextOfZipmap() -> Element? {
    guard isValueNext || bytes[offset] != 0xFF else { return nil }
    var at = offset
    var count = Int(bytes[at])
    at += 1
    if count == 254 {
      count = (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
      at += 4
    }
    defer { isValueNext.toggle() }
    guard isValueNext else { return text(at, count) }
    let free = Int(bytes[at])
    defer { offset += free }
    return text(at + 1, count)
  }
}
