// Keyspace+Sets.swift: changing sets.
//
//   intset ──▶ listpack ──▶ hashtable        as Redis does: at its limits and never back
//      └────────────────────────▲
//
// A set may become empty here; who empties it removes the key.
import Bytes

extension Keyspace {
  /// Adds an empty set in the form that suits `member` and about `count` members, under a key for which `find`
  /// answered nil.
  public mutating func insertSet(
    _ key: ByteView, _ hash: KeyHash, for member: ByteView, count: Int, _ limits: EncodingLimits,
    expiry: Milliseconds? = nil
  ) -> Location {
    if member.int64 != nil && count <= limits.setIntsetEntries {
      return insert(key, hash, .set, .intset, payload: Intset.make().bits, expiry: expiry)
    }
    if count <= limits.setListpackEntries {
      return insert(key, hash, .set, .listpack, payload: Listpack.make().bits, expiry: expiry)
    }
    return insert(key, hash, .set, .hashtable, payload: CollectionReference.make().bits, expiry: expiry)
  }

  /// Adds a member to the set at `location`; false if it was there. `member` must not lie inside the set.
  @discardableResult
  public mutating func addMember(_ location: Location, _ member: ByteView, _ limits: EncodingLimits) -> Bool {
    let set = SetView(location.entry)
    switch set.form {
    case .intset(let numbers):
      guard let value = member.int64 else { return addText(location, numbers, member, limits) }
      guard !numbers.contains(value) else { return false }
      let count = numbers.count + 1
      changePacked(location) { Intset.insert(value, into: $0) }
      if count > min(limits.setIntsetEntries, 1 << 30) { spreadSet(location) }
    case .listpack(let list):
      guard list.find(member) == nil else { return false }
      guard mayPack(member, count: list.count + 1, bytes: list.byteCount, limits) else {
        spreadSet(location)
        return addMember(location, member, limits)
      }
      changePacked(location) { Listpack.append(Element(packing: member), to: $0) }
    case .table(let table):
      let hash = KeyHash(member)
      guard table.find(member, hash) == nil else { return false }
      changeCollection(location) { _ = $0.elements.insert(member, hash, string: .empty, form: .text) }
    }
    return true
  }

  /// Adds what is no number to a set of numbers.
  private mutating func addText(
    _ location: Location, _ numbers: Intset, _ member: ByteView, _ limits: EncodingLimits
  ) -> Bool {
    let count = numbers.count
    let longest = count == 0 ? 0 : max(Element.integer(numbers[0]).count, Element.integer(numbers[count - 1]).count)
    if mayPack(member, count: count + 1, bytes: count * 11, limits) && longest <= limits.setListpackValueBytes {
      var list = Listpack.make(spare: 3 * count + member.count)
      for index in 0..<count { list = Listpack.append(.integer(numbers[index]), to: list) }
      convert(location, to: .listpack, payload: list.bits)
      changePacked(location) { Listpack.append(.bytes(member), to: $0) }
      return true
    }
    spreadSet(location)
    return addMember(location, member, limits)
  }

  private func mayPack(_ member: ByteView, count: Int, bytes: Int, _ limits: EncodingLimits) -> Bool {
    count <= limits.setListpackEntries && member.count <= limits.setListpackValueBytes
      && bytes + member.count <= Listpack.safeBytesMax
  }

  /// Gives a packed set the form of a table.
  private mutating func spreadSet(_ location: Location) {
    let table = CollectionReference.make()
    var members = SetView(location.entry).cursor()
    while let member = members.next() {
      member.withView { unsafe _ = table.root.pointee.elements.insert($0, KeyHash($0), string: .empty, form: .text) }
    }
    convert(location, to: .hashtable, payload: table.bits)
  }

  /// Takes a member out of the set at `location`; false if it was not there.
  @discardableResult
  public mutating func removeMember(_ location: Location, _ member: ByteView) -> Bool {
    let set = SetView(location.entry)
    switch set.form {
    case .intset(let numbers):
      guard let value = member.int64 else { return false }
      let (index, isThere) = numbers.find(value)
      guard isThere else { return false }
      changePacked(location) { Intset.remove(at: index, from: $0) }
    case .listpack(let list):
      guard let place = list.find(member) else { return false }
      changePacked(location) { Listpack.remove(at: place, count: 1, from: $0) }
    case .table(let table):
      let hash = KeyHash(member)
      guard table.find(member, hash) != nil else { return false }
      changeCollection(location) { $0.remove(member, hash) }
    }
    return true
  }
}
