// SPMCRing.swift — a bounded queue from one thread to whichever of many is free.
//
//        head              tail                sequence of the cell of position p:
//          ▼                 ▼                   p               free, to be written as p
//   ┌────┬────┬────┬────┬────┬────┬────┬────┐    p + 1           written, to be claimed
//   │ 16 │ 10 │ 11 │ 12 │ 12 │ 13 │ 14 │ 15 │    p + capacity    read: free for the next round
//   └────┴────┴────┴────┴────┴────┴────┴────┘  (capacity 8, head 9, tail 12)
//
// A consumer claims a position by compare-and-swap on the head, then reads the cell, then hands it to the
// next round. The one producer needs no compare-and-swap. No order is promised between consumers: work that has
// an order goes through a private inbox. A consumer that stalls between claim and hand-over blocks no other
// consumer, only, a round later, the producer, whose `push` then says false as for any full ring.
//
// Whom to wake after a push: one of those that sleep; nobody if somebody is awake, since whoever is awake looks in here
// once more before he sleeps.
//
// A cell, with its sequence, has a cache line to itself: two consumers that work on neighbours, or a consumer
// and the producer, would otherwise take the line from each other.

/// The shared inbox: executor → whichever reactor is free.
public typealias SharedInbox<Element: BitwiseCopyable> = SPMCRing<Element, HardwareWord>

/// A ring with a single producer and many consumers.
public enum SPMCRing<Element: BitwiseCopyable, Word: AtomicWord & ~Copyable> {
  /// The producer of a new ring of `capacity` elements, a power of two from 2 on; consumers are made from it.
  @inlinable public static func make(capacity: Int) -> Producer {
    checkCapacity(capacity)
    return unsafe Producer(Memory(capacity: capacity))
  }

  /// The view that all ends have of the block: holders │ head │ cells.
  @unsafe @frozen @usableFromInline
  struct Memory: BitwiseCopyable {
    @usableFromInline let block: SharedBlock<Word>
    @usableFromInline let mask: UInt64

    /// The element stands behind its sequence.
    @inlinable static var elementOffset: Int {
      let alignment = MemoryLayout<Element>.alignment
      return (MemoryLayout<Word>.size + alignment - 1) / alignment * alignment
    }

    /// Whole cache lines of 64 bytes.
    @inlinable static var cellBytes: Int { unsafe (elementOffset + MemoryLayout<Element>.size + 63) / 64 * 64 }

    @inlinable init(capacity: Int) {
      let (bytes, overflow) = unsafe capacity.multipliedReportingOverflow(by: Self.cellBytes)
      precondition(!overflow, "a ring larger than memory")
      unsafe block = unsafe SharedBlock(wordCount: 1, cellBytes: bytes, holders: 1)
      unsafe mask = UInt64(capacity) - 1
      for position in 0..<UInt64(capacity) {
        let cell = unsafe UnsafeMutableRawPointer(sequence(position))
        unsafe cell.bindMemory(to: Word.self, capacity: 1).initialize(to: Word(position))
      }
    }

    @inlinable @inline(__always)
    var head: UnsafeMutablePointer<Word> { unsafe block.word(1) }

    @inlinable @inline(__always)
    var capacity: UInt64 { unsafe mask &+ 1 }

    @inlinable @inline(__always)
    func sequence(_ position: UInt64) -> UnsafeMutablePointer<Word> {
      let cells = unsafe block.base + SharedBlock<Word>.headerBytes(wordCount: 1)
      return unsafe (cells + Int(truncatingIfNeeded: position & mask) &* Self.cellBytes)
        .assumingMemoryBound(to: Word.self)
    }

    @inlinable @inline(__always)
    func element(_ sequence: UnsafeMutablePointer<Word>) -> UnsafeMutablePointer<Element> {
      unsafe (UnsafeMutableRawPointer(sequence) + Self.elementOffset).assumingMemoryBound(to: Element.self)
    }

    @inlinable func release() {
      guard unsafe block.release() else { return }
      for position in unsafe 0..<capacity { unsafe sequence(position).deinitialize(count: 1) }
      unsafe block.free(wordCount: 1)
    }
  }

  /// The writing end. One owner; it can be moved to another thread, not shared.
  @safe @frozen public struct Producer: ~Copyable, @unchecked Sendable {
    @usableFromInline let memory: Memory
    /// Where the next element goes. No other thread wants to know it: the sequences tell.
    @usableFromInline var next: UInt64 = 0

    @inlinable init(_ memory: Memory) { unsafe self.memory = unsafe memory }
    @inlinable deinit { unsafe memory.release() }

    @inlinable public var capacity: Int { Int(truncatingIfNeeded: unsafe memory.capacity) }

    /// One more consumer, for a thread that begins.
    @inlinable public func makeConsumer() -> Consumer {
      unsafe memory.block.retain()
      return unsafe Consumer(memory)
    }

    /// Offers `element` to the consumers. False when the next cell is not free: the ring is full, or one
    /// consumer has not yet read what it claimed a round ago.
    @inlinable @inline(__always)
    public mutating func push(_ element: Element) -> Bool {
      let sequence = unsafe memory.sequence(next)
      // Acquiring: the consumer of the round before has read the cell. Pairs with its hand-over in `pop`.
      guard unsafe sequence.pointee.loadAcquiring() == next else { return false }
      let cell = unsafe memory.element(sequence)
      unsafe Word.willWrite(cell)
      unsafe cell.initialize(to: element)
      next &+= 1
      // Releasing: whoever sees the sequence sees the element.
      unsafe sequence.pointee.storeReleasing(next)
      return true
    }

    /// Elements that nobody has claimed yet; as old as the load is.
    @inlinable public var count: Int {
      // Relaxed: a number for the decision whether to wake somebody; nothing is read on the strength of it.
      Int(truncatingIfNeeded: next &- (unsafe memory.head.pointee.loadRelaxed()))
    }
  }

  /// A reading end, one of many. One owner each; it can be moved to another thread, not shared.
  @safe @frozen public struct Consumer: ~Copyable, @unchecked Sendable {
    @usableFromInline let memory: Memory

    @inlinable init(_ memory: Memory) { unsafe self.memory = unsafe memory }
    @inlinable deinit { unsafe memory.release() }

    /// Claims the oldest element, or returns nil when there was none at the moment of looking.
    @inlinable
    public mutating func pop() -> Element? {
      // Relaxed: a stale head is found out by the sequence or by the compare-and-swap.
      var position = unsafe memory.head.pointee.loadRelaxed()
      while true {
        let sequence = unsafe memory.sequence(position)
        // Acquiring: the element is read on the strength of it. Pairs with the store in `push`.
        let found = unsafe sequence.pointee.loadAcquiring()
        guard found == position &+ 1 else {
          // Behind: not written yet, and since nobody can have claimed it, the ring is empty.
          if Int64(bitPattern: found &- position) <= 0 { return nil }
          // Ahead: the position was claimed meanwhile.
          position = unsafe memory.head.pointee.loadRelaxed()
          continue
        }
        // Relaxed: the head only shares out positions. That the element is there was acquired above, and that it
        // was read is released below, both through the sequence.
        let claim = unsafe memory.head.pointee.compareExchangeRelaxed(expected: position, desired: position &+ 1)
        guard claim.exchanged else {
          position = claim.original
          continue
        }
        let cell = unsafe memory.element(sequence)
        unsafe Word.willRead(cell)
        let element = unsafe cell.pointee
        // Releasing: the cell has been read before the producer can see that it is free.
        unsafe sequence.pointee.storeReleasing(position &+ memory.capacity)
        return element
      }
    }
  }
}
