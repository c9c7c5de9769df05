// HyperLogLog+Commands.swift — PFADD, PFCOUNT, PFMERGE.
//
// A dense value is changed where it stands. A sparse one, 3,000 bytes at most, is changed in a copy, and
// only if there is anything to change: most PFADDs of an old key find nothing.
import Bytes
import Store
import Wire

extension Execution {
  /// The HyperLogLog at `location`. Answers the error and nil.
  func hyperLogLog(_ location: Location) -> HyperLogLogValue? {
    guard location.entry.isString else {
      refuseType()
      return nil
    }
    guard !location.entry.isInteger, let value = HyperLogLogValue(location.entry.bytes) else {
      reply.error("WRONGTYPE Key is not a valid HyperLogLog string value.")
      return nil
    }
    return value
  }

  func refuseCorruptHyperLogLog() { reply.error("INVALIDOBJ Corrupted HLL object detected") }

  /// Puts what an editor made at `key`; the expiry stays.
  mutating func store(_ bytes: ByteView, _ key: ByteView, at location: Location?) {
    if let location {
      database.pointee.overwrite(location, string: bytes, form: .raw, expiry: .keep)
    } else {
      database.pointee.insert(key, hash(of: key), string: bytes, form: .raw)
      note(.new, "new", key)
    }
  }
}

extension HyperLogLogEditor {
  /// Lends an editor over a copy of `value`, or over an empty one. Nil if the value is longer than any can be.
  static func with<Result>(
    _ value: HyperLogLogValue?, sparseBytesMax: Int, _ body: (inout HyperLogLogEditor) -> Result
  ) -> Result? {
    guard value?.bytes.count ?? 0 <= HyperLogLog.sparseBytesMax else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { memory in
      var editor = HyperLogLogEditor(memory, copying: value?.bytes, sparseBytesMax: sparseBytesMax)
      return body(&editor)
    }
  }
}

extension HyperLogLog {
  static func add(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let location = execution.find(key)
    var value: HyperLogLogValue?
    if let location {
      value = execution.hyperLogLog(location)
      guard value != nil else { return }
    }
    let raised: Int?
    if let location, let value, value.isDense {
      raised = raise(&execution, dense: location)
    } else {
      raised = raise(&execution, sparse: value, key, at: location)
    }
    guard let raised else { return execution.refuseCorruptHyperLogLog() }
    let changes = raised + (location == nil ? 1 : 0)
    if changes > 0 {
      execution.changed(changes)
      execution.note(.string, "pfadd", key)
    }
    execution.reply.integer(changes > 0 ? 1 : 0)
  }

  /// Adds the request's elements to a dense value; how many registers they raised.
  private static func raise(_ execution: inout Execution, dense location: Location) -> Int {
    let bytes = execution.database.pointee.mutableBytes(location, growingTo: denseBytes)
    let registers = DenseRegisters(start: bytes.baseAddress.unsafelyUnwrapped + headerBytes)
    var raised = 0
    for index in 2..<execution.arguments.count {
      let (register, value) = place(execution.arguments[index])
      if registers.raise(register, to: value) { raised += 1 }
    }
    if raised > 0 { bytes[15] |= 0x80 }
    return raised
  }

  /// The same with a sparse value, or one that is not there yet. Nil if it is corrupt; then nothing has changed.
  private static func raise(
    _ execution: inout Execution, sparse value: HyperLogLogValue?, _ key: ByteView, at location: Location?
  ) -> Int? {
    let arguments = execution.arguments
    let limit = execution.rules.hyperLogLogSparseBytesMax
    let raised = HyperLogLogEditor.with(value, sparseBytesMax: limit) { editor -> Int? in
      var raised = 0
      for index in 2..<arguments.count {
        let (register, value) = place(arguments[index])
        switch editor.raise(register, to: value) {
        case .corrupt: return nil
        case .raised: raised += 1
        case .none: break
        }
      }
      if raised > 0 || location == nil {
        editor.invalidate()
        execution.store(editor.bytes, key, at: location)
      }
      return raised
    }
    return raised ?? nil
  }

  static func count(_ execution: inout Execution) {
    guard execution.arguments.count == 2 else { return countTogether(&execution) }
    let key = execution.arguments[1]
    guard let location = execution.read(key) else { return execution.reply.integer(0) }
    guard let value = execution.hyperLogLog(location) else { return }
    if let cached = value.cachedCardinality { return execution.reply.integer(Int64(cached)) }
    guard let cardinality = value.histogram()?.cardinality else { return execution.refuseCorruptHyperLogLog() }
    // A command that only reads, but what it has computed is part of the string: copies must have it too.
    let bytes = execution.database.pointee.mutableBytes(location, growingTo: headerBytes)
    bytes.storeBytes(of: cardinality.littleEndian, toByteOffset: 8, as: UInt64.self)
    execution.changed()
    execution.reply.integer(Int64(bitPattern: cardinality))
  }

  private static func countTogether(_ execution: inout Execution) {
    let cardinality = union(&execution) { _, registers, _ in
      HyperLogLogHistogram(registers: registers).cardinality
    }
    guard let cardinality else { return }
    execution.reply.integer(Int64(bitPattern: cardinality))
  }

  /// Lends the highest registers of all HyperLogLogs that the request names, and whether one of them is dense.
  /// Answers the error and nil.
  private static func union<Result>(
    _ execution: inout Execution,
    _ body: (_ execution: inout Execution, _ registers: UnsafeMutablePointer<UInt8>, _ hasDense: Bool) -> Result
  ) -> Result? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: registerCount) { registers in
      registers.initialize(repeating: 0)
      guard let base = registers.baseAddress else { return nil }
      var hasDense = false
      for index in 1..<execution.arguments.count {
        guard let location = execution.read(execution.arguments[index]) else { continue }
        guard let value = execution.hyperLogLog(location) else { return nil }
        if value.isDense { hasDense = true }
        guard value.merge(into: base) else {
          execution.refuseCorruptHyperLogLog()
          return nil
        }
      }
      return body(&execution, base, hasDense)
    }
  }

  static func merge(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let isMerged: Void? = union(&execution) { execution, registers, hasDense in
      // The destination is one of those that were looked at, so it is sound.
      let location = execution.find(key)
      let value = location.flatMap { HyperLogLogValue($0.entry.bytes) }
      let limit = execution.rules.hyperLogLogSparseBytesMax
      _ = HyperLogLogEditor.with(value, sparseBytesMax: limit) { editor in
        if hasDense { _ = editor.makeDense() }
        for index in 0..<registerCount where registers[index] > 0 { _ = editor.raise(index, to: registers[index]) }
        editor.invalidate()
        execution.store(editor.bytes, key, at: location)
      }
    }
    guard isMerged != nil else { return }
    execution.changed()
    execution.note(.string, "pfadd", key)
    execution.reply.ok()
  }
}
