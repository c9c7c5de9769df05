// SimulatedRing+Turn.swift: one enter: what the kernel might have done meanwhile.
import CURing
import Glibc

extension SimulatedRing {
  public mutating func enter(timeoutNanoseconds: UInt64?) throws(RingError) {
    statistics.enters += 1
    world.nanoseconds += 1000
    completions.removeFirst(taken)
    taken = 0
    refill()
    checkMemory()
    submit()
    takeWakes()
    if timeoutNanoseconds != 0 { statistics.sleeps += 1 }
    if world.strikes(.signal) { return }

    // Passes over everything in flight, in a new order each time, until something has come of it.
    var passes = 0
    repeat {
      passes += 1
      let moved = pass()
      guard completions.isEmpty, overflowed.isEmpty, timeoutNanoseconds != 0 else { return }
      if !moved && !isAnythingDelayed { break }
    } while passes < 64
    if let timeoutNanoseconds {
      world.nanoseconds += timeoutNanoseconds
    } else {
      stalls += 1
    }
  }

  public mutating func next() -> Completion? {
    guard taken < completions.count else { return nil }
    taken += 1
    statistics.completions += 1
    return completions[taken - 1]
  }

  /// Hands the queue over, or a part of it: a link is severed there, as if the kernel had run out of memory.
  private mutating func submit() {
    var count = queued.count
    if count > 1 && world.strikes(.partialSubmission) { count = 1 + world.random.below(count - 1) }
    statistics.submissions += UInt64(count)
    inFlight.append(contentsOf: queued.prefix(count))
    queued.removeFirst(count)
    if let orphan = queued.first, let before = orphan.linkedAfter, inFlight.last?.number == before {
      queued.removeFirst()
      complete(orphan.token, -ECANCELED)
    }
    // Cancels come after the operations that were called for before them.
    guard queued.isEmpty else { return }
    let targets = queuedCancels
    queuedCancels.removeAll()
    for target in targets { beginCancel(target) }
  }

  /// The four ways in which a cancel can meet its target.
  private mutating func beginCancel(_ target: Token) {
    guard let place = inFlight.firstIndex(where: { $0.token == target }) else { return world.count(.cancelMissed) }
    if world.strikes(.cancelMissed) {
      // The target was faster: it ends as it would have, if it can.
      inFlight[place].delay = 0
      let number = inFlight[place].number
      if attempt(place, isRacing: true), !inFlight.contains(where: { $0.number == number }) { return }
    }
    guard let place = inFlight.firstIndex(where: { $0.token == target }) else { return }
    if world.strikes(.cancelledLate) {
      inFlight[place].cancelsAfter = 1 + world.random.below(5)
    } else if !inFlight[place].isEndless && world.strikes(.cancelIgnored) {
      // Already running somewhere that cannot be stopped.
      return
    } else {
      world.count(.cancelledEarly)
      finishCancelled(place)
    }
  }

  /// A cancelled operation ends with what it had reached.
  mutating func finishCancelled(_ place: Int) {
    let operation = inFlight[place]
    let reached = Int32(operation.progress)
    finish(place, operation.kind == .send && reached > 0 ? reached : -ECANCELED)
    cancelLinked(after: operation.number)
  }

  mutating func cancelLinked(after number: UInt64) {
    guard let place = inFlight.firstIndex(where: { $0.linkedAfter == number }) else { return }
    finish(place, -ECANCELED)
  }

  /// One chance for each operation in flight; true if anything moved.
  private mutating func pass() -> Bool {
    var moved = false
    guard !inFlight.isEmpty else { return false }
    for number in inFlight.map({ $0.number }).shuffled(using: &world.random) {
      guard let place = inFlight.firstIndex(where: { $0.number == number }) else { continue }
      if let turns = inFlight[place].cancelsAfter {
        inFlight[place].cancelsAfter = turns - 1
        if turns <= 0 {
          finishCancelled(place)
          moved = true
          continue
        }
      }
      guard inFlight[place].delay == 0 else {
        inFlight[place].delay -= 1
        continue
      }
      if attempt(place, isRacing: false) { moved = true }
    }
    return moved
  }

  private var isAnythingDelayed: Bool { inFlight.contains { $0.delay > 0 || $0.cancelsAfter != nil } }

  private mutating func takeWakes() {
    var count: eventfd_t = 0
    let isWoken = unsafe eventfd_read(waker.descriptor, &count) == 0
    guard isWoken || world.strikes(.strayWake) else { return }
    statistics.wakeups += 1
    post(.wake)
  }

  /// Memory that was handed over must be as it was.
  private func checkMemory() {
    forEachOperation { operation in
      guard !operation.isUntouched else { return }
      world.violation("memory of \(operation.kind) on \(operation.descriptor) was touched before its final completion")
    }
  }

  // MARK: completions

  mutating func complete(_ token: Token, _ result: Int32, flags: UInt32 = 0) {
    post(Completion(token: token, result: result, flags: flags))
  }

  private mutating func post(_ completion: Completion) {
    guard overflowed.isEmpty, completions.count < completionsMax, !world.strikes(.overflow) else {
      overflowed.append(completion)
      return
    }
    completions.append(completion)
  }

  /// What did not fit comes with the next enter.
  private mutating func refill() {
    guard !overflowed.isEmpty else { return }
    statistics.overflows += 1
    let count = min(overflowed.count, max(1, completionsMax - completions.count))
    completions.append(contentsOf: overflowed.prefix(count))
    overflowed.removeFirst(count)
  }

  /// The final completion. The memory is the caller's again, after one last look.
  mutating func finish(_ place: Int, _ result: Int32) {
    let operation = inFlight.remove(at: place)
    if operation.kind != .receiveInto && !operation.isUntouched {
      world.violation("memory of \(operation.kind) on \(operation.descriptor) was touched before its final completion")
    }
    complete(operation.token, result)
  }
}

extension SimulatedOperation {
  /// It ends only when it fails or is cancelled.
  var isEndless: Bool { kind != .write && kind != .sync && kind != .close && kind != .connect }
}
