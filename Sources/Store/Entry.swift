// Entry.swift: one key, one allocation.
//
//   0        8         16         24         28
//  ┌────────┬─────────┬──────────┬──────────┬───────────┬──────────────┐
//  │ header │ expiry? │ payload? │ long key │ key bytes │ inline value │
//  └────────┴─────────┴──────────┴──length?─┴───────────┴──────────────┘
//
//  header   3  0 7      4 15   8 23       16 39             24 63          40
//          ┌────┬────────┬──────┬───────────┬─────────────────┬──────────────┐
//          │type│encoding│flags │key length │inline value     │ access clock │
//          │ 4  │   4    │  8   │     8     │length        16 │           24 │
//          └────┴────────┴──────┴───────────┴─────────────────┴──────────────┘
//
// What is marked with ? is there only if its flag is set. The payload is the integer of an `int`
// string and a pointer for everything else. A key of over 255 bytes has length 0 in the header and
// its true length in four bytes before it. The size follows from the header alone.
import Bytes
import CAllocator

/// A pointer to an entry. Good until the next call that changes the keyspace.
@safe public struct Entry: BitwiseCopyable {
  @usableFromInline let memory: UnsafeMutableRawPointer

  @inlinable init(_ memory: UnsafeMutableRawPointer) { unsafe self.memory = memory }

  /// The entry whose pointer is the low 48 bits of a table's word.
  @inlinable init(word: UInt64) {
    unsafe memory = UnsafeMutableRawPointer(bitPattern: UInt(word & 0xFFFF_FFFF_FFFF)).unsafelyUnwrapped
  }

  // MARK: the header

  @usableFromInline enum Flag {
    @inlinable static var expiry: UInt8 { 1 << 0 }
    @inlinable static var payload: UInt8 { 1 << 1 }
    @inlinable static var longKey: UInt8 { 1 << 2 }
  }

  @inlinable var header: UInt64 {
    get { unsafe memory.load(as: UInt64.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, as: UInt64.self) }
  }

  /// Type and encoding together.
  @inlinable var kind: UInt8 { UInt8(truncatingIfNeeded: header) }
  @inlinable var flags: UInt8 { UInt8(truncatingIfNeeded: header &>> 8) }
  @inlinable var inlineCount: Int { Int(truncatingIfNeeded: header &>> 24 & 0xFFFF) }

  @inlinable public var type: ValueType {
    unsafe ValueType(rawValue: kind & 0xF).unsafelyUnwrapped
  }

  @inlinable public var encoding: Encoding {
    unsafe Encoding(rawValue: kind &>> 4).unsafelyUnwrapped
  }

  /// The 24 bits that `AccessClock` reads and writes.
  @inlinable public var accessStamp: UInt32 {
    get { UInt32(truncatingIfNeeded: header &>> 40) }
    nonmutating set { header = header & 0xFF_FFFF_FFFF | UInt64(newValue) &<< 40 }
  }

  // MARK: the key

  /// Bytes before the key, which only the flags decide: 8 each for expiry and payload, 4 for a long length.
  @inlinable static func prefixBytes(_ flags: UInt8) -> Int {
    let flags = Int(flags)
    return 8 &+ (flags & 1) &* 8 &+ (flags & 2) &* 4 &+ (flags & 4)
  }

  @inlinable var keyCount: Int {
    let header = header
    guard header &>> 8 & UInt64(Flag.longKey) != 0 else { return Int(truncatingIfNeeded: header &>> 16 & 0xFF) }
    let offset = Entry.prefixBytes(UInt8(truncatingIfNeeded: header &>> 8)) &- 4
    return unsafe Int(memory.load(fromByteOffset: offset, as: UInt32.self))
  }

  @inlinable var keyStart: UnsafeMutableRawPointer { unsafe memory + Entry.prefixBytes(flags) }

  @inlinable public var key: ByteView { unsafe ByteView(start: keyStart, count: keyCount) }

  @inlinable func hasKey(_ key: ByteView) -> Bool {
    let header = header
    let lengthMask: UInt64 = 0xFF << 16 | UInt64(Flag.longKey) << 8
    let expected = key.count <= 255 ? UInt64(truncatingIfNeeded: key.count) &<< 16 : UInt64(Flag.longKey) << 8
    guard header & lengthMask == expected else { return false }
    guard key.count <= 255 || keyCount == key.count else { return false }
    let offset = Entry.prefixBytes(UInt8(truncatingIfNeeded: header &>> 8))
    return unsafe sameBytes(memory + offset, key.start, key.count)
  }

  // MARK: the expiry

  @inlinable public var hasExpiry: Bool { header &>> 8 & UInt64(Flag.expiry) != 0 }

  @inlinable var expiryBits: Milliseconds {
    get { unsafe memory.load(fromByteOffset: 8, as: Milliseconds.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: 8, as: Milliseconds.self) }
  }

  /// When the key expires, or nil if it does not.
  @inlinable public var expiry: Milliseconds? { hasExpiry ? expiryBits : nil }

  /// A key lives through the millisecond in which it expires.
  @inlinable public func isExpired(_ now: Milliseconds) -> Bool { hasExpiry && now > expiryBits }

  // MARK: the value

  @inlinable var hasPayload: Bool { header &>> 8 & UInt64(Flag.payload) != 0 }

  @inlinable var payload: UInt64 {
    get { unsafe memory.load(fromByteOffset: payloadOffset, as: UInt64.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: payloadOffset, as: UInt64.self) }
  }

  @inlinable var payloadOffset: Int { hasExpiry ? 16 : 8 }

  @inlinable public var isString: Bool { kind & 0xF == ValueType.string.rawValue }

  /// A string kept as an integer.
  @inlinable public var isInteger: Bool { kind == Entry.integerKind }

  @inlinable static var integerKind: UInt8 { Encoding.int.rawValue &<< 4 | ValueType.string.rawValue }

  /// The value of a string for which `isInteger`.
  @inlinable public var integer: Int64 {
    precondition(isInteger, "the entry holds no integer")
    return Int64(bitPattern: payload)
  }

  /// The separate bytes of a larger string; nil for integers and inline strings.
  @inlinable public var blob: BlobReference? {
    guard isString && hasPayload && !isInteger else { return nil }
    return BlobReference(bits: payload)
  }

  /// The bytes of a string that is not an integer.
  @inlinable public var bytes: ByteView {
    precondition(isString && !isInteger, "the entry holds no bytes")
    if let blob { return blob.bytes }
    return unsafe ByteView(start: keyStart + keyCount, count: inlineCount)
  }

  /// The bytes of any string; those of an integer are written into the 20 bytes (`Decimal.digitsMax`) at `scratch`.
  @inlinable public func bytes(scratch: UnsafeMutablePointer<UInt8>) -> ByteView {
    guard isInteger else { return bytes }
    return unsafe ByteView(start: scratch, count: Decimal.write(integer, to: scratch))
  }

  /// Length in bytes of any string: what STRLEN answers.
  @inlinable public var stringCount: Int { isInteger ? Decimal.characters(integer) : bytes.count }
}

extension Entry: Equatable {
  /// The same allocation.
  @inlinable public static func == (a: Entry, b: Entry) -> Bool { unsafe a.memory == b.memory }
}

/// memcmp for keys: no call for the lengths that keys have.
@inlinable func sameBytes(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
  guard count >= 8 else { return unsafe memcmp(a, b, count) == 0 }
  var offset = 0
  let last = count &- 8
  while offset < last {
    let left = unsafe a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    guard unsafe left == b.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
    offset &+= 8
  }
  let left = unsafe a.loadUnaligned(fromByteOffset: last, as: UInt64.self)
  return unsafe left == b.loadUnaligned(fromByteOffset: last, as: UInt64.self)
}
