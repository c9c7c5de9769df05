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
  }

  private static var footerBytes: Int { 10 }

  /// Appends the entry's payload to `output`, which must be empty: the checksum is of all that it holds.
  package static func append(
    _ entry: Entry, compresses: Bool, to output: inout OutputBuffer
  ) {
    precondition(output.isEmpty && entry.isString, "a payload stands alone")
    output.putByte(RDBType.string.rawValue)
    if let blob = entry.blob, blob.count > RDBWriter.wholeBytesMax {
      var string = unsafe LargeString(blob, compresses: compresses, pool: output.pool)
      while !string.advance(into: &output, bytes: 1 << 20) {}
      string.drop()
    } else if entry.isInteger {
      output.putInteger(entry.integer)
    } else {
      let bytes = entry.bytes
      let out = unsafe output.reserve(RDBEncoding.stringBytesMax(bytes.count))
      output.commit(unsafe RDBEncoding.writeString(bytes, to: out, compresses: compresses))
    }
    output.putByte(UInt8(RDBVersion.redis5.number))
    output.putByte(0)
    var sum = Checksum()
    _ = unsafe output.stretches(upTo: output.appended, capacity: .max) {
      unsafe sum.add(ByteView(start: $1, count: $2))
    }
    output.putLittleEndian(sum.value)
  }

  /// The value in `payload`. Bytes between it and the version are passed over, as other servers do.
  package static func value(_ payload: ByteView) throws(Refusal) -> Value {
    let body = try opened(payload)
    guard body.count > 0, body[0] == RDBType.string.rawValue else { throw .format }
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

  /// The payload without version and checksum.
  private static func opened(_ payload: ByteView) throws(Refusal) -> ByteView {
    guard payload.count >= footerBytes else { throw .versionOrChecksum }
    let summed = payload[0..<(payload.count - 8)]
    let body = payload[0..<(payload.count - footerBytes)]
    var cursor = RDBCursor(window: payload, position: body.count, limit: UInt64(payload.count))
    guard let number = try? cursor.littleEndian(UInt16.self), let sum = try? cursor.littleEndian(UInt64.self),
      number == 0 || RDBVersion(number).isReadable, sum == Checksum(of: summed).value
    else { throw .versionOrChecksum }
    return body
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
    }
  }
}
