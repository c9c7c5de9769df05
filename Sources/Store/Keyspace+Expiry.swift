// Keyspace+Expiry.swift: when keys end, and finding those that have.
//
// The expiry stands inside the entry and a bit of the entry word says that it does, so a database
// without expiries pays nothing and a sweep for expired keys reads only entries that can be.
// The sweep hands them out one by one; its caller tells the log, the replicas and the listeners,
// removes the key and asks for the next.
import Bytes

/// A sweep for expired keys, kept between slices.
public struct ExpirySweep: BitwiseCopyable, Sendable {
  var sweep = Sweep()

  /// What the slice may still look at: one for each bucket, one for each key that has an expiry.
  public var budget = 0
  /// Keys with an expiry that were looked at in this slice, and those of them that had expired.
  public internal(set) var examined = 0
  public internal(set) var expired = 0
  /// Times that the sweep came round.
  public internal(set) var rounds = 0
  /// Part of the keys with an expiry that are probably expired, 0 to 1: a moving average over slices.
  public internal(set) var staleRatio = 0.0
  /// Time that keys with an expiry probably still have, in milliseconds: a moving average over slices.
  public var averageTimeToLive: Milliseconds { Milliseconds(min(averageLife, 9e18)) }
  private var averageLife = 0.0
  private var liveCount = 0
  private var liveSum = 0.0

  public init() {}

  /// Begins a slice.
  public mutating func beginSlice(budget: Int) {
    self.budget = budget
    examined = 0
    expired = 0
    liveCount = 0
    liveSum = 0
  }

  /// Ends a slice: moves the averages. True if so many keys were stale, over a tenth, that another slice is
  /// worth running at once, time permitting.
  public mutating func endSlice() -> Bool {
    guard examined > 0 else { return false }
    let ratio = Double(expired) / Double(examined)
    staleRatio += (ratio - staleRatio) * 0.05
    if liveCount > 0 {
      let mean = liveSum / Double(liveCount)
      averageLife += (mean - averageLife) * (averageLife == 0 ? 1 : 0.02)
    }
    return expired * 10 > examined
  }

  /// Counts a key that has not expired. Its expiry may be as far away as 64 bits say.
  mutating func noteLive(until expiry: Milliseconds, now: Milliseconds) {
    liveCount += 1
    liveSum += Double(expiry) - Double(now)
  }
}

extension Keyspace {
  /// Sets or moves the expiry of the key at `location`.
  public mutating func setExpiry(_ location: Location, at instant: Milliseconds) {
    willChange(location)
    let entry = location.entry
    if !entry.hasExpiry { reshapeExpiry(location, entry.flags | Entry.Flag.expiry) }
    location.entry.expiryBits = instant
  }

  /// Makes the key at `location` stay; false if it had no expiry.
  @discardableResult
  public mutating func clearExpiry(_ location: Location) -> Bool {
    let entry = location.entry
    guard entry.hasExpiry else { return false }
    willChange(location)
    reshapeExpiry(location, entry.flags & ~Entry.Flag.expiry)
    return true
  }

  private mutating func reshapeExpiry(_ location: Location, _ flags: UInt8) {
    let entry = location.entry
    let bytesBefore = entry.memoryBytes
    let wasVolatile = entry.hasExpiry
    let shape = EntryShape(
      kind: entry.kind, flags: flags, keyCount: entry.keyCount, inlineCount: entry.inlineCount)
    let new = entry.reshaped(shape, inlineKept: entry.inlineCount)
    settle(new, at: location, wasVolatile: wasVolatile, bytesBefore: bytesBefore)
  }

  /// The next key that has expired, or nil when the slice's budget is used up or the sweep came round. The
  /// caller removes it before it asks again; otherwise it gets the same one.
  ///
  ///     sweep.beginSlice(budget: 200)
  ///     while let location = keyspace.nextExpired(&sweep, now: now) { …; keyspace.remove(location) }
  ///     if sweep.endSlice() { … soon again … }
  public func nextExpired(_ sweep: inout ExpirySweep, now: Milliseconds) -> Location? {
    if sweep.sweep.isDone { sweep.sweep = Sweep() }
    while volatileCount > 0 && sweep.budget > 0 {
      var after = sweep.sweep
      guard let bucket = advance(&after) else { return nil }
      var entries = BucketEntries(bucket)
      var live = 0
      while let location = entries.next() {
        guard location.isVolatile else { continue }
        let expiry = location.entry.expiryBits
        if now > expiry {
          sweep.expired += 1
          sweep.examined += 1
          sweep.budget -= 1
          return location
        }
        live += 1
        sweep.noteLive(until: expiry, now: now)
      }
      sweep.sweep = after
      sweep.examined += live
      sweep.budget -= live + 1
      if after.isDone {
        sweep.rounds += 1
        return nil
      }
    }
    return nil
  }
}

extension Location {
  /// Whether the entry has an expiry, without reading it.
  var isVolatile: Bool { unsafe word.pointee & EntryWord.volatileBit != 0 }
}
