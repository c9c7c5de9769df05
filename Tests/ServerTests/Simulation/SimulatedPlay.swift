// SimulatedPlay.swift — one seed: a cast of clients, a world that misbehaves, the whole server, and the verdict.
import Ring
import TestClients

@testable import Server

/// A simulated ring, or something around one.
protocol SimulatedEngine: CompletionRing, ~Copyable {
  /// Operations that have not had their final completion.
  var operationsInFlight: Int { get }
  /// Reports what is still in flight or lent as broken rules.
  func checkIdle()
}

extension SimulatedRing: SimulatedEngine {}

/// What a play has come to.
struct Verdict {
  /// Broken rules and wrong answers, in words; empty if the server is right.
  var problems: [String] = []
  var world: SimulatedWorld
  var refusals = 0
  var requests: UInt64 = 0
  var largeWords: UInt64 = 0
  /// Times that a client moved from one reactor to another.
  var moves: UInt64 = 0

  /// Everything that a second run of the seed must repeat.
  var trace: [UInt64] { world.counts.map { UInt64($0) } + [world.nanoseconds, requests, largeWords, UInt64(refusals)] }
}

/// Plays what `seed` makes up. `wrap` may put a layer around the ring.
func playSimulated<Engine: SimulatedEngine & ~Copyable>(
  seed: UInt64, _ rates: SimulatedFaultRates, _ scale: DialogueScale? = nil, turnsMax: Int = 30_000,
  wrap: (consuming SimulatedRing) -> Engine
) throws -> Verdict {
  let world = SimulatedWorld(seed: seed, rates: rates)
  let cast = Dialogue.cast(&world.random, scale ?? .drawn(&world.random))
  // Some servers have no room for everybody.
  let clientsMax = scale == nil && world.random.happens(100) ? 2 : 10_000
  let sockets = SimulatedClients(world)
  let stage = try Stage(listener: sockets.listener, clientsMax: clientsMax)
  var player = Player(cast, sockets, seed: seed)
  var executor = Executor(ring: wrap(try SimulatedRing(world)), server: stage.server, makeRing: refuseRing)

  stage.server.pointee.clock.hold(at: world.nanoseconds)
  executor.listen()
  try executor.play(&player, turnsMax: turnsMax) { stage.server.pointee.clock.hold(at: world.nanoseconds) }

  var verdict = Verdict(world: world, refusals: Int(stage.server.pointee.statistics.connectionsRefused))
  verdict.requests = stage.server.pointee.statistics.commands
  verdict.largeWords = stage.server.pointee.traffic.total.largeWords
  let mayCut = SimulatedFault.allCases.contains { !$0.isHarmless && rates[$0] > 0 }
  verdict.problems = player.problems(mayCut: mayCut, refusals: verdict.refusals)

  stage.server.pointee.wishes.add(.stop)
  for _ in 0..<2_000
  where executor.reactor.ring.operationsInFlight > 0 || !world.openDescriptors.isEmpty || stage.server.pointee.clients.count > 0 {
    stage.server.pointee.clock.hold(at: world.nanoseconds)
    try executor.turn()
  }
  executor.reactor.ring.checkIdle()
  verdict.problems += world.violations + stage.leftovers
  if !world.openDescriptors.isEmpty { verdict.problems.append("descriptors left open: \(world.openDescriptors)") }
  return verdict
}

extension DialogueScale {
  /// Most plays are small; one in eight has values that are received into memory of their own.
  static func drawn(_ random: inout SeededRandom) -> DialogueScale {
    var scale = DialogueScale()
    switch random.below(24) {
    case 0:
      scale.longest = 90_000
      scale.requestsMax = 12
    case 1, 2: scale.longest = 12_000
    default: break
    }
    return scale
  }
}

extension Player {
  /// What the clients have to complain about. `mayCut`: connections may have ended by force.
  func problems(mayCut: Bool, refusals: Int) -> [String] {
    var problems: [String] = []
    var turnedAway = 0
    let hasKilled = clients.contains { $0.heard.suffix(4) == Array(":1\r\n".utf8) && !$0.part.lastReplies.isEmpty }
    for (index, client) in clients.enumerated() {
      let told = "client \(index) (\(client.part.ending)) heard \(client.heard.count) of \(client.part.heard.count) bytes"
      if client.progress != .done {
        problems.append("\(told) and waits for ever")
      } else if !client.part.isBeginning(client.heard) {
        problems.append("\(told), \(client.difference)")
      } else if refusals > 0 && client.heard.isEmpty && client.hasHeardEnd && !client.part.isWhole([]) {
        turnedAway += 1
      } else if !mayCut && client.mustHearAll(hasKilled: hasKilled) {
        if client.hasHeardReset || !client.part.isWhole(client.heard) { problems.append("\(told) before the end\(client.ending)") }
      }
    }
    if !mayCut && turnedAway > refusals { problems.append("\(turnedAway) clients were turned away, \(refusals) refusals were counted") }
    return problems
  }
}

extension Player.Client {
  fileprivate func mustHearAll(hasKilled: Bool) -> Bool {
    switch part.ending {
    case .halfClose, .server: true
    case .killed: !hasKilled
    case .close, .reset: false
    }
  }

  /// The last bytes that were heard, and those that could have followed.
  fileprivate var ending: String {
    let last = String(decoding: heard.suffix(60), as: UTF8.self).debugDescription
    let due = part.lastReplies.map { String(decoding: $0, as: UTF8.self).debugDescription }
    return ": \(last)\(hasHeardReset ? ", a reset" : ""); due were \(due)"
  }

  /// Where what was heard begins to differ, and how.
  fileprivate var difference: String {
    let same = zip(heard, part.heard).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let place = same ?? min(heard.count, part.heard.count)
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.dropFirst(place).prefix(60), as: UTF8.self).debugDescription }
    return "and from \(place) on it is \(text(heard)) where \(text(part.heard)) was due"
  }
}
