// SimulatedRing+Operations.swift: taking operations down, and finding those that break a rule.
import Bytes
import Glibc

extension SimulatedRing {
  public mutating func accept(_ listener: Int32, _ token: Token) { queue(make(.accept, listener, token)) }

  public mutating func receive(_ descriptor: Int32, _ token: Token) { queue(make(.receive, descriptor, token)) }

  public mutating func receive(
    _ descriptor: Int32, into memory: UnsafeMutableRawPointer, count: Int, _ token: Token
  ) {
    var operation = make(.receiveInto, descriptor, token)
    // The kernel may scribble here from now on, so it does.
    unsafe memory.initializeMemory(as: UInt8.self, repeating: SimulatedBuffers.poison, count: count)
    unsafe operation.memory = memory
    operation.count = count
    queue(operation)
  }

  public mutating func send(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, _ token: Token) {
    var operation = make(.send, descriptor, token)
    unsafe operation.segments = [Segment(start: memory, count: count)]
    queue(operation)
  }

  public mutating func send(_ descriptor: Int32, segments: UnsafeBufferPointer<Segment>, _ token: Token) {
    var operation = make(.send, descriptor, token)
    unsafe operation.segments = Array(segments)
    if operation.segments.isEmpty || operation.segments.count > SimulatedRing.segmentsMax {
      world.violation("\(operation.segments.count) segments in one send")
    }
    queue(operation)
  }

  public mutating func connect(_ descriptor: Int32, to address: SocketAddress, _ token: Token) {
    queue(make(.connect, descriptor, token))
  }

  public mutating func attach(_ descriptor: Int32) {
    if world.resources[descriptor] == nil { world.violation("attach of \(descriptor), which is not open") }
  }

  public mutating func detach(_ descriptor: Int32) {
    forEachOperation { other in
      if other.descriptor == descriptor { world.violation("detach of \(descriptor) with \(other.kind) in flight") }
    }
  }

  public mutating func close(_ descriptor: Int32, _ token: Token) {
    forEachOperation { other in
      if other.descriptor == descriptor { world.violation("close of \(descriptor) with \(other.kind) in flight") }
    }
    queue(make(.close, descriptor, token))
  }

  public mutating func cancel(_ target: Token) { queuedCancels.append(target) }

  public mutating func poll(_ descriptor: Int32, _ token: Token) { queue(make(.poll, descriptor, token)) }

  public mutating func write(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    _ = unsafe queueWrite(descriptor, memory, count: count, offset: offset, token)
  }

  public mutating func writeDurably(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    _ = unsafe queueWrite(descriptor, memory, count: count, offset: offset, token, isDurable: true)
  }

  public mutating func writeAtOnce(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64
  ) -> Int32 {
    if world.strikes(.noSpace) { return -ENOSPC }
    if world.strikes(.writeError) { return -EIO }
    var some = count
    if some > 1 && world.strikes(.shortWrite) { some = 1 + world.random.below(some - 1) }
    guard let file = world.file(descriptor) else { return -EBADF }
    unsafe file.write(UnsafeRawBufferPointer(start: memory, count: some), at: Int(offset))
    return Int32(some)
  }

  public mutating func writeThenSync(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, write: Token, sync: Token
  ) {
    let number = unsafe queueWrite(descriptor, memory, count: count, offset: offset, write)
    var operation = make(.sync, descriptor, sync)
    operation.linkedAfter = number
    queue(operation)
  }

  public mutating func sync(_ descriptor: Int32, _ token: Token) { queue(make(.sync, descriptor, token)) }

  public mutating func wake(_ other: Waker) { other.wake() }

  private mutating func queueWrite(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token, isDurable: Bool = false
  ) -> UInt64 {
    var operation = make(.write, descriptor, token)
    operation.isDurable = isDurable
    unsafe operation.segments = [Segment(start: memory, count: count)]
    operation.offset = offset
    queue(operation)
    return operation.number
  }

  private mutating func make(
    _ kind: SimulatedOperation.Kind, _ descriptor: Int32, _ token: Token
  ) -> SimulatedOperation {
    nextNumber += 1
    return SimulatedOperation(kind, descriptor, token, number: nextNumber)
  }

  private mutating func queue(_ operation: SimulatedOperation) {
    check(operation)
    var operation = operation
    operation.takeSnapshot()
    if world.strikes(.delay) { operation.delay = 1 + world.random.below(4) }
    queued.append(operation)
  }

  /// The rules that a caller keeps.
  private func check(_ operation: SimulatedOperation) {
    let descriptor = operation.descriptor
    if operation.token.operation == nil { world.violation("\(operation.kind) under a token of the ring's own") }
    if operation.segments.contains(where: { $0.count <= 0 }) { world.violation("\(operation.kind) of no bytes") }
    if world.resources[descriptor] == nil {
      world.violation("\(operation.kind) on \(descriptor), which is not open")
    }
    forEachOperation { other in
      if other.token == operation.token {
        world.violation("\(operation.kind) and \(other.kind) in flight under one token")
      }
      guard other.descriptor == descriptor else { return }
      if other.isReading && operation.isReading { world.violation("two receives in flight on \(descriptor)") }
      if other.isWriting && operation.isWriting { world.violation("two sends in flight on \(descriptor)") }
      if other.kind == .close { world.violation("\(operation.kind) on \(descriptor) after its close") }
    }
  }

  /// Everything that has not had its final completion.
  func forEachOperation(_ body: (borrowing SimulatedOperation) -> Void) {
    for index in queued.indices { body(queued[index]) }
    for index in inFlight.indices { body(inFlight[index]) }
  }

  public func bytes(of completion: Completion) -> ByteView {
    buffers.bytes(completion.bufferNumber, count: max(0, Int(completion.result)), world)
  }

  public mutating func recycle(_ completion: Completion) {
    guard completion.carriesBuffer else { return world.violation("recycle of a completion without a buffer") }
    buffers.giveBack(completion.bufferNumber, world)
  }

  public var buffersAvailable: Int { buffers.available }
}
