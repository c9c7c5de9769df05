// RDBFailure.swift — why a snapshot cannot be read, and where.

/// What makes a snapshot unreadable. It is read no further.
package struct RDBFailure: Error {
  package enum Reason: Equatable, Sendable {
    case notASnapshot
    /// Newer than any we know.
    case version(UInt16)
    /// The bytes end before the snapshot does.
    case truncated
    /// A length that is no length, or does not fit what is left.
    case length
    /// A string whose compressed text does not unpack to the length it claims.
    case compression
    /// A byte that is neither a type nor an opcode.
    case opcode(UInt8)
    case database(UInt64)
    /// A value of a type that cannot be loaded.
    case unsupportedType(RDBType)
    /// Function libraries of a release candidate of Redis 7.0.
    case functionOfCandidate
    /// A module's value or data that is not what its annotations say.
    case module
    /// A packed list, set or map whose bytes contradict each other.
    case packed
    /// A stream whose parts contradict each other.
    case stream
    /// The same key twice.
    case duplicateKey
    /// A set has a member twice, or a hash a field.
    case duplicateElement
    /// The bytes of one value do not fit into memory.
    case memory
    /// The file cannot be read further.
    case unreadable
    case checksum(stored: UInt64, computed: UInt64)
  }

  package let reason: Reason
  /// Bytes of the snapshot before the trouble.
  package let offset: UInt64
  /// The key whose value could not be read, if the trouble is in one.
  package let key: [UInt8]

  package init(_ reason: Reason, offset: UInt64, key: [UInt8] = []) {
    self.reason = reason
    self.offset = offset
    self.key = key
  }

  /// For logs: what is wrong, where, and in which key.
  package var text: String {
    let place = key.isEmpty ? "" : ", key '\(printable(key))'"
    return "\(reasonText) (at byte \(offset)\(place))"
  }

  private var reasonText: String {
    switch reason {
    case .notASnapshot: "not a snapshot: it does not begin with REDIS or VALKEY and a version"
    case .version(let number): "a snapshot of version \(number), which is newer than this server can read"
    case .truncated: "the snapshot is cut short"
    case .length: "a length that cannot be"
    case .compression: "a compressed string does not unpack to its length"
    case .opcode(let byte): "byte \(byte) stands where a type or an opcode should"
    case .database(let number): "database \(number) does not exist here"
    case .unsupportedType(let type): "a value of type \(type.name), which this version cannot load"
    case .functionOfCandidate: "functions in the form of a release candidate of Redis 7.0"
    case .module: "a module's data does not have the form that it announces"
    case .packed: "a packed value contradicts itself"
    case .stream: "a stream contradicts itself"
    case .duplicateKey: "the same key a second time"
    case .duplicateElement: "the same element a second time"
    case .memory: "memory ran out"
    case .unreadable: "the file cannot be read"
    case .checksum(let stored, let computed):
      "RDB CRC error: the checksum is \(String(computed, radix: 16)), but the file says \(String(stored, radix: 16))"
    }
  }

  /// At most 64 bytes, with what is not printable as \xnn.
  private func printable(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes.prefix(64) {
      if byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\\") {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return bytes.count > 64 ? text + "…" : text
  }
}
