import Channels
import Testing

/// One producer, one consumer: every element arrives once, in order, whatever the schedule, also around the wrap; and a
/// cell is never written while it may still be read. The ring is the real one; see Explorer.
@Suite struct SPSCRingTests {
  typealias Ring = SPSCRing<UInt64, ModelWord>

  /// Batches of one and of two, more of them than the ring has cells, from a position that wraps in the middle.
  @Test(arguments: [2, 4]) func everySchedule(capacity: Int) {
    expectNothing(in: "SPSC, capacity \(capacity)", .init(preemptions: 5)) {
      Self.scenario($0, capacity: capacity, count: UInt64(capacity) + 2)
    }
    let held = Explorer.Bounds(preemptions: capacity == 2 ? 2 : 1, heldStores: 1)
    expectNothing(in: "SPSC with held stores, capacity \(capacity)", held) {
      Self.scenario($0, capacity: capacity, count: UInt64(capacity) + 1)
    }
  }

  @Test(arguments: [Explorer.Weakness.releasingIsRelaxed, .acquiringIsRelaxed])
  func orderingsAreNeeded(weakness: Explorer.Weakness) {
    expectSomething("race", .init(weakness: weakness)) { Self.scenario($0, capacity: 2, count: 4) }
  }

  /// The producer ends when it has nothing more: what it left is still there, and only then it counts as gone.
  @Test func theEndOfAProducerHidesNothing() {
    expectNothing(in: "SPSC, end of the producer", .init(preemptions: 4)) { explorer in
      let ends = Ring.make(capacity: 4)
      let producer = Box<Ring.Producer?>(ends.producer)
      let consumer = Box(ends.consumer)
      var received: [UInt64] = []
      return Explorer.Scenario(
        threads: [
          {
            _ = producer.value!.push(1)
            _ = producer.value!.write(2)
            producer.value = nil
          },
          {
            _ = explorer.until {
              let isAbandoned = consumer.value.isAbandoned
              while let element = consumer.value.pop() { received.append(element) }
              return isAbandoned ? true : nil
            }
          },
        ],
        verdict: { received == [1, 2] ? nil : "received \(received)" })
    }
  }

  private static func scenario(_ explorer: Explorer, capacity: Int, count: UInt64) -> Explorer.Scenario {
    let ends = Ring.make(capacity: capacity)
    let producer = Box(ends.producer)
    let consumer = Box(ends.consumer)
    for _ in 1..<capacity {
      _ = producer.value.push(0)
      _ = consumer.value.pop()
    }
    var received: [UInt64] = []
    return Explorer.Scenario(
      threads: [
        {
          for element in 1...count {
            guard explorer.until({ producer.value.write(element) ? true : nil }) != nil else { return }
            if element % 3 != 1 { producer.value.publish() }
          }
          producer.value.publish()
        },
        {
          while received.count < Int(count) {
            guard let element = explorer.until({ consumer.value.pop() }) else { return }
            received.append(element)
          }
        },
      ],
      verdict: { received == Array(1...count) ? nil : "received \(received)" })
  }

  @Test func fullAndEmptyAreToldApart() {
    let ends = PrivateInbox<UInt64>.make(capacity: 4)
    var producer = ends.producer
    var consumer = ends.consumer
    #expect(consumer.pop() == nil)
    for round in UInt64(0)..<10 {
      for i in 0..<UInt64(4) { #expect(producer.write(round * 4 + i) == true) }
      #expect(consumer.pop() == nil && producer.unpublished == 4)
      // Full: what was written becomes visible, and nothing is lost by the refusal.
      #expect(producer.write(99) == false && producer.unpublished == 0)
      #expect(consumer.count() == 4)
      for i in 0..<UInt64(3) { #expect(consumer.pop() == round * 4 + i) }
      #expect(producer.push(99) == false, "nothing was given back yet")
      consumer.giveBack()
      #expect(consumer.pop() == round * 4 + 3)
      #expect(consumer.pop() == nil)
    }
  }

  @Test func aRingOutlivesEitherEnd() {
    let ends = PrivateInbox<UInt64>.make(capacity: 2)
    var consumer = ends.consumer
    do {
      var producer = ends.producer
      _ = producer.write(7)
    }
    let isAbandoned = consumer.isAbandoned
    let left = consumer.pop()
    #expect(isAbandoned && left == 7)
  }
}
