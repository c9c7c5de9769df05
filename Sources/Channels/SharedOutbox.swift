// SharedOutbox.swift — from many threads to one: a lane for each of them, behind one face.
//
//   reactor 1 ──▶ │ a │ b │ c │ ─┐
//   reactor 2 ──▶ │ d │         ─┼─▶ executor: at most `burst` from a lane, then the next lane
//   reactor 3 ──▶ │ e │ f │     ─┘
//
// The other way, one ring whose cells all producers reserve by fetch-and-add, was built and measured too
// (perf/channels): on two processors it costs 5 to 10 ns per message less in bursts, up to 50 less for single
// messages. But there a producer that is descheduled between reserving and writing leaves a hole that stops the
// messages of all the others, for milliseconds; here a thread can delay only its own. Order holds within a lane and
// nowhere else.
//
// A lane has room for everything that its producer may have under way (`Credits`), so "full" cannot happen: it
// is a broken invariant, and checked, because the answer to it could only be to lose a message.

/// The shared outbox: reactors → executor.
public typealias SharedOutbox<Element: BitwiseCopyable> = FanIn<Element, HardwareWord>

/// The consumer's side of as many single-producer rings as there are producers.
@safe @frozen
public struct FanIn<Element: BitwiseCopyable, Word: AtomicWord & ~Copyable>: ~Copyable, @unchecked Sendable {
  @usableFromInline typealias Lane = SPSCRing<Element, Word>.Consumer

  /// `lanesMax` places, of which the first `laneCount` are initialized.
  @usableFromInline let lanes: UnsafeMutablePointer<Lane>
  /// Producers there can be at a time.
  public let lanesMax: Int
  /// Elements taken from a lane before the next one has its turn.
  public let burst: Int
  /// Lanes that exist, those with a producer and those that were abandoned and not yet retired.
  public internal(set) var laneCount = 0
  @usableFromInline var current = 0
  /// Elements that the current lane may still give in this turn.
  @usableFromInline var left = 0

  public init(lanesMax: Int = 127, burst: Int = 64) {
    precondition(lanesMax > 0 && burst > 0, "an outbox takes something from somebody")
    unsafe lanes = .allocate(capacity: lanesMax)
    self.lanesMax = lanesMax
    self.burst = burst
  }

  deinit {
    unsafe lanes.deinitialize(count: laneCount)
    unsafe lanes.deallocate()
  }

  /// The end that a thread writes to. One owner; it can be moved to another thread, not shared.
  @frozen public struct Producer: ~Copyable, Sendable {
    @usableFromInline var lane: SPSCRing<Element, Word>.Producer

    @inlinable init(_ lane: consuming SPSCRing<Element, Word>.Producer) { self.lane = lane }

    /// Puts `element` behind this thread's others, unseen until `publish`. There is room: whoever has a credit has a
    /// cell.
    @inlinable @inline(__always)
    public mutating func write(_ element: Element) {
      precondition(lane.write(element), "an outbox is full: more under way than there were credits")
    }

    /// Shows the consumer all that was written, with one store.
    @inlinable @inline(__always)
    public mutating func publish() { lane.publish() }

    /// Writes and publishes one element.
    @inlinable @inline(__always)
    public mutating func push(_ element: Element) {
      write(element)
      publish()
    }

    /// Whether `count` more elements fit now: who asks first needs no credits.
    @inlinable @inline(__always)
    public mutating func hasRoom(for count: Int) -> Bool { lane.hasRoom(for: count) }

    /// Elements written and not yet published.
    @inlinable public var unpublished: Int { lane.unpublished }
  }

  /// A lane for one more thread, which never has more than `credits` elements under way. A credit may be given back
  /// as soon as its element was popped.
  public mutating func addLane(credits: Int) -> Producer {
    precondition(laneCount < lanesMax, "more lanes than threads there can be")
    precondition(credits > 0 && credits <= 1 << 30, "a lane without bounds")
    // Twice as many cells: while the consumer uses up a batch, whose cells it gives back at the end, the credits of
    // that batch may bring as many elements again. Then a power of two.
    let ends = SPSCRing<Element, Word>.make(capacity: 1 << (Int.bitWidth - (2 * credits - 1).leadingZeroBitCount))
    unsafe (lanes + laneCount).initialize(to: ends.consumer)
    laneCount += 1
    return Producer(ends.producer)
  }

  /// The next element, or nil when a look into every lane has found none. The lane's cells go back as they are used up;
  /// a caller that stops before nil calls `giveBack`.
  @inlinable @inline(__always)
  public mutating func pop() -> Element? {
    if left > 0, let element = unsafe lanes[current].pop() {
      left &-= 1
      return element
    }
    return popFromNextLane()
  }

  /// Gives the cells of what was popped back to the producers.
  @inlinable public mutating func giveBack() {
    guard laneCount > 0 else { return }
    // The other lanes' cells went back when the turn passed on.
    unsafe lanes[current].giveBack()
  }

  /// Elements in all lanes: what is waiting for the consumer.
  @inlinable public mutating func count() -> Int {
    var count = 0
    for i in 0..<laneCount { count += unsafe lanes[i].count() }
    return count
  }

  /// Ends the lanes whose producer has ended and that have been emptied. Returns how many. Not for every turn: after a
  /// thread was joined.
  public mutating func retireAbandonedLanes() -> Int {
    var retired = 0
    giveBack()
    for i in (0..<laneCount).reversed() {
      guard unsafe lanes[i].isAbandoned, unsafe lanes[i].count() == 0 else { continue }
      laneCount -= 1
      let gone = unsafe (lanes + i).move()
      // The last lane moves into the gap.
      if i != laneCount { unsafe (lanes + i).moveInitialize(from: lanes + laneCount, count: 1) }
      _ = consume gone
      retired += 1
    }
    if retired > 0 { (current, left) = (0, 0) }
    return retired
  }

  @inlinable @inline(never)
  mutating func popFromNextLane() -> Element? {
    giveBack()
    for _ in 0..<laneCount {
      current &+= 1
      if current >= laneCount { current = 0 }
      guard let element = unsafe lanes[current].pop() else { continue }
      left = burst &- 1
      return element
    }
    left = 0
    return nil
  }
}
