// Reactor.swift — one ring and the sockets that it serves: bytes in, requests out; answers in, bytes out.
//
//   ring ── completions ──▶ reactor ── jobs ───▶ executor
//   ring ◀─ submissions ─── reactor ◀── orders ── executor
//
// It owns its connections, reads requests, and knows nothing of what they mean. The executor's own reactor is driven by
// the executor's loop, and its jobs are calls; any other has a thread. Generic over engine and way up, and
// instantiated with concrete ones: the switch below is the whole dispatch.
import Bytes
import Commands
import Ring
import Wire

struct Reactor<Engine: CompletionRing & ~Copyable, Up: Upstream & ~Copyable>: ~Copyable {
  var ring: Engine
  var upstream: Up
  let table: CommandTable
  var connections = Slab<Connection>()
  var limits = InputLimits()
  var figures = ReactorFigures()
  /// The batch that the next requests are read into.
  var batch: UnsafeMutablePointer<Batch>
  /// Batches that came back.
  private var freeBatches: UnsafeMutablePointer<Batch>?
  /// Connections whose receive ended for want of buffers, oldest first.
  var starved: [(slot: UInt32, generation: UInt32)] = []

  init(ring: consuming Engine, upstream: consuming Up, table: CommandTable) {
    self.ring = ring
    self.upstream = upstream
    self.table = table
    batch = Self.makeBatch()
  }

  deinit {
    Self.free(batch)
    var next = freeBatches
    while let batch = next {
      next = batch.pointee.nextFree
      Self.free(batch)
    }
  }

  private static func makeBatch() -> UnsafeMutablePointer<Batch> {
    let batch = UnsafeMutablePointer<Batch>.allocate(capacity: 1)
    batch.initialize(to: Batch(capacity: Up.requestsMax))
    return batch
  }

  private static func free(_ batch: UnsafeMutablePointer<Batch>) {
    batch.deinitialize(count: 1)
    batch.deallocate()
  }

  /// The batch at hand is under way: another one takes its place.
  mutating func replaceBatch() {
    guard let free = freeBatches else {
      batch = Self.makeBatch()
      return
    }
    freeBatches = free.pointee.nextFree
    batch = free
  }

  mutating func takeBack(_ batch: UnsafeMutablePointer<Batch>) {
    batch.pointee.words.removeAll()
    batch.pointee.words.shrink()
    batch.pointee.nextFree = freeBatches
    freeBatches = batch
  }

  /// A completion of one of its sockets.
  @inline(__always)
  mutating func handle(_ done: Completion) {
    switch done.token.operation {
    case .receive: received(done)
    case .send: sent(done)
    case .receiveInto: receivedLarge(done)
    case .close: closed(done)
    case .wake, .cancel, nil: break
    case .accept, .poll, .write, .sync, .read, .connect: preconditionFailure("not an operation of a socket")
    }
  }

  /// The connection that a completion is for, or nil if it has gone since.
  @inline(__always)
  func connection(_ token: Token) -> UnsafeMutablePointer<Connection>? {
    connections.find(token.slot, generation: token.generation)
  }

  mutating func obey(_ order: Order) {
    switch order.kind {
    case .adopt:
      let client = order.pointer?.assumingMemoryBound(to: Client.self)
      if let client { adopt(order.count, client, isAuthenticated: order.isTrusted) }
    case .adoptMoved:
      if let parcel = order.pointer?.assumingMemoryBound(to: Connection.self) { adopt(moved: parcel, order.isTrusted) }
    case .detach: order.connection.map { detach($0) }
    case .ran:
      guard let connection = order.connection else { return }
      ran(connection, Ran(count: Int(order.count), mustWait: order.amount != 0, isAuthenticated: order.isTrusted))
    case .send:
      guard let connection = order.connection, let start = order.pointer else { return }
      if order.isAwaited { connection.pointee.marks.insert(.awaited) }
      send(connection, UnsafeRawPointer(start), count: order.amount)
    case .sendSegments:
      guard let connection = order.connection, let start = order.pointer else { return }
      let segments = UnsafeBufferPointer(start: start.assumingMemoryBound(to: Segment.self), count: Int(order.count))
      if order.isAwaited { connection.pointee.marks.insert(.awaited) }
      send(connection, segments, count: order.amount)
    case .report: order.connection.map { report($0) }
    case .stopReading: order.connection.map { stopReading($0) }
    case .goOn: order.connection.map { goOn($0) }
    case .trust: order.connection?.pointee.isAuthenticated = true
    case .close: order.connection.map { close($0) }
    case .limitParser: limits.parser.bulkBytesMax = order.amount
    case .limitInput: limits.queryBufferBytes = order.amount
    case .stop: preconditionFailure("an order for a thread, not for a reactor")
    }
  }

  /// Serves a socket that was accepted, or that another reactor has let go of.
  mutating func adopt(_ descriptor: Int32, _ client: UnsafeMutablePointer<Client>, isAuthenticated: Bool) {
    let (slot, generation) = connections.insert(
      Connection(descriptor: descriptor, client: client, isAuthenticated: isAuthenticated))
    let connection = connections[slot]
    connection.pointee.slot = slot
    connection.pointee.generation = generation
    ring.attach(descriptor)
    var job = Job(.adopted, client)
    job.pointer = UnsafeMutableRawPointer(connection)
    upstream.tell(job)
    continueReading(connection)
  }
}

// MARK: moving

extension Reactor where Engine: ~Copyable, Up: ~Copyable {
  /// Another reactor will serve the connection: what is in flight is told to end, and then it is let go of.
  fileprivate mutating func detach(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.state == .open else { return }
    connection.pointee.marks.insert(.leaving)
    stopReceiving(connection)
    if connection.pointee.marks.contains(.receivingLarge) { ring.cancel(connection.pointee.token(.receiveInto)) }
    if connection.pointee.marks.contains(.sending) { ring.cancel(connection.pointee.token(.send)) }
    settle(connection)
  }

  /// Nothing of it is in flight any more.
  mutating func letGo(_ connection: UnsafeMutablePointer<Connection>) {
    ring.detach(connection.pointee.descriptor)
    let parcel = UnsafeMutablePointer<Connection>.allocate(capacity: 1)
    parcel.initialize(to: connection.pointee)
    connections.remove(connection.pointee.slot)
    var job = Job(.detached, parcel.pointee.client)
    job.pointer = UnsafeMutableRawPointer(parcel)
    upstream.tell(job)
  }

  /// Goes on where another reactor has stopped, in the middle of a request if need be.
  fileprivate mutating func adopt(moved parcel: UnsafeMutablePointer<Connection>, _ isTrusted: Bool) {
    var moved = parcel.pointee
    parcel.deallocate()
    moved.marks.remove([.leaving, .starved, .cancelling])
    moved.isAuthenticated = isTrusted
    let (slot, generation) = connections.insert(moved)
    let connection = connections[slot]
    connection.pointee.slot = slot
    connection.pointee.generation = generation
    ring.attach(moved.descriptor)
    var job = Job(.adopted, moved.client)
    job.pointer = UnsafeMutableRawPointer(connection)
    upstream.tell(job)
    proceed(connection)
  }
}

/// What requests may be, and how much of an unfinished one is kept.
struct InputLimits: BitwiseCopyable {
  var parser = RequestParser.Limits()
  /// client-query-buffer-limit.
  var queryBufferBytes = 1 << 30

  /// Bytes of unfinished requests that a connection may make us keep.
  func queryBufferBytes(_ connection: UnsafeMutablePointer<Connection>) -> Int {
    connection.pointee.isAuthenticated ? queryBufferBytes : Limits.inputBeforeAuthenticationBytes
  }
}

/// What a reactor counts. Since its start: whoever shows a difference keeps the older numbers.
struct ReactorFigures: BitwiseCopyable {
  /// Receives that brought bytes, and sends that took some.
  var reads: UInt64 = 0
  var writes: UInt64 = 0
  var bytesReceived: UInt64 = 0
  var bytesSent: UInt64 = 0
  /// Times that a connection was not read for a while, because so much waited to be run.
  var readPauses: UInt64 = 0
  /// Words received into memory of their own.
  var largeWords: UInt64 = 0
}
