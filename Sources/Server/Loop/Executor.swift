// Executor.swift — the loop of the thread that runs every command.
//
//   enter ─▶ completions ─▶ (requests, answers) ─▶ wishes ─▶ timers ─▶ log ─▶ sends ─▶ enter
//
// Its ring carries the log, the listeners, and the sockets of a reactor of its own. Everything a turn wants to tell the
// kernel is queued and leaves with the enter of the next. Generic over the engine and instantiated with concrete ones;
// no token waits behind a closure: the switch below is the whole dispatch.
import Bytes
import Commands
import Ring
import Wire

package struct Executor<Engine: CompletionRing & ~Copyable>: ~Copyable {
  var reactor: Reactor<Engine, DirectUpstream>
  let server: UnsafeMutablePointer<Server>
  /// Makes the ring of another thread, on that thread.
  let makeRing: @Sendable () throws(RingError) -> Engine
  /// Batches of other threads that are run together.
  var pending: [(client: UnsafeMutablePointer<Client>, batch: UnsafeMutablePointer<Batch>)] = []
  /// More completions wait than one turn may handle.
  var isBehind = false

  package init(
    ring: consuming Engine, server: UnsafeMutablePointer<Server>,
    makeRing: @escaping @Sendable () throws(RingError) -> Engine
  ) {
    reactor = Reactor(ring: ring, upstream: DirectUpstream(server: server), table: server.pointee.table)
    self.server = server
    self.makeRing = makeRing
  }

  /// Turns until the server has stopped.
  package mutating func run() throws(RingError) {
    listen()
    reactor.ring.poll(server.pointee.signalDescriptor, Token(.poll, slot: Poll.signals, generation: 0))
    reactor.ring.poll(server.pointee.errands.event, Token(.poll, slot: Poll.errands, generation: 0))
    while !server.pointee.lifecycle.hasStopped || server.pointee.mustFlush { try turn() }
    server.endScript()
    server.endWalks()
    try dismissReactors()
  }

  mutating func turn() throws(RingError) {
    try enter()
    let commandsBefore = server.pointee.statistics.commands
    server.pointee.clock.update()
    server.pointee.engine.statistics = reactor.ring.statistics
    reactor.limits = server.pointee.inputLimits
    if server.pointee.clientMemory.isOver { server.pointee.evictClients() }
    drain()
    takeJobs()
    if server.pointee.blocked.count > 0 { server.pointee.answerOverdue() }
    server.pointee.grantWishes()
    if server.pointee.timers.isDue(server.pointee.clock.nanoseconds) { tick() }
    if server.pointee.recovery.isLoading { server.pointee.continueRecovery(server) }
    server.letClientsOn()
    obeyOrders()
    reactor.rearmStarved()
    server.pointee.isIdleTurn = server.pointee.statistics.commands == commandsBefore
    if !server.pointee.isScriptPaused { server.pointee.continueJob() }
    server.continueScript()
    server.continueWalks()
    if server.pointee.isFreeing && server.pointee.mayFree { server.pointee.continueFreeing() }
    if !server.pointee.orders.isEmpty { obeyOrders() }
    submitSnapshot()
    commitLog()
    sendReady()
    obeyOrders()
    publishOrders()
    if server.pointee.mustRelisten { relisten() }
    server.pointee.traffic.reactors[0] = reactor.figures
    if server.pointee.crew.enlisted > 0 {
      server.pointee.updateCrew()
      server.pointee.watchStaff(turns: reactor.ring.statistics.enters)
    }
  }

  /// Handles completions, as many as fit into a turn: answers that are ready must not wait for
  /// all the requests that have arrived behind them.
  private mutating func drain() {
    var handled = 0
    let deadline = server.pointee.clock.nanoseconds + Turn.nanosecondsMax
    server.pointee.requestsInTurn = 0
    isBehind = false
    while let done = reactor.ring.next() {
      dispatch(done)
      if !server.pointee.orders.isEmpty { obeyOrders() }
      handled += 1
      if server.pointee.requestsInTurn >= Turn.requestsPerClockReading {
        server.pointee.requestsInTurn = 0
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
  mutating func dispatch(_ done: Completion) {
    switch done.token.operation {
    case .accept: accepted(done)
    case .poll: polled(done)
    case .write: wroteFile(done)
    case .sync: syncedFile(done)
    case .read, .connect: preconditionFailure("nobody submitted this operation")
    default: reactor.handle(done)
    }
  }

  /// What jobs and commands want of the reactor on this thread. An order may bring jobs, and they orders.
  mutating func obeyOrders() {
    var next = 0
    while next < server.pointee.orders.count {
      let order = server.pointee.orders[next]
      next += 1
      reactor.obey(order)
    }
    if next > 0 { server.pointee.orders.removeAll(keepingCapacity: true) }
  }

  private mutating func polled(_ done: Completion) {
    if done.token.slot == Poll.errands {
      server.pointee.collectErrands()
      if done.isFinal { reactor.ring.poll(server.pointee.errands.event, Token(.poll, slot: Poll.errands, generation: 0)) }
      return
    }
    guard done.token.slot == Poll.signals else { return }
    while let (signal, sender) = Signals.take(server.pointee.signalDescriptor) {
      server.pointee.received(signal, from: sender)
    }
    if done.isFinal {
      reactor.ring.poll(server.pointee.signalDescriptor, Token(.poll, slot: Poll.signals, generation: 0))
    }
  }

  // MARK: answers

  /// One send for every client with output that may leave.
  private mutating func sendReady() {
    while let client = server.pointee.takeReady() { send(client) }
  }

  private mutating func send(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.reactor == 0 else { return server.pointee.orderSend(client, segmentsMax: Engine.segmentsMax) }
    guard client.pointee.state != .closing, client.pointee.marks.isDisjoint(with: [.sending, .moving]),
      let connection = client.pointee.connection
    else { return }
    let segments = server.pointee.segments
    let (count, bytes) = client.pointee.output.stretches(
      upTo: client.pointee.sendLimit, capacity: min(Engine.segmentsMax, Server.segmentsMax)
    ) { index, start, count in
      segments[index] = Segment(start: start, count: count)
    }
    guard bytes > 0 else {
      if client.pointee.state == .draining && client.pointee.output.isEmpty && !client.pointee.isUnderWay {
        server.pointee.close(client)
      }
      return
    }
    client.pointee.marks.insert(.sending)
    if count == 1 {
      reactor.send(connection, segments[0].start, count: bytes)
    } else {
      reactor.send(connection, UnsafeBufferPointer(start: segments, count: count), count: bytes)
    }
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
