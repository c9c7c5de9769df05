// Keyspace+Strings.swift: changing a string where it stands.
//
// INCR stores into the payload. APPEND, SETRANGE, SETBIT and BITFIELD all ask for room and then write;
// whatever the string was before, it is `raw` afterwards. While it fits the string stays inside its entry,
// then it moves into a blob that grows geometrically.
import Bytes
import CAllocator

extension Keyspace {
  /// Gives the string at `location` an integer and keeps its expiry: a store, if it was one before.
  public mutating func setInteger(_ location: Location, _ value: Int64) {
    willChange(location)
    let entry = location.entry
    if entry.isInteger {
      entry.payload = UInt64(bitPattern: value)
    } else {
      replace(location, StringContent(value), .keep)
    }
  }

  /// Appends to the string at `location` and keeps its expiry; the new length in bytes. The caller has
  /// checked the sum against its limit. `bytes` must not lie inside the entry itself.
  public mutating func append(_ location: Location, _ bytes: ByteView) -> Int {
    let oldCount = location.entry.stringCount
    let (newCount, overflow) = oldCount.addingReportingOverflow(bytes.count)
    precondition(!overflow, "a string longer than memory")
    let start = unsafe extend(location, to: newCount)
    unsafe memcpy(start + oldCount, bytes.start, bytes.count)
    return newCount
  }

  /// Writes over part of the string at `location`, which grows with zeros as far as needed; the new length in
  /// bytes. The caller has checked `offset + bytes.count` against its limit.
  public mutating func setRange(_ location: Location, offset: Int, _ bytes: ByteView) -> Int {
    let (end, overflow) = offset.addingReportingOverflow(bytes.count)
    precondition(offset >= 0 && !overflow, "a range outside memory")
    let target = unsafe mutableBytes(location, growingTo: end)
    unsafe memcpy(target.baseAddress.unsafelyUnwrapped + offset, bytes.start, bytes.count)
    return target.count
  }

  /// The bytes of the string at `location` for changing in place, at least `count` of them: it grows with
  /// zeros and reports `raw` from now on. Good until the next change of the keyspace.
  public mutating func mutableBytes(_ location: Location, growingTo count: Int) -> UnsafeMutableRawBufferPointer {
    let oldCount = location.entry.stringCount
    let newCount = max(count, oldCount)
    let start = unsafe extend(location, to: newCount)
    unsafe memset(start + oldCount, 0, newCount - oldCount)
    return unsafe UnsafeMutableRawBufferPointer(start: start, count: newCount)
  }

  /// Makes the string `raw`, unpinned and `count` bytes long, at least as long as it was. What is new is not
  /// initialised.
  private mutating func extend(_ location: Location, to count: Int) -> UnsafeMutableRawPointer {
    willChange(location)
    let entry = location.entry
    if let blob = entry.blob { return unsafe extend(location, blob, to: count) }
    if entry.isInteger {
      // The text goes through the stack: the entry that gets it may be this one.
      DecimalText(entry.integer).withView { replace(location, StringContent($0, .raw), .keep) }
      return unsafe extend(location, to: count)
    }
    let bytesBefore = entry.memoryBytes
    let flags = entry.flags
    if count <= EntryShape.inlineBytesMax {
      let shape = EntryShape(kind: Entry.rawKind, flags: flags, keyCount: entry.keyCount, inlineCount: count)
      let new = entry.reshaped(shape, inlineKept: entry.inlineCount)
      settle(new, at: location, wasVolatile: new.hasExpiry, bytesBefore: bytesBefore)
      return unsafe new.inlineStart
    }
    let blob = BlobReference.allocate(capacity: count)
    unsafe memcpy(blob.start, entry.inlineStart, entry.inlineCount)
    blob.count = count
    let shape = EntryShape(
      kind: Entry.rawKind, flags: flags | Entry.Flag.payload, keyCount: entry.keyCount, inlineCount: 0)
    let new = entry.reshaped(shape, inlineKept: 0)
    new.payload = blob.bits
    settle(new, at: location, wasVolatile: new.hasExpiry, bytesBefore: bytesBefore)
    return unsafe blob.start
  }

  private mutating func extend(
    _ location: Location, _ blob: BlobReference, to count: Int
  ) -> UnsafeMutableRawPointer {
    let bytesBefore = blob.memoryBytes
    let room = blob.reserving(capacity: count)
    room.count = count
    location.entry.payload = room.bits
    valueBytes += room.memoryBytes - bytesBefore
    return unsafe room.start
  }
}

extension Entry {
  static var rawKind: UInt8 { Encoding.raw.rawValue << 4 | ValueType.string.rawValue }
}

extension BlobReference {
  /// Whether `count` bytes can be written over this blob's without wasting memory or disturbing a reader.
  func fits(_ count: Int) -> Bool {
    !isPinned && count <= capacity && SizeClass.round(count + BlobReference.headerBytes) == memoryBytes
  }
}
