// DumpPayload.swift — one value on its way to another server: what DUMP answers and RESTORE takes.
//
//   ┌──────┬──────────────────────────┬─────────┬──────────┐
//   │ type │ value, as in a snapshot  │ version │ checksum │
//   │  1   │                          │    2    │    8     │        little-endian; the sum is of all before it
//   └──────┴──────────────────────────┴─────────┴──────────┘
//
// A payload states the oldest version that has its type, so that any server can take it that could hold
// the value: a string can go back to Redis 5. What comes in is checked as far as the value is used.
import Bytes
import Store

package enum DumpPayload {
  /// Why RESTORE refuses a payload.
  package enum Refusal: Error {
    /// Too short, of a version that we do not read, or changed on its way.
    case versionOrChecksum
    /// Its bytes are no value that can be held here.
    case format
  }

  /// A string that was in a payload.
  package enum Value: ~Copyable {
    /// A part of the payload.
    case bytes(ByteView)
    /// The text of this number.
    case integer(Int64)
    /// Unpacked.
    case blob(Blob)
    /// A value of another type, under no name.
    case entry(LooseEntry)
  }

  private static var footerBytes: Int { 10 }

  /// Appends the entry's payload to `output`, which must be empty.
  package static func append(
    _ entry: Entry, compresses: Bool, to output: inout OutputBuffer
  ) {
    precondition(output.isEmpty, "a payload stands alone")
    var writer = unsafe DumpWriter(entry, compresses: compresses, pool: output.pool)
    var piece = unsafe OutputBuffer(pool: output.pool)
    repeat { writer.advance(into: &output, through: &piece, bytes: 1 << 20) } while !writer.isDone
  }

  /// The value in `payload`. Bytes between it and the version are passed over, as other servers do.
  /// Collections get the forms that `encodings` say. The checksum is passed over for tests of what comes behind it.
  package static func value(
    _ payload: ByteView, _ encodings: EncodingLimits = EncodingLimits(), verifiesChecksum: Bool = true
  ) throws(Refusal) -> Value {
    let (body, version) = try opened(payload, verifiesChecksum)
    guard body.count > 0, let type = RDBType(byte: body[0], version: version) else { throw .format }
    guard type == .string else { return .entry(try collection(type, body, encodings)) }
    var cursor = RDBCursor(window: body, position: 1, limit: UInt64(body.count))
    do throws(RDBStop) {
      switch try cursor.string() {
      case .bytes(let bytes): return .bytes(bytes)
      case .integer(let value): return .integer(value)
      case .compressed(let bytes, let textCount):
        guard let blob = unpacked(bytes, textCount) else { throw .failed(.compression) }
        return .blob(blob)
      }
    } catch {
      throw .format
    }
  }

  /// A value of many elements, each of which is looked at.
  private static func collection(
    _ type: RDBType, _ body: ByteView, _ encodings: EncodingLimits
  ) throws(Refusal) -> LooseEntry {
    guard type.isLoadable, let structure = RDBStructure(type) else { throw .format }
    var builder = CollectionBuilder(type, key: .empty, .init(limits: encodings, isForeign: true))
    var walker = StructureWalker()
    var decoded = DecodedStrings(blockBytes: 4 << 10)
    var cursor = RDBCursor(window: body, position: 1, limit: UInt64(body.count))
    walker.begin(structure, verifiesPacked: true)
    do throws(RDBStop) {
      while let datum = try walker.datum(&cursor, &decoded) {
        try builder.take(datum)
        decoded.forget()
      }
    } catch {
      throw .format
    }
    guard let entry = builder.finish() else { throw .format }
    return entry
  }

  /// The payload without version and checksum, and its version.
  private static func opened(
    _ payload: ByteView, _ verifiesChecksum: Bool
  ) throws(Refusal) -> (body: ByteView, version: RDBVersion) {
    guard payload.count >= footerBytes else { throw .versionOrChecksum }
    let summed = payload[0..<(payload.count - 8)]
    let body = payload[0..<(payload.count - footerBytes)]
    var cursor = RDBCursor(window: payload, position: body.count, limit: UInt64(payload.count))
    guard let number = try? cursor.littleEndian(UInt16.self), let sum = try? cursor.littleEndian(UInt64.self),
      number == 0 || RDBVersion(number).isReadable, !verifiesChecksum || sum == Checksum(of: summed).value
    else { throw .versionOrChecksum }
    return (body, RDBVersion(number))
  }

  private static func unpacked(_ bytes: ByteView, _ textCount: Int) -> Blob? {
    guard LZF.isPlausible(bytes, textCount) else { return nil }
    var blob = Blob(capacity: textCount)
    guard unsafe LZF.expand(bytes, to: blob.start, count: textCount) else { return nil }
    blob.count = textCount
    return blob
  }
}

extension Keyspace {
  /// Adds a value from a payload under a key for which `find` answered nil.
  @discardableResult
  package mutating func insert(
    _ key: ByteView, _ hash: KeyHash, restored value: consuming DumpPayload.Value, expiry: Milliseconds?
  ) -> Location {
    switch consume value {
    case .bytes(let bytes): return insert(key, hash, string: bytes, expiry: expiry)
    case .integer(let number): return insert(key, hash, integer: number, expiry: expiry)
    case .blob(let blob): return insert(key, hash, adopting: blob, expiry: expiry)
    case .entry(let entry):
      let location = put(entry, key, hash)
      if let expiry { setExpiry(location, at: expiry) }
      location.entry.accessStamp = stampOfNewEntry
      return location
    }
  }
}
