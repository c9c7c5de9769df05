// Reactor+Wishes.swift — grants what commands wished for, and does what each tick is for.
import Ring

extension Reactor where Engine: ~Copyable {
  mutating func grantWishes() {
    guard server.pointee.wishes.isUrgent else { return }
    for wish in server.pointee.wishes.take() {
      switch wish {
      case .end(let slot, let generation, let afterOutput):
        guard let client = server.pointee.connections.find(slot, generation: generation) else { continue }
        if afterOutput { drain(client) } else { close(client) }
      case .switchLog: server.pointee.switchLog()
      case .release: releaseHolds()
      case .listen: relisten()
      case .stop: closeAll()
      }
    }
  }

  /// Between the requests of all clients: what may not happen while one of them runs.
  mutating func grantUnpause() {
    while server.pointee.wishes.takeUnpause() { unpauseAll() }
    while server.pointee.wishes.hasResumed {
      for waiting in server.pointee.wishes.takeResumed() {
        guard let client = server.pointee.connections.find(waiting.slot, generation: waiting.generation) else { continue }
        goOn(client)
      }
    }
  }

  /// Lets a client go on that was held, if nothing else holds it.
  private mutating func goOn(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.marks.contains(.held), !client.pointee.isWaiting else { return }
    if client.pointee.hasSendable { markReady(client) }
    resume(client, .held)
  }

  private mutating func unpauseAll() {
    for slot in 0..<server.pointee.connections.slotCount where server.pointee.connections.isTaken(slot) {
      goOn(server.pointee.connections[slot])
    }
  }

  /// Ends accepts on listeners that were replaced and starts those on the new ones.
  private mutating func relisten() {
    for index in server.pointee.listeners.indices where server.pointee.listeners[index].isClosing {
      let listener = server.pointee.listeners[index]
      guard listener.isArmed else {
        close(listener: index)
        continue
      }
      ring.cancel(Token(.accept, slot: UInt32(index), generation: listener.generation))
    }
    listen()
  }

  /// The server stops: nobody is accepted, everybody is told what he was promised, then all is closed.
  private mutating func closeAll() {
    for index in server.pointee.listeners.indices { server.pointee.listeners[index].isClosing = true }
    relisten()
    for slot in 0..<server.pointee.connections.slotCount where server.pointee.connections.isTaken(slot) {
      drain(server.pointee.connections[slot])
    }
    server.pointee.lifecycle.closeClients(
      remaining: server.pointee.connections.count, now: server.pointee.clock.nanoseconds)
  }

  mutating func tick() {
    let now = server.pointee.clock.nanoseconds
    server.pointee.tick()
    endOverdue()
    server.pointee.answerSyncWaiters()
    if server.pointee.clientPause.hasEnded(now: server.pointee.clock.milliseconds) { unpauseAll() }
    listen()
    grantWishes()
    server.pointee.timers.ticked(now)
  }

  /// Looks at the clients in turn, so that each is seen about once a second: idle ones, those whose output has
  /// been over its limit for too long, those that drain without end.
  private mutating func endOverdue() {
    let total = server.pointee.connections.slotCount
    guard server.pointee.connections.count > 0 else { return }
    let share = server.pointee.timers.isBusy ? max(1, Int(total) / Int(server.pointee.timers.ticksPerSecond)) : Int(total)
    for _ in 0..<min(share + 1, Int(total)) {
      let slot = server.pointee.nextChecked % total
      server.pointee.nextChecked = (slot + 1) % total
      guard server.pointee.connections.isTaken(slot) else { continue }
      let client = server.pointee.connections[slot]
      if server.pointee.isOverdue(client) { close(client) }
    }
  }
}
