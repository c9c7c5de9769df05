// Server+Threads.swift — which reactor serves whom, and how many there are.
import Bytes
import Commands
import Configuration
import Ring

extension Server {
  // MARK: orders

  /// Gives an order about a client's socket. A client whose socket is on its way hears it there.
  mutating func order(_ kind: Order.Kind, _ client: UnsafeMutablePointer<Client>) {
    guard let connection = client.pointee.connection else { return }
    give(Order(kind, connection), to: client.pointee.reactor)
  }

  @inline(__always)
  mutating func give(_ order: Order, to reactor: UInt8) {
    if reactor == 0 { orders.append(order) } else { crew.give(order, to: reactor) }
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
      if client.pointee.state == .draining && client.pointee.output.isEmpty { close(client) }
      return
    }
    client.pointee.marks.insert(.sending)
    var order = Order(count == 1 ? .send : .sendSegments, client.pointee.connection)
    order.count = Int32(count)
    order.amount = bytes
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
    var order = Order(.adopt, nil)
    order.pointer = UnsafeMutableRawPointer(client)
    order.count = client.pointee.descriptor
    order.isTrusted = client.pointee.session.flags.contains(.authenticated)
    crew.give(order, to: reactor)
  }

  /// The client is not served by its reactor any more.
  mutating func leave(_ client: UnsafeMutablePointer<Client>) {
    if client.pointee.reactor > 0 { crew.member(client.pointee.reactor).pointee.clientCount -= 1 }
    client.pointee.reactor = 0
    client.pointee.connection = nil
  }

  /// All reactors are told what requests may be.
  mutating func announceLimits() {
    for number in 0..<crew.count {
      var order = Order(.limitParser, nil)
      order.amount = inputLimits.parser.bulkBytesMax
      crew.give(order, to: UInt8(number + 1))
      order = Order(.limitInput, nil)
      order.amount = inputLimits.queryBufferBytes
      crew.give(order, to: UInt8(number + 1))
    }
  }

  // MARK: how many

  /// `io-threads`: the executor and so many reactors less one. More of them are there when this returns, or none of the
  /// new ones; fewer come about as their clients leave.
  mutating func changeThreads(to wanted: Int) throws(Errno) {
    let before = crew.count
    let setup = ReactorSetup(table: table, limits: inputLimits, processors: reactorProcessors)
    crew.keep(min(crew.count, wanted - 1))
    do throws(Errno) {
      while crew.count < wanted - 1 {
        guard let start = crew.start else { return }
        try start(&crew, setup)
        traffic.reactors.append(ReactorFigures())
      }
    } catch {
      crew.dismiss(downTo: before)
      throw error
    }
    crew.dismiss(downTo: wanted - 1)
  }

  /// `server_cpulist`.
  private var reactorProcessors: [Int] { ProcessorList(configuration.settings.threads.serverProcessors)?.numbers ?? [] }

  /// Ends the threads that were dismissed and serve nobody.
  mutating func joinLeavers() {
    while let figures = crew.joinLast() {
      traffic.reactors.removeLast()
      traffic.ended = traffic.ended + figures
    }
  }
}
