// CollectionBuilder+Endings.swift — hashes of which fields end, in the five forms that there are.
//
//   Valkey 9                   count { field, value, instant (8 bytes, -1: none) }
//   Redis 7.4                  first instant (8 bytes)  count { instant - first + 1 (0: none), field, value }
//     … packed                 first instant (8 bytes)  listpack of { field, value, instant (0: none) }
//   candidates of Redis 7.4    count { instant (0: none), field, value }       listpack as above
//
// A field that had ended when a snapshot is loaded is left out. A log's base and RESTORE keep it: what follows in the
// log was written by a server that still had it.
import Bytes
import Store

extension CollectionBuilder {
  /// What has been said so far of the field to come, or of all of them.
  struct Endings: ~Copyable {
    /// That from which instants are counted.
    var first: Milliseconds?
    /// When the field to come ends; 0: it does not.
    var instant: Milliseconds = 0
    /// Its value, where the instant comes last.
    var value: [UInt8] = []
    var hasValue = false
    /// Fields that were left out, for they are there once as well.
    var omitted = Keyspace()
  }

  mutating func takeHashThatEnds(_ datum: RDBDatum) throws(RDBStop) {
    switch (type, datum) {
    case (_, .count): break
    case (.hashValkey, .string(let text)):
      guard takeName(text) != nil else { return }
      endings.value.removeAll(keepingCapacity: true)
      unsafe endings.value.append(contentsOf: text.buffer)
      endings.hasValue = true
    case (.hashValkey, .bytes(let bytes)):
      let instant = bytes.littleEndianInstant
      guard instant >= -1, endings.hasValue else { throw .failed(.packed) }
      endings.hasValue = false
      let value = endings.value
      let isNew = unsafe value.withUnsafeBytes { unsafe put(name, ByteView($0), endsAt: instant == -1 ? nil : instant) }
      guard isNew else { throw .failed(.duplicateElement) }
    case (_, .bytes(let bytes)):
      endings.first = bytes.littleEndianInstant
    case (_, .number(let number)):
      endings.instant = try instant(number)
    case (_, .string(let text)):
      guard let name = takeName(text) else { return }
      guard put(name, text, endsAt: endings.instant == 0 ? nil : endings.instant) else {
        throw .failed(.duplicateElement)
      }
    case (_, .packed(.listpack, let bytes)):
      try takePackedFields(bytes)
    default: throw .failed(.packed)
    }
  }

  /// The instant that a number before a field stands for, 0 if for none.
  private func instant(_ number: UInt64) throws(RDBStop) -> Milliseconds {
    guard let number = Milliseconds(exactly: number) else { throw .failed(.packed) }
    guard number != 0, type == .hashExpiry else { return number }
    guard let first = endings.first, first >= 0 else { throw .failed(.packed) }
    let (sum, overflow) = first.addingReportingOverflow(number - 1)
    guard !overflow else { throw .failed(.packed) }
    return sum
  }

  private mutating func takePackedFields(_ bytes: ByteView) throws(RDBStop) {
    var elements = PackedElements(.listpack, bytes)
    while let field = elements.next() {
      guard let value = elements.next(), case .integer(let instant)? = elements.next(), instant >= 0 else {
        throw .failed(.packed)
      }
      let isNew = field.withView { name in
        value.withView { put(name, $0, endsAt: instant == 0 ? nil : instant) }
      }
      guard isNew else { throw .failed(.duplicateElement) }
    }
  }

  private mutating func put(_ name: [UInt8], _ value: ByteView, endsAt instant: Milliseconds?) -> Bool {
    unsafe name.withUnsafeBytes { unsafe put(ByteView($0), value, endsAt: instant) }
  }

  /// Sets a field, or leaves it out; false if it was there.
  private mutating func put(_ name: ByteView, _ value: ByteView, endsAt instant: Milliseconds?) -> Bool {
    guard let limit = options.endedBefore else { return setField(name, value, endsAt: instant) }
    let hash = KeyHash(name)
    guard endings.omitted.find(name, hash) == nil else { return false }
    guard let instant, instant < limit else { return setField(name, value, endsAt: instant) }
    if let location, HashView(location.entry).contains(name) { return false }
    endings.omitted.insert(name, hash, string: .empty, form: .text)
    return true
  }
}

extension ByteView {
  /// Eight bytes as an instant.
  fileprivate var littleEndianInstant: Milliseconds {
    unsafe Milliseconds(littleEndian: start.loadUnaligned(as: Milliseconds.self))
  }
}
