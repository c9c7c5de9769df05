// RDBFormat.swift — the numbers of the snapshot format.
//
//   "REDIS0011"  auxiliary fields  functions  { database  sizes  { expiry? use? type key value } }  EOF  checksum
//    magic, 4 digits                                                                             FF   8 bytes
//
// Redis counted to 12. Valkey went on from 11 and, to be told apart, writes "VALKEY080" from its
// version 9 on; both gave the type numbers from 22 a meaning of their own.

/// A version of the format.
package struct RDBVersion: BitwiseCopyable, Equatable, Sendable {
  /// What the magic says, and the last bytes of a DUMP payload.
  package let number: UInt16

  package init(_ number: UInt16) { self.number = number }

  /// What is written unless somebody asks for another: Redis 7.2, Valkey 7.2 and all later ones read it.
  package static var standard: RDBVersion { RDBVersion(11) }
  /// Redis 5 and 6. A string is the same in every version.
  package static var redis5: RDBVersion { RDBVersion(9) }
  /// Redis 7.0.
  package static var redis70: RDBVersion { RDBVersion(10) }
  /// Valkey 9.
  package static var valkey9: RDBVersion { RDBVersion(80) }

  /// Whether such a file begins with VALKEY.
  package var isValkey: Bool { number >= 80 }
  /// Whether a file can be written in it.
  package var isWritable: Bool { number >= 9 && number <= 11 || number == 80 }
  /// Whether a file or payload of it can be read.
  package var isReadable: Bool { number >= 1 && number <= 12 || number == 80 }
  /// The checksum at the end came with version 5.
  package var hasChecksum: Bool { number >= 5 }
}

/// The bytes that stand where a type could, and are none.
enum RDBOpcode {
  static var slotImport: UInt8 { 243 }
  static var slotInformation: UInt8 { 244 }
  static var function: UInt8 { 245 }
  /// From two release candidates of Redis 7.0; no server reads it any more.
  static var functionOfCandidate: UInt8 { 246 }
  static var moduleAuxiliary: UInt8 { 247 }
  static var idle: UInt8 { 248 }
  static var frequency: UInt8 { 249 }
  static var auxiliary: UInt8 { 250 }
  static var sizes: UInt8 { 251 }
  static var expiryMilliseconds: UInt8 { 252 }
  static var expirySeconds: UInt8 { 253 }
  static var database: UInt8 { 254 }
  static var end: UInt8 { 255 }
}

/// The six low bits of a length byte whose two high bits are set: how a string is kept otherwise than as bytes.
enum RDBStringForm {
  static var int8: UInt8 { 0 }
  static var int16: UInt8 { 1 }
  static var int32: UInt8 { 2 }
  static var compressed: UInt8 { 3 }
}

/// The type byte of a value: what it is, and in which form it is written.
package enum RDBType: UInt8, Sendable, CaseIterable {
  case string = 0
  case list = 1
  case set = 2
  /// Scores as text.
  case sortedSetText = 3
  case hash = 4
  case sortedSet = 5
  /// Cannot be passed over: it does not say where it ends.
  case moduleOfCandidate = 6
  case module = 7
  case hashZipmap = 9
  case listZiplist = 10
  case setIntset = 11
  case sortedSetZiplist = 12
  case hashZiplist = 13
  case listQuicklist = 14
  case stream1 = 15
  case hashListpack = 16
  case sortedSetListpack = 17
  case listQuicklist2 = 18
  case stream2 = 19
  case setListpack = 20
  case stream3 = 21
  /// Byte 22 of Redis 7.4's candidates: fields with their own expiry.
  case hashExpiryOfCandidate = 22
  case hashListpackExpiryOfCandidate = 23
  case hashExpiry = 24
  case hashListpackExpiry = 25
  /// Byte 22 as Valkey 9 means it. The number here is ours.
  case hashValkey = 200

  /// The meaning of `byte` in a file of `version`, or nil if it has none.
  init?(byte: UInt8, version: RDBVersion) {
    if version.isValkey {
      if byte == 22 { self = .hashValkey; return }
      guard byte < 22 else { return nil }
    }
    guard byte < 200 else { return nil }
    self.init(rawValue: byte)
  }

  /// What TYPE would answer.
  package var name: StaticString {
    switch self {
    case .string: "string"
    case .list, .listZiplist, .listQuicklist, .listQuicklist2: "list"
    case .set, .setIntset, .setListpack: "set"
    case .sortedSetText, .sortedSet, .sortedSetZiplist, .sortedSetListpack: "zset"
    case .hash, .hashZipmap, .hashZiplist, .hashListpack, .hashExpiryOfCandidate, .hashListpackExpiryOfCandidate,
      .hashExpiry, .hashListpackExpiry, .hashValkey: "hash"
    case .stream1, .stream2, .stream3: "stream"
    case .moduleOfCandidate, .module: "module"
    }
  }
}
