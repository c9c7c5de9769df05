// Crew.swift — the reactors that have threads, as the executor knows them.
//
//             ┌── orders ──▶ reactor 1 ── jobs ──┐
//   executor ─┼── orders ──▶ reactor 2 ── jobs ──┼──▶ one outbox ──▶ executor
//             └── orders ──▶ reactor 3 ── jobs ──┘
//
// Orders of a turn are written as they arise and published once, at its end; whoever sleeps is woken then. An order that
// finds no room waits in the executor's memory, behind which all later ones to that reactor go: nothing is lost and
// nothing overtakes. How much can be under way is bounded by the connections: a send, a batch and an end for each.
//
//   members   │ 1 │ 2 │ 3 │ 4 │ 5 │ 6 │      1, 2 serve clients; 3, 4 have a ring and none; 5, 6 are recruits: threads
//              serving ┘       │       │     that still make their rings, for which nobody waits
//                        count ┘       │
//                             enlisted ┘
import Bytes
import Channels
import Ring

/// One reactor with a thread.
struct CrewMember: ~Copyable {
  fileprivate var orders: SPSCRing<Order, HardwareWord>.Producer
  fileprivate var backlog: [Order] = []
  fileprivate var notifier: Parking.Notifier
  /// Nil while it is a recruit.
  fileprivate var waker: Waker?
  /// Nil in tests, which turn the reactor themselves.
  fileprivate let thread: OwnThread?
  /// How it came to a ring, or did not. Nil in tests.
  fileprivate let arrival: Arrival?
  let figures: UnsafeMutablePointer<SharedFigures>
  /// Clients whose sockets it has, or is about to have.
  var clientCount = 0
  /// Processor time of its thread when it was last looked at for balance.
  var balancedAtNanoseconds: UInt64 = 0
  /// Clients that it will have once everybody is where he is to go.
  var expectedCount = 0
  /// It has been told to stop, and gets no more clients.
  var isLeaving = false
  /// It has been told to end.
  fileprivate var isTold = false
  /// Orders given.
  fileprivate(set) var given: UInt64 = 0

  typealias Arrival = FirstWord<Result<Waker, RingError>>

  /// A thread that is to say how it arrived.
  init(_ ends: consuming CrewEnds, thread: consuming OwnThread, arrival: Arrival) {
    self.init(ends, waker: nil, thread: thread, arrival: arrival)
  }

  /// One that a test turns.
  fileprivate init(_ ends: consuming CrewEnds, waker: Waker) {
    self.init(ends, waker: waker, thread: nil, arrival: nil)
  }

  private init(_ ends: consuming CrewEnds, waker: Waker?, thread: consuming OwnThread?, arrival: Arrival?) {
    figures = ends.figures
    orders = ends.orders
    notifier = ends.notifier
    self.waker = waker
    self.thread = thread
    self.arrival = arrival
  }

  var wakesSent: UInt64 { notifier.sent }
  var wakesSuppressed: UInt64 { notifier.suppressed }
  /// Processor time of its thread.
  var processorNanoseconds: UInt64 {
    switch thread {
    case .some(let thread): thread.processorNanoseconds
    case .none: 0
    }
  }

  @inline(__always)
  fileprivate mutating func give(_ order: Order) {
    given &+= 1
    guard backlog.isEmpty, orders.write(order) else { return backlog.append(order) }
  }

  /// Shows it what was given; true if it sleeps and must be woken.
  fileprivate mutating func publish() -> Bool {
    if !backlog.isEmpty {
      var moved = 0
      while moved < backlog.count, orders.write(backlog[moved]) { moved += 1 }
      backlog.removeFirst(moved)
    }
    guard orders.unpublished > 0 else { return false }
    orders.publish()
    return notifier.mustWake()
  }

  /// Waits for the end of its thread, which has been told to stop and has no connection.
  fileprivate consuming func join() -> ReactorFigures {
    let figures = figures
    if let thread { thread.join() }
    let last = figures.pointee.figures
    figures.deinitialize(count: 1)
    figures.deallocate()
    return last
  }
}

/// The executor's ends of what connects it with one reactor.
struct CrewEnds: ~Copyable {
  fileprivate let orders: SPSCRing<Order, HardwareWord>.Producer
  fileprivate let notifier: Parking.Notifier
  let figures: UnsafeMutablePointer<SharedFigures>

  /// The thread was not to be had.
  consuming func discard() {
    figures.deinitialize(count: 1)
    figures.deallocate()
  }
}

/// Both sides' ends, for a reactor that begins.
struct CrewConnection: ~Copyable {
  let executor: CrewEnds
  let reactor: ReactorStart
}

struct Crew: ~Copyable {
  static let threadsMax = 127

  /// The first `count` are there.
  private let members: UnsafeMutablePointer<CrewMember>
  private(set) var count = 0
  /// Those and the recruits.
  private(set) var enlisted = 0
  /// Reactors that there should be.
  var wanted = 0
  /// What kept threads from being had, until it has been said.
  var shortage: Errno?
  var outbox = SharedOutbox<Job>(lanesMax: threadsMax)
  /// Where the executor sleeps.
  var parking = Parking.Sleeper()
  /// Starts one more thread; made by whoever knows the engine.
  var start: ((inout Crew, ReactorSetup) throws(Errno) -> Void)?
  /// Orders that were given and not published.
  private var isGiving = false

  init() { members = .allocate(capacity: Self.threadsMax) }

  deinit {
    members.deinitialize(count: enlisted)
    members.deallocate()
  }

  /// Reactor `number`, from 1 on.
  @inline(__always)
  func member(_ number: UInt8) -> UnsafeMutablePointer<CrewMember> {
    precondition(number > 0 && number <= count, "no such reactor")
    return members + Int(number) - 1
  }

  /// Everything that connects one more reactor with the executor, whose ring `waker` wakes.
  mutating func connect(_ setup: ReactorSetup, executor waker: Waker) -> CrewConnection {
    let queue = SPSCRing<Order, HardwareWord>.make(capacity: Self.orderCells)
    let sleeper = Parking.Sleeper()
    let notifier = sleeper.makeNotifier()
    let upstream = RemoteUpstream(
      lane: outbox.addLane(credits: RemoteUpstream.laneCells / 2), executor: parking.makeNotifier(), waker: waker)
    let figures = UnsafeMutablePointer<SharedFigures>.allocate(capacity: 1)
    figures.initialize(to: SharedFigures())
    return CrewConnection(
      executor: CrewEnds(orders: queue.producer, notifier: notifier, figures: figures),
      reactor: ReactorStart(orders: queue.consumer, parking: sleeper, upstream: upstream, setup: setup, figures: figures))
  }

  private static var orderCells: Int { 4_096 }

  /// Adds a reactor that nobody but the caller turns; the caller's end of it.
  mutating func addUndriven(_ connection: consuming CrewConnection, waker: Waker) -> ReactorStart {
    enlist(CrewMember(connection.executor, waker: waker))
    precondition(count == enlisted - 1, "a reactor overtakes a recruit")
    count = enlisted
    return connection.reactor
  }

  // MARK: recruits

  /// Adds a thread that makes its ring now.
  mutating func enlist(_ recruit: consuming CrewMember) {
    precondition(enlisted < Self.threadsMax, "more reactors than there may be")
    (members + enlisted).initialize(to: recruit)
    enlisted += 1
  }

  var hasRecruits: Bool { enlisted > count }

  /// What became of the first recruit, and whether anything did yet.
  enum Admission {
    case admitted
    case pending
    /// Its ring was not to be had; it is gone.
    case failed(Errno)
  }

  /// Takes the first recruit in if it has its ring; waits for that if `waits`. More than are wanted leave at once.
  mutating func admit(waits: Bool) -> Admission {
    guard hasRecruits, let arrival = members[count].arrival else { return .pending }
    guard let word = waits ? arrival.hear() : arrival.heard else { return .pending }
    switch word {
    case .success(let waker):
      members[count].waker = waker
      members[count].isLeaving = count >= wanted
      count += 1
      return .admitted
    case .failure(let error):
      let failed = (members + count).move()
      enlisted -= 1
      if enlisted > count { (members + count).moveInitialize(from: members + count + 1, count: enlisted - count) }
      _ = failed.join()
      _ = outbox.retireAbandonedLanes()
      return .failed(error.errno)
    }
  }

  // MARK: how many

  /// Tells all but the first `number` to stop once their clients are gone.
  mutating func dismiss(downTo number: Int) {
    for index in 0..<count where index >= number { members[index].isLeaving = true }
  }

  /// The first `number` stay after all, unless they have been told to end.
  mutating func keep(_ number: Int) {
    for index in 0..<min(number, count) where !members[index].isTold { members[index].isLeaving = false }
  }

  /// A thread has been told to end and has not: until then no other can take its place.
  var isEnding: Bool { count > 0 && members[count - 1].isTold }

  /// Reactors that clients are spread over, the first ones, if so many stay: decided from the load (Staffing).
  var engaged = 0
  var serving: Int { min(engaged, staying) }

  /// Those that stay; they come before those that leave.
  var staying: Int {
    var staying = 0
    for index in 0..<count where !members[index].isLeaving { staying += 1 }
    return staying
  }

  /// Takes the last one off if it has been dismissed, serves nobody, and its thread has ended; tells it to end if it has
  /// not been told yet. Never waits: the thread is about to return when it says so.
  mutating func joinLast() -> ReactorFigures? {
    // Recruits keep their numbers: they are waited for, and that is not long.
    guard count > 0, !hasRecruits else { return nil }
    let last = members + count - 1
    // Who is on the way to it is sent elsewhere when the present reactor lets go.
    guard last.pointee.isLeaving, last.pointee.clientCount == 0, last.pointee.expectedCount == 0 else { return nil }
    if !last.pointee.isTold {
      last.pointee.isTold = true
      give(Order(.stop, nil), to: UInt8(count))
    }
    guard last.pointee.figures.pointee.hasEnded else { return nil }
    count -= 1
    enlisted -= 1
    let figures = last.move().join()
    _ = outbox.retireAbandonedLanes()
    return figures
  }

  @inline(__always)
  mutating func give(_ order: Order, to number: UInt8) {
    member(number).pointee.give(order)
    isGiving = true
  }

  /// Publishes the orders of this turn. `wake` wakes a reactor that sleeps.
  @inline(__always)
  mutating func publish(_ wake: (Waker) -> Void) {
    guard isGiving else { return }
    isGiving = false
    for index in 0..<count {
      if members[index].publish(), let waker = members[index].waker { wake(waker) }
      if !members[index].backlog.isEmpty { isGiving = true }
    }
  }

  /// Something waits that the executor must come back for soon.
  var isGivingLate: Bool { isGiving }

  /// The reactor with the fewest clients of those that serve; 0 if none does.
  var leastLoaded: UInt8 {
    var least = 0
    for index in 0..<serving
    where least == 0 || members[index].expectedCount < members[least - 1].expectedCount { least = index + 1 }
    return UInt8(least)
  }
}
