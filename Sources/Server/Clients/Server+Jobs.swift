// Server+Jobs.swift — what reactors bring: requests to run, and what became of sockets.
import Bytes
import Commands
import Ring
import Store
import Wire

extension UnsafeMutablePointer where Pointee == Server {
  /// Runs the requests of a batch, one after the other, as far as its client may go on.
  func run(_ batch: UnsafeMutablePointer<Batch>, _ client: UnsafeMutablePointer<Client>) -> Ran {
    pointee.note(batch, client)
    if pointee.clientMemory.isOver { pointee.evictClients() }
    let count = batch.pointee.count
    var index = 0
    var mayGoOn = client.pointee.state == .open
    while index < count && mayGoOn {
      let item = batch.pointee.items[index]
      let arguments = batch.pointee.words.views(item.words)
      client.pointee.requestBytes = item.end - item.start
      if client.pointee.largeWords != nil { client.pointee.requestBytes = arguments.byteCount }
      index += 1
      let wait = pointee.mustHold(client, arguments)
      if wait != .none {
        pointee.hold(client, arguments, isParked: wait == .parked)
        return pointee.ran(client, index)
      }
      pointee.execution.pointee.hint(item.key, item.hash)
      execute(client, arguments, item.command)
      pointee.afterRequest(client)
      mayGoOn = client.pointee.mayGoOn
    }
    if let failure = batch.pointee.failure, mayGoOn && client.pointee.state == .open {
      pointee.refuse(client, failure)
      pointee.markReady(client)
      pointee.drain(client)
    }
    return pointee.ran(client, index)
  }

  /// Runs the request that was held, if nothing holds it any more, and lets the client's others follow.
  func letOn(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.hasSendable { pointee.markReady(client) }
    guard client.pointee.marks.contains(.stopped), client.pointee.state == .open else { return }
    if let held = client.pointee.held {
      let arguments = held.pointee.words.arguments
      let wait = pointee.mustHold(client, arguments)
      pointee.parkedWriters.mark(held, isParked: wait == .parked)
      guard wait == .none else { return }
      client.pointee.held = nil
      client.pointee.largeWords = held.pointee.largeWords
      held.pointee.largeWords = nil
      client.pointee.requestBytes = held.pointee.bytes
      pointee.beginBatch()
      pointee.execution.pointee.hint(.empty, KeyHash(bits: 0))
      execute(client, arguments, nil)
      if client.pointee.largeWords != nil { client.pointee.releaseLargeWords() }
      held.deinitialize(count: 1)
      held.deallocate()
      pointee.afterRequest(client)
    }
    pointee.goOnIfPossible(client)
  }
}

extension Server {
  @inline(__always)
  fileprivate mutating func note(_ batch: UnsafeMutablePointer<Batch>, _ client: UnsafeMutablePointer<Client>) {
    client.pointee.lastInteractionSeconds = clock.seconds
    client.pointee.details.pointee.bytesReceived += batch.pointee.bytesReceived
    client.pointee.inputBytes = batch.pointee.inputBytes
    client.pointee.inputCapacity = batch.pointee.inputCapacity
    client.pointee.largeWords = batch.pointee.largeWords
    requestsInTurn += batch.pointee.count
    if batch.pointee.count > 1 && prefetchedKeysMax > 0 {
      batch.pointee.prefetch(databases + Int(client.pointee.session.database))
      statistics.prefetchBatches &+= 1
      statistics.prefetchEntries &+= UInt64(batch.pointee.count)
    }
    beginBatch()
  }

  @inline(__always)
  fileprivate mutating func ran(_ client: UnsafeMutablePointer<Client>, _ count: Int) -> Ran {
    if client.pointee.largeWords != nil { client.pointee.releaseLargeWords() }
    let mustWait = !client.pointee.mayGoOn || client.pointee.held != nil
    if mustWait { client.pointee.marks.insert(.stopped) }
    return Ran(
      count: count, mustWait: mustWait, isAuthenticated: client.pointee.session.flags.contains(.authenticated))
  }

  /// After each request: what it wished for, and whether its client may have more output.
  @inline(__always)
  mutating func afterRequest(_ client: UnsafeMutablePointer<Client>) {
    if wishes.isUrgent { grantWishes() }
    if client.pointee.hasSendable { markReady(client) }
    if client.pointee.output.pending > outputBytesUnchecked, exceedsOutputLimit(client) {
      closedForOutput(client)
      return close(client)
    }
    weigh(client)
    if client.pointee.output.pending > Backpressure.stopBytes { client.pointee.marks.insert(.full) }
    if client.pointee.session.flags.contains(.closeAfterReply) { drain(client) }
    // What it waits for would be taken for nobody.
    if client.pointee.blocked != nil && client.pointee.marks.contains(.ended) { close(client) }
  }

  /// Keeps a request that must not begin yet.
  @inline(never)
  fileprivate mutating func hold(_ client: UnsafeMutablePointer<Client>, _ arguments: Arguments, isParked: Bool) {
    precondition(client.pointee.held == nil, "a request was delivered behind one that waits")
    let held = UnsafeMutablePointer<HeldRequest>.allocate(capacity: 1)
    held.initialize(
      to: HeldRequest(arguments, largeWords: client.pointee.largeWords, bytes: client.pointee.requestBytes))
    client.pointee.largeWords = nil
    client.pointee.held = held
    parkedWriters.mark(held, isParked: isParked)
  }

  /// Why a request must not begin yet.
  fileprivate enum Wait { case none, held, parked }

  /// Whether CLIENT PAUSE, the log or an image makes the request wait.
  @inline(__always)
  fileprivate mutating func mustHold(_ client: UnsafeMutablePointer<Client>, _ arguments: Arguments) -> Wait {
    let isPaused = clientPause.isActive || isThrottlingWrites
    guard isPaused || snapshots.job != nil || walks.count > 0 || isScriptPaused else { return .none }
    if isScriptPaused { return mayPassScript(arguments) ? .none : .held }
    if isPaused && holds(client, arguments[0], arguments.count > 1 ? arguments[1] : nil) { return .held }
    if walks.isFull && mustQueue(arguments) { return .held }
    return mustPark(client, arguments) ? .parked : .none
  }

  /// The client's reactor may deliver again, unless something still stands in the way.
  mutating func goOnIfPossible(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.marks.contains(.stopped), client.pointee.mayGoOn, client.pointee.held == nil else { return }
    client.pointee.marks.remove(.stopped)
    if client.pointee.marks.contains(.moving) { client.pointee.marks.insert(.goesOn) } else { order(.goOn, client) }
  }

  // MARK: what became of sockets

  /// Everything but batches.
  mutating func take(_ job: Job) {
    let client = job.client
    switch job.kind {
    case .adopted: adopted(client, job.pointer?.assumingMemoryBound(to: Connection.self))
    case .batch: preconditionFailure("a batch is run, not taken")
    case .sent: sent(client, job.amount, isShort: job.isShort)
    case .ended:
      client.pointee.marks.insert(.ended)
      if client.pointee.blocked != nil { close(client) }
    case .finished: drain(client)
    case .failed: close(client)
    case .inputTooLong:
      client.pointee.inputBytes = job.amount
      closedForQueryBuffer(client)
      close(client)
    case .outOfMemory:
      log.warning("Out of memory for the input of a client; closing it.")
      close(client)
    case .inputChanged:
      client.pointee.inputCapacity = job.amount
      client.pointee.inputBytes = Int(job.count)
      weigh(client)
    case .detached: detached(client, job.pointer)
    case .closed: gone(client)
    }
  }

  private mutating func sent(_ client: UnsafeMutablePointer<Client>, _ taken: Int, isShort: Bool) {
    client.pointee.marks.remove([.sending, .awaited])
    if let list = client.pointee.segments {
      pool.pointee.give(list)
      client.pointee.segments = nil
    }
    client.pointee.details.pointee.bytesSent += UInt64(taken)
    client.pointee.output.release(taken)
    weigh(client)
    if taken > 0 { client.pointee.lastInteractionSeconds = clock.seconds }
    if isShort { return close(client) }
    if client.pointee.output.isEmpty {
      if client.pointee.state == .draining && !client.pointee.isUnderWay { close(client) }
    } else if client.pointee.hasSendable {
      markReady(client)
    }
    if client.pointee.marks.contains(.full), client.pointee.output.pending <= Backpressure.resumeBytes {
      client.pointee.marks.remove(.full)
      goOnIfPossible(client)
    }
  }

  /// The kernel is done with the socket: so is everybody.
  private mutating func gone(_ client: UnsafeMutablePointer<Client>) {
    guard !client.pointee.marks.contains(.ready), !client.pointee.isUnderWay else {
      // Others of the list are found through it; its command is still to return.
      client.pointee.marks.insert(.gone)
      return
    }
    client.pointee.output.discardAll()
    if let list = client.pointee.segments { pool.pointee.give(list) }
    client.pointee.releaseLargeWords()
    if let held = client.pointee.held {
      parkedWriters.mark(held, isParked: false)
      held.deinitialize(count: 1)
      held.deallocate()
    }
    client.pointee.details.deinitialize(count: 1)
    client.pointee.details.deallocate()
    leave(client)
    clients.remove(client.pointee.slot)
    if clients.count == 0 && lifecycle.isClosingClients { lifecycle.allClientsClosed() }
  }

  // MARK: what leaves

  /// Puts the client on the list of those with something to send at the end of this turn.
  @inline(__always)
  mutating func markReady(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.marks.isDisjoint(with: [.ready, .sending, .moving]) else {
      let isUnawaited = client.pointee.reactor > 0 && client.pointee.marks.isDisjoint(with: [.ready, .awaited, .moving])
      return isUnawaited ? awaitSend(client) : ()
    }
    client.pointee.marks.insert(.ready)
    client.pointee.nextReady = Client.noSlot
    if readyTail == Client.noSlot {
      readyHead = client.pointee.slot
    } else {
      clients[readyTail].pointee.nextReady = client.pointee.slot
    }
    readyTail = client.pointee.slot
  }

  /// The client that is first on that list; it is on it no more.
  @inline(__always)
  mutating func takeReady() -> UnsafeMutablePointer<Client>? {
    while readyHead != Client.noSlot {
      let client = clients[readyHead]
      readyHead = client.pointee.nextReady
      if readyHead == Client.noSlot { readyTail = Client.noSlot }
      client.pointee.marks.remove(.ready)
      guard client.pointee.marks.contains(.gone) else { return client }
      gone(client)
    }
    return nil
  }

  // MARK: the end of a client

  /// Ends the client once its output has left.
  mutating func drain(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.state == .open else { return }
    client.pointee.state = .draining
    drainingClients += 1
    client.pointee.lastInteractionSeconds = clock.seconds
    order(.stopReading, client)
    if client.pointee.output.isEmpty && !client.pointee.isUnderWay { close(client) } else { markReady(client) }
  }

  /// A long command of the client has ended after all: whoever waited for that goes on.
  mutating func forgetIfGone(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.marks.contains(.gone) && !client.pointee.marks.contains(.ready) { gone(client) }
  }

  /// Ends the client now; output that has not left is lost.
  mutating func close(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.state != .closing else { return }
    if client.pointee.state == .draining { drainingClients -= 1 }
    client.pointee.state = .closing
    unweigh(client)
    forgetHolds(client)
    disconnected(client)
    order(.close, client)
  }
}

enum Backpressure {
  /// Nothing more is run for a client with so much output waiting …
  static let stopBytes = 32 << 20
  /// … until no more than this waits. Far apart, so that reading does not flutter.
  static let resumeBytes = 16 << 20
}
