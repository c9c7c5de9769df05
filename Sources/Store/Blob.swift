// Blob.swift: the bytes of a string too large for its entry.
//
//   0          8          16         24                          24 + count      24 + capacity
//  ┌──────────┬──────────┬──────────┬───────────────────────────┬───────────────┐
//  │  count   │ capacity │  owners  │ bytes                     │ spare         │
//  └──────────┴──────────┴──────────┴───────────────────────────┴───────────────┘
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

  @inlinable static var headerBytes: Int { 24 }

  /// Bytes in use.
  @inlinable public internal(set) var count: Int {
    get { unsafe memory.load(as: Int.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, as: Int.self) }
  }

  /// Bytes that fit without moving.
  @inlinable public internal(set) var capacity: Int {
    get { unsafe memory.load(fromByteOffset: 8, as: Int.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: 8, as: Int.self) }
  }

  /// The entry and every pin.
  @inlinable var owners: Int {
    get { unsafe memory.load(fromByteOffset: 16, as: Int.self) }
    nonmutating set { unsafe memory.storeBytes(of: newValue, toByteOffset: 16, as: Int.self) }
  }

  @inlinable public var start: UnsafeMutableRawPointer { unsafe memory + BlobReference.headerBytes }

  /// The bytes in use. They stay where they are while pinned.
  @inlinable public var bytes: ByteView { unsafe ByteView(start: start, count: count) }

  @inlinable public var isPinned: Bool { owners > 1 }

  /// Bytes of memory that the blob takes.
  @inlinable public var memoryBytes: Int { capacity + BlobReference.headerBytes }

  /// Makes the caller one more owner; `release` ends it. Only on the thread that owns the store.
  @inlinable public func pin() { owners += 1 }

  /// Lets go; the last owner frees. Only on the thread that owns the store.
  public func release() {
    let remaining = owners - 1
    precondition(remaining >= 0, "a blob was released more often than owned")
    if remaining > 0 {
      owners = remaining
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
    blob.count = 0
    blob.capacity = size - headerBytes
    blob.owners = 1
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
      blob.capacity = size - BlobReference.headerBytes
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
    blob.capacity = size - BlobReference.headerBytes
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
    precondition(!overflow && capacity >= 0 && size <= Int.max / 2, "a blob larger than memory")
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
