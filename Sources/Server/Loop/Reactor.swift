// Reactor.swift — the loop: completions in, submissions out, one system call a turn.
//
//   enter ─▶ completions ─▶ (parse, execute, answer) ─▶ wishes ─▶ timers ─▶ sends ─▶ enter
//
// Everything a turn wants to tell the kernel is queued and leaves with the enter of the next.
// The loop is generic over the engine and instantiated with concrete ones; no token waits
// behind a closure: the switch below is the whole dispatch.
import Bytes
import Commands
import Ring
import Wire

package struct Reactor<Engine: CompletionRing & ~Copyable>: ~Copyable {
  var ring: Engine
  let server: UnsafeMutablePointer<Server>
  /// Words of the request being parsed, lent to the connection whose bytes are read.
  var words = ArgumentVector()
  /// The requests that are read ahead of being run.
  var batch = Batch()
  /// Connections with something to send, first come first served, linked through the slab.
  var readyHead = Connection.noSlot
  var readyTail = Connection.noSlot
  /// Connections whose receive ended for want of buffers, oldest first.
  var starved: [(slot: UInt32, generation: UInt32)] = []
  /// Requests executed since the clock was last looked at.
  var requestsSinceClock = 0
  /// More completions wait than one turn may handle.
  var isBehind = false

  package init(ring: consuming Engine, server: UnsafeMutablePointer<Server>) {
    self.ring = ring
    self.server = server
  }

  deinit {
    var words = words
    words.release()
  }

  /// Turns until the server has stopped.
  package mutating func run() throws(RingError) {
    listen()
    ring.poll(server.pointee.signalDescriptor, Token(.poll, slot: Poll.signals, generation: 0))
    ring.poll(server.pointee.errands.event, Token(.poll, slot: Poll.errands, generation: 0))
    while !server.pointee.lifecycle.hasStopped || server.pointee.mustFlush { try turn() }
  }

  mutating func turn() throws(RingError) {
    try ring.enter(timeoutNanoseconds: isBehind ? 0 : server.pointee.waitNanoseconds())
    let commandsBefore = server.pointee.statistics.commands
    server.pointee.clock.update()
    server.pointee.engine.statistics = ring.statistics
    drain()
    if server.pointee.blocked.count > 0 { server.pointee.answerOverdue() }
    grantWishes()
    if server.pointee.timers.isDue(server.pointee.clock.nanoseconds) { tick() }
    if server.pointee.recovery.isLoading { server.pointee.continueRecovery(server) }
    grantUnpause()
    rearmStarved()
    server.pointee.isIdleTurn = server.pointee.statistics.commands == commandsBefore
    server.pointee.continueJob()
    submitSnapshot()
    commitLog()
    sendReady()
  }

  /// Handles completions, as many as fit into a turn: answers that are ready must not wait for
  /// all the requests that have arrived behind them.
  private mutating func drain() {
    var handled = 0
    let deadline = server.pointee.clock.nanoseconds + Turn.nanosecondsMax
    requestsSinceClock = 0
    isBehind = false
    while let done = ring.next() {
      dispatch(done)
      handled += 1
      if requestsSinceClock >= Turn.requestsPerClockReading {
        requestsSinceClock = 0
        if Clock.monotonicNanoseconds() >= deadline {
          isBehind = true
          return
        }
      }
      if handled == Turn.completionsMax {
        isBehind = true
        return
      }
    }
  }

  @inline(__always)
  private mutating func dispatch(_ done: Completion) {
    switch done.token.operation {
    case .receive: received(done)
    case .send: sent(done)
    case .receiveInto: receivedLarge(done)
    case .accept: accepted(done)
    case .close: closed(done)
    case .poll: polled(done)
    case .wake, .cancel, nil: break
    case .write: wroteFile(done)
    case .sync: syncedFile(done)
    case .read, .connect:
      preconditionFailure("nobody submitted this operation")
    }
  }

  private mutating func polled(_ done: Completion) {
    if done.token.slot == Poll.errands {
      server.pointee.collectErrands()
      if done.isFinal { ring.poll(server.pointee.errands.event, Token(.poll, slot: Poll.errands, generation: 0)) }
      return
    }
    guard done.token.slot == Poll.signals else { return }
    while let (signal, sender) = Signals.take(server.pointee.signalDescriptor) {
      server.pointee.received(signal, from: sender)
    }
    if done.isFinal {
      ring.poll(server.pointee.signalDescriptor, Token(.poll, slot: Poll.signals, generation: 0))
    }
  }

  /// The connection that a completion is for, or nil if it has gone since.
  @inline(__always)
  func connection(_ token: Token) -> UnsafeMutablePointer<Connection>? {
    server.pointee.connections.find(token.slot, generation: token.generation)
  }
}

/// Slots of the descriptors that are polled.
enum Poll {
  static let signals: UInt32 = 1
  /// Steps on files that a thread has carried out.
  static let errands: UInt32 = 2
}

/// Bounds of one turn.
enum Turn {
  static let completionsMax = 1_024
  /// The clock costs tens of nanoseconds: it is read once per so many requests.
  static let requestsPerClockReading = 128
  static let nanosecondsMax: UInt64 = 1_000_000
}
