// Reactor+Send.swift — answers leave.
//
// At most one send is in flight on a connection. The executor says what may leave, as one stretch of bytes or a list of
// them; until it has heard that they are sent they stay where they are.
import Bytes
import Ring

extension Reactor where Engine: ~Copyable, Up: ~Copyable {
  /// Sends one stretch.
  @inline(__always)
  mutating func send(_ connection: UnsafeMutablePointer<Connection>, _ start: UnsafeRawPointer, count: Int) {
    beginSend(connection, count)
    ring.send(connection.pointee.descriptor, start, count: count, connection.pointee.token(.send))
  }

  /// Sends several stretches, `count` bytes in all. The list may be gone when this returns.
  mutating func send(
    _ connection: UnsafeMutablePointer<Connection>, _ segments: UnsafeBufferPointer<Segment>, count: Int
  ) {
    beginSend(connection, count)
    ring.send(connection.pointee.descriptor, segments: segments, connection.pointee.token(.send))
  }

  @inline(__always)
  private func beginSend(_ connection: UnsafeMutablePointer<Connection>, _ count: Int) {
    precondition(!connection.pointee.marks.contains(.sending), "two sends at a time on a connection")
    connection.pointee.marks.insert(.sending)
    connection.pointee.operations += 1
    connection.pointee.sendingBytes = count
  }

  /// The executor has more for the connection than it has given to be sent.
  mutating func report(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.marks.contains(.sending) else {
      // It has been told already, and may have gone to sleep before that.
      return upstream.hurry()
    }
    connection.pointee.marks.insert(.awaited)
  }

  mutating func sent(_ done: Completion) {
    guard let connection = connection(done.token) else { return }
    connection.pointee.operations -= 1
    connection.pointee.marks.remove(.sending)
    let taken = max(0, Int(done.result))
    figures.bytesSent += UInt64(taken)
    figures.writes += 1
    var job = Job(.sent, connection.pointee.client, amount: taken)
    // The engine goes on by itself after a short send, so this is the end of the stream in our direction.
    job.isShort = taken < connection.pointee.sendingBytes
    // … unless it was told to end here, to go on elsewhere.
    let isCut = connection.pointee.marks.contains(.leaving) && (taken > 0 || done.result == -Errno.cancelled.code)
    if isCut { job.isShort = false }
    if job.isShort || isCut || connection.pointee.marks.contains(.awaited) { upstream.hurry() }
    connection.pointee.marks.remove(.awaited)
    upstream.tell(job)
    if connection.pointee.state != .open || connection.pointee.marks.contains(.leaving) { settle(connection) }
  }
}
