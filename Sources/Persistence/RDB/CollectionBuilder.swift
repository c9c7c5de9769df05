// CollectionBuilder.swift — parts of a snapshot become a value again.
//
//   reader ─▶ datum, datum, … ─▶ builder: a database of one key ─▶ entry ─▶ its database
//
// The value is made under its key in a database of its own, by the same calls that commands make, so it has
// the form that the limits of today give it. A packed value within the limits is taken over as it is: it
// has been found sound.
import Bytes
import Store

struct CollectionBuilder: ~Copyable {
  /// What the value's elements are checked for.
  struct Options: BitwiseCopyable {
    var limits = EncodingLimits()
    /// The payload may come from anybody: elements of packed values are compared with each other.
    var isForeign = false
    /// Fields that end before it are left out; nil keeps them all.
    var endedBefore: Milliseconds?
  }

  let type: RDBType
  let options: Options
  private let key: Blob
  private let hash: KeyHash
  var scratch = Keyspace()
  private(set) var location: Location?
  /// The first half of a pair, which outlives the window that it stood in.
  private(set) var name: [UInt8] = []
  private var hasName = false
  private var stream: StreamBuilder?
  /// What was said of the fields of a hash, for `CollectionBuilder+Endings`.
  var endings = Endings()

  init(_ type: RDBType, key: ByteView, _ options: Options) {
    self.type = type
    self.options = options
    self.key = Blob(copying: key)
    hash = KeyHash(key)
  }

  var limits: EncodingLimits { options.limits }

  /// Takes the next part.
  mutating func take(_ datum: RDBDatum) throws(RDBStop) {
    switch type {
    case .set, .setIntset, .setListpack: try takeSet(datum)
    case .list, .listZiplist, .listQuicklist, .listQuicklist2: try takeList(datum)
    case .hash, .hashZipmap, .hashZiplist, .hashListpack: try takeHash(datum)
    case .hashExpiryOfCandidate, .hashListpackExpiryOfCandidate, .hashExpiry, .hashListpackExpiry, .hashValkey:
      try takeHashThatEnds(datum)
    case .sortedSetText, .sortedSet, .sortedSetZiplist, .sortedSetListpack: try takeSortedSet(datum)
    case .stream1: try takeStream(datum, generation: 1)
    case .stream2: try takeStream(datum, generation: 2)
    case .stream3: try takeStream(datum, generation: 3)
    default: throw .failed(.unsupportedType(type))
    }
  }

  private mutating func takeStream(_ datum: RDBDatum, generation: Int) throws(RDBStop) {
    let place = begin { scratch, key, hash, _ in scratch.insertStream(key, hash) }
    var builder: StreamBuilder
    if let stream {
      builder = stream
    } else {
      guard let stream = place.entry.stream else { throw .failed(.stream) }
      builder = StreamBuilder(stream, generation: generation)
    }
    try builder.take(datum)
    stream = builder
  }

  /// The value, or nil if it has no elements.
  consuming func finish() -> LooseEntry? {
    // A stream may be empty.
    if let location, stream != nil { return scratch.take(location) }
    guard let location, location.entry.items().count > 0 else { return nil }
    return scratch.take(location)
  }

  // MARK: sets

  private mutating func takeSet(_ datum: RDBDatum) throws(RDBStop) {
    switch datum {
    case .count: break
    case .string(let member): try addMember(member)
    case .packed(.intset, let bytes):
      guard Intset(bytes).count <= limits.setIntsetEntries else { return try addMembers(bytes, .intset) }
      adopt(.set, .intset, bytes)
    case .packed(.listpack, let bytes):
      guard Listpack(bytes).count <= limits.setListpackEntries, !options.isForeign else {
        return try addMembers(bytes, .listpack)
      }
      adopt(.set, .listpack, bytes)
    default: throw .failed(.packed)
    }
  }

  /// Members of a packed set one by one.
  private mutating func addMembers(_ bytes: ByteView, _ form: Encoding) throws(RDBStop) {
    var other = Keyspace()
    let place = other.insert(key.bytes, hash, .set, form, packed: Blob(copying: bytes))
    var items = place.entry.items()
    while let item = items.next() {
      var isNew = true
      item.name.withView { isNew = add($0) }
      guard isNew else { throw .failed(.duplicateElement) }
    }
  }

  private mutating func addMember(_ member: ByteView) throws(RDBStop) {
    guard add(member) else { throw .failed(.duplicateElement) }
  }

  private mutating func add(_ member: ByteView) -> Bool {
    let place = begin { scratch, key, hash, limits in scratch.insertSet(key, hash, for: member, count: 1, limits) }
    return scratch.addMember(place, member, limits)
  }

  // MARK: what all have in common

  /// The name that was kept for what comes now; if there is none `text` is kept as one.
  mutating func takeName(_ text: ByteView) -> [UInt8]? {
    if hasName {
      hasName = false
      return name
    }
    name.removeAll(keepingCapacity: true)
    unsafe name.append(contentsOf: text.buffer)
    hasName = true
    return nil
  }

  /// The place of the value, which `make` makes the first time.
  mutating func begin(_ make: (inout Keyspace, ByteView, KeyHash, EncodingLimits) -> Location) -> Location {
    if let location { return location }
    let made = make(&scratch, key.bytes, hash, limits)
    location = made
    return made
  }

  /// Takes a packed value over.
  mutating func adopt(_ type: ValueType, _ encoding: Encoding, _ bytes: ByteView) {
    location = scratch.insert(key.bytes, hash, type, encoding, packed: Blob(copying: bytes))
  }
}
