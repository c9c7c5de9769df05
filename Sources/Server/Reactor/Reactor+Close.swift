// Reactor+Close.swift — how a socket ends.
//
// Everything in flight is told to end, and nothing is freed before the kernel has said that it did: the operations in
// flight go to zero and the executor gives back the batch it has, then the descriptor is closed, then the slot is free.
import Bytes
import Commands
import Ring
import Store

extension Reactor where Engine: ~Copyable, Up: ~Copyable {
  /// Nothing more is read; what was answered still leaves.
  mutating func stopReading(_ connection: UnsafeMutablePointer<Connection>) {
    connection.pointee.marks.insert([.deaf, .finished])
    stopReceiving(connection)
  }

  /// Ends the connection now.
  mutating func close(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.state == .open else { return }
    connection.pointee.state = .closing
    stopReceiving(connection)
    if !connection.pointee.marks.contains(.ended) || connection.pointee.marks.contains(.sending) {
      // The peer learns it now: the close itself has to wait for the kernel. Also wakes a send that waits for a peer who
      // does not read.
      try? Socket.shutdown(connection.pointee.descriptor)
    }
    settle(connection)
  }

  /// Moves an ending connection on, if nobody owes it anything any more.
  mutating func settle(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.operations == 0, connection.pointee.underWay == nil else { return }
    if connection.pointee.marks.contains(.leaving) && connection.pointee.state == .open { return letGo(connection) }
    guard connection.pointee.state == .closing else { return }
    connection.pointee.state = .released
    connection.pointee.input.release()
    connection.pointee.words.release()
    connection.pointee.largeWord.blob?.release()
    if let list = connection.pointee.largeWords {
      list.deinitialize(count: 1)
      list.deallocate()
      connection.pointee.largeWords = nil
    }
    ring.close(connection.pointee.descriptor, connection.pointee.token(.close))
  }

  mutating func closed(_ done: Completion) {
    guard let connection = connection(done.token) else { return }
    let client = connection.pointee.client
    connections.remove(done.token.slot)
    upstream.tell(Job(.closed, client))
  }
}
