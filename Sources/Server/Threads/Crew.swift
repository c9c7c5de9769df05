// Crew.swift — the reactors that have threads, as the executor knows them.
//
//             ┌── orders ──▶ reactor 1 ── jobs ──┐
//   executor ─┼── orders ──▶ reactor 2 ── jobs ──┼──▶ one outbox ──▶ executor
//             └── orders ──▶ reactor 3 ── jobs ──┘
//
// Orders of a turn are written as they arise and published once, at its end; whoever sleeps is woken then. An order that
// finds no room waits in the executor's memory, behind which all later ones to that reactor go: nothing is lost and
// nothing overtakes. How much can be under way is bounded by the connections: a send, a batch and an end for each.
import Bytes
import Channels
import Ring

/// One reactor with a thread.
struct CrewMember: ~Copyable {
  fileprivate var orders: SPSCRing<Order, HardwareWord>.Producer
  fileprivate var backlog: [Order] = []
  fileprivate var notifier: Parking.Notifier
  fileprivate let waker: Waker
  /// Nil in tests, which turn the reactor themselves.
  fileprivate let thread: OwnThread?
  let figures: UnsafeMutablePointer<SharedFigures>
  /// Clients whose sockets it has, or is about to have.
  var clientCount = 0
  /// It has been told to stop, and gets no more clients.
  var isLeaving = false
  /// It has been told to end.
  fileprivate var isTold = false
  /// Orders given.
  fileprivate(set) var given: UInt64 = 0

  init(_ ends: consuming CrewEnds, waker: Waker, thread: consuming OwnThread?) {
    figures = ends.figures
    orders = ends.orders
    notifier = ends.notifier
    self.waker = waker
    self.thread = thread
  }

  var wakesSent: UInt64 { notifier.sent }
  var wakesSuppressed: UInt64 { notifier.suppressed }

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
  /// Reactors that there should be.
  var wanted = 0
  var outbox = SharedOutbox<Job>(lanesMax: threadsMax)
  /// Where the executor sleeps.
  var parking = Parking.Sleeper()
  /// Starts one more thread; made by whoever knows the engine.
  var start: ((inout Crew, ReactorSetup) throws(Errno) -> Void)?
  /// Orders that were given and not published.
  private var isGiving = false

  init() { members = .allocate(capacity: Self.threadsMax) }

  deinit {
    members.deinitialize(count: count)
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
    add(CrewMember(connection.executor, waker: waker, thread: nil))
    return connection.reactor
  }

  mutating func add(_ member: consuming CrewMember) {
    precondition(count < Self.threadsMax, "more reactors than there may be")
    (members + count).initialize(to: member)
    count += 1
  }

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

  /// Reactors help only where they have a processor of their own: on a single one each hop is a switch of threads, and the
  /// executor serves everybody.
  var isUseful = true

  /// Reactors that clients are spread over; the first ones.
  var serving: Int { isUseful ? staying : 0 }

  /// Those that stay, or are to come to stay.
  var staying: Int {
    var staying = 0
    for index in 0..<count where !members[index].isLeaving { staying += 1 }
    return staying
  }

  /// Takes the last one off if it has been dismissed, serves nobody, and its thread has ended; tells it to end if it has
  /// not been told yet. Never waits: the thread is about to return when it says so.
  mutating func joinLast() -> ReactorFigures? {
    guard count > 0, members[count - 1].isLeaving, members[count - 1].clientCount == 0 else { return nil }
    let last = members + count - 1
    if !last.pointee.isTold {
      last.pointee.isTold = true
      give(Order(.stop, nil), to: UInt8(count))
    }
    guard last.pointee.figures.pointee.hasEnded else { return nil }
    count -= 1
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
      if members[index].publish() { wake(members[index].waker) }
      if !members[index].backlog.isEmpty { isGiving = true }
    }
  }

  /// Something waits that the executor must come back for soon.
  var isGivingLate: Bool { isGiving }

  /// The reactor with the fewest clients that takes more; 0 if none does.
  var leastLoaded: UInt8 {
    guard isUseful else { return 0 }
    var least = 0
    for index in 0..<count where !members[index].isLeaving {
      if least == 0 || members[index].clientCount < members[least - 1].clientCount { least = index + 1 }
    }
    return UInt8(least)
  }
}
