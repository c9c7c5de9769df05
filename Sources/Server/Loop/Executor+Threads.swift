// Executor+Threads.swift — reactors with threads: their jobs, their beginning and their end.
import Bytes
import Channels
import Commands
import Ring
import Store

extension Executor where Engine: ~Copyable {
  // MARK: jobs

  /// Handles what reactors have told, in bounded portions; what is left comes with the next turn.
  mutating func takeJobs() {
    guard server.pointee.crew.count > 0 else { return }
    var taken = 0
    let deadline = server.pointee.clock.nanoseconds + Turn.nanosecondsMax
    while taken < Turn.completionsMax {
      let count = popBatches()
      guard count > 0 else { break }
      taken += count
      runBatches()
      guard server.pointee.requestsInTurn >= Turn.requestsPerClockReading else { continue }
      server.pointee.requestsInTurn = 0
      if Clock.monotonicNanoseconds() >= deadline { break }
    }
    server.pointee.crew.outbox.giveBack()
    if server.pointee.crew.outbox.count() > 0 { isBehind = true }
  }

  /// Takes jobs until a few batches are there to be run together; everything else is done at once. Returns the jobs taken.
  private mutating func popBatches() -> Int {
    var jobs = 0
    var requests = 0
    let requestsMax = max(1, server.pointee.prefetchedKeysMax)
    while requests < requestsMax, let job = server.pointee.crew.outbox.pop() {
      jobs += 1
      guard job.kind == .batch, let pointer = job.pointer else {
        // It may be about a client whose batch is pending, and comes behind it.
        if pending.contains(where: { $0.client == job.client }) { runBatches() }
        server.pointee.take(job)
        continue
      }
      let batch = pointer.assumingMemoryBound(to: Batch.self)
      if batch.pointee.toldAtTicks != 0 { server.pointee.statistics.count(queuedSince: batch.pointee.toldAtTicks) }
      pending.append((job.client, batch))
      requests += max(1, batch.pointee.count)
    }
    return jobs
  }

  /// Asks memory for the keys of all of them, then runs them.
  private mutating func runBatches() {
    if pending.count > 1 && server.pointee.prefetchedKeysMax > 0 {
      server.pointee.statistics.prefetchBatches &+= 1
      server.pointee.statistics.prefetchEntries &+= UInt64(pending.count)
      for waiting in pending {
        let database = server.pointee.databases + Int(waiting.client.pointee.session.database)
        waiting.batch.pointee.prefetchBuckets(database)
      }
      for waiting in pending {
        let database = server.pointee.databases + Int(waiting.client.pointee.session.database)
        waiting.batch.pointee.prefetchEntries(database)
      }
    }
    for waiting in pending {
      let ran = server.run(waiting.batch, waiting.client)
      var order = Order(.ran, waiting.client.pointee.connection)
      order.count = Int32(truncatingIfNeeded: ran.count)
      order.amount = ran.mustWait ? 1 : 0
      order.isTrusted = ran.isAuthenticated
      server.pointee.crew.give(order, to: waiting.client.pointee.reactor)
    }
    pending.removeAll(keepingCapacity: true)
  }

  // MARK: orders

  /// Publishes the orders of the turn and wakes whoever sleeps.
  mutating func publishOrders() {
    guard server.pointee.crew.count > 0 else { return }
    server.pointee.crew.publish { reactor.ring.wake($0) }
  }

  /// Waits for completions, or for jobs: says that it sleeps, looks once more, and waits in the ring.
  mutating func enter() throws(RingError) {
    let isMoving = server.pointee.crew.count > 0 && (server.pointee.crew.isGivingLate || server.pointee.staff.isSpreading)
    let timeout = isBehind || isMoving ? 0 : server.pointee.waitNanoseconds()
    guard server.pointee.crew.count > 0, timeout > 0 else { return try reactor.ring.enter(timeoutNanoseconds: timeout) }
    server.pointee.crew.parking.declareAsleep()
    guard server.pointee.crew.outbox.count() == 0 else {
      server.pointee.crew.parking.callOff()
      return try reactor.ring.enter(timeoutNanoseconds: 0)
    }
    try reactor.ring.enter(timeoutNanoseconds: timeout)
    server.pointee.crew.parking.rise()
  }

  // MARK: threads

  /// Makes what the crew makes its threads with, and starts those that the settings ask for.
  mutating func startReactors() throws(RingError) {
    let waker = reactor.ring.waker
    let makeRing = makeRing
    server.pointee.crew.start = { (crew, setup) throws(Errno) in
      try ReactorThread<Engine>.start(in: &crew, setup, executor: waker, makeRing: makeRing)
    }
    do throws(Errno) {
      try server.pointee.changeThreads(to: server.pointee.configuration.settings.threads.ioThreads)
      try server.pointee.awaitRecruits()
    } catch {
      throw .broken(errno: error.code)
    }
  }

  /// Ends all threads. Bounded: a socket that the kernel does not let go of is left to the end of the process.
  mutating func dismissReactors() throws(RingError) {
    guard server.pointee.crew.enlisted > 0 else { return }
    for slot in 0..<server.pointee.clients.slotCount where server.pointee.clients.isTaken(slot) {
      server.pointee.close(server.pointee.clients[slot])
    }
    server.pointee.crew.wanted = 0
    server.pointee.crew.dismiss(downTo: 0)
    let deadline = Clock.monotonicNanoseconds() + Self.dismissalNanoseconds
    while server.pointee.crew.enlisted > 0 && Clock.monotonicNanoseconds() < deadline {
      publishOrders()
      try reactor.ring.enter(timeoutNanoseconds: 1_000_000)
      while let done = reactor.ring.next() { dispatch(done) }
      obeyOrders()
      takeJobs()
      server.pointee.updateCrew()
    }
  }

  private static var dismissalNanoseconds: UInt64 { 1_000_000_000 }
}
