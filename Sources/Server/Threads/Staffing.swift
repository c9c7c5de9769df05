// Staffing.swift — how many reactors are to serve, decided from how long ready work waits.
//
//   a look, every 3 ms or later:  processor time and turns of whoever serves sockets, since the last one
//
//   busy all the time, and a turn takes over 100 µs  ──▶  as many as bring it below that, at once
//   little to do for 2 s                             ──▶  as few as that needs; none: the executor serves everybody
//
// What is ready when a turn begins waits for that turn to end, so the processor time of a turn is how long ready work
// waits, whether the time is spent here or in the kernel. A reactor costs a hop each way; while one thread has time for
// everything it is cheaper and answers sooner. Whoever was sent away and is needed again soon is kept longer the next
// time, so that a load that comes and goes does not move its connections each time.
//
// A pure decision: the caller has the clocks.

struct Staffing {
  /// What happened between two looks.
  struct Span: Equatable {
    var nanoseconds: UInt64
    /// Processor time of the executor, and how often it turned.
    var executorNanoseconds: UInt64
    var executorTurns: UInt64
    /// The same of all reactors that serve, summed up.
    var reactorNanoseconds: UInt64 = 0
    var reactorTurns: UInt64 = 0
  }

  /// Reactors that serve.
  private(set) var engaged = 0
  /// How long there must be little to do before one is sent away.
  private(set) var patienceNanoseconds = Self.patienceMin
  private var idleSinceNanoseconds: UInt64?
  private var dismissedAtNanoseconds: UInt64?

  static let lookNanoseconds: UInt64 = 3_000_000
  static let waitMaxNanoseconds: UInt64 = 100_000
  static let patienceMin: UInt64 = 2_000_000_000
  static let patienceMax: UInt64 = 60_000_000_000
  /// Needed again within this time after it was sent away: that was too early.
  static let regretNanoseconds: UInt64 = 10_000_000_000

  /// Decides at `now` from what happened since the last look. At most `available` serve: there are no more threads, or no
  /// more processors.
  mutating func look(at now: UInt64, _ span: Span, available: Int) {
    guard engaged <= available else { return settle(available, now) }
    if isLate(span) {
      idleSinceNanoseconds = nil
      return engage(needed(span), available, now)
    }
    let enough = enough(span)
    guard enough < engaged else {
      idleSinceNanoseconds = nil
      return
    }
    // A look that follows a sleep sees all of it.
    let since = idleSinceNanoseconds ?? now - min(now, span.nanoseconds)
    idleSinceNanoseconds = since
    guard now - since >= patienceNanoseconds else { return }
    dismissedAtNanoseconds = now
    settle(enough, now)
  }

  /// All of them, whatever there is to do; or as many as there can be at all.
  mutating func engage(exactly count: Int) { engaged = count }

  // MARK: up

  /// Whoever serves sockets was busy for two thirds of the time, in turns that are too long.
  private func isLate(_ span: Span) -> Bool {
    let (busy, turns) = served(span)
    let threads = UInt64(max(1, engaged))
    return turns > 0 && busy / threads >= span.nanoseconds / 3 * 2 && busy / turns > Self.waitMaxNanoseconds
  }

  private func needed(_ span: Span) -> Int {
    let (busy, turns) = served(span)
    let share = (busy / max(1, turns) + Self.waitMaxNanoseconds - 1) / Self.waitMaxNanoseconds
    return Int(clamping: share) * max(1, engaged)
  }

  private func served(_ span: Span) -> (busy: UInt64, turns: UInt64) {
    engaged == 0 ? (span.executorNanoseconds, span.executorTurns) : (span.reactorNanoseconds, span.reactorTurns)
  }

  private mutating func engage(_ needed: Int, _ available: Int, _ now: UInt64) {
    let before = engaged
    engaged = max(engaged, min(needed, available))
    guard engaged > before else { return }
    if let dismissed = dismissedAtNanoseconds {
      let isRegretted = now - dismissed < Self.regretNanoseconds
      patienceNanoseconds = isRegretted ? min(patienceNanoseconds * 2, Self.patienceMax) : Self.patienceMin
    }
    dismissedAtNanoseconds = nil
  }

  // MARK: down

  /// How many would do: each busy for two fifths of the time at most. The last one goes when the executor has time for
  /// what both do.
  private func enough(_ span: Span) -> Int {
    let share = max(1, span.nanoseconds / 5 * 2)
    if span.executorNanoseconds + span.reactorNanoseconds <= share { return 0 }
    return Int(clamping: max(1, (span.reactorNanoseconds + share - 1) / share))
  }

  private mutating func settle(_ count: Int, _ now: UInt64) {
    engaged = count
    idleSinceNanoseconds = nil
  }
}
