// CommandNames.swift — from a word on the wire to a command, in one probe.
//
//   slot: │ first 8 bytes, lower case │ bytes 8…15 │ length │ index │
//
// Our own names are at most sixteen bytes, so a name in lower case is two words and comparing
// them is comparing names. Only rename-command makes longer ones; those few stand in a list.
import Bytes

public struct CommandNames {
  @usableFromInline struct Slot {
    @usableFromInline var low: UInt64 = 0
    @usableFromInline var high: UInt64 = 0
    @usableFromInline var length: Int32 = 0
    @usableFromInline var index: Int32 = -1
  }

  @usableFromInline let slots: UnsafeMutablePointer<Slot>
  private var long: [(name: [UInt8], index: Int)] = []
  @usableFromInline let mask: Int
  public static let bytesMax = 16

  /// Builds the table once, at start; it is never freed. Names must be distinct and at most 16 bytes.
  public init(_ names: [(name: String, index: Int)]) {
    var capacity = 16
    while capacity < names.count * 3 { capacity *= 2 }
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: Slot(), count: capacity)
    mask = capacity - 1
    for (name, index) in names {
      guard name.utf8.count <= Self.bytesMax else {
        long.append((name.utf8.map(Self.lower), index))
        continue
      }
      var text = name
      text.withUTF8 { insert(ByteView(UnsafeRawBufferPointer($0)), index) }
    }
  }

  private func insert(_ name: ByteView, _ index: Int) {
    precondition(name.count > 0 && name.count <= Self.bytesMax, "a command name of an unusual length")
    let (low, high) = Self.fold(name)
    var position = Self.start(low, high) & mask
    while slots[position].index >= 0 { position = (position + 1) & mask }
    slots[position] = Slot(low: low, high: high, length: Int32(name.count), index: Int32(index))
  }

  /// The index stored for `name`, letters of either case.
  @inlinable public func find(_ name: ByteView) -> Int? {
    guard name.count > 0 else { return nil }
    guard name.count <= 16 else { return findLong(name) }
    let (low, high) = Self.fold(name)
    var position = Self.start(low, high) & mask
    while true {
      let slot = slots[position]
      if slot.index < 0 { return nil }
      if slot.low == low && slot.high == high && Int(slot.length) == name.count { return Int(slot.index) }
      position = (position + 1) & mask
    }
  }

  @usableFromInline func findLong(_ name: ByteView) -> Int? {
    for entry in long where entry.name.count == name.count {
      if (0..<name.count).allSatisfy({ Self.lower(name[$0]) == entry.name[$0] }) { return entry.index }
    }
    return nil
  }

  @inlinable static func start(_ low: UInt64, _ high: UInt64) -> Int {
    Int(truncatingIfNeeded: ((low ^ (high &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93) >> 40)
  }

  @inlinable static func fold(_ name: ByteView) -> (UInt64, UInt64) {
    var low: UInt64 = 0
    var high: UInt64 = 0
    let bytes = name.buffer
    for i in 0..<min(name.count, 8) { low |= UInt64(lower(bytes[i])) << UInt64(i * 8) }
    if name.count > 8 {
      for i in 8..<name.count { high |= UInt64(lower(bytes[i])) << UInt64((i - 8) * 8) }
    }
    return (low, high)
  }

  @inlinable static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}
