// Reactor+Send.swift — answers leave.
//
// At most one send is in flight on a connection. All replies of a turn leave in it; those of
// later turns gather behind, in the same chain of chunks, and leave with the next.
import Bytes
import Ring

extension Reactor where Engine: ~Copyable {
  /// Puts the connection on the list of those with something to send at the end of this turn.
  @inline(__always)
  mutating func markReady(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.marks.isDisjoint(with: [.ready, .sending]) else { return }
    client.pointee.marks.insert(.ready)
    client.pointee.nextReady = Connection.noSlot
    if readyTail == Connection.noSlot {
      readyHead = client.pointee.slot
    } else {
      server.pointee.connections[readyTail].pointee.nextReady = client.pointee.slot
    }
    readyTail = client.pointee.slot
  }

  mutating func sendReady() {
    var slot = readyHead
    readyHead = Connection.noSlot
    readyTail = Connection.noSlot
    while slot != Connection.noSlot {
      let client = server.pointee.connections[slot]
      slot = client.pointee.nextReady
      client.pointee.marks.remove(.ready)
      send(client)
    }
  }

  private mutating func send(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.state == .open || client.pointee.state == .draining else { return settle(client) }
    guard !client.pointee.marks.contains(.sending) else { return }
    let segments = server.pointee.segments
    let (count, bytes) = client.pointee.output.stretches(
      upTo: client.pointee.sendLimit, capacity: min(Engine.segmentsMax, Server.segmentsMax)
    ) { index, start, count in
      segments[index] = Segment(start: start, count: count)
    }
    guard bytes > 0 else { return settle(client) }
    client.pointee.marks.insert(.sending)
    client.pointee.operations += 1
    client.pointee.sendingBytes = bytes
    let token = client.pointee.token(.send)
    if count == 1 {
      ring.send(client.pointee.descriptor, segments[0].start, count: bytes, token)
    } else {
      ring.send(client.pointee.descriptor, segments: UnsafeBufferPointer(start: segments, count: count), token)
    }
  }

  mutating func sent(_ done: Completion) {
    guard let client = connection(done.token) else { return }
    client.pointee.operations -= 1
    client.pointee.marks.remove(.sending)
    let taken = max(0, Int(done.result))
    server.pointee.statistics.bytesSent += UInt64(taken)
    server.pointee.statistics.writes += 1
    client.pointee.details.pointee.bytesSent += UInt64(taken)
    client.pointee.output.release(taken)
    if taken > 0 { client.pointee.lastInteractionSeconds = server.pointee.clock.seconds }
    if taken < client.pointee.sendingBytes {
      // The engine goes on by itself after a short send, so this is the end of the stream in our direction.
      close(client)
      return settle(client)
    }
    if !client.pointee.output.isEmpty {
      if client.pointee.hasSendable { markReady(client) }
    } else if client.pointee.state != .open {
      settle(client)
    }
    if client.pointee.marks.contains(.paused), client.pointee.output.pending <= Backpressure.resumeBytes {
      resume(client, .paused)
    }
  }
}
