// Bits+Single.swift — one bit of a string, and growing a string for writing bits.
import Bytes
import Store
import Wire

extension Execution {
  /// The number of a bit that word `index` is, within the longest string there may be. With `width`, `#n` is the
  /// n-th integer of so many bits. Answers the error and nil.
  func bitOffset(_ index: Int, width: Int? = nil) -> Int? {
    var word = arguments[index]
    var unit: Int64 = 1
    if let width, !word.isEmpty, word[0] == UInt8(ascii: "#") {
      word = word[1..<word.count]
      unit = Int64(width)
    }
    guard let number = word.int64 else { return refuseBitOffset() }
    let (offset, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow, offset >= 0, offset >> 3 < rules.bulkBytesMax else { return refuseBitOffset() }
    return Int(offset)
  }

  private func refuseBitOffset() -> Int? {
    reply.error("ERR bit offset is not an integer or out of range")
    return nil
  }

  /// The bytes of the string at `key` for writing, at least `count` of them, with zeros for those that were not there.
  /// Answers WRONGTYPE and nil. The bytes are good until the next change of the keyspace.
  mutating func writableString(
    _ key: ByteView, atLeast count: Int
  ) -> (bytes: UnsafeMutableRawBufferPointer, hasGrown: Bool)? {
    let hash = hash(of: key)
    if let location = find(key, hash) {
      guard location.entry.isString else {
        refuseType()
        return nil
      }
      let hasGrown = location.entry.stringCount < count
      return (database.pointee.mutableBytes(location, growingTo: count), hasGrown)
    }
    let location = database.pointee.insert(key, hash, string: .empty, form: .raw)
    note(.new, "new", key)
    return (database.pointee.mutableBytes(location, growingTo: count), true)
  }
}

extension Bits {
  /// Tells of a change only if there was one: the string has grown, or the bit is another one.
  static func setBit(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let offset = execution.bitOffset(2) else { return }
    guard let value = execution.arguments[3].int64, value == 0 || value == 1 else {
      return execution.reply.error("ERR bit is not an integer or out of range")
    }
    guard let (bytes, hasGrown) = execution.writableString(key, atLeast: offset / 8 + 1) else { return }
    let mask = UInt8(0x80) >> UInt8(offset % 8)
    let before = bytes[offset / 8] & mask != 0
    if value == 1 { bytes[offset / 8] |= mask } else { bytes[offset / 8] &= ~mask }
    if hasGrown || before != (value == 1) {
      execution.changed()
      execution.note(.string, "setbit", key)
    }
    execution.reply.integer(before ? 1 : 0)
  }

  static func getBit(_ execution: inout Execution) {
    guard let offset = execution.bitOffset(2) else { return }
    guard let location = execution.read(execution.arguments[1]) else { return execution.reply.integer(0) }
    guard location.entry.isString else { return execution.refuseType() }
    let isSet = location.entry.withStringBytes { bytes in
      offset / 8 < bytes.count && bytes[offset / 8] & 0x80 >> UInt8(offset % 8) != 0
    }
    execution.reply.integer(isSet ? 1 : 0)
  }
}

extension Entry {
  /// Lends the bytes of a string; those of an integer are its text.
  func withStringBytes<Result>(_ body: (ByteView) -> Result) -> Result {
    guard isInteger else { return body(bytes) }
    return DecimalText(integer).withView(body)
  }
}
