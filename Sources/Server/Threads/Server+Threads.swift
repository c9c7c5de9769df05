// Server+Threads.swift — orders to reactors, moves between them, and how many there are.
import Bytes
import Commands
import Configuration
import Ring

extension Server {
  // MARK: orders

  /// Gives an order about a client's socket. A client whose socket is on its way hears it there.
  mutating func order(_ kind: Order.Kind, _ client: UnsafeMutablePointer<Client>) {
    guard let connection = client.pointee.connection, !client.pointee.marks.contains(.moving) else { return }
    give(Order(kind, connection), to: client.pointee.reactor)
  }

  @inline(__always)
  mutating func give(_ order: Order, to reactor: UInt8) {
    if reactor == 0 { orders.append(order) } else { crew.give(order, to: reactor) }
  }

  /// There is more for a client whose send is in flight on another thread, which need not tell at once when it ends.
  @inline(never)
  mutating func awaitSend(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.marks.insert(.awaited)
    order(.report, client)
  }

  /// Has another thread send what may leave.
  mutating func orderSend(_ client: UnsafeMutablePointer<Client>, segmentsMax: Int) {
    guard client.pointee.state != .closing, client.pointee.marks.isDisjoint(with: [.sending, .moving]) else { return }
    let segments = segments
    let capacity = min(segmentsMax, Self.segmentsOrderedMax)
    let (count, bytes) = client.pointee.output.stretches(upTo: client.pointee.sendLimit, capacity: capacity) {
      segments[$0] = Segment(start: $1, count: $2)
    }
    guard bytes > 0 else {
      if client.pointee.state == .draining && client.pointee.output.isEmpty && !client.pointee.isUnderWay { close(client) }
      return
    }
    client.pointee.marks.insert(.sending)
    let isMore = client.pointee.output.appended > client.pointee.output.sent + UInt64(bytes)
    var order = Order(count == 1 ? .send : .sendSegments, client.pointee.connection)
    order.count = Int32(count)
    order.amount = bytes
    order.isAwaited = isMore || client.pointee.state == .draining || client.pointee.marks.contains(.full)
    if order.isAwaited { client.pointee.marks.insert(.awaited) }
    order.pointer = UnsafeMutableRawPointer(mutating: segments[0].start)
    if count > 1 {
      // The list is read on another thread, so it needs memory of its own until the send has ended.
      let list = pool.pointee.take(count * MemoryLayout<Segment>.stride)
      let copy = UnsafeMutableRawPointer(OutputBuffer.bytes(of: list))
      copy.copyMemory(from: segments, byteCount: count * MemoryLayout<Segment>.stride)
      copy.bindMemory(to: Segment.self, capacity: count)
      client.pointee.segments = list
      order.pointer = copy
    }
    crew.give(order, to: client.pointee.reactor)
  }

  /// As many as a small chunk lists.
  private static var segmentsOrderedMax: Int {
    (ChunkPool.smallBytes - ChunkPool.headerBytes) / MemoryLayout<Segment>.stride
  }

  // MARK: places

  /// The reactor that a new client goes to.
  mutating func assign(_ client: UnsafeMutablePointer<Client>, to reactor: UInt8) {
    client.pointee.reactor = reactor
    guard reactor > 0 else { return }
    crew.member(reactor).pointee.clientCount += 1
    expect(1, at: reactor)
    var order = Order(.adopt, nil)
    order.pointer = UnsafeMutableRawPointer(client)
    order.count = client.pointee.descriptor
    order.isTrusted = client.pointee.session.flags.contains(.authenticated)
    crew.give(order, to: reactor)
  }

  /// A reactor serves the client from here on. What was ordered on the way is ordered there.
  mutating func adopted(_ client: UnsafeMutablePointer<Client>, _ connection: UnsafeMutablePointer<Connection>?) {
    client.pointee.connection = connection
    client.pointee.marks.remove(.moving)
    switch client.pointee.state {
    case .closing: order(.close, client)
    case .draining: order(.stopReading, client)
    // Only what was said on the way: the reactor may have delivered more since, and been told to wait.
    case .open: if client.pointee.marks.contains(.goesOn) { order(.goOn, client) }
    }
    client.pointee.marks.remove(.goesOn)
    if client.pointee.hasSendable || client.pointee.state == .draining { markReady(client) }
    // The number of threads may have changed on its way.
    sendOn(client)
  }

  /// Has another reactor serve the client, once the present one has let go of it.
  mutating func move(_ client: UnsafeMutablePointer<Client>, to reactor: UInt8) {
    guard client.pointee.state == .open, !client.pointee.marks.contains(.moving), client.pointee.reactor != reactor,
      client.pointee.connection != nil
    else { return }
    order(.detach, client)
    client.pointee.marks.insert(.moving)
    client.pointee.destination = reactor
    expect(-1, at: client.pointee.reactor)
    expect(1, at: reactor)
    moves += 1
  }

  /// So many more clients will be a reactor's, or fewer.
  private func expect(_ change: Int, at reactor: UInt8) {
    if reactor > 0 { crew.member(reactor).pointee.expectedCount += change }
  }

  /// Its reactor has let go of it; `parcel` is its connection.
  mutating func detached(_ client: UnsafeMutablePointer<Client>, _ parcel: UnsafeMutableRawPointer?) {
    if client.pointee.reactor > 0 { crew.member(client.pointee.reactor).pointee.clientCount -= 1 }
    // The one that it was to go to may have been dismissed meanwhile.
    var reactor = client.pointee.destination
    if reactor > 0 && crew.member(reactor).pointee.isLeaving {
      expect(-1, at: reactor)
      reactor = crew.leastLoaded
      expect(1, at: reactor)
      client.pointee.destination = reactor
    }
    client.pointee.reactor = reactor
    client.pointee.connection = nil
    if reactor > 0 { crew.member(reactor).pointee.clientCount += 1 }
    var order = Order(.adoptMoved, nil)
    order.pointer = parcel
    order.isTrusted = client.pointee.session.flags.contains(.authenticated)
    give(order, to: reactor)
  }

  /// The client is not served by its reactor any more.
  mutating func leave(_ client: UnsafeMutablePointer<Client>) {
    let reactor = client.pointee.reactor
    if reactor > 0 { crew.member(reactor).pointee.clientCount -= 1 }
    expect(-1, at: client.pointee.marks.contains(.moving) ? client.pointee.destination : reactor)
    client.pointee.reactor = 0
    client.pointee.connection = nil
  }

  /// All reactors are told what requests may be.
  mutating func announceLimits() {
    for number in 0..<crew.count { announceLimits(to: UInt8(number + 1)) }
  }

  private mutating func announceLimits(to reactor: UInt8) {
    var order = Order(.limitParser, nil)
    order.amount = inputLimits.parser.bulkBytesMax
    crew.give(order, to: reactor)
    order = Order(.limitInput, nil)
    order.amount = inputLimits.queryBufferBytes
    crew.give(order, to: reactor)
  }

  // MARK: how many

  /// `io-threads`: the executor and so many reactors less one. New ones make their rings while everybody goes on; if a
  /// thread is not to be had none of the new ones stays. Fewer come about as their clients leave.
  mutating func changeThreads(to wanted: Int) throws(Errno) {
    let before = crew.staying
    crew.keep(wanted - 1)
    do throws(Errno) { try recruit(upTo: wanted - 1) } catch {
      crew.dismiss(downTo: before)
      throw error
    }
    crew.wanted = wanted - 1
    crew.dismiss(downTo: wanted - 1)
    restaff()
  }

  private mutating func recruit(upTo wanted: Int) throws(Errno) {
    guard let start = crew.start else { return }
    let setup = ReactorSetup(table: table, limits: inputLimits, processors: reactorProcessors)
    // One that is ending has to be gone before another takes its place.
    while crew.enlisted < wanted && !crew.isEnding { try start(&crew, setup) }
    while traffic.reactors.count <= crew.count { traffic.reactors.append(ReactorFigures()) }
  }

  /// Waits for all recruits. Throws what kept the first one that failed from having a ring.
  mutating func awaitRecruits() throws(Errno) {
    while crew.hasRecruits {
      if case .failed(let error) = crew.admit(waits: true) { throw error }
      traffic.reactors.append(ReactorFigures())
    }
    restaff()
  }

  /// Takes in recruits that have a ring by now, ends the threads that were dismissed and serve nobody, and replaces those
  /// that ended while more were asked for.
  mutating func updateCrew() {
    if crew.hasRecruits { admitRecruits() }
    guard crew.staying < crew.count || crew.enlisted < crew.wanted else { return }
    while let figures = crew.joinLast() {
      traffic.reactors.removeLast()
      traffic.ended = traffic.ended + figures
    }
    guard crew.enlisted < crew.wanted && !crew.isEnding else { return }
    do throws(Errno) { try recruit(upTo: crew.wanted) } catch { makeDo(with: crew.enlisted, because: error) }
    announceShortage()
    restaff()
  }

  private mutating func admitRecruits() {
    let before = crew.count
    admitting: while true {
      switch crew.admit(waits: false) {
      case .admitted:
        traffic.reactors.append(ReactorFigures())
        announceLimits(to: UInt8(crew.count))
      case .failed(let error): makeDo(with: crew.enlisted, because: error)
      case .pending: break admitting
      }
    }
    announceShortage()
    if crew.count > before { restaff() }
  }

  /// There are no more threads than these; CONFIG GET says so.
  private mutating func makeDo(with count: Int, because error: Errno) {
    crew.shortage = error
    crew.wanted = min(crew.wanted, count)
    configuration.settings.threads.ioThreads = crew.wanted + 1
  }

  /// Says once, when it is known of all recruits, that some were not to be had.
  private mutating func announceShortage() {
    guard let error = crew.shortage, !crew.hasRecruits else { return }
    crew.shortage = nil
    log.warning("Unable to start all I/O threads: \(error.text). Going on with io-threads \(crew.wanted + 1)")
  }

  /// What reactors with threads have counted until now.
  mutating func refreshTraffic() {
    for number in 0..<crew.count { traffic.reactors[number + 1] = crew.member(UInt8(number + 1)).pointee.figures.pointee.figures }
  }

  /// Binds the calling thread, the executor, to `server_cpulist`; its reactors bind themselves.
  func bindExecutor() {
    let text = configuration.settings.threads.serverProcessors
    guard let list = ProcessorList(text) else { return log.warning("server_cpulist is no list of processors: \(text)") }
    do throws(Errno) { try OwnThread.bind(to: list.numbers) } catch {
      log.warning("Can't run on the processors \(text): \(error.text)")
    }
  }

  /// `server_cpulist`.
  private var reactorProcessors: [Int] { ProcessorList(configuration.settings.threads.serverProcessors)?.numbers ?? [] }
}
