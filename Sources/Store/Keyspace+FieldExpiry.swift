// Keyspace+FieldExpiry.swift: when fields of hashes end, and finding those that have.
//
// A field of a large hash is an entry and carries its expiry as a key does; a packed hash becomes a table with the
// first one. Ended fields are found like others, as ended keys are: whether they are seen, commands decide. The search
// for them asks the agenda which hash is due, and hands out their names by the bucket; its caller tells the
// log and the listeners, takes the fields out and asks for more.
import Bytes

/// A slice of the search for fields that have ended.
public struct FieldSlice {
  /// What the slice may still look at: one for each hash, each bucket and each field that has an expiry.
  public var budget: Int
  /// What was looked at: 0 means that nothing was due. Fields that had ended.
  public private(set) var examined = 0
  public private(set) var expired = 0
  /// The names that were found last: fields of the hash that was answered. Good until those fields are taken out.
  public private(set) var names: [ByteView] = []

  public init(budget: Int) { self.budget = budget }

  fileprivate mutating func spend() {
    budget -= 1
    examined += 1
  }

  fileprivate mutating func begin() { names.removeAll(keepingCapacity: true) }

  /// Looks at the fields of `table` from `sweep` on; `earliest` becomes the first end of those that go on, if that is
  /// less.
  fileprivate mutating func look(
    at table: CollectionReference, _ sweep: inout Sweep, _ earliest: inout Milliseconds, now: Milliseconds
  ) {
    while budget > 0, var bucket = table.visit(&sweep) {
      spend()
      while let location = bucket.next() {
        guard location.isVolatile else { continue }
        spend()
        let expiry = location.entry.expiryBits
        if now > expiry {
          expired += 1
          names.append(location.entry.key)
        } else {
          earliest = min(earliest, expiry)
        }
      }
    }
  }
}

extension Keyspace {
  /// Hashes of which a field has an expiry.
  public var volatileHashCount: Int { agenda.count }

  // MARK: setting and clearing

  /// Sets or moves the expiry of a field of the hash at `location`; false if the field is not there. A packed hash
  /// becomes a table.
  @discardableResult
  public mutating func setFieldExpiry(_ location: Location, _ field: ByteView, at instant: Milliseconds) -> Bool {
    if case .listpack(let list) = HashView(location.entry).form {
      guard list.find(field, stride: 2) != nil else { return false }
      spreadHash(location)
    }
    let hash = KeyHash(field)
    guard let table = location.entry.collection, table.find(field, hash) != nil else { return false }
    changeCollection(location) { root in
      if let place = root.elements.find(field, hash) { root.elements.setExpiry(place, at: instant) }
    }
    updateAgenda(location, wasVolatile: true, endsAt: instant)
    return true
  }

  /// Makes a field of the hash at `location` stay; false if it is not there or had no expiry.
  @discardableResult
  public mutating func clearFieldExpiry(_ location: Location, _ field: ByteView) -> Bool {
    let hash = KeyHash(field)
    guard case .table(let table) = HashView(location.entry).form, let entry = table.find(field, hash), entry.hasExpiry
    else { return false }
    changeCollection(location) { root in
      if let place = root.elements.find(field, hash) { root.elements.clearExpiry(place) }
    }
    updateAgenda(location, wasVolatile: true, endsAt: nil)
    return true
  }

  /// After a change of a hash's fields: lists it if one of them ends at `instant`, strikes it out if none ends now.
  mutating func updateAgenda(_ location: Location, wasVolatile: Bool, endsAt instant: Milliseconds?) {
    let entry = location.entry
    if !entry.hasVolatileFields {
      if wasVolatile { agenda.remove(entry.key, KeyHash(entry.key)) }
    } else if let instant {
      agenda.note(entry.key, KeyHash(entry.key), endsAt: instant)
    }
  }

  /// A hash with such fields came here. A large one is looked at soon rather than as a whole now.
  @inline(never) mutating func list(_ entry: Entry, _ hash: KeyHash) {
    var earliest = Milliseconds.max
    if let table = entry.collection, table.count <= Keyspace.fieldsAtOnceMax {
      var fields = table.cursor()
      while let field = fields.next() { earliest = min(earliest, field.expiry ?? .max) }
    } else {
      earliest = 0
    }
    agenda.note(entry.key, hash, endsAt: earliest)
  }

  private static var fieldsAtOnceMax: Int { 64 }

  // MARK: finding those that have ended

  /// The next hash of which fields have ended; `slice.names` says which of them. Nil when nothing is due or the
  /// slice's budget is used up. The caller takes those fields out before he asks again.
  ///
  ///     var slice = FieldSlice(budget: 200)
  ///     while let location = keyspace.nextExpiredFields(&slice, now: now) {
  ///       for name in slice.names { keyspace.removeField(location, name) }
  ///     }
  public mutating func nextExpiredFields(_ slice: inout FieldSlice, now: Milliseconds) -> Location? {
    slice.begin()
    while slice.budget > 0, let (key, due) = agenda.first, due < now {
      let hash = KeyHash(key)
      guard let location = find(key, hash), let table = location.entry.collection else {
        preconditionFailure("a hash is listed that is not there")
      }
      slice.spend()
      guard !isWritePostponed(location) else {
        agenda.schedule(key, hash, at: now.addingReportingOverflow(Keyspace.postponement).partialValue)
        continue
      }
      var (sweep, earliest) = agenda.resume(hash)
      slice.look(at: table, &sweep, &earliest, now: now)
      agenda.pause(key, hash, sweep, earliest: earliest)
      if !slice.names.isEmpty { return location }
    }
    return nil
  }

  /// A hash that a walk reads is left alone for so long, in milliseconds.
  private static var postponement: Milliseconds { 1_000 }
}

extension Entry {
  /// The value is a hash of which some fields have an expiry.
  public var hasVolatileFields: Bool {
    kind == Entry.largeHashKind && CollectionReference(bits: payload).volatileCount > 0
  }

  static var largeHashKind: UInt8 { Encoding.hashtable.rawValue << 4 | ValueType.hash.rawValue }
}
