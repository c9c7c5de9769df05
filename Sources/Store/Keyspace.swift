// Keyspace.swift: one database.
//
// A command hashes its key once, finds a location or none, and reads or changes what is there:
//
//   let hash = KeyHash(key)
//   if let location = keyspace.find(key, hash) { … location.entry.bytes … }
//   else { keyspace.insert(key, hash, string: value) }
//
// A `Location` stays good while only the entry at it is changed; `insert`, `remove`, `take` and `put`
// end all of them. An `Entry` and every view of its bytes end with any change. Expired keys are found
// like others: whether `entry.isExpired(now)` matters, and what is told to whom, commands decide.
//
// Every mutator that takes a location begins with `willChange`, or ends the entry with `withdraw`: see Epoch.swift.
import Bytes
import CAllocator

public struct Keyspace: ~Copyable {
  var table = Table()

  /// Keys that have an expiry.
  public internal(set) var volatileCount = 0

  /// Bytes of all entries and blobs, as the allocator rounds them.
  public internal(set) var valueBytes = 0

  /// The access stamp of entries to come: `AccessClock.stampOfNewEntry`, set by the owner as its clock moves.
  public var stampOfNewEntry: UInt32 = 0

  /// The epoch that new entries get; those of another one a running walk has still to see.
  var epoch = Epoch.first
  /// How many earlier epochs entries may be of.
  var staleEpochs: UInt8 = 0
  /// How far the walk has come; without one, how far `levelEpochs` has.
  var epochSweep = Sweep()
  /// The walk that has still to see some of this database.
  var walked: Walked?
  /// The hashes of which fields end.
  var agenda = FieldAgenda()

  /// An empty database takes no memory.
  public init() { walked = nil }

  /// Keys, expired ones that were not removed yet included.
  public var count: Int { table.count }
  public var isEmpty: Bool { table.count == 0 }

  /// Bytes of everything: entries, blobs, the table and the agenda of fields that end.
  public var memoryBytes: Int { valueBytes + table.memoryBytes + agenda.memoryBytes }

  // MARK: finding

  /// Where the key's entry stands, or nil.
  public func find(_ key: ByteView, _ hash: KeyHash) -> Location? { table.find(key, hash) }

  // MARK: inserting a key that is not there

  /// Adds a string under a key for which `find` answered nil.
  @discardableResult
  public mutating func insert(
    _ key: ByteView, _ hash: KeyHash, string: ByteView, form: StringForm = .automatic, expiry: Milliseconds? = nil
  ) -> Location {
    insert(key, hash, StringContent(string, form), expiry)
  }

  /// Adds an integer under a key for which `find` answered nil.
  @discardableResult
  public mutating func insert(
    _ key: ByteView, _ hash: KeyHash, integer: Int64, expiry: Milliseconds? = nil
  ) -> Location {
    insert(key, hash, StringContent(integer), expiry)
  }

  /// Adds a string that was received elsewhere under a key for which `find` answered nil. A large one is
  /// taken over as it is, without a copy.
  @discardableResult
  public mutating func insert(
    _ key: ByteView, _ hash: KeyHash, adopting blob: consuming Blob, expiry: Milliseconds? = nil
  ) -> Location {
    let reference = blob.relinquish()
    guard reference.count <= EntryShape.inlineBytesMax else {
      return insert(key, hash, StringContent(adopting: reference.trimmed()), expiry)
    }
    defer { reference.release() }
    return insert(key, hash, StringContent(reference.bytes, .automatic), expiry)
  }

  private mutating func insert(
    _ key: ByteView, _ hash: KeyHash, _ content: StringContent, _ expiry: Milliseconds?
  ) -> Location {
    let flags = content.flags | epoch.bits | (expiry == nil ? 0 : Entry.Flag.expiry)
    let shape = EntryShape(
      kind: content.kind, flags: flags, keyCount: key.count, inlineCount: content.inline.count)
    let entry = Entry.allocate(shape, key: key, stamp: stampOfNewEntry)
    if let expiry { entry.expiryBits = expiry }
    content.write(into: entry)
    return add(entry, hash)
  }

  /// Counts an entry in and puts it into the table.
  mutating func add(_ entry: Entry, _ hash: KeyHash) -> Location {
    if entry.hasExpiry { volatileCount += 1 }
    valueBytes += entry.memoryBytes
    if entry.hasVolatileFields { list(entry, hash) }
    return table.insert(entry, hash)
  }

  // MARK: overwriting

  /// Gives the key at `location` a new string. `string` must not lie inside the entry itself. Nothing is
  /// allocated if old and new are of the same size class.
  public mutating func overwrite(
    _ location: Location, string: ByteView, form: StringForm = .automatic, expiry: ExpiryChange
  ) {
    if string.count > EntryShape.inlineBytesMax {
      // It may pin the blob, which then does not fit.
      willChange(location)
      if let blob = location.entry.blob, blob.fits(string.count) {
        unsafe memcpy(blob.start, string.start, string.count)
        blob.count = string.count
        return replace(location, StringContent(adopting: blob), expiry)
      }
    }
    replace(location, StringContent(string, form), expiry)
  }

  /// Gives the key at `location` an integer.
  public mutating func overwrite(_ location: Location, integer: Int64, expiry: ExpiryChange) {
    replace(location, StringContent(integer), expiry)
  }

  /// Gives the key at `location` a string that was received elsewhere.
  public mutating func overwrite(_ location: Location, adopting blob: consuming Blob, expiry: ExpiryChange) {
    let reference = blob.relinquish()
    guard reference.count <= EntryShape.inlineBytesMax else {
      return replace(location, StringContent(adopting: reference.trimmed()), expiry)
    }
    defer { reference.release() }
    replace(location, StringContent(reference.bytes, .automatic), expiry)
  }

  /// SET without conditions: inserts or overwrites. True if the key was there.
  @discardableResult
  public mutating func set(
    _ key: ByteView, _ hash: KeyHash, string: ByteView, form: StringForm = .automatic,
    expiry: ExpiryChange = .clear
  ) -> Bool {
    if let location = find(key, hash) {
      overwrite(location, string: string, form: form, expiry: expiry)
      return true
    }
    var instant: Milliseconds?
    if case .at(let at) = expiry { instant = at }
    insert(key, hash, string: string, form: form, expiry: instant)
    return false
  }

  /// Puts `content` in the place of the value; a blob that is in both stays.
  mutating func replace(_ location: Location, _ content: StringContent, _ expiry: ExpiryChange) {
    willChange(location)
    let old = location.entry
    var flags = content.flags | epoch.bits
    switch expiry {
    case .keep: flags |= old.flags & Entry.Flag.expiry
    case .clear: break
    case .at: flags |= Entry.Flag.expiry
    }
    let shape = EntryShape(
      kind: content.kind, flags: flags, keyCount: old.keyCount, inlineCount: content.inline.count)
    var new = old
    if shape.describes(old) && !old.ownsMemory {
      // The usual SET of a key that is there: nothing moves.
      content.write(into: old)
    } else {
      let bytesBefore = old.memoryBytes
      let wasVolatile = old.hasExpiry
      if old.hasVolatileFields { agenda.remove(old.key, KeyHash(old.key)) }
      if content.blob == nil || content.blob != old.blob { old.freeValue() }
      new = old.reshaped(shape, inlineKept: 0)
      content.write(into: new)
      settle(new, at: location, wasVolatile: wasVolatile, bytesBefore: bytesBefore)
    }
    if case .at(let instant) = expiry { new.expiryBits = instant }
  }

  /// Puts a changed entry where it stood and brings the sums up to date.
  mutating func settle(_ entry: Entry, at location: Location, wasVolatile: Bool, bytesBefore: Int) {
    precondition(entry.epoch == epoch, "an entry was changed before a walk had seen it")
    location.replace(entry)
    volatileCount += (entry.hasExpiry ? 1 : 0) - (wasVolatile ? 1 : 0)
    valueBytes += entry.memoryBytes - bytesBefore
  }

  // MARK: removing

  /// Removes the key and frees it at once.
  public mutating func remove(_ location: Location) {
    withdraw(location)?.free()
  }

  /// Takes the entry out of table and sums.
  mutating func unlink(_ location: Location) {
    let entry = location.entry
    if entry.hasExpiry { volatileCount -= 1 }
    if entry.hasVolatileFields { agenda.remove(entry.key, KeyHash(entry.key)) }
    valueBytes -= entry.memoryBytes
    table.remove(location)
  }

  /// Bytes that one key takes: entry, blob and its share of the table. What MEMORY USAGE answers.
  public func memoryBytes(_ location: Location) -> Int {
    location.entry.memoryBytes + table.memoryBytes / max(1, table.count)
  }
}
