import Channels
import Glibc
import Testing

/// Real threads on real words: what the explorer cannot show, the processor's own orders. Counts and sums are
/// checked, the amount of work is bounded, and under ThreadSanitizer nothing here needs an exception.
@Suite(.serialized) struct StressTests {
  typealias Inbox = SPSCRing<Message, WatchedWord>
  typealias Shared = SPMCRing<Message, WatchedWord>
  typealias Outbox = FanIn<Message, WatchedWord>
  typealias Place = ParkingFlag<WatchedWord>

  /// Large enough that a torn read shows: all words say the same.
  struct Message: BitwiseCopyable {
    var words: (UInt64, UInt64, UInt64, UInt64)
    init(_ value: UInt64) { words = (value, ~value, value, ~value) }
    var value: UInt64? { words.0 == words.2 && words.1 == words.3 && words.0 == ~words.1 ? words.0 : nil }
  }

  @Test(arguments: [(2, UInt64(1)), (4, 2), (64, 3), (1_024, 4)])
  func privateInbox(capacity: Int, seed: UInt64) throws {
    let count: UInt64 = 50_000
    let ends = Inbox.make(capacity: capacity)
    let writer = Box<Inbox.Producer?>(ends.producer)
    var consumer = ends.consumer
    let thread = try Thread {
      var producer = writer.value.take()!
      var random = SplitMix(seed)
      for value in 0..<count {
        while !producer.write(Message(value)) { sched_yield() }
        if random.next() % 4 == 0 { producer.publish() }
      }
    }
    var random = SplitMix(seed + 100)
    var expected: UInt64 = 0
    var isOrdered = true
    while expected < count {
      guard let message = consumer.pop() else {
        sched_yield()
        continue
      }
      isOrdered = isOrdered && message.value == expected
      expected += 1
      if random.next() % 16 == 0 { consumer.giveBack() }
    }
    thread.join()
    let isAbandoned = consumer.isAbandoned
    #expect(isOrdered && isAbandoned)
  }

  @Test(arguments: [(2, 2), (4, 3), (256, 2)])
  func sharedInbox(capacity: Int, consumers: Int) throws {
    let count: UInt64 = 50_000
    var producer = Shared.make(capacity: capacity)
    let results = (0..<consumers).map { _ in Box((count: UInt64(0), sum: UInt64(0), isSound: true)) }
    let received = HardwareWord(0)
    try withUnsafePointer(to: received) { received in
      let counter = SendablePointer(received)
      let threads = try results.map { result in
        let end = Box<Shared.Consumer?>(producer.makeConsumer())
        return try Thread {
          var consumer = end.value.take()!
          var (mine, sum, last, isSound) = (UInt64(0), UInt64(0), UInt64(0), true)
          while counter.pointer.pointee.loadRelaxed() < count {
            guard let message = consumer.pop() else {
              sched_yield()
              continue
            }
            counter.pointer.pointee.addRelaxed(1)
            // Whoever takes, takes in order.
            isSound = isSound && message.value.map { $0 > last } == true
            last = message.value ?? .max
            mine += 1
            sum &+= last
          }
          result.value = (mine, sum, isSound)
        }
      }
      for value in 1...count { while !producer.push(Message(value)) { sched_yield() } }
      threads.forEach { $0.join() }
    }
    #expect(results.allSatisfy { $0.value.isSound })
    #expect(results.reduce(0) { $0 + $1.value.count } == count)
    #expect(results.reduce(0) { $0 &+ $1.value.sum } == count * (count + 1) / 2)
  }

  /// Three threads with credits; one more joins and leaves while the others send.
  @Test(arguments: [1, 2, 64]) func sharedOutbox(limit: Int) throws {
    let count: UInt64 = 20_000
    var outbox = Outbox(lanesMax: 4, burst: 8)
    let credits = (0..<3).map { _ in Box(HardwareWord(UInt64(limit))) }
    let threads = try (0..<3).map { index in
      let end = Box<Outbox.Producer?>(outbox.addLane(credits: limit))
      let credit = credits[index]
      return try Thread {
        var producer = end.value.take()!
        var spent: UInt64 = 0
        for value in 0..<count {
          while credit.value.loadAcquiring() <= spent { sched_yield() }
          spent += 1
          producer.push(Message(UInt64(index) << 32 | value))
        }
      }
    }
    var next = [UInt64](repeating: 0, count: 4)
    var isOrdered = true
    var visitors = 0
    while next[0..<3].reduce(0, +) < 3 * count {
      if outbox.laneCount == 3 && visitors < 200 {
        visitors += 1
        let end = Box<Outbox.Producer?>(outbox.addLane(credits: 1))
        try Thread {
          end.value!.push(Message(3 << 32 | 7))
          end.value = nil
        }.join()
      }
      guard let message = outbox.pop() else {
        sched_yield()
        continue
      }
      guard let value = message.value else {
        Issue.record("a torn message")
        return
      }
      let lane = Int(value >> 32)
      if lane == 3 {
        next[3] += 1
        _ = outbox.retireAbandonedLanes()
        continue
      }
      isOrdered = isOrdered && value & 0xFFFF_FFFF == next[lane]
      next[lane] += 1
      credits[lane].value.storeReleasing(next[lane] + UInt64(limit))
    }
    threads.forEach { $0.join() }
    while outbox.pop() != nil { next[3] += 1 }
    let retired = outbox.retireAbandonedLanes()
    #expect(isOrdered && next[0..<3].allSatisfy { $0 == count })
    #expect(next[3] == UInt64(visitors) && outbox.laneCount == 0 && retired >= 3)
  }

  /// Two threads that hand one message back and forth and sleep whenever they can: a lost wake-up would hang the test.
  @Test func pingPong() throws {
    let rounds: UInt64 = 20_000
    let there = Inbox.make(capacity: 2)
    let back = Inbox.make(capacity: 2)
    let sleepers = [Box(Place.Sleeper()), Box(Place.Sleeper())]
    let notifiers = [Box(sleepers[0].value.makeNotifier()), Box(sleepers[1].value.makeNotifier())]
    let bells = [Semaphore(), Semaphore()]
    let far = Box<Inbox.Consumer?>(there.consumer)
    let answer = Box<Inbox.Producer?>(back.producer)
    let thread = try Thread {
      var inbox = far.value.take()!
      var outbox = answer.value.take()!
      for _ in 0..<rounds {
        let message = Self.wait(for: &inbox, &sleepers[1].value, bells[1])
        _ = outbox.push(message)
        if notifiers[0].value.mustWake() { bells[0].post() }
      }
    }
    var ask = there.producer
    var inbox = back.consumer
    var isRight = true
    for round in 0..<rounds {
      _ = ask.push(Message(round))
      if notifiers[1].value.mustWake() { bells[1].post() }
      isRight = Self.wait(for: &inbox, &sleepers[0].value, bells[0]).value == round && isRight
    }
    thread.join()
    #expect(isRight)
    for notifier in notifiers {
      let counted = notifier.value.sent + notifier.value.suppressed
      #expect(counted == rounds)
    }
  }

  private static func wait(
    for inbox: inout Inbox.Consumer, _ sleeper: inout Place.Sleeper, _ bell: Semaphore
  ) -> Message {
    while true {
      if let message = inbox.pop() { return message }
      sleeper.declareAsleep()
      if let message = inbox.pop() {
        sleeper.callOff()
        return message
      }
      bell.wait()
      sleeper.rise()
    }
  }
}

struct SendablePointer: @unchecked Sendable {
  let pointer: UnsafePointer<HardwareWord>
  init(_ pointer: UnsafePointer<HardwareWord>) { self.pointer = pointer }
}
