// SizeClass.swift: what the allocator really gives.
//
// jemalloc rounds to multiples of 16 up to 128 bytes and then to a quarter of a power of two.
// Knowing this lets an entry find its own allocation's size from its header: frees are sized,
// a value is overwritten in place exactly when the class stays, and INFO's figures are true.
// A test compares this with the allocator itself.
import CAllocator

@usableFromInline enum SizeClass {
  /// The bytes that an allocation of `size` takes.
  static func round(_ size: Int) -> Int {
    if size <= 128 { return max(16, (size &+ 15) & ~15) }
    let step = 1 &<< (Int.bitWidth &- (size &- 1).leadingZeroBitCount &- 3)
    return (size &+ step &- 1) & ~(step &- 1)
  }

  /// The classes in order: 16, 32 … 128, then four to each doubling.
  @inlinable static func size(ofClass index: UInt8) -> Int {
    guard index >= 8 else { return (Int(index) &+ 1) &* 16 }
    let step = Int(index) &- 8
    return (5 &+ step & 3) &<< (5 &+ step &>> 2)
  }

  /// The number of the class of this size, which is a whole one.
  static func index(ofSize size: Int) -> UInt8 {
    guard size > 128 else { return UInt8(truncatingIfNeeded: size &>> 4 &- 1) }
    let doubling = Int.bitWidth &- 1 &- (size &- 1).leadingZeroBitCount
    return UInt8(truncatingIfNeeded: 8 &+ (doubling &- 7) &* 4 &+ size &>> (doubling &- 2) &- 5)
  }

  /// Memory of a whole class. Running out of memory ends the process, as everywhere in it.
  static func allocate(_ roundedSize: Int) -> UnsafeMutableRawPointer {
    guard let memory = unsafe malloc(roundedSize) else { outOfMemory(roundedSize) }
    return unsafe memory
  }

  /// Memory that begins on a cache line.
  static func allocateLines(_ size: Int) -> UnsafeMutableRawPointer {
    guard let memory = unsafe aligned_alloc(64, size) else { outOfMemory(size) }
    return unsafe memory
  }

  static func outOfMemory(_ size: Int) -> Never {
    preconditionFailure("out of memory allocating \(size) bytes")
  }
}
