// HyperLogLog+Debug.swift — PFDEBUG and PFSELFTEST: for tests and for the curious.
import Bytes
import Store
import Wire

extension HyperLogLog {
  static func debug(_ execution: inout Execution) {
    let word = execution.arguments[1]
    let key = execution.arguments[2]
    guard let location = execution.find(key) else {
      return execution.reply.error("ERR The specified key does not exist")
    }
    guard let value = execution.hyperLogLog(location) else { return }
    if word.equalsIgnoringCase("getreg") {
      registers(&execution, value, key, location)
    } else if word.equalsIgnoringCase("decode") {
      guard !value.isDense else { return execution.reply.error("ERR HLL encoding is not sparse") }
      execution.reply.bulk(text: value.decoded())
    } else if word.equalsIgnoringCase("encoding") {
      execution.reply.simple(value.isDense ? "dense" : "sparse")
    } else if word.equalsIgnoringCase("todense") {
      guard !value.isDense else { return execution.reply.integer(0) }
      guard makeDense(&execution, value, key, location) else { return execution.refuseCorruptHyperLogLog() }
      execution.reply.integer(1)
    } else {
      execution.reply.error("ERR Unknown PFDEBUG subcommand '", word, "'")
    }
  }

  /// All 16,384 registers. As in Redis, the value is dense afterwards.
  private static func registers(
    _ execution: inout Execution, _ value: HyperLogLogValue, _ key: ByteView, _ location: Location
  ) {
    let reply = execution.reply
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: registerCount) { registers in
      registers.initialize(repeating: 0)
      guard let base = registers.baseAddress, value.merge(into: base) else {
        return execution.refuseCorruptHyperLogLog()
      }
      if !value.isDense { _ = makeDense(&execution, value, key, location) }
      reply.array(registerCount)
      for index in 0..<registerCount { reply.integer(Int(base[index])) }
    }
  }

  private static func makeDense(
    _ execution: inout Execution, _ value: HyperLogLogValue, _ key: ByteView, _ location: Location
  ) -> Bool {
    let isDone = HyperLogLogEditor.with(value, sparseBytesMax: 0) { editor in
      guard editor.makeDense() else { return false }
      execution.store(editor.bytes, key, at: location)
      execution.changed()
      return true
    }
    return isDone ?? false
  }

  /// Counts known numbers of elements in both forms: the two must agree with each other and, within the error
  /// that is to be expected, with the number.
  static func selfTest(_ execution: inout Execution) {
    // 1.04 / sqrt(16,384) is the standard error.
    let error = 0.0081
    var failure: Int?
    let limit = execution.rules.hyperLogLogSparseBytesMax
    _ = HyperLogLogEditor.with(nil, sparseBytesMax: limit) { sparse in
      _ = HyperLogLogEditor.with(nil, sparseBytesMax: limit) { dense in
        _ = dense.makeDense()
        var checkpoint = 1
        for element in 1...100_000 where failure == nil {
          let (register, value) = DecimalText(Int64(element)).withView { place($0) }
          if sparse.raise(register, to: value) != dense.raise(register, to: value) { failure = element }
          guard element == checkpoint else { continue }
          checkpoint *= 10
          let counted = HyperLogLogValue(sparse.bytes)?.histogram()?.cardinality ?? 0
          if HyperLogLogValue(dense.bytes)?.histogram()?.cardinality != counted { failure = element }
          let deviation = Double(counted) - Double(element)
          if abs(deviation) > (Double(element) * error * 6).rounded(.up) { failure = element }
        }
      }
    }
    guard let failure else { return execution.reply.ok() }
    execution.reply.beginError()
    execution.reply.part("TESTFAILED wrong after ")
    execution.reply.part(Int64(failure))
    execution.reply.part(" elements")
    execution.reply.end()
  }
}
