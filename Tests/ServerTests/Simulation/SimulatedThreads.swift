// SimulatedThreads.swift — one seed: the executor and reactors with rings of their own take turns, as the dice fall.
//
//   seed ─▶ who turns next: executor │ reactor 1 │ reactor 2 │ …      and, now and then, how many reactors there are
//
// What runs is the code of the threads, on one thread: every queue, every order of jobs and orders that turns can
// make, every move of a connection in the middle of a request, repeated by its seed.
import Ring
import TestClients

@testable import Server

/// Reactors that a test turns itself.
final class SimulatedCrew {
  final class Worker {
    var thread: ReactorThread<SimulatedRing>
    let figures: UnsafeMutablePointer<SharedFigures>

    init(_ ring: consuming SimulatedRing, _ start: consuming ReactorStart) {
      figures = start.figures
      thread = ReactorThread(ring: ring, start)
    }
  }

  let world: SimulatedWorld
  private(set) var workers: [Worker] = []

  init(_ world: SimulatedWorld) { self.world = world }

  func start(_ crew: inout Crew, _ setup: ReactorSetup, _ executor: Waker) throws(Errno) {
    let connection = crew.connect(setup, executor: executor)
    do throws(RingError) {
      let ring = try SimulatedRing(world)
      let waker = ring.waker
      workers.append(Worker(ring, crew.addUndriven(connection, waker: waker)))
    } catch {
      throw Errno(11)
    }
  }

  /// One turn of one of them. Those that have stopped are gone before the executor hears of it.
  func turn(_ number: Int, sleeps: Bool) throws(RingError) {
    let worker = workers[number]
    try worker.thread.turn(sleeps: sleeps)
    guard worker.thread.hasStopped else { return }
    worker.thread.reactor.ring.checkIdle()
    workers.remove(at: number)
    let figures = worker.figures
    figures.pointee.end()
  }

  var operationsInFlight: Int { workers.reduce(0) { $0 + $1.thread.reactor.ring.operationsInFlight } }
}

/// Plays what `seed` makes up, with up to three reactors that come and go if `resizes`.
func playSimulatedThreads(seed: UInt64, _ rates: SimulatedFaultRates, resizes: Bool, turnsMax: Int = 60_000) throws -> Verdict {
  let world = SimulatedWorld(seed: seed, rates: rates)
  let cast = Dialogue.cast(&world.random, .drawn(&world.random))
  let sockets = SimulatedClients(world)
  let stage = try Stage(listener: sockets.listener)
  let server = stage.server
  var player = Player(cast, sockets, seed: seed)
  var executor = Executor(ring: try SimulatedRing(world), server: server, makeRing: refuseRing)
  let crew = SimulatedCrew(world)
  let waker = executor.reactor.ring.waker
  server.pointee.configuration.settings.threads.ioThreadsAlwaysActive = true
  server.pointee.crew.start = { (members, setup) throws(Errno) in try crew.start(&members, setup, waker) }
  try server.pointee.changeThreads(to: 2 + world.random.below(3))
  server.pointee.clock.hold(at: world.nanoseconds)
  executor.listen()

  func step(_ executor: inout Executor<SimulatedRing>) throws {
    server.pointee.clock.hold(at: world.nanoseconds)
    let next = world.random.below(crew.workers.count + 1)
    if next < crew.workers.count { return try crew.turn(next, sleeps: world.random.happens(500)) }
    executor.isBehind = !world.random.happens(200)
    try executor.turn()
  }

  for _ in 0..<turnsMax where !player.isOver {
    player.move()
    if resizes && world.random.happens(5) { try server.pointee.changeThreads(to: 1 + world.random.below(4)) }
    if resizes && world.random.happens(5) { server.pointee.engage(world.random.below(4)) }
    try step(&executor)
  }
  var verdict = Verdict(world: world, refusals: Int(server.pointee.statistics.connectionsRefused))
  verdict.requests = server.pointee.statistics.commands
  let mayCut = SimulatedFault.allCases.contains { !$0.isHarmless && rates[$0] > 0 }
  verdict.problems = player.problems(mayCut: mayCut, refusals: verdict.refusals)

  server.pointee.wishes.add(.stop)
  try server.pointee.changeThreads(to: 1)
  for _ in 0..<20_000 where server.pointee.clients.count > 0 || server.pointee.crew.count > 0
    || executor.reactor.ring.operationsInFlight > 0 || !world.openDescriptors.isEmpty {
    try step(&executor)
  }
  if server.pointee.crew.count > 0 { verdict.problems.append("\(server.pointee.crew.count) reactors do not end") }
  executor.reactor.ring.checkIdle()
  verdict.moves = server.pointee.moves
  verdict.problems += world.violations + stage.leftovers
  if !world.openDescriptors.isEmpty { verdict.problems.append("descriptors left open: \(world.openDescriptors)") }
  return verdict
}
