// ReactorThread.swift — the loop of a reactor that has a thread of its own.
//
//   enter ─▶ completions ─▶ jobs                 orders ─▶ submissions ─▶ enter
//                 └─ published together, and the executor woken if it sleeps ─┘
//
// Before it sleeps it says so, looks for orders once more, and then waits in its ring, which whoever gives it an order
// wakes. It stops when it is told to and has no connection left.
import Bytes
import Channels
import Commands
import Ring

/// What a new thread is given. Its ring it makes itself, for a ring belongs to the thread that made it.
struct ReactorStart: ~Copyable, @unchecked Sendable {
  var orders: SPSCRing<Order, HardwareWord>.Consumer
  var parking: Parking.Sleeper
  var upstream: RemoteUpstream
  let setup: ReactorSetup
  let figures: UnsafeMutablePointer<SharedFigures>
}

/// What all reactors have in common.
struct ReactorSetup {
  let table: CommandTable
  let limits: InputLimits
  /// Processors to run on; anywhere if there are none.
  let processors: [Int]
}

struct ReactorThread<Engine: CompletionRing & ~Copyable>: ~Copyable {
  var reactor: Reactor<Engine, RemoteUpstream>
  private var orders: SPSCRing<Order, HardwareWord>.Consumer
  private var parking: Parking.Sleeper
  private let shared: UnsafeMutablePointer<SharedFigures>
  private var thread = ThreadFigures()
  private var isStopping = false
  /// Something waits that this turn did not come to.
  var isBehind = false

  init(ring: consuming Engine, _ start: consuming ReactorStart) {
    shared = start.figures
    let setup = start.setup
    orders = start.orders
    parking = start.parking
    reactor = Reactor(ring: ring, upstream: start.upstream, table: setup.table)
    reactor.limits = setup.limits
  }

  /// Turns until it has been told to stop.
  mutating func run() throws(RingError) {
    while !hasStopped { try turn(sleeps: true) }
    publishFigures()
  }

  var hasStopped: Bool { isStopping && reactor.connections.count == 0 }

  /// One turn; without `sleeps` it returns at once if there is nothing to do.
  mutating func turn(sleeps: Bool) throws(RingError) {
    try enter(sleeps: sleeps)
    isBehind = false
    var handled = 0
    while reactor.upstream.hasRoom() {
      guard let done = reactor.ring.next() else { break }
      reactor.handle(done)
      handled += 1
      guard handled < Turn.completionsMax else {
        isBehind = true
        break
      }
    }
    obeyOrders()
    reactor.rearmStarved()
    tellExecutor()
    publishFigures()
  }

  private mutating func enter(sleeps: Bool) throws(RingError) {
    if !reactor.upstream.hasRoom() {
      // The executor is behind. It makes room without knowing that somebody waits for it.
      thread.laneFull &+= 1
      return try reactor.ring.enter(timeoutNanoseconds: Self.fullLaneNanoseconds)
    }
    guard sleeps && !isBehind && orders.count() == 0 else { return try reactor.ring.enter(timeoutNanoseconds: 0) }
    parking.declareAsleep()
    guard orders.count() == 0 else {
      parking.callOff()
      return try reactor.ring.enter(timeoutNanoseconds: 0)
    }
    try reactor.ring.enter(timeoutNanoseconds: nil)
    parking.rise()
  }

  private mutating func obeyOrders() {
    var obeyed = 0
    while reactor.upstream.hasRoom(), let order = orders.pop() {
      obey(order)
      obeyed += 1
      guard obeyed < Turn.completionsMax else {
        isBehind = true
        break
      }
    }
    orders.giveBack()
    if !reactor.upstream.hasRoom() { isBehind = true }
  }

  private mutating func obey(_ order: Order) {
    switch order.kind {
    case .stop: isStopping = true
    default: reactor.obey(order)
    }
  }

  /// Shows the executor what has been told in this turn.
  private mutating func tellExecutor() {
    thread.jobs &+= UInt64(reactor.upstream.lane.unpublished)
    if reactor.upstream.publish() { reactor.ring.wake(reactor.upstream.executorWaker) }
  }

  private mutating func publishFigures() {
    thread.wakesSent = reactor.upstream.executor.sent
    thread.wakesSuppressed = reactor.upstream.executor.suppressed
    shared.pointee.store(reactor.figures, reactor.ring.statistics, thread)
  }

  private static var fullLaneNanoseconds: UInt64 { 50_000 }
}

// MARK: beginning

extension ReactorThread where Engine: ~Copyable {
  /// Starts one more thread, which makes its ring while others go on: the crew admits it when it has. Throws if there is
  /// no thread to be had; the crew is as it was then.
  static func start(
    in crew: inout Crew, _ setup: ReactorSetup, executor waker: Waker,
    makeRing: @escaping @Sendable () throws(RingError) -> Engine
  ) throws(Errno) {
    let connection = crew.connect(setup, executor: waker)
    let parcel = Parcel(connection.reactor)
    let ends = connection.executor
    let arrival = CrewMember.Arrival()
    do throws(Errno) {
      let thread = try OwnThread(name: "io_thd_\(crew.enlisted + 1)") {
        serve(parcel, makeRing, arrival, executor: waker)
      }
      crew.enlist(CrewMember(ends, thread: thread, arrival: arrival))
    } catch {
      parcel.discard()
      ends.discard()
      _ = crew.outbox.retireAbandonedLanes()
      throw error
    }
  }

  /// The body of the thread.
  private static func serve(
    _ parcel: Parcel, _ makeRing: @Sendable () throws(RingError) -> Engine, _ arrival: CrewMember.Arrival,
    executor: Waker
  ) {
    let ring: Engine
    do throws(RingError) { ring = try makeRing() } catch {
      parcel.discard()
      arrival.say(.failure(error))
      return executor.wake()
    }
    guard let start = parcel.open() else { return }
    try? OwnThread.bind(to: start.setup.processors)
    let shared = start.figures
    arrival.say(.success(ring.waker))
    executor.wake()
    do throws(RingError) { try serve(ReactorThread(ring: ring, start)) } catch {
      // What its clients were told, and what they sent, is lost with the ring: nobody can go on as if nothing had been.
      preconditionFailure("the ring of an I/O thread has failed: \(error.reason)")
    }
    shared.pointee.end()
    executor.wake()
  }

  /// Until it has stopped. Its ring is gone when this returns.
  private static func serve(_ thread: consuming ReactorThread) throws(RingError) {
    try thread.run()
  }

}

/// Carries what cannot be copied into a closure; opened once, or thrown away.
private struct Parcel: @unchecked Sendable {
  private let content: UnsafeMutablePointer<ReactorStart?>

  init(_ start: consuming ReactorStart) {
    content = .allocate(capacity: 1)
    content.initialize(to: consume start)
  }

  func open() -> ReactorStart? {
    defer { content.deallocate() }
    return content.move()
  }

  func discard() {
    content.deinitialize(count: 1)
    content.deallocate()
  }
}

extension RingError {
  /// What the kernel said.
  var errno: Errno {
    switch self {
    case .unavailable(let code, _), .broken(let code): Errno(code)
    }
  }
}
