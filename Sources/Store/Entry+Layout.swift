// Entry+Layout.swift: making entries, and giving one another shape.
//
// Setting an expiry, or another value, changes what stands before and after the key. If the new
// size is in the same class of the allocator the bytes move within the allocation, otherwise the
// entry is made anew; the caller then puts the new pointer where the old one stood.
import Bytes
import CAllocator

/// What the header says about an entry's size.
struct EntryShape {
  var kind: UInt8
  var flags: UInt8
  var keyCount: Int
  var inlineCount: Int

  /// Longest value, in bytes, that is kept inside its entry. Beyond it the copies that a changing
  /// entry makes, and the part of a cache line that a key look-up drags along, cost more than a second allocation.
  static var inlineBytesMax: Int { 1024 }

  /// The longest key: its length is kept in 32 bits.
  static var keyBytesMax: Int { Int(UInt32.max) }

  init(kind: UInt8, flags: UInt8, keyCount: Int, inlineCount: Int) {
    precondition(keyCount <= EntryShape.keyBytesMax, "a key of over 4 GiB")
    precondition(inlineCount <= EntryShape.inlineBytesMax, "an inline value longer than the limit")
    self.kind = kind
    self.flags = keyCount > 255 ? flags | Entry.Flag.longKey : flags & ~Entry.Flag.longKey
    self.keyCount = keyCount
    self.inlineCount = inlineCount
  }

  var keyOffset: Int { Entry.prefixBytes(flags) }

  /// Bytes asked from the allocator, a whole class.
  var size: Int { SizeClass.round(keyOffset &+ keyCount &+ inlineCount) }

  func header(stamp: UInt32) -> UInt64 {
    let shortKey = flags & Entry.Flag.longKey != 0 ? 0 : UInt64(keyCount)
    return UInt64(kind) | UInt64(flags) &<< 8 | shortKey &<< 16 | UInt64(inlineCount) &<< 24 | UInt64(stamp) &<< 40
  }
}

extension EntryShape {
  /// Whether the entry has this shape already.
  func describes(_ entry: Entry) -> Bool {
    entry.header & 0xFF_FFFF_FFFF == header(stamp: 0) && (flags & Entry.Flag.longKey == 0 || entry.keyCount == keyCount)
  }
}

extension Entry {
  var shape: EntryShape {
    EntryShape(kind: kind, flags: flags, keyCount: keyCount, inlineCount: inlineCount)
  }

  /// Bytes of the allocation, without a blob.
  var allocationBytes: Int { shape.size }

  /// Bytes that key and value take, without their share of the table.
  var memoryBytes: Int { allocationBytes &+ valueBytes }

  /// A new entry with its header and key; expiry, payload and inline value are the caller's to write.
  static func allocate(_ shape: EntryShape, key: ByteView, stamp: UInt32) -> Entry {
    let entry = unsafe Entry(SizeClass.allocate(shape.size))
    entry.begin(shape, stamp: stamp)
    unsafe memcpy(entry.memory + shape.keyOffset, key.start, shape.keyCount)
    return entry
  }

  private func begin(_ shape: EntryShape, stamp: UInt32) {
    header = shape.header(stamp: stamp)
    guard shape.flags & Flag.longKey != 0 else { return }
    unsafe memory.storeBytes(of: UInt32(shape.keyCount), toByteOffset: shape.keyOffset - 4, as: UInt32.self)
  }

  /// The same key in another shape: this allocation if its size fits exactly, otherwise a new one and this
  /// one is freed. Kept: key, stamp, the first `inlineKept` bytes of the inline value, and expiry and
  /// payload where both shapes have them.
  func reshaped(_ new: EntryShape, inlineKept: Int) -> Entry {
    let old = shape
    let expiry = hasExpiry ? expiryBits : 0
    let payload = hasPayload ? payload : 0
    let stamp = accessStamp
    let tail = old.keyCount &+ inlineKept
    var result = self
    if old.size == new.size {
      unsafe memmove(memory + new.keyOffset, memory + old.keyOffset, tail)
    } else {
      result = unsafe Entry(SizeClass.allocate(new.size))
      unsafe memcpy(result.memory + new.keyOffset, memory + old.keyOffset, tail)
      unsafe martlet_free_sized(memory, old.size)
    }
    result.begin(new, stamp: stamp)
    if new.flags & Flag.expiry != 0 { result.expiryBits = expiry }
    if new.flags & Flag.payload != 0 { result.payload = payload }
    return result
  }

  /// A second entry with the same value, expiry and stamp under `key`, which shares nothing with this one.
  func duplicated(key: ByteView) -> Entry {
    let copy = relabelled(key: key)
    if ownsMemory { copy.payload = copiedPayload() }
    return copy
  }

  /// A second entry under `key` whose payload is this one's: the caller frees one of the two without its payload.
  func relabelled(key: ByteView) -> Entry {
    let new = EntryShape(kind: kind, flags: flags, keyCount: key.count, inlineCount: inlineCount)
    let result = Entry.allocate(new, key: key, stamp: accessStamp)
    if hasExpiry { result.expiryBits = expiryBits }
    if hasPayload { result.payload = payload }
    unsafe memcpy(result.inlineStart, inlineStart, inlineCount)
    return result
  }

  var inlineStart: UnsafeMutableRawPointer { unsafe keyStart + keyCount }

  /// Frees key and value.
  func free() {
    freeValue()
    freeAllocation()
  }

  /// Whether the payload points to memory of its own.
  var ownsMemory: Bool { hasPayload && !isInteger }

  /// Frees the entry alone.
  func freeAllocation() {
    unsafe martlet_free_sized(memory, allocationBytes)
  }
}

extension BlobReference {
  static func copy(of bytes: ByteView) -> BlobReference { Blob(copying: bytes).relinquish() }
}
