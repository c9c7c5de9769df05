import Channels
import Testing

/// One producer, many consumers: every element that was accepted is taken exactly once, each consumer sees
/// its elements in order, a refusal means a full ring; whatever the schedule, also around the wrap.
@Suite struct SPMCRingTests {
  typealias Ring = SPMCRing<UInt64, ModelWord>

  /// Two consumers that try, a producer that tries; nobody waits.
  @Test(arguments: [2, 4]) func everySchedule(capacity: Int) {
    expectNothing(in: Self.name("SPMC", capacity), .init(preemptions: 3)) { _ in
      Self.scenario(capacity: capacity, pushes: 3, popsPerConsumer: 2)
    }
    let held = Explorer.Bounds(preemptions: capacity == 2 ? 2 : 1, heldStores: 1)
    expectNothing(in: Self.name("SPMC with held stores", capacity), held) { _ in
      Self.scenario(capacity: capacity, pushes: 2, popsPerConsumer: 1)
    }
  }

  /// Nobody gives up: more elements than cells, and all arrive.
  @Test func everyElementArrives() {
    expectNothing(in: "SPMC to the end", .init(preemptions: 2)) { explorer in
      let producer = Box(Ring.make(capacity: 2))
      let consumers = [Box(producer.value.makeConsumer()), Box(producer.value.makeConsumer())]
      var taken: [UInt64] = []
      let consume = { (consumer: Box<Ring.Consumer>) in
        while taken.count < 3 {
          let element = explorer.until { () -> UInt64? in
            if let element = consumer.value.pop() { return element }
            return taken.count == 3 ? 0 : nil
          }
          guard let element else { return }
          if element > 0 { taken.append(element) }
        }
      }
      return Explorer.Scenario(
        threads: [
          {
            for element in UInt64(1)...3 { _ = explorer.until { producer.value.push(element) ? true : nil } }
          },
          { consume(consumers[0]) }, { consume(consumers[1]) },
        ],
        verdict: { taken.sorted() == [1, 2, 3] ? nil : "taken \(taken)" })
    }
  }

  @Test(arguments: [Explorer.Weakness.releasingIsRelaxed, .acquiringIsRelaxed])
  func orderingsAreNeeded(weakness: Explorer.Weakness) {
    expectSomething("race", .init(weakness: weakness)) { _ in
      Self.scenario(capacity: 2, pushes: 3, popsPerConsumer: 2)
    }
  }

  private static func name(_ what: String, _ capacity: Int) -> String { "\(what), capacity \(capacity)" }

  private static func scenario(capacity: Int, pushes: UInt64, popsPerConsumer: Int) -> Explorer.Scenario {
    let producer = Box(Ring.make(capacity: capacity))
    let consumers = [Box(producer.value.makeConsumer()), Box(producer.value.makeConsumer())]
    // One cell ahead of the wrap, and one element there.
    for _ in 1..<capacity {
      _ = producer.value.push(0)
      _ = consumers[0].value.pop()
    }
    _ = producer.value.push(100)
    var accepted: [UInt64] = [100]
    var taken: [[UInt64]] = [[], []]
    return Explorer.Scenario(
      threads: [
        {
          for element in 101...(100 + pushes) where producer.value.push(element) { accepted.append(element) }
        },
        { for _ in 0..<popsPerConsumer { if let element = consumers[0].value.pop() { taken[0].append(element) } } },
        { for _ in 0..<popsPerConsumer { if let element = consumers[1].value.pop() { taken[1].append(element) } } },
      ],
      verdict: {
        for one in taken where one != one.sorted() { return "out of order: \(one)" }
        var all = taken[0] + taken[1]
        while let element = consumers[0].value.pop() { all.append(element) }
        if accepted.count < min(capacity, Int(pushes) + 1) { return "refused without need: \(accepted)" }
        return all.sorted() == accepted ? nil : "accepted \(accepted), taken \(all)"
      })
  }

  @Test func aRingOutlivesItsProducer() {
    var producer = Optional(SharedInbox<UInt64>.make(capacity: 2))
    var consumer = producer!.makeConsumer()
    let pushed = [producer!.push(1), producer!.push(2), producer!.push(3)]
    let count = producer!.count
    #expect(pushed == [true, true, false] && count == 2)
    producer = nil
    let popped = [consumer.pop(), consumer.pop(), consumer.pop()]
    #expect(popped == [1, 2, nil])
  }
}
