// SPSCRing.swift — a bounded queue from one thread to one other.
//
//      head          tail                    positions only grow; cell = position & (capacity - 1)
//        ▼             ▼                     tail: next to be written, stored by the producer
//   ┌───┬───┬───┬───┬───┬───┬───┬───┐        head: next to be read, stored by the consumer
//   │   │ a │ b │ c │   │   │   │   │        tail - head: cells in use, 0 … capacity
//   └───┴───┴───┴───┴───┴───┴───┴───┘        64 bits of position do not wrap within a machine's life
//
// Both ends work on what they last saw of the other end and look again only when that is used up, so in a
// busy queue the two cache lines move once per batch and not once per element. The producer may write
// several elements and publish them with one store; the consumer gives a whole batch of cells back with one.
// What an end keeps for itself is in the end, a few words in the memory of its thread; in common is only the block.

/// The private inbox of a reactor: executor → reactor i, in order.
public typealias PrivateInbox<Element: BitwiseCopyable> = SPSCRing<Element, HardwareWord>

/// A ring with a single producer and a single consumer.
public enum SPSCRing<Element: BitwiseCopyable, Word: AtomicWord & ~Copyable> {
  /// The two ends of one new ring; each is then moved to its thread.
  @frozen public struct Ends: ~Copyable {
    public var producer: Producer
    public var consumer: Consumer
    @inlinable init(producer: consuming Producer, consumer: consuming Consumer) {
      self.producer = producer
      self.consumer = consumer
    }
  }

  /// A new ring of `capacity` elements, a power of two from 2 on.
  @inlinable public static func make(capacity: Int) -> Ends {
    checkCapacity(capacity)
    let memory = unsafe Memory(capacity: capacity)
    return unsafe Ends(producer: Producer(memory), consumer: Consumer(memory))
  }

  /// Both ends' view of the block: holders │ tail │ head │ cells.
  @unsafe @frozen @usableFromInline
  struct Memory: BitwiseCopyable {
    @usableFromInline let block: SharedBlock<Word>
    @usableFromInline let mask: UInt64

    @inlinable init(capacity: Int) {
      let (bytes, overflow) = capacity.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
      precondition(!overflow, "a ring larger than memory")
      unsafe block = unsafe SharedBlock(wordCount: 2, cellBytes: bytes, holders: 2)
      unsafe mask = UInt64(capacity) - 1
    }

    @inlinable @inline(__always)
    var tail: UnsafeMutablePointer<Word> { unsafe block.word(1) }

    @inlinable @inline(__always)
    var head: UnsafeMutablePointer<Word> { unsafe block.word(2) }

    @inlinable @inline(__always)
    func cell(_ position: UInt64) -> UnsafeMutablePointer<Element> {
      let cells = unsafe (block.base + SharedBlock<Word>.headerBytes(wordCount: 2))
        .assumingMemoryBound(to: Element.self)
      return unsafe cells + Int(truncatingIfNeeded: position & mask)
    }

    @inlinable func release() {
      if unsafe block.release() { unsafe block.free(wordCount: 2) }
    }
  }

  /// The writing end. One owner; it can be moved to another thread, not shared.
  @safe @frozen public struct Producer: ~Copyable, @unchecked Sendable {
    @usableFromInline let memory: Memory
    /// Where the next element goes.
    @usableFromInline var next: UInt64 = 0
    /// What the consumer may see: the tail.
    @usableFromInline var published: UInt64 = 0
    /// The head as last seen. The real one is this or further on.
    @usableFromInline var headSeen: UInt64 = 0

    @inlinable init(_ memory: Memory) { unsafe self.memory = unsafe memory }

    /// Publishes what was written and lets go of the ring; the consumer may still empty it.
    @inlinable deinit {
      if published != next { unsafe memory.tail.pointee.storeReleasing(next) }
      unsafe memory.release()
    }

    @inlinable public var capacity: Int { Int(truncatingIfNeeded: unsafe memory.mask) + 1 }

    /// Puts `element` behind the others, unseen until `publish`. False when the ring is full: nothing was written,
    /// and what had been written before is published, lest the consumer wait for it.
    @inlinable @inline(__always)
    public mutating func write(_ element: Element) -> Bool {
      if unsafe next &- headSeen > memory.mask {
        guard hasRoom() else { return false }
      }
      let cell = unsafe memory.cell(next)
      unsafe Word.willWrite(cell)
      unsafe cell.initialize(to: element)
      next &+= 1
      return true
    }

    /// Shows the consumer all that was written, with one store. Nothing to do if nothing was.
    @inlinable @inline(__always)
    public mutating func publish() {
      guard published != next else { return }
      // Releasing: whoever sees this tail sees the cells ahead of it. Pairs with the load in `look`.
      unsafe memory.tail.pointee.storeReleasing(next)
      published = next
    }

    /// Writes and publishes one element. False when the ring is full.
    @inlinable @inline(__always)
    public mutating func push(_ element: Element) -> Bool {
      guard write(element) else { return false }
      publish()
      return true
    }

    /// Whether `count` more elements fit now. What was written is published if they do not, lest the consumer wait for
    /// it while its producer waits for room.
    @inlinable @inline(__always)
    public mutating func hasRoom(for count: Int) -> Bool {
      let wanted = UInt64(truncatingIfNeeded: count)
      if unsafe next &- headSeen &+ wanted <= memory.mask &+ 1 { return true }
      _ = hasRoom()
      if unsafe next &- headSeen &+ wanted <= memory.mask &+ 1 { return true }
      publish()
      return false
    }

    /// Elements written and not yet published.
    @inlinable public var unpublished: Int { Int(truncatingIfNeeded: next &- published) }

    @inlinable @inline(never)
    mutating func hasRoom() -> Bool {
      // Acquiring: the consumer has read a cell before it stores a head beyond it, so that the cell may now
      // be overwritten. Pairs with the store in `giveBack`.
      headSeen = unsafe memory.head.pointee.loadAcquiring()
      if unsafe next &- headSeen <= memory.mask { return true }
      publish()
      return false
    }
  }

  /// The reading end. One owner; it can be moved to another thread, not shared.
  @safe @frozen public struct Consumer: ~Copyable, @unchecked Sendable {
    @usableFromInline let memory: Memory
    /// Where the next element is read.
    @usableFromInline var next: UInt64 = 0
    /// What the producer may see: the head.
    @usableFromInline var givenBack: UInt64 = 0
    /// The tail as last seen. The real one is this or further on.
    @usableFromInline var tailSeen: UInt64 = 0

    @inlinable init(_ memory: Memory) { unsafe self.memory = unsafe memory }
    @inlinable deinit { unsafe memory.release() }

    @inlinable public var capacity: Int { Int(truncatingIfNeeded: unsafe memory.mask) + 1 }

    /// The oldest element, or nil when there was none at the moment of looking. The cells of a batch go back to the
    /// producer when the batch is used up; a caller that stops in the middle calls `giveBack`.
    @inlinable @inline(__always)
    public mutating func pop() -> Element? {
      if next == tailSeen {
        guard look() else { return nil }
      }
      let cell = unsafe memory.cell(next)
      unsafe Word.willRead(cell)
      let element = unsafe cell.pointee
      next &+= 1
      return element
    }

    /// Gives the producer the cells of all that was popped, with one store. Nothing to do if nothing was.
    @inlinable @inline(__always)
    public mutating func giveBack() {
      guard givenBack != next else { return }
      // Releasing: the cells have been read before the producer can see that they are free.
      unsafe memory.head.pointee.storeReleasing(next)
      givenBack = next
    }

    /// Elements that are known to be there, without a look at the producer's line.
    @inlinable public var known: Int { Int(truncatingIfNeeded: tailSeen &- next) }

    /// Elements that are there: what a queue's depth is measured by.
    @inlinable public mutating func count() -> Int {
      // Acquiring, because `pop` reads cells on the strength of `tailSeen`.
      tailSeen = unsafe memory.tail.pointee.loadAcquiring()
      return known
    }

    /// True when the producer has ended. What it left can still be popped; when that is done nothing comes any more.
    /// Ask first, pop to nil then: the other order can miss the last elements.
    @inlinable public var isAbandoned: Bool { unsafe memory.block.isHeldOnce }

    @inlinable @inline(__always)
    mutating func look() -> Bool {
      giveBack()
      // Acquiring: see `publish`.
      tailSeen = unsafe memory.tail.pointee.loadAcquiring()
      return next != tailSeen
    }
  }
}
