// Server+Wishes.swift — grants what commands wished for, when it may happen.
import Ring

extension UnsafeMutablePointer where Pointee == Server {
  /// Between the requests of all clients: what may not happen while one of them runs.
  func letClientsOn() {
    while pointee.wishes.takeUnpause() {
      for slot in 0..<pointee.clients.slotCount where pointee.clients.isTaken(slot) { letOn(pointee.clients[slot]) }
    }
    while pointee.wishes.hasResumed {
      for waiting in pointee.wishes.takeResumed() {
        guard let client = pointee.clients.find(waiting.slot, generation: waiting.generation) else { continue }
        letOn(client)
      }
    }
  }
}

extension Server {
  mutating func grantWishes() {
    guard wishes.isUrgent else { return }
    for wish in wishes.take() {
      switch wish {
      case .end(let slot, let generation, let afterOutput):
        guard let client = clients.find(slot, generation: generation) else { continue }
        if afterOutput { drain(client) } else { close(client) }
      case .switchLog: switchLog()
      case .release: releaseHolds()
      case .listen: mustRelisten = true
      case .stop: closeAll()
      }
    }
  }

  /// The server stops: nobody is accepted, everybody is told what he was promised, then all is closed.
  private mutating func closeAll() {
    for index in listeners.indices { listeners[index].isClosing = true }
    mustRelisten = true
    // What is written from here on would be in no file.
    for walk in walks.paused where walk.pointee.command?.pointee.flags.contains(.write) == true { abandon(walk) }
    for slot in 0..<clients.slotCount where clients.isTaken(slot) { drain(clients[slot]) }
    lifecycle.closeClients(remaining: clients.count, now: clock.nanoseconds)
  }

  /// Looks at the clients in turn, so that each is seen about once a second: idle ones, those whose output has
  /// been over its limit for too long, those that drain without end.
  mutating func endOverdue() {
    let total = clients.slotCount
    guard clients.count > 0 else { return }
    let share = timers.isBusy ? max(1, Int(total) / Int(timers.ticksPerSecond)) : Int(total)
    for _ in 0..<min(share + 1, Int(total)) {
      let slot = nextChecked % total
      nextChecked = (slot + 1) % total
      guard clients.isTaken(slot) else { continue }
      let client = clients[slot]
      if isOverdue(client) { close(client) }
    }
  }
}
