// Server+Staffing.swift — how many reactors serve, from what they and the executor did; and who is served by which.
//
// Clients move a few at a time: with ten thousand of them the loop would stand still while all are told.
import Commands
import Configuration
import Ring

/// What the decision was last made from.
struct StaffingRecord {
  var staffing = Staffing()
  var lookedAtNanoseconds: UInt64 = 0
  fileprivate var executorNanoseconds: UInt64 = 0
  fileprivate var executorTurns: UInt64 = 0
  fileprivate var reactorNanoseconds: UInt64 = 0
  fileprivate var reactorTurns: UInt64 = 0
  /// When the reactors were last compared, and the clients of the busiest one that are being counted.
  fileprivate var balancedAtNanoseconds: UInt64 = 0
  fileprivate var counted: [(slot: UInt32, generation: UInt32, work: UInt64)] = []
  fileprivate var countedReactor: UInt8 = 0
  /// Where the spreading of clients goes on; nil if everybody is where he belongs.
  fileprivate var spreadsFromSlot: UInt32?

  var isSpreading: Bool { spreadsFromSlot != nil }
}

extension Server {
  /// Once a turn while there are reactors.
  @inline(__always)
  mutating func watchStaff(turns: UInt64) {
    if clock.nanoseconds &- staff.lookedAtNanoseconds >= Staffing.lookNanoseconds { lookAtStaff(turns) }
    if staff.isSpreading { spreadSome() }
  }

  @inline(never)
  private mutating func lookAtStaff(_ turns: UInt64) {
    let last = staff
    staff.lookedAtNanoseconds = clock.nanoseconds
    if crew.serving > 1 && clock.nanoseconds &- staff.balancedAtNanoseconds >= Balance.lookNanoseconds { balance() }
    guard !configuration.settings.threads.ioThreadsAlwaysActive else { return }
    staff.executorNanoseconds = OwnThread.ownProcessorNanoseconds
    staff.executorTurns = turns
    (staff.reactorNanoseconds, staff.reactorTurns) = (0, 0)
    for number in 0..<crew.serving {
      let member = crew.member(UInt8(number + 1))
      staff.reactorNanoseconds += member.pointee.processorNanoseconds
      staff.reactorTurns += member.pointee.figures.pointee.ring.enters
    }
    // Sums over other threads than the last time say nothing.
    guard last.staffing.engaged == crew.engaged, last.lookedAtNanoseconds > 0 else { return }
    let span = Staffing.Span(
      nanoseconds: staff.lookedAtNanoseconds - last.lookedAtNanoseconds,
      executorNanoseconds: staff.executorNanoseconds &- last.executorNanoseconds,
      executorTurns: staff.executorTurns &- last.executorTurns,
      reactorNanoseconds: staff.reactorNanoseconds &- last.reactorNanoseconds,
      reactorTurns: staff.reactorTurns &- last.reactorTurns)
    var staffing = staff.staffing
    staffing.look(at: staff.lookedAtNanoseconds, span, available: usefulReactors)
    staff.staffing = staffing
    guard staffing.engaged != crew.engaged else { return }
    log.debug("\(staffing.engaged) of \(crew.count) I/O threads serve clients now, after \(crew.engaged)")
    engage(staffing.engaged)
  }

  /// Threads that stay, as far as each has a processor of its own besides the executor's: on a single one each hop is a
  /// switch of threads.
  private var usefulReactors: Int { min(crew.staying, processorCount - 1) }

  /// Why the executor serves everybody, or threads do: for INFO.
  var staffingReason: String {
    if crew.staying == 0 { return "one_thread" }
    if configuration.settings.threads.ioThreadsAlwaysActive { return "always_active" }
    if usefulReactors <= 0 { return "one_processor" }
    return crew.engaged == 0 ? "one_is_enough" : "load"
  }

  /// The number of threads has changed, or what they are used for.
  mutating func restaff() {
    let isAlwaysActive = configuration.settings.threads.ioThreadsAlwaysActive
    engage(isAlwaysActive ? crew.staying : min(staff.staffing.engaged, usefulReactors))
  }

  /// So many of those that stay serve from now on.
  mutating func engage(_ count: Int) {
    staff.staffing.engage(exactly: count)
    crew.engaged = count
    // The sums begin anew with the next look, over those that serve then.
    staff.lookedAtNanoseconds = 0
    staff.spreadsFromSlot = 0
  }

  // MARK: balance

  /// Compares the reactors that serve, and moves clients if one of them has had too much for two looks.
  private mutating func balance() {
    let elapsed = clock.nanoseconds &- staff.balancedAtNanoseconds
    staff.balancedAtNanoseconds = clock.nanoseconds
    var (busiest, least) = (UInt8(1), UInt8(1))
    var spent = [UInt64](repeating: 0, count: crew.serving + 1)
    for number in 1...UInt8(crew.serving) {
      let member = crew.member(number)
      let now = member.pointee.processorNanoseconds
      spent[Int(number)] = now &- member.pointee.balancedAtNanoseconds
      member.pointee.balancedAtNanoseconds = now
      if spent[Int(number)] > spent[Int(busiest)] { busiest = number }
      if spent[Int(number)] < spent[Int(least)] { least = number }
    }
    let (most, fewest) = (spent[Int(busiest)], spent[Int(least)])
    defer { countClients(of: busiest) }
    // The first look has nothing to compare with, and clients on their way change everything.
    guard elapsed < 2 * Balance.lookNanoseconds, !staff.isSpreading,
      Balance.isUneven(busiest: most, least: fewest, of: elapsed)
    else { return busiest = 0 }
    guard staff.countedReactor == busiest else { return }
    let known = staff.counted.filter { clients.find($0.slot, generation: $0.generation) != nil }
    let done = known.map { work(of: clients[$0.slot]) &- $0.work }
    for index in Balance.chosen(from: done, busiest: most, least: fewest) {
      let client = clients[known[index].slot]
      if client.pointee.reactor == busiest, mayMove(client) { move(client, to: least) }
    }
    busiest = 0
  }

  /// Remembers what the clients of a reactor have done until now; 0 forgets.
  private mutating func countClients(of reactor: UInt8) {
    staff.countedReactor = reactor
    staff.counted = []
    guard reactor > 0 else { return }
    for slot in 0..<clients.slotCount where clients.isTaken(slot) {
      let client = clients[slot]
      guard client.pointee.reactor == reactor else { continue }
      staff.counted.append((slot, client.pointee.generation, work(of: client)))
    }
  }

  private func work(of client: UnsafeMutablePointer<Client>) -> UInt64 {
    let details = client.pointee.details
    return Balance.work(
      commands: details.pointee.commands, bytes: details.pointee.bytesReceived &+ details.pointee.bytesSent)
  }

  // MARK: who is served by which

  /// Moves some clients that are not where they belong: served by one of those that serve, which have equal shares.
  private mutating func spreadSome() {
    guard var slot = staff.spreadsFromSlot else { return }
    let serving = crew.serving
    var destination = crew.leastLoaded
    var moved = 0
    let end = min(clients.slotCount, slot + Self.slotsPerTurn)
    while slot < end && moved < Self.movesPerTurn {
      if clients.isTaken(slot) {
        let client = clients[slot]
        if mayMove(client), isMisplaced(client, serving) || hasTooMany(client.pointee.reactor, beside: destination) {
          move(client, to: destination)
          destination = crew.leastLoaded
          moved += 1
        }
      }
      slot += 1
    }
    staff.spreadsFromSlot = slot < clients.slotCount ? slot : nil
  }

  /// Sends a client that has arrived on its way again, if it is not where it belongs any more.
  mutating func sendOn(_ client: UnsafeMutablePointer<Client>) {
    if mayMove(client), isMisplaced(client, crew.serving) { move(client, to: crew.leastLoaded) }
  }

  private func mayMove(_ client: UnsafeMutablePointer<Client>) -> Bool {
    client.pointee.state == .open && !client.pointee.marks.contains(.moving) && client.pointee.connection != nil
  }

  private func isMisplaced(_ client: UnsafeMutablePointer<Client>, _ serving: Int) -> Bool {
    client.pointee.reactor == 0 ? serving > 0 : client.pointee.reactor > serving
  }

  private func hasTooMany(_ reactor: UInt8, beside other: UInt8) -> Bool {
    guard reactor > 0 && other > 0 else { return false }
    return crew.member(reactor).pointee.expectedCount > crew.member(other).pointee.expectedCount + 1
  }

  private static var movesPerTurn: Int { 64 }
  private static var slotsPerTurn: UInt32 { 4_096 }
}
