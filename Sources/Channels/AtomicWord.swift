// AtomicWord.swift — one word that two threads may touch at the same time.
//
// The rings and the parking flag are written once, over this protocol, and are used with two words:
// `HardwareWord`, which is the processor's, and in the tests a word whose every access is a point where
// the test decides which thread goes on. So what is explored is the code that runs, not a model of it.
// Only the operations that the algorithms need exist; the ordering is part of the name, because a
// processor's word takes nothing but constants for it.
import Synchronization

/// A 64-bit word in memory that several threads share. Every operation is indivisible.
public protocol AtomicWord: ~Copyable {
  init(_ value: UInt64)

  /// The value, and nothing about what else its writer did.
  func loadRelaxed() -> UInt64
  /// The value; what its writer did before a releasing store of it is visible from here on.
  func loadAcquiring() -> UInt64
  /// Stores; promises nothing about other memory.
  func storeRelaxed(_ value: UInt64)
  /// Stores; everything that this thread did before is visible to whoever acquires this value.
  func storeReleasing(_ value: UInt64)
  /// Puts `desired` where `expected` stands, or changes nothing. Promises nothing about other memory.
  func compareExchangeRelaxed(expected: UInt64, desired: UInt64) -> (exchanged: Bool, original: UInt64)
  /// Puts `value` there and returns what stood there before. Promises nothing about other memory.
  func exchangeRelaxed(_ value: UInt64) -> UInt64
  func addRelaxed(_ amount: UInt64)
  /// Subtracts and returns what is left. Acquires and releases: the last one of several sees all that the others did.
  func subtract(_ amount: UInt64) -> UInt64

  /// No load behind it is done before every store ahead of it is visible to all threads.
  static func fence()

  /// Called before a plain read or write of memory that a word protects. Nothing on hardware; in the
  /// tests, where races are found.
  static func willRead(_ memory: UnsafeRawPointer)
  static func willWrite(_ memory: UnsafeRawPointer)
}

/// The processor's own word.
@frozen public struct HardwareWord: AtomicWord, ~Copyable, Sendable {
  @usableFromInline let atomic: Atomic<UInt64>

  @inlinable public init(_ value: UInt64) { atomic = Atomic(value) }

  @inlinable @inline(__always)
  public func loadRelaxed() -> UInt64 { atomic.load(ordering: .relaxed) }

  @inlinable @inline(__always)
  public func loadAcquiring() -> UInt64 { atomic.load(ordering: .acquiring) }

  @inlinable @inline(__always)
  public func storeRelaxed(_ value: UInt64) { atomic.store(value, ordering: .relaxed) }

  @inlinable @inline(__always)
  public func storeReleasing(_ value: UInt64) { atomic.store(value, ordering: .releasing) }

  @inlinable @inline(__always)
  public func compareExchangeRelaxed(expected: UInt64, desired: UInt64) -> (exchanged: Bool, original: UInt64) {
    atomic.compareExchange(expected: expected, desired: desired, ordering: .relaxed)
  }

  @inlinable @inline(__always)
  public func exchangeRelaxed(_ value: UInt64) -> UInt64 { atomic.exchange(value, ordering: .relaxed) }

  @inlinable @inline(__always)
  public func addRelaxed(_ amount: UInt64) { atomic.wrappingAdd(amount, ordering: .relaxed) }

  @inlinable @inline(__always)
  public func subtract(_ amount: UInt64) -> UInt64 {
    atomic.wrappingSubtract(amount, ordering: .acquiringAndReleasing).newValue
  }

  @inlinable @inline(__always)
  public static func fence() { atomicMemoryFence(ordering: .sequentiallyConsistent) }

  @inlinable @inline(__always)
  public static func willRead(_ memory: UnsafeRawPointer) {}

  @inlinable @inline(__always)
  public static func willWrite(_ memory: UnsafeRawPointer) {}
}
