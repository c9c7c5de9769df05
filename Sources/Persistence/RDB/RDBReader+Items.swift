// RDBReader+Items.swift — opcodes and entries.
//
// What an opcode says about the next key is kept as soon as it is read, so a window that ends between
// them costs nothing; an entry that is not here as a whole is begun again at its type.
import Bytes
import Store

extension RDBReader {
  /// A string beyond this many bytes that is not in the window as a whole is given in pieces.
  private static var wholeBytesMax: UInt64 { 256 << 10 }

  mutating func nextItem(_ cursor: inout RDBCursor) throws(RDBStop) -> RDBItem? {
    while true {
      let byte = try cursor.byte()
      // The strings of every server's every snapshot come first.
      if byte == RDBType.string.rawValue { return try string(&cursor) }
      if byte < RDBOpcode.slotImport { return try other(&cursor, byte) }
      if let item = try opcode(byte, &cursor) { return item }
      used = cursor.position
    }
  }

  /// An opcode's item, or nil if it belongs to the next key.
  private mutating func opcode(_ byte: UInt8, _ cursor: inout RDBCursor) throws(RDBStop) -> RDBItem? {
    switch byte {
    case RDBOpcode.expiryMilliseconds:
      pending.expiry = try cursor.littleEndian(Int64.self)
      return nil
    case RDBOpcode.expirySeconds:
      pending.expiry = Int64(try cursor.littleEndian(Int32.self)) * 1_000
      return nil
    case RDBOpcode.frequency:
      pending.frequency = try cursor.byte()
      return nil
    case RDBOpcode.idle:
      pending.idleSeconds = try cursor.length()
      return nil
    case RDBOpcode.database:
      let number = try cursor.length()
      guard number < UInt64(options.databaseCount) else { throw .failed(.database(number)) }
      return take(.database(Int(number)), cursor)
    case RDBOpcode.sizes:
      let keys = try cursor.length()
      return take(.sizes(keys: keys, volatile: try cursor.length()), cursor)
    case RDBOpcode.slotInformation:
      let slot = try cursor.length()
      let keys = try cursor.length()
      return take(.slot(slot, keys: keys, volatile: try cursor.length()), cursor)
    case RDBOpcode.auxiliary:
      let name = try text(&cursor)
      return take(.auxiliary(name: name, value: try text(&cursor)), cursor)
    case RDBOpcode.function:
      return take(.function(try text(&cursor)), cursor)
    case RDBOpcode.functionOfCandidate:
      throw .failed(.functionOfCandidate)
    case RDBOpcode.slotImport where version.isValkey:
      let item = take(.slotImport(name: try text(&cursor)), cursor)
      beginStructure(.slotRanges)
      return item
    case RDBOpcode.moduleAuxiliary:
      let item = take(.moduleAuxiliary(try cursor.length()), cursor)
      beginStructure(.moduleAuxiliary)
      return item
    case RDBOpcode.end:
      return try confirm(&cursor)
    default:
      cursor.position -= 1
      throw .failed(.opcode(byte))
    }
  }

  private mutating func string(_ cursor: inout RDBCursor) throws(RDBStop) -> RDBItem {
    var key = pending
    key.name = try text(&cursor)
    do throws(RDBStop) {
      switch try cursor.lengthOrForm() {
      case .count(let count):
        if count > RDBReader.wholeBytesMax && count > UInt64(cursor.available) {
          if case .failed(let reason) = cursor.missing(count) { throw .failed(reason) }
          pending = RDBKey()
          used = cursor.position
          stage = .string(count)
          return .stringBegins(key, count: count)
        }
        return takeEntry(.string(key, .bytes(try cursor.bytes(count))), cursor)
      case .form(let form):
        let value = try cursor.string(form: form)
        if case .integer(let number) = value { return takeEntry(.string(key, .integer(number)), cursor) }
        guard let bytes = decoded.view(value) else { throw .failed(.compression) }
        return takeEntry(.string(key, .bytes(bytes)), cursor)
      }
    } catch {
      if case .failed = error { keyUnderWay = unsafe Array(key.name.buffer) }
      throw error
    }
  }

  private mutating func other(_ cursor: inout RDBCursor, _ byte: UInt8) throws(RDBStop) -> RDBItem {
    guard let type = RDBType(byte: byte, version: version) else {
      cursor.position -= 1
      throw .failed(.opcode(byte))
    }
    var key = pending
    key.name = try text(&cursor)
    keyUnderWay = unsafe Array(key.name.buffer)
    guard options.skipsOthers || options.givesParts && type.isLoadable, let structure = RDBStructure(type) else {
      throw .failed(.unsupportedType(type))
    }
    let item = takeEntry(.other(key, type), cursor)
    beginStructure(structure)
    return item
  }

  private mutating func beginStructure(_ structure: RDBStructure) {
    walker.begin(structure, verifiesPacked: options.verifiesPacked)
    stage = .structure
  }

  /// A string in any form as bytes.
  private mutating func text(_ cursor: inout RDBCursor) throws(RDBStop) -> ByteView {
    guard let view = decoded.view(try cursor.string()) else { throw .failed(.compression) }
    return view
  }

  private mutating func take(_ item: RDBItem, _ cursor: RDBCursor) -> RDBItem {
    used = cursor.position
    return item
  }

  private mutating func takeEntry(_ item: RDBItem, _ cursor: RDBCursor) -> RDBItem {
    pending = RDBKey()
    used = cursor.position
    return item
  }
}
