// Keyspace+Collections.swift: putting values of many elements into a database, and changing them there.
//
// Every change of a value goes through one of three doors: `changePacked` for the bytes of a packed one,
// `changeCollection` for a large one, `convert` from one form to another. They tell a walk first, give a pinned
// value's readers what they saw, and keep the sum of bytes.
import Bytes
import CAllocator

/// Sizes up to which collections keep their packed forms: the directives of these names.
public struct EncodingLimits: BitwiseCopyable, Sendable {
  public var hashListpackEntries = 512
  public var hashListpackValueBytes = 64
  /// Positive: elements of a list's node. -1 to -5: 4, 8, 16, 32, 64 KiB.
  public var listListpackSize = -2
  /// An element of a list that is as long stands in a node of its own, whatever else the limits are: DEBUG
  /// QUICKLIST-PACKED-THRESHOLD, for tests.
  public var listPackedBytes = EncodingLimits.listPackedBytesUsual
  public var setIntsetEntries = 512
  public var setListpackEntries = 128
  public var setListpackValueBytes = 64
  public var sortedSetListpackEntries = 128
  public var sortedSetListpackValueBytes = 64

  public init() {}

  public static var listPackedBytesUsual: Int { 1 << 30 }
}

extension Keyspace {
  /// Adds a value in some form, whose ownership goes over, under a key for which `find` answered nil.
  mutating func insert(
    _ key: ByteView, _ hash: KeyHash, _ type: ValueType, _ encoding: Encoding, payload: UInt64, expiry: Milliseconds?
  ) -> Location {
    let flags = Entry.Flag.payload | epoch.bits | (expiry == nil ? 0 : Entry.Flag.expiry)
    let shape = EntryShape(
      kind: Entry.kind(type, encoding), flags: flags, keyCount: key.count, inlineCount: 0)
    let entry = Entry.allocate(shape, key: key, stamp: stampOfNewEntry)
    if let expiry { entry.expiryBits = expiry }
    entry.payload = payload
    return add(entry, hash)
  }

  /// Adds a packed value whose bytes were found sound.
  @discardableResult
  public mutating func insert(
    _ key: ByteView, _ hash: KeyHash, _ type: ValueType, _ encoding: Encoding, packed: consuming Blob,
    expiry: Milliseconds? = nil
  ) -> Location {
    precondition(encoding == .listpack || encoding == .intset, "only listpacks and intsets are packed")
    let blob = packed.relinquish().trimmed()
    return insert(key, hash, type, encoding, payload: blob.bits, expiry: expiry)
  }

  /// Changes the packed value at `location`: `body` takes the blob's ownership and returns that of its result.
  mutating func changePacked(_ location: Location, _ body: (BlobReference) -> BlobReference) {
    willChange(location)
    let entry = location.entry
    let old = BlobReference(bits: entry.payload)
    let bytesBefore = old.memoryBytes
    let new = body(old)
    entry.payload = new.bits
    valueBytes += new.memoryBytes - bytesBefore
  }

  /// Changes the large value at `location`. One that somebody has pinned is left to him, and the entry gets a copy;
  /// whoever wants to avoid that much work asks `isWritePostponed` first.
  mutating func changeCollection<Result>(_ location: Location, _ body: (inout CollectionRoot) -> Result) -> Result {
    willChange(location)
    let entry = location.entry
    var collection = CollectionReference(bits: entry.payload)
    let bytesBefore = collection.memoryBytes
    if collection.isPinned {
      let copy = collection.copied()
      collection.release()
      collection = copy
      entry.payload = copy.bits
    }
    let result = unsafe body(&collection.root.pointee)
    valueBytes += collection.memoryBytes - bytesBefore
    return result
  }

  /// Puts another form of the same value at `location`; the old one is let go of.
  mutating func convert(_ location: Location, to encoding: Encoding, payload: UInt64) {
    willChange(location)
    let entry = location.entry
    let bytesBefore = entry.valueBytes
    entry.freeValue()
    entry.payload = payload
    entry.setEncoding(encoding)
    valueBytes += entry.valueBytes - bytesBefore
  }

  /// Whether a change of the value at `location` would have to copy a large value, because a walk reads it or has
  /// still to see it. A writer that can wait does so.
  public func isWritePostponed(_ location: Location) -> Bool {
    let entry = location.entry
    guard entry.elementCount > Keyspace.copiedElementsMax || entry.memoryBytes > Keyspace.copiedBytesMax else { return false }
    return entry.isPinned || (walked != nil && entry.epoch != epoch)
  }

  /// Up to so many elements a pinned collection is copied for a writer without a thought.
  static var copiedElementsMax: Int { 1024 }
  /// And up to so many bytes any value.
  static var copiedBytesMax: Int { 1 << 20 }

  /// The walk that has still to see the entry at `location` takes it now, out of turn: how a writer that waits
  /// gets on soon.
  public mutating func hurryWalk(_ location: Location) { willChange(location) }
}
