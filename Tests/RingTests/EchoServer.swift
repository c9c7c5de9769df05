// EchoServer.swift: the smallest server that keeps the ring's rules, on any engine.
//
// It sends back what it receives: one receive and one send in flight per connection, receives re-armed
// when they end, after -ENOBUFS only once buffers are free, a connection closed when nothing of it is
// in flight. What the real server does, without the commands.
import Bytes
import Glibc

@testable import Ring

struct EchoServer {
  struct Connection {
    var descriptor: Int32
    var generation: UInt32
    var isReceiving = false
    var isSending = false
    var isStarved = false
    /// No more will be received; close once all is sent.
    var isEnding = false
    var isAborted = false
    var isClosing = false
    var waiting: [UInt8] = []
    var flying: UnsafeMutableRawPointer?
    var flyingCount = 0
    var flyingIsGathered = false
  }

  /// How replies are sent.
  enum Sends { case plain, gathered, alternating }

  let listener: Int32
  var sends = Sends.plain
  /// Receives straight into our memory instead of the ring's buffers.
  var receivesInto = false
  private(set) var connections: [Int: Connection] = [:]
  private(set) var accepted = 0
  private(set) var closed = 0
  private(set) var errors: [Int32] = []
  /// Broken promises of the ring.
  private(set) var surprises: [String] = []
  private var freeSlots: [Int] = []
  private var slots = 0
  private var isAccepting = false
  private var isStopping = false
  private var dirty: Set<Int> = []
  private var starved: [Int] = []
  private var memory: [Int: UnsafeMutableRawPointer] = [:]
  private var generations: [Int: UInt32] = [:]

  private static var memoryBytes: Int { 3000 }

  init(listener: Int32) { self.listener = listener }

  var isIdle: Bool { connections.isEmpty && dirty.isEmpty }
  var hasStopped: Bool { isStopping && !isAccepting && isIdle }

  private func token(_ operation: Token.Operation, _ slot: Int) -> Token {
    Token(operation, slot: UInt32(slot), generation: connections[slot]!.generation)
  }

  private static var acceptToken: Token { Token(.accept, slot: 0xFFFF_FFFF, generation: 7) }

  /// One turn: hand over, wait, handle what came.
  mutating func turn<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, timeout: UInt64? = 1_000_000) throws {
    if !isAccepting && !isStopping {
      ring.accept(listener, EchoServer.acceptToken)
      isAccepting = true
    }
    rearmStarved(&ring)
    for slot in dirty.sorted() { advance(&ring, slot) }
    dirty.removeAll()
    try ring.enter(timeoutNanoseconds: timeout)
    while let completion = ring.next() { handle(&ring, completion) }
  }

  /// No further connections; ends those that are there.
  mutating func stop<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) {
    guard !isStopping else { return }
    isStopping = true
    if isAccepting { ring.cancel(EchoServer.acceptToken) }
    for slot in connections.keys.sorted() {
      connections[slot]!.isAborted = true
      connections[slot]!.isEnding = true
      end(&ring, slot)
    }
  }

  private mutating func handle<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ completion: Completion) {
    guard let operation = completion.token.operation else { return surprises.append("operation 0") }
    if operation == .wake { return }
    if operation == .accept { return admit(&ring, completion) }
    let slot = Int(completion.token.slot)
    guard let connection = connections[slot], connection.generation == completion.token.generation else {
      if completion.carriesBuffer { ring.recycle(completion) }
      return surprises.append("stale completion \(completion)")
    }
    switch operation {
    case .receive, .receiveInto: received(&ring, slot, completion)
    case .send: sent(&ring, slot, completion)
    case .close:
      if completion.result != 0 { errors.append(completion.result) }
      connections[slot] = nil
      memory.removeValue(forKey: slot)?.deallocate()
      freeSlots.append(slot)
      closed += 1
    default: surprises.append("unasked \(operation)")
    }
  }

  private mutating func admit<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ completion: Completion) {
    if completion.isFinal { isAccepting = false }
    guard completion.result >= 0 else { return }
    let slot = freeSlots.popLast() ?? slots
    if slot == slots { slots += 1 }
    let generation = (generations[slot] ?? 0) &+ 1
    generations[slot] = generation
    connections[slot] = Connection(descriptor: completion.result, generation: generation)
    accepted += 1
    ring.attach(completion.result)
    if receivesInto {
      memory[slot] = .allocate(byteCount: EchoServer.memoryBytes, alignment: 16)
    }
    dirty.insert(slot)
    if isStopping { connections[slot]!.isEnding = true }
  }

  private mutating func received<Ring: CompletionRing & ~Copyable>(
    _ ring: inout Ring, _ slot: Int, _ completion: Completion
  ) {
    if completion.isFinal { connections[slot]!.isReceiving = false }
    if completion.result > 0 {
      if completion.token.operation == .receiveInto {
        let bytes = UnsafeRawBufferPointer(start: memory[slot]!, count: Int(completion.result))
        connections[slot]!.waiting.append(contentsOf: bytes)
      } else if completion.carriesBuffer {
        connections[slot]!.waiting.append(contentsOf: ring.bytes(of: completion).buffer)
      } else {
        surprises.append("bytes without a buffer")
      }
    }
    if completion.carriesBuffer { ring.recycle(completion) }
    switch completion.result {
    case 1...: break
    case 0: connections[slot]!.isEnding = true
    case -ENOBUFS:
      connections[slot]!.isStarved = true
      starved.append(slot)
    case -EAGAIN, -EINTR, -ECANCELED: break
    default:
      errors.append(completion.result)
      connections[slot]!.isEnding = true
      connections[slot]!.isAborted = true
    }
    if completion.result <= 0 && !completion.isFinal { surprises.append("not final: \(completion.result)") }
    dirty.insert(slot)
  }

  private mutating func sent<Ring: CompletionRing & ~Copyable>(
    _ ring: inout Ring, _ slot: Int, _ completion: Completion
  ) {
    if !completion.isFinal { surprises.append("a send that goes on") }
    connections[slot]!.isSending = false
    connections[slot]!.flying?.deallocate()
    connections[slot]!.flying = nil
    if Int(completion.result) != connections[slot]!.flyingCount {
      errors.append(completion.result)
      connections[slot]!.isAborted = true
      connections[slot]!.isEnding = true
    }
    dirty.insert(slot)
  }

  private mutating func advance<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ slot: Int) {
    guard let connection = connections[slot], !connection.isClosing else { return }
    if !connection.isReceiving && !connection.isEnding && !connection.isStarved { receive(&ring, slot) }
    if !connection.isSending && !connection.isAborted && !connection.waiting.isEmpty { send(&ring, slot) }
    if connections[slot]!.isEnding { end(&ring, slot) }
  }

  private mutating func receive<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ slot: Int) {
    let descriptor = connections[slot]!.descriptor
    connections[slot]!.isReceiving = true
    if receivesInto {
      ring.receive(descriptor, into: memory[slot]!, count: EchoServer.memoryBytes, token(.receiveInto, slot))
    } else {
      ring.receive(descriptor, token(.receive, slot))
    }
  }

  private mutating func send<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ slot: Int) {
    let bytes = connections[slot]!.waiting
    connections[slot]!.waiting = []
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 16)
    memory.copyMemory(from: bytes, byteCount: bytes.count)
    connections[slot]!.flying = memory
    connections[slot]!.flyingCount = bytes.count
    connections[slot]!.isSending = true
    let wasGathered = connections[slot]!.flyingIsGathered
    let isGathered = sends == .gathered || (sends == .alternating && !wasGathered)
    connections[slot]!.flyingIsGathered = isGathered
    let descriptor = connections[slot]!.descriptor
    guard isGathered else { return ring.send(descriptor, memory, count: bytes.count, token(.send, slot)) }
    // Uneven pieces, at most 64.
    var segments: [Segment] = []
    var offset = 0
    let step = max(1, bytes.count / 60)
    while offset < bytes.count {
      let count = segments.count == 63 ? bytes.count - offset : min(step + segments.count % 3, bytes.count - offset)
      segments.append(Segment(start: memory + offset, count: count))
      offset += count
    }
    segments.withUnsafeBufferPointer { ring.send(descriptor, segments: $0, token(.send, slot)) }
    // The list was copied: what happens to ours does not matter.
    for i in segments.indices { segments[i].count = 0 }
  }

  /// Cancels what is in flight and closes once nothing is.
  private mutating func end<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ slot: Int) {
    let connection = connections[slot]!
    guard !connection.isClosing else { return }
    guard connection.isAborted || connection.waiting.isEmpty else { return }
    if connection.isReceiving && connection.isAborted {
      ring.cancel(token(receivesInto ? .receiveInto : .receive, slot))
    }
    if connection.isSending && connection.isAborted { ring.cancel(token(.send, slot)) }
    guard !connection.isReceiving && !connection.isSending else { return }
    connections[slot]!.isClosing = true
    ring.close(connection.descriptor, token(.close, slot))
  }

  private mutating func rearmStarved<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) {
    var room = ring.buffersAvailable
    while room > 0, !starved.isEmpty {
      let slot = starved.removeFirst()
      guard connections[slot]?.isStarved == true else { continue }
      connections[slot]!.isStarved = false
      dirty.insert(slot)
      room -= 1
    }
  }
}
