// Reactor+Close.swift — how a connection ends.
//
// Draining: nothing more is read, what was answered still leaves. Closing: everything in
// flight is told to end, and nothing is freed before the kernel has said that it did: the
// operations in flight go to zero, then the descriptor is closed, then the slot is free.
import Bytes
import Ring
import Store
import Wire

extension Reactor where Engine: ~Copyable {
  /// Ends the connection once its output has left.
  mutating func drain(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.state == .open else { return }
    client.pointee.state = .draining
    server.pointee.drainingConnections += 1
    client.pointee.lastInteractionSeconds = server.pointee.clock.seconds
    stopReceiving(client)
    if client.pointee.output.isEmpty { close(client) } else { markReady(client) }
  }

  /// Ends the connection now; output that has not left is lost.
  mutating func close(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.state == .open || client.pointee.state == .draining else { return }
    if client.pointee.state == .draining { server.pointee.drainingConnections -= 1 }
    client.pointee.state = .closing
    server.pointee.forgetHolds(client)
    server.pointee.disconnected(client)
    stopReceiving(client)
    if !client.pointee.marks.contains(.ended) || client.pointee.marks.contains(.sending) {
      // The peer learns it now, before whoever asked for this is answered: the close itself has to wait for the
      // kernel. Also wakes a send that waits for a peer who does not read.
      try? Socket.shutdown(client.pointee.descriptor)
    }
    settle(client)
  }

  /// Moves an ending connection on, if the kernel owes it nothing any more.
  mutating func settle(_ client: UnsafeMutablePointer<Connection>) {
    switch client.pointee.state {
    case .draining where client.pointee.output.isEmpty && !client.pointee.marks.contains(.sending): close(client)
    case .closing where client.pointee.operations == 0 && !client.pointee.marks.contains(.ready):
      client.pointee.state = .released
      releaseMemory(of: client)
      ring.close(client.pointee.descriptor, client.pointee.token(.close))
    default: break
    }
  }

  mutating func closed(_ done: Completion) {
    guard connection(done.token) != nil else { return }
    server.pointee.connections.remove(done.token.slot)
    if server.pointee.connections.count == 0 && server.pointee.lifecycle.isClosingClients {
      server.pointee.lifecycle.allClientsClosed()
    }
  }

  private mutating func releaseMemory(of client: UnsafeMutablePointer<Connection>) {
    client.pointee.output.discardAll()
    client.pointee.input.release()
    client.pointee.words.release()
    client.pointee.releaseLargeWords()
    client.pointee.largeWord.blob?.release()
    client.pointee.details.deinitialize(count: 1)
    client.pointee.details.deallocate()
  }
}
