// Blob.swift: the bytes of a string too large for its entry, of a packed collection, of a list's node.
//
//   0                 8                           8 + count      8 + capacity
//  ┌─────────────────┬───────────────────────────┬───────────────┐
//  │     header      │ bytes                     │ spare         │
//  └─────────────────┴───────────────────────────┴───────────────┘
//
//   header   63      48 47         40 39                    0
//           ┌──────────┬─────────────┬───────────────────────┐
//           │  owners  │ class of the│         count         │     there are millions of small collections, and 24
//           │    16    │ allocation 8│           40          │     bytes for these three were a fifth of most
//           └──────────┴─────────────┴───────────────────────┘
//
// An entry owns its blob; whoever reads it for longer than a call (a send in flight, a walk)
// pins it, which makes one more owner. A pinned blob does not change: a command that would
// change it gets a copy, one that deletes it only lets go. The last owner frees.
import Bytes
import CAllocator

/// A counted pointer to a blob. Copying it counts nothing: `pin` and `release` do.
@safe public struct BlobReference: BitwiseCopyable, Equatable {
  @usableFromInline let memory: UnsafeMutableRawPointer

  @inlinable init(_ memory: UnsafeMutableRawPointer) { unsafe self.memory = memory }

  /// From an entry's payload.
  @inlinable init(bits: UInt64) {
    unsafe memory = UnsafeMutableRawPointer(bitPattern: UInt(bits)).unsafelyUnwrapped
  }

  /// As an entry's payload.
  var bits: UInt64 { unsafe UInt64(UInt(bitPattern: memory)) }

  @inlinable static var headerBytes: Int { 8 }

  /// The largest allocation, and so more than the longest string.
  @inlinable static var memoryBytesMax: Int { 1 << 40 }

  /// Owners that can be counted.
  static var ownersMax: Int { 0xFFFF }

  @inlinable var header: UInt64 {
    get { unsafe memory.load(as: UInt64.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, as: UInt64.self) }
  }

  /// Bytes in use.
  @inlinable public internal(set) var count: Int {
    get { Int(truncatingIfNeeded: header & 0xFF_FFFF_FFFF) }
    nonmutating set { header = header & ~0xFF_FFFF_FFFF | UInt64(truncatingIfNeeded: newValue) & 0xFF_FFFF_FFFF }
  }

  /// Bytes that fit without moving.
  @inlinable public var capacity: Int { memoryBytes - BlobReference.headerBytes }

  /// The entry and every pin.
  @inlinable var owners: Int { Int(truncatingIfNeeded: header &>> 48) }

  @inlinable public var start: UnsafeMutableRawPointer { unsafe memory + BlobReference.headerBytes }

  /// The bytes in use. They stay where they are while pinned.
  @inlinable public var bytes: ByteView { unsafe ByteView(start: start, count: count) }

  @inlinable public var isPinned: Bool { owners > 1 }

  /// Bytes of memory that the blob takes: a whole class of the allocator.
  public internal(set) var memoryBytes: Int {
    @inlinable get { SizeClass.size(ofClass: UInt8(truncatingIfNeeded: header &>> 40)) }
    nonmutating set { header = header & ~(0xFF << 40) | UInt64(SizeClass.index(ofSize: newValue)) &<< 40 }
  }

  /// Makes the caller one more owner; `release` ends it. Only on the thread that owns the store.
  public func pin() {
    precondition(owners < BlobReference.ownersMax, "a blob has more owners than can be counted")
    header += 1 << 48
  }

  /// The same bytes for one more owner: this blob, or a copy if it can count no more.
  func shared() -> BlobReference {
    guard owners < BlobReference.ownersMax else { return BlobReference.copy(of: bytes) }
    pin()
    return self
  }

  /// Lets go; the last owner frees. Only on the thread that owns the store.
  public func release() {
    let owners = owners
    precondition(owners > 0, "a blob was released more often than owned")
    if owners > 1 {
      header -= 1 << 48
    } else {
      unsafe martlet_free_sized(memory, memoryBytes)
    }
  }

  /// Says how many bytes have been written to a blob that is being filled.
  public func setCount(_ newValue: Int) {
    precondition(newValue >= 0 && newValue <= capacity, "a blob's count is outside its capacity")
    count = newValue
  }

  /// The same blob, not only the same bytes.
  public static func == (a: BlobReference, b: BlobReference) -> Bool { unsafe a.memory == b.memory }

  /// An empty blob, owned once, for at least `capacity` bytes.
  public static func allocate(capacity: Int) -> BlobReference {
    let size = memoryBytes(forCapacity: capacity)
    let blob = unsafe BlobReference(SizeClass.allocate(size))
    blob.header = 1 << 48 | UInt64(SizeClass.index(ofSize: size)) << 40
    return blob
  }

  /// The blob with room for `capacity` bytes: itself, moved, or a copy if it is pinned.
  /// The caller's ownership goes over to the result.
  func reserving(capacity needed: Int) -> BlobReference {
    guard isPinned else {
      guard needed > capacity else { return self }
      let size = BlobReference.memoryBytes(forCapacity: BlobReference.grown(count: count, needed: needed))
      guard let moved = unsafe realloc(memory, size) else { SizeClass.outOfMemory(size) }
      let blob = unsafe BlobReference(moved)
      blob.memoryBytes = size
      return blob
    }
    let copy = BlobReference.allocate(capacity: max(needed, count))
    unsafe copy.start.copyMemory(from: start, byteCount: count)
    copy.count = count
    release()
    return copy
  }

  /// Gives back spare room if it is over an eighth of the blob.
  func trimmed() -> BlobReference {
    let size = BlobReference.memoryBytes(forCapacity: count)
    guard !isPinned, memoryBytes - size > memoryBytes / 8 else { return self }
    guard let moved = unsafe realloc(memory, size) else { return self }
    let blob = unsafe BlobReference(moved)
    blob.memoryBytes = size
    return blob
  }

  /// Room for appends to come: as much again up to a megabyte, then an eighth, so that n appends copy O(n) bytes.
  private static func grown(count: Int, needed: Int) -> Int {
    let spare = needed < 1 << 20 ? needed : max(1 << 20, needed / 8)
    let (sum, overflow) = needed.addingReportingOverflow(spare)
    return overflow ? needed : sum
  }

  private static func memoryBytes(forCapacity capacity: Int) -> Int {
    let (size, overflow) = capacity.addingReportingOverflow(headerBytes)
    precondition(!overflow && capacity >= 0 && size <= memoryBytesMax, "a blob larger than memory")
    return SizeClass.round(size)
  }
}

/// A blob that no entry owns yet: filled by a receive, then adopted by SET without a copy.
public struct Blob: ~Copyable {
  @usableFromInline let reference: BlobReference

  /// An empty blob with room for `capacity` bytes.
  public init(capacity: Int) { reference = BlobReference.allocate(capacity: capacity) }

  /// Takes over a blob that was filled by reference.
  public init(adopting reference: BlobReference) { self.reference = reference }

  /// A copy of `bytes`.
  public init(copying bytes: ByteView) {
    reference = BlobReference.allocate(capacity: bytes.count)
    unsafe reference.start.copyMemory(from: bytes.start, byteCount: bytes.count)
    reference.count = bytes.count
  }

  deinit { reference.release() }

  @inlinable public var capacity: Int { reference.capacity }

  /// Bytes in use; set it after writing them.
  @inlinable public var count: Int {
    get { reference.count }
    set {
      precondition(newValue >= 0 && newValue <= reference.capacity, "a blob's count is outside its capacity")
      reference.count = newValue
    }
  }

  /// Where the bytes are written: `capacity` of them.
  @inlinable public var start: UnsafeMutableRawPointer { unsafe reference.start }

  @inlinable public var bytes: ByteView { reference.bytes }

  /// The caller takes the ownership over, and calls `release` in the end.
  public consuming func relinquished() -> BlobReference { relinquish() }

  /// The caller takes the ownership over.
  consuming func relinquish() -> BlobReference {
    let reference = reference
    discard self
    return reference
  }
}
