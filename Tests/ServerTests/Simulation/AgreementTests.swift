// AgreementTests.swift — one seed, three engines, the same bytes heard.
//
// The whole server plays the same cast on the simulated ring, on epoll and, where the kernel lets us, on
// io_uring, over real sockets with small buffers. Each client must hear what the model says, hence the
// same everywhere; what it hears is compared between the engines all the same, in case the model errs.
import Ring
import TestClients
import Testing

@testable import Server

@Suite struct AgreementTests {
  /// What must not depend on when things happen: nobody leaves early, is killed, or speaks after the end.
  private static func scale(_ seed: UInt64) -> DialogueScale {
    var scale = DialogueScale()
    scale.clientsMax = 6
    scale.meddles = false
    scale.leavesEarly = false
    scale.speaksAfterTheEnd = false
    scale.longest = seed % 4 == 0 ? 200_000 : 12_000
    return scale
  }

  private struct Outcome {
    var engine: String
    var heard: [[UInt8]]
    var problems: [String]
  }

  private func outcome<Engine: CompletionRing & ~Copyable>(
    of seed: UInt64, _ cast: [Dialogue], _ sockets: any Clients, _ ring: consuming Engine, waits: Bool = false,
    _ beforeTurn: (UnsafeMutablePointer<Server>) -> Void
  ) throws -> Outcome {
    let name = "\(ring.name)"
    let stage = try Stage(listener: sockets.listener)
    var player = Player(cast, sockets, seed: seed)
    var executor = Executor(ring: ring, server: stage.server, makeRing: refuseRing)
    executor.listen()
    try executor.play(&player, turnsMax: 200_000, waits: waits) { beforeTurn(stage.server) }
    stage.server.pointee.wishes.add(.stop)
    for _ in 0..<10_000 where stage.server.pointee.clients.count > 0 || !stage.server.pointee.listeners.allSatisfy(\.isClosed) {
      beforeTurn(stage.server)
      if !waits { executor.isBehind = true }
      try executor.turn()
    }
    let problems = player.problems(mayCut: false, refusals: 0) + stage.leftovers
    return Outcome(engine: name, heard: player.clients.map(\.heard), problems: problems)
  }

  @Test(arguments: UInt64(1)...16) func enginesAgree(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let cast = Dialogue.cast(&random, Self.scale(seed))
    var outcomes: [Outcome] = []

    let world = SimulatedWorld(seed: seed)
    outcomes.append(
      try outcome(of: seed, cast, SimulatedClients(world), try SimulatedRing(world), waits: true) {
        $0.pointee.clock.hold(at: world.nanoseconds)
      })
    outcomes.append(try outcome(of: seed, cast, try RealClients(bufferBytes: 4_096), try EpollRing(.epoll)) { _ in })
    if let capabilities = try? UringCapabilities.probe() {
      let ring = try UringRing(RingOptions(), capabilities)
      outcomes.append(try outcome(of: seed, cast, try RealClients(bufferBytes: 4_096), ring) { _ in })
    } else {
      print("io_uring is not compared: this machine refuses it")
    }

    for outcome in outcomes {
      #expect(outcome.problems.isEmpty, "\(outcome.engine): \(outcome.problems.prefix(3))")
      #expect(outcome.heard == outcomes[0].heard, "\(outcome.engine) and \(outcomes[0].engine) differ")
    }
  }
}
