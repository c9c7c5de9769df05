// UringSelfTest.swift: use what will be used, once, before anybody depends on it.
//
// Version numbers lie (backports, hardened kernels, sandboxes that answer for the kernel), so each
// feature is tried on a socket pair. What fails is left out if the engine can do without it; if it
// cannot, io_uring counts as unavailable and the epoll engine serves.
import Bytes
import CURing
import Glibc

enum UringSelfTest {
  /// The capabilities without those that did not work.
  static func run(_ candidate: UringCapabilities, _ options: RingOptions) throws(RingError) -> UringCapabilities {
    var found = candidate
    // Without a working wake of one kind the other kind is tried, so this comes first.
    if found.postedWakes { found.postedWakes = try wakes(found, options) }
    if !found.postedWakes { try demand(wakes(found, options), "another thread cannot wake the ring") }
    if found.multishotReceive { found.multishotReceive = try receives(found, options) }
    if !found.multishotReceive { try demand(receives(found, options), "receiving into provided buffers fails") }
    if found.multishotAccept { found.multishotAccept = try accepts(found, options) }
    if !found.multishotAccept { try demand(accepts(found, options), "accepting fails") }
    if found.registeredFiles { found.registeredFiles = try closesRegistered(found, options) }
    try demand(sendsWhole(found, options), "a send is not continued until all is sent")
    try demand(chains(found, options), "a write linked to a sync fails")
    return found
  }

  private static func demand(_ works: Bool, _ reason: String) throws(RingError) {
    guard works else {
      throw .unavailable(errno: ENOTSUP, reason: "the kernel's io_uring failed its self-test: \(reason)")
    }
  }

  private static let token = Token(.receive, slot: 1, generation: 1)
  private static let other = Token(.send, slot: 2, generation: 2)

  /// Two messages under one receive (or one each), each in a buffer, then a cancel that ends it.
  private static func receives(_ found: UringCapabilities, _ options: RingOptions) throws(RingError) -> Bool {
    var trial = try Trial.make(found, options)
    for message in ["first", "second"] as [StaticString] {
      if message.utf8CodeUnitCount == 5 || !found.multishotReceive { trial.ring.receive(trial.near, token) }
      trial.write(message)
      guard let completion = try trial.await(token), completion.result > 0, completion.carriesBuffer,
        completion.isFinal != found.multishotReceive,
        trial.ring.bytes(of: completion) == ByteView(message)
      else { return false }
      trial.ring.recycle(completion)
    }
    if !found.multishotReceive { trial.ring.receive(trial.near, token) }
    trial.ring.cancel(token)
    guard let completion = try trial.await(token) else { return false }
    return completion.result == -ECANCELED && completion.isFinal
  }

  private static func wakes(_ found: UringCapabilities, _ options: RingOptions) throws(RingError) -> Bool {
    var trial = try Trial.make(found, options)
    try trial.ring.enter(timeoutNanoseconds: 0)
    let waker = trial.ring.waker
    waker.wake()
    guard try trial.await(Completion.wake.token) != nil else { return false }
    trial.ring.wake(waker)
    return try trial.await(Completion.wake.token) != nil
  }

  private static func accepts(_ found: UringCapabilities, _ options: RingOptions) throws(RingError) -> Bool {
    guard let address = SocketAddress(numeric: "127.0.0.1", port: 0),
      let listener = try? Socket.listen(on: address, backlog: 4)
    else { return true }
    defer { Socket.close(listener) }
    guard let bound = try? Socket.localAddress(listener), let client = try? Socket.make(bound) else { return true }
    defer { Socket.close(client) }

    var trial = try Trial.make(found, options)
    trial.ring.accept(listener, token)
    try? Socket.connect(client, to: bound)
    guard let completion = try trial.await(token), completion.result >= 0 else { return false }
    let name = try? Socket.peerAddress(completion.result)
    Socket.close(completion.result)
    return name != nil && completion.isFinal != found.multishotAccept
  }

  /// A send larger than the socket's buffer completes once, with all of it.
  private static func sendsWhole(_ found: UringCapabilities, _ options: RingOptions) throws(RingError) -> Bool {
    var trial = try Trial.make(found, options)
    let count = 1 << 20
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x5A, count: count)
    unsafe trial.ring.send(trial.near, memory, count: count, token)
    var drained = 0
    var sent: Completion?
    for _ in 0..<4096 where drained < count || sent == nil {
      try trial.ring.enter(timeoutNanoseconds: drained < count ? 0 : 250_000_000)
      while let completion = trial.ring.next() { if completion.token == token { sent = completion } }
      drained += trial.drain()
    }
    return sent.map { Int($0.result) } == count && drained == count
  }

  private static func chains(_ found: UringCapabilities, _ options: RingOptions) throws(RingError) -> Bool {
    let file = unsafe curing_memory_file("self-test")
    guard file >= 0 else { return true }
    defer { Socket.close(file) }
    var trial = try Trial.make(found, options)
    let message = ByteView("linked")
    unsafe trial.ring.writeThenSync(
      file, message.buffer.baseAddress!, count: message.count, offset: 0, write: token, sync: other)
    guard let write = try trial.await(token), let sync = try trial.await(other) else { return false }
    return write.result == message.count && sync.result == 0
  }

  /// Before 6.13 a registered descriptor was released only when all older operations of the ring had
  /// ended: with receives armed for hours, a closed client would never see the end of its connection.
  private static func closesRegistered(
    _ found: UringCapabilities, _ options: RingOptions
  ) throws(RingError) -> Bool {
    var trial = try Trial.make(found, options)
    guard let (near, far) = try? Socket.pair() else { return false }
    defer { Socket.close(far) }
    trial.ring.attach(trial.near)
    trial.ring.receive(trial.near, token)
    trial.ring.attach(near)
    try trial.ring.enter(timeoutNanoseconds: 0)
    trial.ring.close(near, other)
    guard let completion = try trial.await(other), completion.result == 0 else { return false }
    var byte: UInt8 = 0
    return unsafe recv(far, &byte, 1, Int32(MSG_DONTWAIT)) == 0
  }
}

/// A small ring and a socket pair, for one check.
private struct Trial: ~Copyable {
  var ring: UringRing
  let near: Int32
  let far: Int32

  static func make(_ found: UringCapabilities, _ options: RingOptions) throws(RingError) -> Trial {
    let (near, far) = try pair()
    do throws(RingError) {
      return Trial(ring: try UringRing(options, found), near: near, far: far)
    } catch {
      Socket.close(near)
      Socket.close(far)
      throw error
    }
  }

  private static func pair() throws(RingError) -> (Int32, Int32) {
    do throws(Errno) {
      return try Socket.pair()
    } catch {
      throw .unavailable(errno: error.code, reason: "no socket pair for the self-test: \(error)")
    }
  }

  deinit {
    Socket.close(near)
    Socket.close(far)
  }

  func write(_ message: StaticString) {
    _ = unsafe Glibc.write(far, message.utf8Start, message.utf8CodeUnitCount)
  }

  func drain() -> Int {
    var total = 0
    var chunk = InlineArray<4096, UInt8>(repeating: 0)
    while true {
      let count = unsafe Glibc.read(far, &chunk, 4096)
      guard count > 0 else { return total }
      total += count
    }
  }

  /// The next completion under the token; nil when none comes within 250 ms.
  mutating func await(_ token: Token) throws(RingError) -> Completion? {
    let deadline = Clock.monotonicNanoseconds() + 250_000_000
    while true {
      while let completion = ring.next() { if completion.token == token { return completion } }
      guard Clock.monotonicNanoseconds() < deadline else { return nil }
      try ring.enter(timeoutNanoseconds: 50_000_000)
    }
  }
}
