// EngineTests.swift: what the conformance script does not touch: wakes, cancels, polls, reuse of slots and
// descriptors, sleeping, and what happens when io_uring is refused.
import Bytes
import Glibc
import Testing

@testable import Ring

/// A script written as a closure is not generic; these few are spelled out.
struct WakeScript: RingScript {
  /// A thread that wakes the ring while it sleeps for ever: it must come back, every time.
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Bool {
    let waker = ring.waker
    for _ in 0..<50 {
      let thread = try Thread { waker.wake() }
      var isAwake = false
      while !isAwake {
        try ring.enter(timeoutNanoseconds: nil)
        while let completion = ring.next() {
          #expect(completion.token.operation == .wake && !completion.isFinal)
          isAwake = true
        }
      }
      thread.join()
    }
    // A wake before the sleep counts as well.
    waker.wake()
    try ring.enter(timeoutNanoseconds: nil)
    var count = 0
    while ring.next() != nil { count += 1 }
    return count == 1 && ring.statistics.wakeups == 51
  }
}

/// Sleeps that nobody ends return after their time; without waiting they return at once.
struct TimeoutScript: RingScript {
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Bool {
    let start = Clock.monotonicNanoseconds()
    for _ in 0..<100 { try ring.enter(timeoutNanoseconds: 0) }
    // A signal may cut one short, and each ring that this thread had before sends one as it ends.
    var sleeps = 0
    while Clock.monotonicNanoseconds() - start < 20_000_000 {
      try ring.enter(timeoutNanoseconds: 20_000_000)
      guard ring.next() == nil else { return false }
      sleeps += 1
    }
    return sleeps <= 50
  }
}

/// Every operation that can wait, cancelled: one final completion each, and the memory comes back.
struct CancelScript: RingScript {
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> [Token.Operation: Int32] {
    let listener = try Socket.listen(on: SocketAddress(numeric: "::1", port: 0)!, backlog: 8)
    let (near, far) = try Socket.pair()
    let (full, _) = try Socket.pair()
    let (polled, silent) = try Socket.pair()
    defer { for descriptor in [listener, near, far, full, polled, silent] { Socket.close(descriptor) } }
    let count = 4 << 20
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 1, count: count)

    let operations: [Token.Operation] = [.accept, .receive, .send, .receiveInto, .poll]
    func token(_ operation: Token.Operation) -> Token { Token(operation, slot: 5, generation: 9) }
    ring.accept(listener, token(.accept))
    ring.receive(near, token(.receive))
    ring.send(full, memory, count: count, token(.send))
    ring.receive(far, into: memory, count: 10, token(.receiveInto))
    ring.poll(polled, token(.poll))
    for _ in 0..<3 { try ring.enter(timeoutNanoseconds: 1_000_000) }
    for operation in operations { ring.cancel(token(operation)) }
    // Unknown targets do no harm.
    ring.cancel(Token(.receive, slot: 77, generation: 77))
    var results: [Token.Operation: Int32] = [:]
    for _ in 0..<100 where results.count < operations.count {
      try ring.enter(timeoutNanoseconds: 10_000_000)
      while let completion = ring.next() {
        #expect(completion.isFinal && results[completion.token.operation!] == nil)
        results[completion.token.operation!] = completion.result
      }
    }
    return results
  }
}

/// A slot is used again while the old connection's completions are still on their way. The generation
/// tells them apart; the buffer that a late one carries goes back.
struct StaleScript: RingScript {
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Bool {
    let free = ring.buffersAvailable
    let (oldNear, oldFar) = try Socket.pair()
    let (newNear, newFar) = try Socket.pair()
    defer { for descriptor in [oldFar, newFar, newNear] { Socket.close(descriptor) } }
    let old = Token(.receive, slot: 3, generation: 1)
    let new = Token(.receive, slot: 3, generation: 2)
    ring.attach(oldNear)
    ring.attach(newNear)
    ring.receive(oldNear, old)
    try ring.enter(timeoutNanoseconds: 0)
    try write(oldFar, "late")
    // The slot changes hands before the turn in which the bytes come.
    ring.receive(newNear, new)
    ring.cancel(old)
    var oldEnded = false
    var newBytes = ""
    try write(newFar, "mine")
    for _ in 0..<100 where !oldEnded || newBytes.isEmpty {
      try ring.enter(timeoutNanoseconds: 10_000_000)
      while let completion = ring.next() {
        if completion.token == new && completion.carriesBuffer { newBytes += ring.bytes(of: completion).text }
        if completion.carriesBuffer { ring.recycle(completion) }
        if completion.token == old && completion.isFinal { oldEnded = true }
      }
    }
    ring.close(oldNear, Token(.close, slot: 3, generation: 1))
    let closed = try collect(&ring, 1)
    return oldEnded && newBytes == "mine" && closed.map(\.1) == [0] && ring.buffersAvailable == free
  }

  private func write(_ descriptor: Int32, _ text: StaticString) throws {
    try File.write(descriptor, ByteView(text))
  }
}

/// A listener that is closed by hand once its accept has ended, and another one under the same number.
struct ListenerReuseScript: RingScript {
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Bool {
    let address = SocketAddress(numeric: "127.0.0.1", port: 0)!
    for round in 0..<3 {
      let token = Token(.accept, slot: 0, generation: UInt32(round))
      let listener = try Socket.listen(on: address, backlog: 4)
      ring.accept(listener, token)
      let bound = try Socket.localAddress(listener)
      let client = try Socket.make(bound)
      try? Socket.connect(client, to: bound)
      var accepted: Int32 = -1
      var isOver = false
      for _ in 0..<100 where accepted < 0 || !isOver {
        try ring.enter(timeoutNanoseconds: 50_000_000)
        while let completion = ring.next() {
          if completion.result >= 0 { accepted = completion.result }
          if completion.isFinal { isOver = true }
        }
        if accepted >= 0 && !isOver { ring.cancel(token) }
      }
      guard accepted >= 0 && isOver else { return false }
      for descriptor in [accepted, client, listener] { Socket.close(descriptor) }
    }
    return true
  }
}

/// Connects to a listener, and to a port where nobody listens.
struct ConnectScript: RingScript {
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> [Int32] {
    let listener = try Socket.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, backlog: 8)
    let address = try Socket.localAddress(listener)
    let first = try Socket.make(address)
    let second = try Socket.make(address)
    defer { for descriptor in [first, second] { Socket.close(descriptor) } }
    ring.connect(first, to: address, Token(.connect, slot: 1, generation: 0))
    let connected = try collect(&ring, 1)
    Socket.close(listener)
    ring.connect(second, to: address, Token(.connect, slot: 2, generation: 0))
    return try connected.map(\.1) + collect(&ring, 1).map(\.1)
  }
}

/// A poll tells of each arrival, not of each look.
struct PollScript: RingScript {
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Int {
    let (near, far) = try Socket.pair()
    defer { for descriptor in [near, far] { Socket.close(descriptor) } }
    let token = Token(.poll, slot: 0, generation: 0)
    ring.poll(near, token)
    var heard = 0
    for _ in 0..<5 {
      try File.write(far, ByteView("x"))
      var byte: UInt8 = 0
      for _ in 0..<100 {
        try ring.enter(timeoutNanoseconds: 10_000_000)
        var has = false
        while let completion = ring.next() {
          #expect(completion.result & Int32(POLLIN) != 0)
          has = true
          if completion.isFinal { ring.poll(near, token) }
        }
        if has { break }
      }
      while recv(near, &byte, 1, Int32(MSG_DONTWAIT)) == 1 { heard += 1 }
    }
    ring.cancel(token)
    _ = try collect(&ring, 1)
    return heard
  }
}

@Suite struct EngineTests {
  @Test(arguments: RealEngine.available) func wakesFromAnotherThread(_ engine: RealEngine) throws {
    var script = WakeScript()
    #expect(try engine.run(&script))
  }

  @Test(arguments: RealEngine.available) func waitsAsLongAsAsked(_ engine: RealEngine) throws {
    var script = TimeoutScript()
    #expect(try engine.run(&script))
  }

  @Test(arguments: RealEngine.available) func cancelsWhatWaits(_ engine: RealEngine) throws {
    var script = CancelScript()
    let results = try engine.run(&script)
    for operation in [Token.Operation.accept, .receive, .receiveInto, .poll] {
      #expect(results[operation] == -ECANCELED, "\(operation)")
    }
    // The send had sent something, and says how much.
    #expect((1..<4 << 20).contains(results[.send] ?? 0))
  }

  @Test(arguments: RealEngine.available) func lateCompletionsAreRecognised(_ engine: RealEngine) throws {
    var script = StaleScript()
    #expect(try engine.run(&script))
  }

  @Test(arguments: RealEngine.available) func connects(_ engine: RealEngine) throws {
    var script = ConnectScript()
    #expect(try engine.run(&script) == [0, -ECONNREFUSED])
  }

  @Test(arguments: RealEngine.available) func listenersComeAndGo(_ engine: RealEngine) throws {
    var script = ListenerReuseScript()
    #expect(try engine.run(&script))
  }

  @Test(arguments: RealEngine.available) func polls(_ engine: RealEngine) throws {
    var script = PollScript()
    #expect(try engine.run(&script) == 5)
  }

  /// One ring wakes another, with its own next enter.
  @Test(arguments: RealEngine.available) func wakesAnotherRing(_ engine: RealEngine) throws {
    struct Script: RingScript {
      let target: RealEngine
      mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Bool {
        let waker = ring.waker
        let target = target
        let thread = try Thread {
          guard var other = try? UringRing(target.options, UringCapabilities.probe(target.options)) else {
            return waker.wake()
          }
          other.wake(waker)
          try? other.enter(timeoutNanoseconds: 0)
        }
        var completion: Completion?
        while completion == nil {
          try ring.enter(timeoutNanoseconds: nil)
          completion = ring.next()
        }
        thread.join()
        return completion?.token.operation == .wake
      }
    }
    for target in RealEngine.available where target.isUring {
      var script = Script(target: target)
      #expect(try engine.run(&script))
    }
  }

  /// A turn that finds nothing to do and must not wait makes no system call.
  @Test(.enabled(if: RealEngine.uringReason == nil)) func idleTurnsAreFree() throws {
    let options = RingOptions.small
    var ring = try UringRing(options, UringCapabilities.probe(options))
    try ring.enter(timeoutNanoseconds: 0)
    let enters = ring.statistics.enters
    for _ in 0..<1000 { try ring.enter(timeoutNanoseconds: 0) }
    #expect(ring.statistics.enters == enters)
  }

  @Test func choosesAndSaysWhy() throws {
    #expect(try Engine.choose(.epoll).name == "epoll")
    let found = try Engine.choose(.auto)
    #expect(!found.reason.isEmpty && (found.name == "io_uring") == (RealEngine.uringReason == nil))
    print("engine: \(found.name), because \(found.reason)")
    if case .io_uring(let capabilities) = found.kind { print("features: \(capabilities.text)") }
  }

  @Test func refusalsAreSentences() {
    for code in [EPERM, ENOSYS, EINVAL, ENOMEM, EMFILE, EIO] {
      #expect(UringSetup.sentence(for: code).contains(" "))
    }
  }
}
