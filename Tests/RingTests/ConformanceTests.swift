// ConformanceTests.swift: the same script on every engine, and the same bytes heard.
import TestClients
import Testing

@testable import Ring

/// Echo over real sockets.
struct EchoScript: RingScript {
  var sayings: [Saying]
  var sends = EchoServer.Sends.plain
  var receivesInto = false
  var bufferBytes: Int32?
  var readsWhileWriting = true
  var name = ""
  var statistics = RingStatistics()

  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Outcome {
    let clients = try RealClients(bufferBytes: bufferBytes)
    defer { Socket.close(clients.listener) }
    var server = EchoServer(listener: clients.listener)
    server.sends = sends
    server.receivesInto = receivesInto
    let outcome = try play(&ring, clients, &server, sayings, readsWhileWriting: readsWhileWriting)
    expectWhole(outcome, sayings, server, name)
    statistics = ring.statistics
    return outcome
  }
}

@Suite struct ConformanceTests {
  private func check(_ engine: RealEngine, _ script: EchoScript) throws {
    var script = script
    script.name = engine.rawValue
    _ = try engine.run(&script)
  }

  @Test(arguments: RealEngine.available) func echoesSmallMessages(_ engine: RealEngine) throws {
    let sayings = (0..<20).map { Saying(bytes: Saying.pattern(100 + $0, seed: $0), portion: 7 + $0) }
    try check(engine, EchoScript(sayings: sayings))
  }

  /// The tiny rings really overflow and really run out of buffers, and lose nothing by it.
  @Test(arguments: RealEngine.available) func tinyRingsOverflow(_ engine: RealEngine) throws {
    guard engine == .uringTiny || engine == .epollTiny else { return }
    let sayings = (0..<40).map { Saying(bytes: Saying.pattern(8000, seed: $0), portion: 4000) }
    var script = EchoScript(sayings: sayings, name: engine.rawValue)
    _ = try engine.run(&script)
    if engine.isUring {
      #expect(script.statistics.overflows > 0 && script.statistics.bufferShortages > 0)
    }
  }

  @Test(arguments: RealEngine.available) func echoesManyConnections(_ engine: RealEngine) throws {
    let sayings = (0..<300).map { Saying(bytes: Saying.pattern(2000, seed: $0), portion: 500) }
    try check(engine, EchoScript(sayings: sayings))
  }

  /// Larger than every socket buffer: sends that are continued, receives that stop and go.
  @Test(arguments: RealEngine.available) func echoesLargeTransfers(_ engine: RealEngine) throws {
    let sayings = (0..<3).map { Saying(bytes: Saying.pattern(300_000, seed: $0), portion: 100_000) }
    try check(engine, EchoScript(sayings: sayings))
  }

  /// Peers that do not read until they cannot write: the server's sends block in the middle.
  @Test(arguments: RealEngine.available) func sendsWaitForSlowPeers(_ engine: RealEngine) throws {
    let sayings = (0..<4).map { Saying(bytes: Saying.pattern(200_000, seed: $0), portion: 50_000) }
    for sends in [EchoServer.Sends.plain, .gathered, .alternating] {
      try check(engine, EchoScript(sayings: sayings, sends: sends, bufferBytes: 32768, readsWhileWriting: false))
    }
  }

  @Test(arguments: RealEngine.available) func gathersSegments(_ engine: RealEngine) throws {
    let sayings = (0..<10).map { Saying(bytes: Saying.pattern(50_000, seed: $0), portion: 10_000) }
    try check(engine, EchoScript(sayings: sayings, sends: .alternating))
  }

  @Test(arguments: RealEngine.available) func receivesIntoOwnMemory(_ engine: RealEngine) throws {
    let sayings = (0..<10).map { Saying(bytes: Saying.pattern(50_000, seed: $0), portion: 10_000) }
    try check(engine, EchoScript(sayings: sayings, receivesInto: true))
  }

  /// Connections that end in every way while others go on.
  @Test(arguments: RealEngine.available) func everyWayToLeave(_ engine: RealEngine) throws {
    let farewells: [Saying.Farewell] = [.end, .close, .reset]
    let sayings = (0..<60).map {
      Saying(bytes: Saying.pattern(5000, seed: $0), portion: 1000, farewell: farewells[$0 % 3])
    }
    try check(engine, EchoScript(sayings: sayings))
  }
}
