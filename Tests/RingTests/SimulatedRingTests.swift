// SimulatedRingTests.swift: thousands of seeds through the echo server, and proof that the simulation
// notices servers that break the rules.
import Bytes
import Glibc
import TestClients
import Testing

@testable import Ring

@Suite struct SimulatedRingTests {
  /// Seeds in all: MARTLET_SEEDS, or as many as a test run has time for. Dealt out to tests that run at the same time.
  private static var seeds: UInt64 { getenv("MARTLET_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 10_000 }
  private static let lanes: UInt64 = 2

  private func sayings(_ random: inout SeededRandom) -> [Saying] {
    let farewells: [Saying.Farewell] = [.end, .end, .end, .close, .reset]
    return (0..<1 + random.below(8)).map {
      Saying(
        bytes: Saying.pattern(random.below(3000), seed: $0), portion: 1 + random.below(40) * random.below(60),
        farewell: farewells[random.below(5)])
    }
  }

  private func play(seed: UInt64, _ rates: SimulatedFaultRates) throws -> (SimulatedWorld, Bool) {
    let world = SimulatedWorld(seed: seed, rates: rates)
    let said = sayings(&world.random)
    var ring = try SimulatedRing(world)
    let clients = SimulatedClients(world)
    var server = EchoServer(listener: clients.listener)
    server.sends = [.plain, .gathered, .alternating][world.random.below(3)]
    server.receivesInto = world.random.happens(250)
    let outcome = try RingTests.play(&ring, clients, &server, said, turnsMax: 20_000)
    let isHarmless = SimulatedFault.allCases.allSatisfy { $0.isHarmless || rates[$0] == 0 }
    var isRight = server.surprises.isEmpty && server.hasStopped && server.closed == server.accepted
    for i in said.indices {
      // A reset may cut what is heard short; it never changes it.
      let isWhole = isHarmless && said[i].farewell != .reset
      isRight = isRight && (isWhole ? outcome.heard[i] == said[i].bytes : said[i].bytes.starts(with: outcome.heard[i]))
    }
    _ = world.close(clients.listener)
    ring.checkIdle()
    isRight = isRight && world.violations.isEmpty && world.openDescriptors.isEmpty
    if !isRight {
      print("seed \(seed): \(world.violations.prefix(3)) \(server.surprises.prefix(3)) \(server.connections)")
    }
    return (world, isRight)
  }

  private func play(_ seeds: StrideTo<UInt64>, _ rates: SimulatedFaultRates, mustMeet: (SimulatedFault) -> Bool) throws {
    var counts = [Int](repeating: 0, count: SimulatedFault.allCases.count)
    for seed in seeds {
      let (world, isRight) = try play(seed: seed, rates)
      #expect(isRight, "seed \(seed)")
      if !isRight { return }
      for i in counts.indices { counts[i] += world.counts[i] }
    }
    // A few seeds need not meet everything.
    for fault in SimulatedFault.allCases where Self.seeds >= 2_000 && mustMeet(fault) {
      #expect(counts[fault.rawValue] > 0, "\(fault) never happened")
    }
  }

  /// Four of five seeds. Whatever a kernel may do without harm, every byte comes back and everything is given back.
  @Test(arguments: 0..<lanes) func harmlessFaultsLoseNothing(lane: UInt64) throws {
    let seeds = stride(from: 1 + lane, to: 1 + Self.seeds * 4 / 5, by: Int(Self.lanes))
    // Files are where a cancel can be ignored: see FileTests.
    try play(seeds, .harmless) { $0.isHarmless && $0 != .cancelIgnored }
  }

  /// One of five. Connections may die at any moment; what is heard until then is right, and nothing leaks.
  @Test(arguments: 0..<lanes) func harmfulFaultsOnlyCut(lane: UInt64) throws {
    let first: UInt64 = 1_000_000
    let seeds = stride(from: first + lane, to: first + Self.seeds / 5, by: Int(Self.lanes))
    try play(seeds, .all) { [.connectionReset, .brokenPipe, .shortSend].contains($0) }
  }

  /// The same seed does the same, to the last completion.
  @Test func seedsRepeat() throws {
    for seed in UInt64(1)...20 {
      let (first, _) = try play(seed: seed, .all)
      let (second, _) = try play(seed: seed, .all)
      #expect(first.counts == second.counts && first.nanoseconds == second.nanoseconds)
    }
  }
}
