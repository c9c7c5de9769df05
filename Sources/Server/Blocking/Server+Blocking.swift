// Server+Blocking.swift — clients that wait for a key, served by the write that brings it.
//
//   BLPOP k 0     nothing there ─▶ block: words kept, nothing else of the client runs
//   RPUSH k a b   ─▶ noteChanges ─▶ serveBlocked: who came first runs again, until k has nothing left
//   ─▶ what it did is recorded behind the write, and leaves with it
//
// Nothing of it is inlined: the executor calls it, and it calls the executor.
//
// Served is between two commands, before anybody else's: so the order is that of the waiters, and not of their sockets.
import Bytes
import Commands
import Ring
import Store
import Wire

extension UnsafeMutablePointer where Pointee == Server {
  /// Runs the requests again that may have got what they wait for.
  @inline(never) func serveBlocked() {
    guard !pointee.blocked.isServing else { return }
    pointee.blocked.isServing = true
    defer { pointee.blocked.isServing = false }
    while let place = pointee.blocked.takeReady() {
      for waiter in pointee.blocked.waiters(place) {
        guard let client = pointee.clients.find(waiter.slot, generation: waiter.generation),
          let request = client.pointee.blocked, request.pointee.number == waiter.number
        else { continue }
        // Taken by those before: the others need not look.
        guard request.pointee.seesRemoval || pointee.isThere(place, request) else { break }
        if !pointee.execution.pointee.locks.isEmpty,
          pointee.waitsForLock(request.pointee.arguments, request.pointee.command.pointee.index)
        {
          pointee.blocked.postpone(place)
          break
        }
        retry(client, request)
      }
    }
  }

  private func retry(_ client: UnsafeMutablePointer<Client>, _ request: UnsafeMutablePointer<BlockedRequest>) {
    let execution = pointee.execution
    execution.pointee.hint(.empty, KeyHash(bits: 0))
    execution.pointee.isRetry = true
    execution.pointee.waiting = nil
    execute(client, request.pointee.arguments, request.pointee.command)
    execution.pointee.isRetry = false
    guard execution.pointee.waiting == nil else { return }
    pointee.goOn(client)
  }
}

extension Server {
  /// The command has found nothing: its client waits. One that has waited already keeps its place.
  @inline(never) mutating func block(_ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>) {
    guard client.pointee.blocked == nil, let waiting = execution.pointee.waiting else { return }
    var deadline = UInt64.max
    if waiting.timeoutMilliseconds > 0 {
      let (nanoseconds, overflow) = UInt64(waiting.timeoutMilliseconds).multipliedReportingOverflow(by: 1_000_000)
      if !overflow { deadline = clock.nanoseconds.addingReportingOverflow(nanoseconds).partialValue }
      if overflow || deadline < clock.nanoseconds { deadline = .max }
    }
    let request = UnsafeMutablePointer<BlockedRequest>.allocate(capacity: 1)
    request.initialize(
      to: BlockedRequest(
        number: blocked.nextNumber(), command, execution.pointee.arguments, waiting,
        database: Int(client.pointee.session.database), deadlineNanoseconds: deadline,
        seesRemoval: table.facts[command.pointee.index].name == "xreadgroup"))
    client.pointee.blocked = request
    client.pointee.lastCommand = Int32(command.pointee.index)
    blocked.add(
      .init(slot: client.pointee.slot, generation: client.pointee.generation, number: request.pointee.number),
      request.pointee.places, deadlineNanoseconds: deadline, seesRemoval: request.pointee.seesRemoval)
    execution.pointee.effects.isWatched = true
    keepWaiting(client)
  }

  /// Whether the key at `place` is there.
  func isThere(_ place: Effects.KeyPlace, _ request: UnsafeMutablePointer<BlockedRequest>) -> Bool {
    guard let key = request.pointee.key(at: place) else { return false }
    return databases[place.database].find(key, place.hash) != nil
  }

  // MARK: the end of waiting

  /// Forgets that the client waits; it has been answered, or is gone.
  @inline(never) mutating func unblock(_ client: UnsafeMutablePointer<Client>) {
    guard let request = client.pointee.blocked else { return }
    client.pointee.blocked = nil
    client.pointee.isWaiting = false
    blocked.remove(
      request.pointee.number, request.pointee.places, isTimed: request.pointee.deadlineNanoseconds != .max,
      seesRemoval: request.pointee.seesRemoval)
    execution.pointee.effects.isWatched = areKeysWatched
    request.deinitialize(count: 1)
    request.deallocate()
  }

  /// The client was answered: what it sent meanwhile runs once nobody else's request does.
  mutating func goOn(_ client: UnsafeMutablePointer<Client>) {
    unblock(client)
    wishes.resume(client.pointee.slot, client.pointee.generation)
  }

  /// Answers those who have waited long enough.
  @inline(never) mutating func answerOverdue() {
    while let waiter = blocked.takeOverdue(clock.nanoseconds) {
      guard let client = clients.find(waiter.slot, generation: waiter.generation),
        client.pointee.blocked?.pointee.number == waiter.number
      else { continue }
      endWaiting(client, error: nil)
    }
  }

  /// Nothing came for the client, or somebody ended its waiting.
  @inline(never) mutating func endWaiting(_ client: UnsafeMutablePointer<Client>, error: StaticString?) {
    guard let request = client.pointee.blocked else { return }
    let index = request.pointee.command.pointee.index
    answerLater(client) { reply in
      if let error { reply.error(error) } else { reply.nullArray() }
    }
    client.pointee.session.flags.advanceReplySkip()
    statistics.commands += 1
    client.pointee.details.pointee.commands += 1
    commandStatistics[index].count(ticks: 0)
    if error != nil { commandStatistics[index].failures += 1 }
    goOn(client)
  }
}
