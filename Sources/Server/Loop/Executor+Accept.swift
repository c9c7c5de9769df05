// Executor+Accept.swift — new connections, and who is not let in.
import Bytes
import Commands
import Ring

extension Executor where Engine: ~Copyable {
  /// Arms an accept on every listener that has none.
  mutating func listen() {
    for index in server.pointee.listeners.indices
    where !server.pointee.listeners[index].isArmed && !server.pointee.listeners[index].isClosing {
      server.pointee.listeners[index].isArmed = true
      let listener = server.pointee.listeners[index]
      reactor.ring.accept(listener.descriptor, Token(.accept, slot: UInt32(index), generation: listener.generation))
    }
  }

  /// Ends accepts on listeners that were replaced and starts those on the new ones.
  mutating func relisten() {
    server.pointee.mustRelisten = false
    for index in server.pointee.listeners.indices where server.pointee.listeners[index].isClosing {
      let listener = server.pointee.listeners[index]
      guard listener.isArmed else {
        close(listener: index)
        continue
      }
      reactor.ring.cancel(Token(.accept, slot: UInt32(index), generation: listener.generation))
    }
    listen()
  }

  mutating func accepted(_ done: Completion) {
    let index = Int(done.token.slot)
    guard index < server.pointee.listeners.count,
      server.pointee.listeners[index].generation == done.token.generation
    else {
      // From a listener that was closed since: nobody answers for it any more.
      if done.result >= 0 { turnAway(done.result) }
      return
    }
    if done.isFinal { server.pointee.listeners[index].isArmed = false }
    if done.result >= 0 {
      admit(done.result, from: server.pointee.listeners[index])
    } else {
      server.pointee.acceptFailed(-done.result)
    }
    if server.pointee.listeners[index].isClosing {
      if done.isFinal { close(listener: index) }
    } else if !server.pointee.listeners[index].isArmed {
      if server.pointee.acceptPauseNeeded(done.result) {
        // Out of descriptors: accepting at once again would fail at once again. The tick arms it.
        return
      }
      listen()
    }
  }

  /// The last accept of a listener that is closing has ended.
  mutating func close(listener index: Int) {
    let generation = server.pointee.listeners[index].generation
    guard let descriptor = server.pointee.abandonListener(index) else { return }
    // Nobody waits for this close: like a cancel it completes unheard.
    reactor.ring.close(descriptor, Token(.cancel, slot: UInt32(index), generation: generation))
  }

  private mutating func admit(_ descriptor: Int32, from listener: Listener) {
    if let refusal = server.pointee.refusal(of: descriptor, on: listener) {
      Socket.sendOnce(descriptor, ByteView(refusal))
      return turnAway(descriptor)
    }
    let client = server.pointee.connected(descriptor, on: listener)
    let number = server.pointee.crew.leastLoaded
    server.pointee.assign(client, to: number)
    guard number == 0 else { return }
    reactor.adopt(descriptor, client, isAuthenticated: client.pointee.session.flags.contains(.authenticated))
  }

  /// Closes a descriptor that never became a connection. By the ring, which gave it: only the ring knows what it is.
  private mutating func turnAway(_ descriptor: Int32) {
    // As for a listener nobody waits for this close. Listeners have generations from 1 on.
    reactor.ring.close(descriptor, Token(.cancel, slot: UInt32(bitPattern: descriptor), generation: 0))
  }
}
