import Channels
import Testing

/// Nobody sleeps while a message lies in one of his queues: a lost wake-up would show as threads that wait for ever.
/// Held stores are what makes this hard: without the fences both sides may read before the other's store is seen.
@Suite struct ParkingTests {
  typealias Ring = SPSCRing<UInt64, ModelWord>
  typealias Place = ParkingFlag<ModelWord>

  /// One sender with its queue. Parts can be left out, to see that they are needed.
  @Test func noWakeUpIsLost() {
    expectNothing(in: "parking, one sender", .init(preemptions: 4)) { Self.inbox($0, count: 3) }
    expectNothing(in: "parking, one sender, held stores", .init(preemptions: 1, heldStores: 2)) {
      Self.inbox($0, count: 2)
    }
  }

  @Test func theSecondLookIsNeeded() {
    expectSomething("nobody can go on") { Self.inbox($0, count: 2, looksTwice: false) }
  }

  @Test func theFencesAreNeeded() {
    expectSomething("nobody can go on", .init(heldStores: 1, weakness: .noFence)) { Self.inbox($0, count: 1) }
  }

  @Test func notifyingAfterPublishingIsNeeded() {
    expectSomething("nobody can go on") { Self.inbox($0, count: 1, notifiesFirst: true) }
  }

  /// Two senders to one sleeper: whoever is told not to wake relies on the other one.
  @Test func twoSendersOneSleeper() {
    expectNothing(in: "parking, two senders", .init(preemptions: 2)) { explorer in
      let outbox = Box(FanIn<UInt64, ModelWord>(lanesMax: 2))
      let lanes = [Box(outbox.value.addLane(credits: 2)), Box(outbox.value.addLane(credits: 2))]
      let sleeper = Box(Place.Sleeper())
      let notifiers = [Box(sleeper.value.makeNotifier()), Box(sleeper.value.makeNotifier())]
      var received = 0
      let send = { (sender: Int) in
        for element in UInt64(1)...2 {
          lanes[sender].value.push(element)
          if notifiers[sender].value.mustWake() { explorer.wake(0) }
        }
      }
      return Explorer.Scenario(
        threads: [
          { Self.serve(explorer, sleeper, until: { received == 4 }) { outbox.value.pop().map { _ in received += 1 } } },
          { send(0) }, { send(1) },
        ],
        verdict: { received == 4 ? nil : "received \(received)" })
    }
  }

  /// Two sleepers with one shared inbox: it is enough to wake one that sleeps, and nobody if somebody is awake.
  @Test func oneOfTwoSleepersIsEnough() {
    expectNothing(in: "parking, shared inbox", .init(preemptions: 2)) { explorer in
      let producer = Box(SPMCRing<UInt64, ModelWord>.make(capacity: 2))
      let consumers = [Box(producer.value.makeConsumer()), Box(producer.value.makeConsumer())]
      let sleepers = [Box(Place.Sleeper()), Box(Place.Sleeper())]
      let notifiers = [Box(sleepers[0].value.makeNotifier()), Box(sleepers[1].value.makeNotifier())]
      var received = 0
      let serve = { (index: Int) in
        Self.serve(explorer, sleepers[index], until: { received == 2 }) {
          consumers[index].value.pop().map { _ in
            received += 1
            // The end of the scenario, not part of the protocol.
            if received == 2 { explorer.wake(1 - index) }
          }
        }
      }
      return Explorer.Scenario(
        threads: [
          { serve(0) }, { serve(1) },
          {
            for element in UInt64(1)...2 {
              _ = producer.value.push(element)
              if notifiers[0].value.mustWake() {
                explorer.wake(0)
              } else if notifiers[1].value.mustWake() {
                explorer.wake(1)
              }
            }
          },
        ],
        verdict: { received == 2 ? nil : "received \(received)" })
    }
  }

  /// Executor and reactor, both of which sleep: a request and its answer, twice.
  @Test func bothSidesSleep() {
    expectNothing(in: "parking, both sides", .init(preemptions: 3)) { explorer in
      let there = Ring.make(capacity: 2)
      let back = Ring.make(capacity: 2)
      let (ask, heard) = (Box(there.producer), Box(there.consumer))
      let (answer, learned) = (Box(back.producer), Box(back.consumer))
      let sleepers = [Box(Place.Sleeper()), Box(Place.Sleeper())]
      let notifiers = [Box(sleepers[0].value.makeNotifier()), Box(sleepers[1].value.makeNotifier())]
      var (asked, answered, done) = (0, 0, 0)
      let question = {
        asked += 1
        _ = ask.value.push(1)
        if notifiers[1].value.mustWake() { explorer.wake(1) }
      }
      return Explorer.Scenario(
        threads: [
          {
            question()
            Self.serve(explorer, sleepers[0], until: { done == 2 }) {
              learned.value.pop().map { _ in
                done += 1
                if asked < 2 { question() }
              }
            }
          },
          {
            Self.serve(explorer, sleepers[1], until: { answered == 2 }) {
              heard.value.pop().map { _ in
                answered += 1
                _ = answer.value.push(2)
                if notifiers[0].value.mustWake() { explorer.wake(0) }
              }
            }
          },
        ],
        verdict: { done == 2 ? nil : "\(done) answers" })
    }
  }

  @Test func countersTellWhatHappened() {
    var sleeper = Parking.Sleeper()
    var first = sleeper.makeNotifier()
    var second = sleeper.makeNotifier()
    var told = [first.mustWake()]
    sleeper.declareAsleep()
    told += [first.mustWake(), second.mustWake()]
    sleeper.rise()
    sleeper.declareAsleep()
    sleeper.callOff()
    told.append(second.mustWake())
    #expect(told == [false, true, false, false])
    let counts = [first.sent, first.suppressed, second.sent, second.suppressed, sleeper.declared, sleeper.calledOff]
    #expect(counts == [1, 1, 0, 2, 2, 1])
  }

  // MARK: the loop of a thread that sleeps

  /// Takes with `take`, which returns nil when there is nothing, and sleeps in between, until `isDone`.
  private static func serve(
    _ explorer: Explorer, _ sleeper: Box<Place.Sleeper>, looksTwice: Bool = true, until isDone: () -> Bool,
    _ take: () -> Void?
  ) {
    while !isDone() && !explorer.isOver {
      if take() != nil { continue }
      sleeper.value.declareAsleep()
      if looksTwice && (take() != nil || isDone()) {
        sleeper.value.callOff()
        continue
      }
      explorer.sleep()
      sleeper.value.rise()
    }
  }

  private static func inbox(
    _ explorer: Explorer, count: UInt64, looksTwice: Bool = true, notifiesFirst: Bool = false
  ) -> Explorer.Scenario {
    let ends = Ring.make(capacity: 4)
    let (producer, consumer) = (Box(ends.producer), Box(ends.consumer))
    let sleeper = Box(Place.Sleeper())
    let notifier = Box(sleeper.value.makeNotifier())
    var received: [UInt64] = []
    return Explorer.Scenario(
      threads: [
        {
          for element in 1...count {
            if notifiesFirst && notifier.value.mustWake() { explorer.wake(1) }
            _ = producer.value.push(element)
            if !notifiesFirst && notifier.value.mustWake() { explorer.wake(1) }
          }
        },
        {
          Self.serve(explorer, sleeper, looksTwice: looksTwice, until: { received.count == Int(count) }) {
            consumer.value.pop().map { received.append($0) }
          }
        },
      ],
      verdict: { received == Array(1...count) ? nil : "received \(received)" })
  }
}
