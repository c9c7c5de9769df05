// Keyspace+Hashes.swift: changing hashes.
//
// A hash begins as a listpack and becomes a table when a field or value is too long or fields are too many; it
// never goes back. It may become empty here; who empties it removes the key.
import Bytes

extension Keyspace {
  /// Adds an empty hash under a key for which `find` answered nil.
  public mutating func insertHash(
    _ key: ByteView, _ hash: KeyHash, _ limits: EncodingLimits, expiry: Milliseconds? = nil
  ) -> Location {
    guard limits.hashListpackEntries > 0 else {
      return insert(key, hash, .hash, .hashtable, payload: CollectionReference.make().bits, expiry: expiry)
    }
    return insert(key, hash, .hash, .listpack, payload: Listpack.make(spare: 32).bits, expiry: expiry)
  }

  /// Gives a field of the hash at `location` a value; true if the field is new. Neither must lie inside the hash.
  /// A packed hash becomes a table with the first field that ends.
  @discardableResult
  public mutating func setField(
    _ location: Location, _ field: ByteView, _ value: ByteView, _ limits: EncodingLimits,
    expiry: ExpiryChange = .clear
  ) -> Bool {
    switch HashView(location.entry).form {
    case .listpack(let list):
      let longest = max(field.count, value.count)
      guard longest <= limits.hashListpackValueBytes && list.byteCount + longest <= Listpack.safeBytesMax,
        expiry.instant == nil
      else {
        spreadHash(location)
        return setField(location, field, value, limits, expiry: expiry)
      }
      if let place = list.find(field, stride: 2), let old = list.next(after: place) {
        changePacked(location) { Listpack.replace(at: old, with: Element(packing: value), in: $0) }
        return false
      }
      let count = list.count / 2 + 1
      changePacked(location) {
        Listpack.append(Element(packing: value), to: Listpack.append(Element(packing: field), to: $0))
      }
      if count > limits.hashListpackEntries { spreadHash(location) }
      return true
    case .table(let table):
      let hash = KeyHash(field)
      let wasVolatile = table.volatileCount > 0
      let isNew = changeCollection(location) {
        !$0.elements.set(field, hash, string: value, form: .text, expiry: expiry)
      }
      if wasVolatile || expiry.instant != nil {
        updateAgenda(location, wasVolatile: wasVolatile, endsAt: expiry.instant)
      }
      return isNew
    }
  }

  /// Takes a field out of the hash at `location`; false if it was not there.
  @discardableResult
  public mutating func removeField(_ location: Location, _ field: ByteView) -> Bool {
    switch HashView(location.entry).form {
    case .listpack(let list):
      guard let place = list.find(field, stride: 2) else { return false }
      changePacked(location) { Listpack.remove(at: place, count: 2, from: $0) }
    case .table(let table):
      let hash = KeyHash(field)
      guard table.find(field, hash) != nil else { return false }
      let wasVolatile = table.volatileCount > 0
      changeCollection(location) { $0.remove(field, hash) }
      if wasVolatile { updateAgenda(location, wasVolatile: true, endsAt: nil) }
    }
    return true
  }

  /// Gives a packed hash the form of a table.
  mutating func spreadHash(_ location: Location) {
    let table = CollectionReference.make()
    var fields = HashView(location.entry).cursor()
    while let item = fields.next() {
      item.name.withView { field in
        item.value.withView { value in
          unsafe _ = table.root.pointee.elements.set(field, KeyHash(field), string: value, form: .text)
        }
      }
    }
    convert(location, to: .hashtable, payload: table.bits)
  }
}
