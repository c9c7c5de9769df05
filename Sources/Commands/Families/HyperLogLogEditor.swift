// HyperLogLogEditor.swift — registers raised in a copy of a HyperLogLog, which may become dense on the way.
//
//     Z:9000          raise register 4000 to 3          Z:4000 v:3,1 Z:4999
//     v:5,4           raise the second to 7             v:5,1 v:7,1 v:5,2
//     v:7,1 v:7,2     equal neighbours are joined       v:7,3
//
// The steps are those of Redis, so that the bytes are too: the run that has the register is split, its
// parts take its place, then equal values among the next five runs are joined. A value over 32, or a string
// longer than hll-sparse-max-bytes, makes the value dense.
import Bytes

struct HyperLogLogEditor {
  /// What became of raising a register.
  enum Change { case none, raised, corrupt }

  /// `capacity` bytes.
  let memory: UnsafeMutableRawBufferPointer
  private(set) var count: Int
  /// hll-sparse-max-bytes.
  let sparseBytesMax: Int

  /// Bytes that an editor needs to work in: either form, and a run that is split at the end of the longest.
  static var capacity: Int { HyperLogLog.sparseBytesMax + 8 }

  /// Over an empty HyperLogLog, or a copy of `bytes`, of at most `HyperLogLog.sparseBytesMax`.
  init(_ memory: UnsafeMutableRawBufferPointer, copying bytes: ByteView?, sparseBytesMax: Int) {
    precondition(memory.count >= Self.capacity, "too little room to edit a HyperLogLog")
    self.memory = memory
    self.sparseBytesMax = sparseBytesMax
    if let bytes {
      precondition(bytes.count <= HyperLogLog.sparseBytesMax, "a HyperLogLog longer than any")
      memory.copyMemory(from: bytes.buffer)
      count = bytes.count
    } else {
      memory.copyBytes(from: [0x48, 0x59, 0x4C, 0x4C, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 0xFF])
      count = HyperLogLog.emptyBytes
    }
  }

  var bytes: ByteView { ByteView(UnsafeRawBufferPointer(rebasing: memory[0..<count])) }
  var isDense: Bool { memory[4] == 0 }

  private var dense: DenseRegisters {
    DenseRegisters(start: memory.baseAddress.unsafelyUnwrapped + HyperLogLog.headerBytes)
  }

  /// The cached cardinality is out of date from now on.
  mutating func invalidate() { memory[15] |= 0x80 }

  /// Raises one register.
  mutating func raise(_ register: Int, to value: UInt8) -> Change {
    guard !isDense else { return dense.raise(register, to: value) ? .raised : .none }
    guard value <= 32 else { return promote(raising: register, to: value) }
    guard let place = find(register) else { return .corrupt }
    let run = place.run
    if run.value >= value { return .none }
    if run.byteCount == 1 && run.registers == 1 {
      memory[place.index] = Self.valueRun(value, 1)
    } else {
      let before = register - place.first
      var parts = Parts()
      parts.add(run.value, before)
      parts.add(value, 1)
      parts.add(run.value, run.registers - before - 1)
      let growth = parts.count - run.byteCount
      if growth > 0 && count + growth > sparseBytesMax { return promote(raising: register, to: value) }
      let end = place.index + run.byteCount
      move(from: end, by: growth)
      for part in 0..<parts.count { memory[place.index + part] = parts.bytes[part] }
    }
    join(from: place.previous)
    invalidate()
    return .raised
  }

  /// Makes the form dense. False if the sparse form is not one, which then stays.
  mutating func makeDense() -> Bool {
    guard !isDense else { return true }
    guard let value = HyperLogLogValue(bytes) else { return false }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HyperLogLog.registerCount) { registers in
      registers.initialize(repeating: 0)
      guard let base = registers.baseAddress, value.merge(into: base) else { return false }
      memory[4] = 0
      for index in HyperLogLog.headerBytes..<HyperLogLog.denseBytes { memory[index] = 0 }
      count = HyperLogLog.denseBytes
      for index in 0..<HyperLogLog.registerCount where base[index] > 0 { dense[index] = base[index] }
      return true
    }
  }

  private mutating func promote(raising register: Int, to value: UInt8) -> Change {
    guard makeDense() else { return .corrupt }
    return dense.raise(register, to: value) ? .raised : .none
  }

  // MARK: the sparse form

  private struct Place {
    var index: Int
    /// Where the run before begins; for the first run its own place.
    var previous: Int
    /// The run's first register.
    var first: Int
    var run: HyperLogLogValue.Run
  }

  private func find(_ register: Int) -> Place? {
    let buffer = UnsafeRawBufferPointer(rebasing: memory[0..<count])
    var place = HyperLogLog.headerBytes
    var previous = place
    var first = 0
    while place < count, let run = HyperLogLogValue.Run(buffer, at: place) {
      if register < first + run.registers { return Place(index: place, previous: previous, first: first, run: run) }
      previous = place
      place += run.byteCount
      first += run.registers
    }
    return nil
  }

  private mutating func move(from index: Int, by distance: Int) {
    guard distance != 0, let base = memory.baseAddress else { return }
    (base + index + distance).copyMemory(from: base + index, byteCount: count - index)
    count += distance
  }

  /// Joins equal values among the five runs from `index` on.
  private mutating func join(from index: Int) {
    var index = index
    var left = 5
    while index < count && left > 0 {
      left -= 1
      let byte = memory[index]
      guard byte & 0x80 != 0 else {
        index += byte & 0x40 != 0 ? 2 : 1
        continue
      }
      if index + 1 < count, memory[index + 1] & 0x80 != 0, memory[index + 1] >> 2 == byte >> 2 {
        let registers = Int(byte & 3) + Int(memory[index + 1] & 3) + 2
        if registers <= 4 {
          memory[index + 1] = Self.valueRun(byte >> 2 & 0x1F + 1, registers)
          move(from: index + 1, by: -1)
          continue
        }
      }
      index += 1
    }
  }

  private static func valueRun(_ value: UInt8, _ registers: Int) -> UInt8 {
    0x80 | (value - 1) << 2 | UInt8(registers - 1)
  }

  /// The instructions that take the place of one.
  private struct Parts {
    var bytes = InlineArray<5, UInt8>(repeating: 0)
    var count = 0

    mutating func add(_ value: UInt8, _ registers: Int) {
      guard registers > 0 else { return }
      if value > 0 {
        append(HyperLogLogEditor.valueRun(value, registers))
      } else if registers <= 64 {
        append(UInt8(registers - 1))
      } else {
        append(0x40 | UInt8((registers - 1) >> 8))
        append(UInt8(truncatingIfNeeded: registers - 1))
      }
    }

    private mutating func append(_ byte: UInt8) {
      bytes[count] = byte
      count += 1
    }
  }
}
