// CollectionBuilder+Pairs.swift — lists, hashes and sorted sets from their parts.
import Bytes
import Store

extension CollectionBuilder {
  // MARK: lists

  mutating func takeList(_ datum: RDBDatum) throws(RDBStop) {
    switch datum {
    case .count: break
    case .string(let element): push(element)
    case .packed(let form, let bytes):
      var elements = PackedElements(form, bytes)
      while let element = elements.next() { element.withView { push($0) } }
    default: throw .failed(.packed)
    }
  }

  private mutating func push(_ element: ByteView) {
    let place = begin { scratch, key, hash, _ in scratch.insertList(key, hash) }
    scratch.growList(place, bytes: element.count, count: 1, limits)
    scratch.insertElement(place, element, at: ListView(place.entry).count, limits)
  }

  // MARK: hashes

  mutating func takeHash(_ datum: RDBDatum) throws(RDBStop) {
    switch datum {
    case .count: break
    case .string(let text):
      guard let name = takeName(text) else { return }
      guard setField(name, text) else { throw .failed(.duplicateElement) }
    case .packed(.listpack, let bytes) where !options.isForeign && Listpack(bytes).count % 2 == 0
      && Listpack(bytes).count / 2 <= limits.hashListpackEntries:
      adopt(.hash, .listpack, bytes)
    case .packed(let form, let bytes):
      var elements = PackedElements(form, bytes)
      while let field = elements.next() {
        guard let value = elements.next() else { throw .failed(.packed) }
        let isNew = field.withView { field in value.withView { setField(field, $0) } }
        guard isNew else { throw .failed(.duplicateElement) }
      }
    default: throw .failed(.packed)
    }
  }

  private mutating func setField(_ name: [UInt8], _ value: ByteView) -> Bool {
    unsafe name.withUnsafeBytes { unsafe setField(ByteView($0), value) }
  }

  private mutating func setField(_ field: ByteView, _ value: ByteView) -> Bool { setField(field, value, endsAt: nil) }

  mutating func setField(_ field: ByteView, _ value: ByteView, endsAt instant: Milliseconds?) -> Bool {
    let place = begin { scratch, key, hash, limits in scratch.insertHash(key, hash, limits) }
    return scratch.setField(place, field, value, limits, expiry: instant.map { .at($0) } ?? .clear)
  }

  // MARK: sorted sets

  mutating func takeSortedSet(_ datum: RDBDatum) throws(RDBStop) {
    switch datum {
    case .count: break
    case .string(let member): _ = takeName(member)
    case .bytes(let bytes):
      let bits = unsafe UInt64(littleEndian: bytes.start.loadUnaligned(as: UInt64.self))
      try setScore(Double(bitPattern: bits))
    case .score(let score): try setScore(score)
    case .packed(.listpack, let bytes) where !options.isForeign && Listpack(bytes).count % 2 == 0
      && Listpack(bytes).count / 2 <= limits.sortedSetListpackEntries:
      adopt(.sortedSet, .listpack, bytes)
    case .packed(let form, let bytes):
      var elements = PackedElements(form, bytes)
      while let member = elements.next() {
        guard let score = elements.next()?.withView({ $0.double }) else { throw .failed(.packed) }
        guard member.withView({ setScore($0, score) }) else { throw .failed(.duplicateElement) }
      }
    default: throw .failed(.packed)
    }
  }

  private mutating func setScore(_ score: Double) throws(RDBStop) {
    guard !score.isNaN, let name = takeName(.empty) else { throw .failed(.packed) }
    let isNew = unsafe name.withUnsafeBytes { unsafe setScore(ByteView($0), score) }
    guard isNew else { throw .failed(.duplicateElement) }
  }

  private mutating func setScore(_ member: ByteView, _ score: Double) -> Bool {
    let place = begin { scratch, key, hash, limits in
      scratch.insertSortedSet(key, hash, memberBytes: member.count, limits)
    }
    return scratch.setScore(place, member, score, limits) == .added
  }
}
