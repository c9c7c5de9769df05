// MPSCRing.swift — the outbox that was not chosen: one ring whose cells all producers reserve by fetch-and-add.
//
//   tail: next to be reserved, by any producer      sequence of the cell of position p: p free, p + 1 written
//
// As in the shared outbox there is never more under way than there are cells, so a producer need not look whether
// its cell is free. The consumer stops at the first cell that is reserved and not written: a hole.
import Synchronization

@safe final class MPSCRing<Element: BitwiseCopyable>: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  private let mask: UInt64
  private let cellBytes: Int
  private var head: UInt64 = 0
  /// The longest time that a cell was seen reserved and not written: nobody's messages behind it could be taken.
  private(set) var longestHoleNanoseconds: UInt64 = 0
  private var holeBegan: UInt64 = 0

  init(capacity: Int) {
    mask = UInt64(capacity) - 1
    cellBytes = (8 + MemoryLayout<Element>.size + 63) / 64 * 64
    unsafe base = .allocate(byteCount: 128 + capacity * cellBytes, alignment: 128)
    unsafe base.initializeMemory(as: Atomic<UInt64>.self, to: 0)
    for i in 0..<UInt64(capacity) {
      unsafe UnsafeMutableRawPointer(sequence(i)).initializeMemory(as: Atomic<UInt64>.self, to: i)
    }
  }
  deinit { unsafe base.deallocate() }

  @inline(__always)
  private var tail: UnsafeMutablePointer<Atomic<UInt64>> { unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self) }

  @inline(__always)
  private func sequence(_ position: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (base + 128 + Int(truncatingIfNeeded: position & mask) &* cellBytes)
      .assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inline(__always)
  func reserve(_ count: UInt64) -> UInt64 {
    unsafe tail.pointee.wrappingAdd(count, ordering: .relaxed).oldValue
  }

  @inline(__always)
  func write(_ element: Element, at position: UInt64) {
    let sequence = unsafe sequence(position)
    unsafe (UnsafeMutableRawPointer(sequence) + 8).storeBytes(of: element, as: Element.self)
    unsafe sequence.pointee.store(position &+ 1, ordering: .releasing)
  }

  @inline(__always)
  func pop() -> Element? {
    let sequence = unsafe sequence(head)
    guard unsafe sequence.pointee.load(ordering: .acquiring) == head &+ 1 else {
      if unsafe tail.pointee.load(ordering: .relaxed) != head { lookAtHole() }
      return nil
    }
    holeBegan = 0
    let element = unsafe (UnsafeMutableRawPointer(sequence) + 8).load(as: Element.self)
    unsafe sequence.pointee.store(head &+ mask &+ 1, ordering: .releasing)
    head &+= 1
    return element
  }

  @inline(never)
  private func lookAtHole() {
    let now = nanoseconds()
    if holeBegan == 0 { holeBegan = now }
    longestHoleNanoseconds = max(longestHoleNanoseconds, now - holeBegan)
  }
}

extension UnsafeMutableRawPointer {
  /// One value of a type that cannot be copied.
  @unsafe fileprivate func initializeMemory(as type: Atomic<UInt64>.Type, to value: UInt64) {
    unsafe bindMemory(to: type, capacity: 1).initialize(to: Atomic(value))
  }
}
