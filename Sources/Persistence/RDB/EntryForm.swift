// EntryForm.swift — in which of its forms a value is written.
//
// What is packed here is packed there, byte for byte, if the version knows the form; everything else leaves
// element by element, which every version reads. A hash of which fields end has one form, which is Valkey 9's.
import Bytes
import Store

struct EntryForm {
  let type: RDBType
  /// The value is written as this one string.
  let packed: BlobReference?

  init(_ entry: Entry, _ version: RDBVersion) {
    let hasListpacks = version.number >= RDBVersion.redis70.number
    switch (entry.type, entry.encoding) {
    case (.set, .intset): (type, packed) = (.setIntset, entry.packed)
    case (.set, .listpack) where version.number >= RDBVersion.standard.number:
      (type, packed) = (.setListpack, entry.packed)
    case (.set, _): (type, packed) = (.set, nil)
    case (.list, _): (type, packed) = (hasListpacks ? .listQuicklist2 : .list, nil)
    case (.hash, .listpack) where hasListpacks: (type, packed) = (.hashListpack, entry.packed)
    case (.hash, _) where entry.hasVolatileFields: (type, packed) = (.hashValkey, nil)
    case (.hash, _): (type, packed) = (.hash, nil)
    case (.sortedSet, .listpack) where hasListpacks: (type, packed) = (.sortedSetListpack, entry.packed)
    case (.sortedSet, _): (type, packed) = (.sortedSet, nil)
    case (.string, _): (type, packed) = (.string, nil)
    case (.stream, _) where version.number >= RDBVersion.standard.number: (type, packed) = (.stream3, nil)
    case (.stream, _): (type, packed) = (hasListpacks ? .stream2 : .stream1, nil)
    }
  }

  /// The value as what leaves in pieces, nil if it is small.
  func large(_ entry: Entry, compresses: Bool, pool: UnsafeMutablePointer<ChunkPool>) -> LargeValue? {
    if let bytes = packed ?? entry.blob {
      guard bytes.count > RDBWriter.wholeBytesMax else { return nil }
      return .string(unsafe LargeString(bytes, compresses: compresses, pool: pool))
    }
    guard !entry.isString else { return nil }
    if entry.type == .stream { return .stream(LargeStream(entry, as: type, compresses: compresses)) }
    return .collection(LargeCollection(entry, as: type, compresses: compresses))
  }
}

extension RDBType {
  /// The byte that says so in a file or payload.
  var byte: UInt8 { self == .hashValkey ? 22 : rawValue }

  /// The oldest version that has the type, of those that are written.
  var oldestVersion: RDBVersion {
    switch self {
    case .setListpack, .stream3: .standard
    case .hashListpack, .sortedSetListpack, .listQuicklist2, .stream2: .redis70
    case .hashValkey: .valkey9
    default: .redis5
    }
  }
}
