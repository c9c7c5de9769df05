import Channels
import Testing

/// Many producers, one consumer: every element arrives once and in its lane's order, lanes take turns, a lane
/// ends only when it is empty; whatever the schedule.
@Suite struct SharedOutboxTests {
  typealias Outbox = FanIn<UInt64, ModelWord>

  /// Two producers on lanes that wrap in the middle, with credits for half of the cells. A credit is back as soon as
  /// its element was popped, while the cell is not: never is a lane full.
  @Test(arguments: [1, 2]) func everySchedule(credits: Int) {
    expectNothing(in: "outbox, capacity \(2 * credits)", .init(preemptions: credits == 1 ? 2 : 1)) { explorer in
      let outbox = Box(Outbox(lanesMax: 2, burst: 1))
      let producers = [Box(outbox.value.addLane(credits: credits)), Box(outbox.value.addLane(credits: credits))]
      for _ in 1..<2 * credits {
        for producer in producers { producer.value.push(0) }
        while outbox.value.pop() != nil {}
      }
      let count = UInt64(credits) + 1
      // What the executor has received of each lane, and so given back as credits.
      var received: [[UInt64]] = [[], []]
      let produce = { (lane: Int) in
        for element in 1...count {
          _ = explorer.until { Int(element) - received[lane].count <= credits ? true : nil }
          guard !explorer.isOver else { return }
          producers[lane].value.push(UInt64(lane) * 100 + element)
        }
      }
      return Explorer.Scenario(
        threads: [
          {
            while received[0].count + received[1].count < Int(count) * 2 {
              guard let element = explorer.until({ outbox.value.pop() }) else { return }
              received[Int(element / 100)].append(element % 100)
            }
          },
          { produce(0) }, { produce(1) },
        ],
        verdict: { received == [Array(1...count), Array(1...count)] ? nil : "received \(received)" })
    }
  }

  /// A lane whose thread has ended is retired when it is empty and not before.
  @Test func retiringLosesNothing() {
    expectNothing(in: "outbox, retiring", .init(preemptions: 4)) { explorer in
      let outbox = Box(Outbox(lanesMax: 2))
      let producer = Box(Optional(outbox.value.addLane(credits: 2)))
      var received: [UInt64] = []
      return Explorer.Scenario(
        threads: [
          {
            producer.value!.push(1)
            producer.value!.write(2)
            producer.value = nil
          },
          {
            var isRetired = false
            while !isRetired && !explorer.isOver {
              _ = explorer.until {
                isRetired = outbox.value.retireAbandonedLanes() > 0
                guard !isRetired else { return true }
                return outbox.value.pop().map { received.append($0) == () }
              }
            }
          },
        ],
        verdict: { received == [1, 2] && outbox.value.laneCount == 0 ? nil : "received \(received)" })
    }
  }

  @Test func lanesTakeTurns() {
    var outbox = SharedOutbox<UInt64>(lanesMax: 3, burst: 4)
    var first = outbox.addLane(credits: 64)
    var second = outbox.addLane(credits: 64)
    var third = outbox.addLane(credits: 64)
    for i in 0..<UInt64(40) {
      first.push(100 + i)
      if i < 10 { second.push(200 + i) }
    }
    third.push(300)
    let depth = outbox.count()
    #expect(depth == 51)
    var order: [UInt64] = []
    while let element = outbox.pop() { order.append(element) }
    let lanes = order.map { $0 / 100 }
    #expect(order.count == 51)
    // Whoever has something waits for at most one burst of each other lane.
    for lane in UInt64(1)...3 {
      var others = 0
      for one in lanes.prefix(through: lanes.lastIndex(of: lane)!) {
        others = one == lane ? 0 : others + 1
        #expect(others <= 8)
      }
      #expect(order.filter { $0 / 100 == lane } == order.filter { $0 / 100 == lane }.sorted())
    }
  }

  @Test func lanesComeAndGo() {
    var outbox = SharedOutbox<UInt64>(lanesMax: 4, burst: 2)
    for round in UInt64(0)..<20 {
      var kept = outbox.addLane(credits: 4)
      do {
        var brief = outbox.addLane(credits: 4)
        brief.push(round)
        kept.push(round)
      }
      let early = outbox.retireAbandonedLanes()
      let elements = [outbox.pop(), outbox.pop(), outbox.pop()]
      let late = outbox.retireAbandonedLanes()
      #expect(early == 0 && elements == [round, round, nil] && late == 1)
      _ = consume kept
      let last = outbox.retireAbandonedLanes()
      #expect(last == 1 && outbox.laneCount == 0)
    }
  }
}
