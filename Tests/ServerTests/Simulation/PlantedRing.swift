// PlantedRing.swift — a simulated ring with one bug planted in it.
//
// Each bug is what the server would suffer if it, or an engine, forgot one rule. A harness that does
// not report it proves nothing by being silent.
import Bytes
import Ring

struct PlantedRing: ~Copyable, SimulatedEngine {
  enum Bug: CaseIterable {
    /// None: the layer itself changes nothing.
    case nothing
    /// Bytes arrive for a connection whose slot has another tenant: a kernel may, and the server must drop them.
    case lateBytes
    /// The same, but they are taken for the new tenant's: as if nobody looked at generations.
    case staleGeneration
    /// A receive buffer goes back before the server has read it.
    case bufferReused
    /// A send completes before the kernel has read its memory, so that the next one overlaps it.
    case sendOverlapped
    /// One byte is gone after the buffers ran out.
    case byteLost

    var isHarmless: Bool { self == .nothing || self == .lateBytes }
  }

  private var ring: SimulatedRing
  private let bug: Bug
  private let tally: Tally

  /// Completions that the server gets before the ring's.
  private var ready: [Completion] = []
  /// Bytes for connections that are ending, kept back until their slot is taken again.
  private var late: [(completion: Completion, enter: UInt64)] = []
  /// Receives that the server wants to end.
  private var cancelled: Set<UInt64> = []
  /// Sends whose completion the server has had already; they overlap, so there may be several under one token.
  private var completedEarly: [UInt64: Int] = [:]
  /// Receives that ended for want of buffers.
  private var starved: Set<UInt64> = []

  /// How often the bug has shown itself.
  final class Tally { var count = 0 }

  init(_ ring: consuming SimulatedRing, _ bug: Bug, _ tally: Tally) {
    self.ring = ring
    self.bug = bug
    self.tally = tally
  }

  // MARK: completions

  mutating func next() -> Completion? {
    if !ready.isEmpty { return ready.removeFirst() }
    while let done = ring.next() {
      if let seen = spoiled(done) { return seen }
    }
    return nil
  }

  /// What the server is told of a completion; nil: nothing, yet.
  private mutating func spoiled(_ done: Completion) -> Completion? {
    switch bug {
    case .nothing: break
    case .lateBytes, .staleGeneration:
      guard done.carriesBuffer, !done.isFinal, cancelled.contains(done.token.bits) else { break }
      late.append((done, ring.statistics.enters))
      return nil
    case .bufferReused:
      guard done.carriesBuffer else { break }
      ring.recycle(done)
      tally.count += 1
    case .sendOverlapped:
      guard done.token.operation == .send, let early = completedEarly[done.token.bits], early > 0 else { break }
      completedEarly[done.token.bits] = early - 1
      return nil
    case .byteLost:
      guard done.token.operation == .receive else { break }
      if done.result == -Errno.noBufferSpace.code { starved.insert(done.token.bits) }
      if done.result > 1, starved.remove(done.token.bits) != nil {
        tally.count += 1
        return Completion(token: done.token, result: done.result - 1, flags: done.flags)
      }
    }
    return done
  }

  mutating func enter(timeoutNanoseconds: UInt64?) throws(RingError) {
    try ring.enter(timeoutNanoseconds: ready.isEmpty ? timeoutNanoseconds : 0)
    // Nobody came to live there: the bytes are let go.
    while let first = late.first, first.enter + 200 < ring.statistics.enters { ready.append(late.removeFirst().completion) }
  }

  mutating func receive(_ descriptor: Int32, _ token: Token) {
    ring.receive(descriptor, token)
    for index in late.indices.reversed() where late[index].completion.token.slot == token.slot {
      let done = late.remove(at: index).completion
      guard done.token != token else {
        ready.insert(done, at: 0)
        continue
      }
      tally.count += 1
      let seen = bug == .staleGeneration ? token : done.token
      ready.insert(Completion(token: seen, result: done.result, flags: done.flags), at: 0)
    }
  }

  mutating func cancel(_ target: Token) {
    cancelled.insert(target.bits)
    ring.cancel(target)
  }

  mutating func send(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, _ token: Token) {
    ring.send(descriptor, memory, count: count, token)
    completeEarly(token, count)
  }

  mutating func send(_ descriptor: Int32, segments: UnsafeBufferPointer<Segment>, _ token: Token) {
    ring.send(descriptor, segments: segments, token)
    completeEarly(token, segments.reduce(0) { $0 + $1.count })
  }

  private mutating func completeEarly(_ token: Token, _ count: Int) {
    guard bug == .sendOverlapped else { return }
    tally.count += 1
    completedEarly[token.bits, default: 0] += 1
    ready.append(Completion(token: token, result: Int32(count), flags: 0))
  }

  var operationsInFlight: Int { ring.operationsInFlight + late.count + ready.count }

  // MARK: the rest is the ring's

  var name: StaticString { ring.name }
  var buffersAvailable: Int { ring.buffersAvailable }
  var waker: Waker { ring.waker }
  var statistics: RingStatistics { ring.statistics }
  static var segmentsMax: Int { SimulatedRing.segmentsMax }
  func checkIdle() { ring.checkIdle() }
  func bytes(of completion: Completion) -> ByteView { ring.bytes(of: completion) }
  mutating func recycle(_ completion: Completion) { ring.recycle(completion) }
  mutating func accept(_ listener: Int32, _ token: Token) { ring.accept(listener, token) }
  mutating func attach(_ descriptor: Int32) { ring.attach(descriptor) }
  mutating func detach(_ descriptor: Int32) { ring.detach(descriptor) }
  mutating func close(_ descriptor: Int32, _ token: Token) { ring.close(descriptor, token) }
  mutating func poll(_ descriptor: Int32, _ token: Token) { ring.poll(descriptor, token) }
  mutating func wake(_ other: Waker) { ring.wake(other) }
  mutating func sync(_ descriptor: Int32, _ token: Token) { ring.sync(descriptor, token) }

  mutating func connect(_ descriptor: Int32, to address: SocketAddress, _ token: Token) {
    ring.connect(descriptor, to: address, token)
  }

  mutating func receive(_ descriptor: Int32, into memory: UnsafeMutableRawPointer, count: Int, _ token: Token) {
    ring.receive(descriptor, into: memory, count: count, token)
  }

  mutating func write(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token) {
    ring.write(descriptor, memory, count: count, offset: offset, token)
  }

  mutating func writeDurably(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    ring.writeDurably(descriptor, memory, count: count, offset: offset, token)
  }

  mutating func writeAtOnce(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64) -> Int32 {
    ring.writeAtOnce(descriptor, memory, count: count, offset: offset)
  }

  mutating func writeThenSync(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, write: Token, sync: Token
  ) {
    ring.writeThenSync(descriptor, memory, count: count, offset: offset, write: write, sync: sync)
  }
}
