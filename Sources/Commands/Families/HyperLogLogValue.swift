// HyperLogLogValue.swift — a string read as a HyperLogLog, sparse or dense.
//
//   sparse   00xxxxxx                a run of 1 to 64 zero registers
//            01xxxxxx yyyyyyyy       a run of 1 to 16,384 zero registers
//            1vvvvvxx                a run of 1 to 4 registers of one value, 1 to 32
//
//   dense    ┌─byte 0──┬─byte 1──┬─byte 2──┐     four registers of six bits in three bytes,
//            │11 000000│2222 1111│333333 22│     the low bits first
//            └─────────┴─────────┴─────────┘
//
// Anybody can store such a string, so nothing in it is believed: a sparse form must come to 16,384 registers exactly.
import Bytes

struct HyperLogLogValue {
  let bytes: ByteView

  /// The bytes as one, if they look like one from outside.
  init?(_ bytes: ByteView) {
    guard bytes.count >= HyperLogLog.headerBytes, bytes[0..<4] == ByteView("HYLL") else { return nil }
    guard bytes[4] <= 1, bytes[4] == 1 || bytes.count == HyperLogLog.denseBytes else { return nil }
    self.bytes = bytes
  }

  var isDense: Bool { bytes[4] == 0 }

  /// The cardinality that was computed last; nil if registers have changed since.
  var cachedCardinality: UInt64? {
    let word = UInt64(littleEndian: bytes.start.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    return word >> 63 == 0 ? word : nil
  }

  /// One instruction of the sparse form.
  struct Run {
    var value: UInt8
    var registers: Int
    var byteCount: Int

    /// The instruction at `index`, which must lie inside; nil if it is cut off.
    init?(_ bytes: UnsafeRawBufferPointer, at index: Int) {
      let byte = bytes[index]
      byteCount = 1
      value = 0
      if byte & 0x80 != 0 {
        value = byte >> 2 & 0x1F + 1
        registers = Int(byte & 3) + 1
      } else if byte & 0x40 == 0 {
        registers = Int(byte) + 1
      } else {
        guard index + 1 < bytes.count else { return nil }
        registers = Int(byte & 0x3F) << 8 + Int(bytes[index + 1]) + 1
        byteCount = 2
      }
    }
  }

  /// Calls `body` for every run of equal registers, in order. False if the sparse form is not one.
  private func forEachRun(_ body: (_ first: Int, _ count: Int, _ value: UInt8) -> Void) -> Bool {
    let buffer = bytes.buffer
    var first = 0
    var index = HyperLogLog.headerBytes
    while index < buffer.count {
      guard let run = Run(buffer, at: index), first + run.registers <= HyperLogLog.registerCount else { return false }
      body(first, run.registers, run.value)
      first += run.registers
      index += run.byteCount
    }
    return first == HyperLogLog.registerCount
  }

  /// Calls `body` for every register of the dense form.
  private func forEachRegister(_ body: (_ index: Int, _ value: UInt8) -> Void) {
    var start = bytes.start + HyperLogLog.headerBytes
    for index in stride(from: 0, to: HyperLogLog.registerCount, by: 4) {
      let low = UInt32(start.load(as: UInt8.self))
      let middle = UInt32(start.load(fromByteOffset: 1, as: UInt8.self))
      let group = low | middle << 8 | UInt32(start.load(fromByteOffset: 2, as: UInt8.self)) << 16
      body(index, UInt8(group & 63))
      body(index + 1, UInt8(group >> 6 & 63))
      body(index + 2, UInt8(group >> 12 & 63))
      body(index + 3, UInt8(group >> 18))
      start += 3
    }
  }

  /// How many registers have each value. Nil if the sparse form is not one.
  func histogram() -> HyperLogLogHistogram? {
    var histogram = HyperLogLogHistogram()
    guard isDense else {
      return forEachRun { _, count, value in histogram.counts[Int(value)] += count } ? histogram : nil
    }
    forEachRegister { _, value in histogram.counts[Int(value)] += 1 }
    return histogram
  }

  /// Raises each of the 16,384 `registers` to this one's. False if the sparse form is not one.
  func merge(into registers: UnsafeMutablePointer<UInt8>) -> Bool {
    guard isDense else {
      return forEachRun { first, count, value in
        guard value > 0 else { return }
        for index in first..<first + count where registers[index] < value { registers[index] = value }
      }
    }
    forEachRegister { index, value in registers[index] = max(registers[index], value) }
    return true
  }

  /// The sparse form as PFDEBUG DECODE shows it: `z` and `Z` zeros, `v` a value and its registers.
  func decoded() -> String {
    var words: [String] = []
    let buffer = bytes.buffer
    var index = HyperLogLog.headerBytes
    while index < buffer.count, let run = Run(buffer, at: index) {
      let letter = run.byteCount == 2 ? "Z" : "z"
      words.append(run.value > 0 ? "v:\(run.value),\(run.registers)" : "\(letter):\(run.registers)")
      index += run.byteCount
    }
    return words.joined(separator: " ")
  }
}

/// One register of the dense form.
struct DenseRegisters {
  /// Where the registers begin, behind the header.
  let start: UnsafeMutableRawPointer

  subscript(index: Int) -> UInt8 {
    get {
      let bit = index * HyperLogLog.registerBits
      let low = UInt16(byte(bit / 8)) | (bit % 8 > 2 ? UInt16(byte(bit / 8 + 1)) << 8 : 0)
      return UInt8(truncatingIfNeeded: low >> UInt16(bit % 8)) & 63
    }
    nonmutating set {
      let bit = index * HyperLogLog.registerBits
      let shift = UInt16(bit % 8)
      let old = UInt16(byte(bit / 8)) | (shift > 2 ? UInt16(byte(bit / 8 + 1)) << 8 : 0)
      let new = old & ~(63 << shift) | UInt16(newValue & 63) << shift
      start.storeBytes(of: UInt8(truncatingIfNeeded: new), toByteOffset: bit / 8, as: UInt8.self)
      if shift > 2 { start.storeBytes(of: UInt8(new >> 8), toByteOffset: bit / 8 + 1, as: UInt8.self) }
    }
  }

  /// Raises one register; whether it was lower.
  func raise(_ index: Int, to value: UInt8) -> Bool {
    guard self[index] < value else { return false }
    self[index] = value
    return true
  }

  private func byte(_ index: Int) -> UInt8 { start.load(fromByteOffset: index, as: UInt8.self) }
}
