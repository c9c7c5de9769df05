// Parking.swift — how a thread goes to sleep without missing what was sent to it.
//
//   sleeper                                      notifier
//   1  flag = asleep                             1  publish the message
//   2  fence                                     2  fence
//   3  look into every queue once more           3  flag asleep? then take it down, and wake the sleeper
//   4  nothing: sleep; something: flag = awake
//
// Each side writes, then fences, then reads what the other one writes. Without the fences both could read the old
// value, which every processor allows: the message lies in the queue, nobody was woken. With them at least one sees
// the other. How a thread sleeps and what wakes it (its ring) is not known here; a wake must be remembered by
// whatever the sleeper sleeps in, since it may come between 3 and 4. A sleeper can be woken for nothing, never not be
// woken.

/// The parking place of one thread.
public typealias Parking = ParkingFlag<HardwareWord>

/// One sleeper, and as many notifiers as there are threads that send to it.
public enum ParkingFlag<Word: AtomicWord & ~Copyable> {
  @inlinable static var awake: UInt64 { 0 }
  @inlinable static var asleep: UInt64 { 1 }

  /// The thread that sleeps; others get their end from it. New parking places are awake.
  @safe @frozen public struct Sleeper: ~Copyable, @unchecked Sendable {
    @usableFromInline let block: SharedBlock<Word>
    @usableFromInline var declaredCount: UInt64 = 0
    @usableFromInline var calledOffCount: UInt64 = 0

    /// Sleeps that were declared.
    @inlinable public var declared: UInt64 { declaredCount }
    /// Those of them that the second look called off.
    @inlinable public var calledOff: UInt64 { calledOffCount }

    @inlinable public init() { unsafe block = unsafe SharedBlock(wordCount: 1, cellBytes: 0, holders: 1) }

    @inlinable deinit {
      if unsafe block.release() { unsafe block.free(wordCount: 1) }
    }

    @inlinable var flag: UnsafeMutablePointer<Word> { unsafe block.word(1) }

    /// One more thread that may wake this one.
    @inlinable public func makeNotifier() -> Notifier {
      unsafe block.retain()
      return unsafe Notifier(block)
    }

    /// Steps 1 and 2. Afterwards look into every queue, all of them, once; then `callOff`, or sleep and `rise`.
    @inlinable public mutating func declareAsleep() {
      declaredCount &+= 1
      // Relaxed, because the fence orders it: it says nothing about other memory.
      unsafe flag.pointee.storeRelaxed(ParkingFlag.asleep)
      Word.fence()
    }

    /// The second look found something. A wake may be on its way all the same.
    @inlinable public mutating func callOff() {
      calledOffCount &+= 1
      rise()
    }

    /// Back from sleep, for whatever reason.
    @inlinable public mutating func rise() {
      // Relaxed: a notifier that still reads "asleep" wakes for nothing, one that reads "awake" relies
      // on the look into the queues that precedes every sleep.
      unsafe flag.pointee.storeRelaxed(ParkingFlag.awake)
    }
  }

  /// A thread that sends to the sleeper; one owner.
  @safe @frozen public struct Notifier: ~Copyable, @unchecked Sendable {
    @usableFromInline let block: SharedBlock<Word>
    @usableFromInline var sentCount: UInt64 = 0
    @usableFromInline var suppressedCount: UInt64 = 0

    /// Times that the sleeper had to be woken.
    @inlinable public var sent: UInt64 { sentCount }
    /// Times that it was awake, or that somebody else was waking it.
    @inlinable public var suppressed: UInt64 { suppressedCount }

    @inlinable init(_ block: SharedBlock<Word>) { unsafe self.block = unsafe block }

    @inlinable deinit {
      if unsafe block.release() { unsafe block.free(wordCount: 1) }
    }

    /// Steps 2 and 3, after publishing: true when the caller must wake the sleeper now. Of several notifiers one is
    /// told so, and the others rely on it: it wakes, or has its next `enter` wake, before it does anything long. A
    /// thread that was told so and stops before it wakes anybody leaves the sleeper asleep with everybody's messages.
    /// Once for a burst is enough.
    @inlinable
    public mutating func mustWake() -> Bool {
      Word.fence()
      // Relaxed, because the fence orders it. Most of the time the flag is down and its line stays shared.
      guard unsafe block.word(1).pointee.loadRelaxed() == ParkingFlag.asleep,
        // Of several notifiers only one finds it up.
        unsafe block.word(1).pointee.exchangeRelaxed(ParkingFlag.awake) == ParkingFlag.asleep
      else {
        suppressedCount &+= 1
        return false
      }
      sentCount &+= 1
      return true
    }
  }
}
