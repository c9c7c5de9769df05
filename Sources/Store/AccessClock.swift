// AccessClock.swift: the 24 bits in which an entry remembers its use.
//
//   LRU:  seconds, wrapping after 194 days
//   LFU:  ┌───────────── 16 ─────────────┬────── 8 ──────┐
//         │ minute of the last decay     │ log counter   │
//         └──────────────────────────────┴───────────────┘
//
// The counter goes up with probability 1 / (factor × (counter - 5) + 1), so 255 stands for about a
// million uses at a factor of 10, and down by one for every `decayMinutes` without use. Reading a key
// is one plain store either way. One clock serves all databases; its owner moves it on.

public struct AccessClock: Sendable {
  public enum Policy: Sendable { case leastRecentlyUsed, leastFrequentlyUsed }

  public var policy: Policy
  /// `lfu-log-factor`.
  public var logFactor: UInt32 = 10
  /// `lfu-decay-time`, in minutes; 0 never decays.
  public var decayMinutes: UInt32 = 1

  @usableFromInline var seconds: UInt32 = 0
  private var minutes: UInt32 = 0
  private var random: UInt64

  /// `seed` drives the counters' chances.
  public init(policy: Policy = .leastRecentlyUsed, seed: UInt64 = 0x9E37_79B9_7F4A_7C15) {
    self.policy = policy
    random = seed | 1
  }

  /// A new key's counter: not the first to go.
  private static var initialCounter: UInt32 { 5 }

  /// Moves the clock to `now`, in milliseconds since 1970.
  public mutating func advance(to now: Milliseconds) {
    let whole = UInt64(max(0, now)) / 1000
    seconds = UInt32(truncatingIfNeeded: whole) & 0xFF_FFFF
    minutes = UInt32(truncatingIfNeeded: whole / 60) & 0xFFFF
  }

  /// What a new entry gets.
  public var stampOfNewEntry: UInt32 {
    switch policy {
    case .leastRecentlyUsed: seconds
    case .leastFrequentlyUsed: minutes << 8 | AccessClock.initialCounter
    }
  }

  /// Notes that the entry was used.
  @inlinable public mutating func touch(_ entry: Entry) {
    let old = entry.accessStamp
    let new = policy == .leastRecentlyUsed ? seconds : stamp(after: old)
    // A line that is only read stays clean: it need not travel back to memory.
    if new != old { entry.accessStamp = new }
  }

  /// The stamp of an entry, which had `old`, after a use now.
  public mutating func stamp(after old: UInt32) -> UInt32 {
    guard policy == .leastFrequentlyUsed else { return seconds }
    var counter = decayed(old)
    if counter < 255 {
      let base = counter > AccessClock.initialCounter ? counter - AccessClock.initialCounter : 0
      // Up with probability 1 / (base × factor + 1).
      let (product, overflow) = base.multipliedReportingOverflow(by: logFactor)
      let bound = overflow ? UInt64(UInt32.max) : UInt64(product) + 1
      if next() % bound == 0 { counter += 1 }
    }
    return minutes << 8 | counter
  }

  /// What OBJECT FREQ answers, 0 to 255.
  public func frequency(_ entry: Entry) -> UInt32 { decayed(entry.accessStamp) }

  /// What OBJECT IDLETIME answers, in seconds.
  public func idleSeconds(_ entry: Entry) -> Int {
    Int((seconds &- entry.accessStamp) & 0xFF_FFFF)
  }

  /// A stamp that says the entry has been idle for so long (RESTORE … IDLETIME).
  public func stamp(idleSeconds: Int) -> UInt32 {
    (seconds &- UInt32(truncatingIfNeeded: idleSeconds)) & 0xFF_FFFF
  }

  /// A stamp with this counter (RESTORE … FREQ).
  public func stamp(frequency: UInt8) -> UInt32 { minutes << 8 | UInt32(frequency) }

  private func decayed(_ stamp: UInt32) -> UInt32 {
    let counter = stamp & 0xFF
    guard decayMinutes > 0 else { return counter }
    let elapsed = (minutes &- (stamp >> 8)) & 0xFFFF
    let periods = elapsed / decayMinutes
    return counter > periods ? counter - periods : 0
  }

  /// xorshift64*: cheap, and good enough to toss coins.
  private mutating func next() -> UInt64 {
    random ^= random >> 12
    random ^= random << 25
    random ^= random >> 27
    return (random &* 0x2545_F491_4F6C_DD1D) >> 32
  }
}
