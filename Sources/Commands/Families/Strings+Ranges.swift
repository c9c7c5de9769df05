// Strings+Ranges.swift — parts of strings: read, written over, put behind.
import Bytes
import Store
import Wire

extension Execution {
  /// Whether a string may grow from `size` by `more` bytes; answers the error if not.
  public func mayGrow(_ size: Int, by more: Int) -> Bool {
    let (sum, overflow) = Int64(size).addingReportingOverflow(Int64(more))
    guard !overflow && sum <= rules.bulkBytesMax else {
      reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
      return false
    }
    return true
  }
}

extension Strings {
  static func append(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let hash = execution.hash(of: key)
    let location = execution.find(key, hash)
    let more = execution.arguments[2]
    var length = more.count
    if let location {
      guard location.entry.isString else { return execution.refuseType() }
      guard execution.mayGrow(location.entry.stringCount, by: more.count) else { return }
      length = execution.database.pointee.append(location, more)
      execution.changed()
    } else {
      execution.store(key, hash, at: nil, valueIndex: 2, .clear)
    }
    execution.note(.string, "append", key)
    execution.reply.integer(length)
  }

  static func setRange(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let value = execution.arguments[3]
    guard let given = execution.integer(2) else { return }
    guard given >= 0 else { return execution.reply.error("ERR offset is out of range") }
    let offset = Int(given)
    let hash = execution.hash(of: key)
    let location = execution.find(key, hash)
    if let location { guard location.entry.isString else { return execution.refuseType() } }
    guard !value.isEmpty else { return execution.reply.integer(location?.entry.stringCount ?? 0) }
    guard execution.mayGrow(offset, by: value.count) else { return }
    let length: Int
    if let location {
      length = execution.database.pointee.setRange(location, offset: offset, value)
    } else {
      let new = execution.database.pointee.insert(key, hash, string: .empty, form: .raw)
      execution.note(.new, "new", key)
      length = execution.database.pointee.setRange(new, offset: offset, value)
    }
    execution.changed()
    execution.note(.string, "setrange", key)
    execution.reply.integer(length)
  }

  /// Both ends count, and negative ones count from behind.
  static func getRange(_ execution: inout Execution) {
    guard let start = execution.integer(2), let end = execution.integer(3) else { return }
    guard let location = execution.read(execution.arguments[1]) else { return execution.reply.bulk("") }
    guard location.entry.isString else { return execution.refuseType() }
    execution.pin(location, word: 1)
    var scratch = InlineArray<20, UInt8>(repeating: 0)
    var span = scratch.mutableSpan
    let reply = execution.reply
    span.withUnsafeMutableBufferPointer { room in
      guard let base = room.baseAddress else { return }
      let bytes = location.entry.bytes(scratch: base)
      let part = bytes[part(start, end, of: bytes.count)]
      guard part.count > stretchBytes else { return reply.bulk(part) }
      reply.header(UInt8(ascii: "$"), Int64(part.count))
      for offset in Swift.stride(from: 0, to: part.count, by: stretchBytes) {
        reply.output.pointee.append(part[offset..<min(offset + stretchBytes, part.count)])
        guard execution.mayGoOn(after: 64) else { return }
      }
      reply.raw("\r\n")
    }
  }

  /// Bytes that are copied without a pause: more than a string has that lies in its entry.
  private static var stretchBytes: Int { 32 << 10 }

  /// The bytes from `start` to `end`, both included, of `count`; empty where they do not meet.
  static func part(_ start: Int64, _ end: Int64, of count: Int) -> Range<Int> {
    // Two negative ends in the wrong order are nothing, even where clamping would make them meet.
    if start < 0 && end < 0 && start > end { return 0..<0 }
    let length = Int64(count)
    let first = max(0, start < 0 ? length + start : start)
    let last = min(length - 1, max(0, end < 0 ? length + end : end))
    guard length > 0 && first <= last else { return 0..<0 }
    return Int(first)..<Int(last) + 1
  }
}
