import Commands
import Store
import Testing

@testable import Server

/// Who waits for a key is found in the order in which he came, whose time is up is told so in the order of deadlines, and
/// who is gone is never found.
@Suite struct BlockedClientsTests {
  private struct Model {
    let number: UInt64
    let places: [Effects.KeyPlace]
    let deadline: UInt64
  }

  @Test func orderOfQueuesAndDeadlines() {
    for seed in UInt64(1)...30 { play(seed) }
  }

  /// Workers that are served at once and wait again, for an hour each time: their old deadlines do not pile up.
  @Test func deadlinesOfThoseServedAreForgotten() {
    var blocked = BlockedClients()
    let place = Effects.KeyPlace(hash: KeyHash(bits: 1), database: 0)
    func add() -> UInt64 {
      let number = blocked.nextNumber()
      blocked.add(
        .init(slot: 1, generation: 1, number: number), [place], deadlineNanoseconds: 3_600_000_000_000 - number,
        seesRemoval: false)
      return number
    }
    var waiting = [add(), add()]
    for _ in 0..<10_000 {
      blocked.remove(waiting.removeFirst(), [place], isTimed: true, seesRemoval: false)
      waiting.append(add())
      #expect(blocked.deadlineCount <= 2 * blocked.timedCount + BlockedClients.goneDeadlinesMax + 1)
    }
    let first = blocked.nextDeadlineNanoseconds
    #expect(first != nil && first! <= 3_600_000_000_000 - waiting[1])
  }

  private func play(_ seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var blocked = BlockedClients()
    var waiting: [Model] = []
    var now: UInt64 = 1
    for _ in 0..<600 {
      now += UInt64(below(50))
      switch below(4) {
      case 0, 1:
        let number = blocked.nextNumber()
        let places = (0...below(3)).map { _ in
          Effects.KeyPlace(hash: KeyHash(bits: UInt64(below(6))), database: below(2))
        }
        let deadline = below(2) == 0 ? UInt64.max : now + UInt64(below(400))
        blocked.add(
          .init(slot: 1, generation: 1, number: number), places, deadlineNanoseconds: deadline, seesRemoval: false)
        waiting.append(Model(number: number, places: places, deadline: deadline))
      case 2:
        guard !waiting.isEmpty else { continue }
        let gone = waiting.remove(at: below(waiting.count))
        blocked.remove(gone.number, gone.places, isTimed: gone.deadline != .max, seesRemoval: false)
      default:
        while let overdue = blocked.takeOverdue(now) {
          // One that is gone already may still be told of; nobody finds it then.
          guard let index = waiting.firstIndex(where: { $0.number == overdue.number }) else { continue }
          let first = waiting.map(\.deadline).min()
          #expect(waiting[index].deadline == first && waiting[index].deadline <= now, "seed \(seed)")
          let gone = waiting.remove(at: index)
          blocked.remove(gone.number, gone.places, isTimed: true, seesRemoval: false)
        }
        let isAnyDue = waiting.contains { $0.deadline <= now }
        #expect(!isAnyDue, "seed \(seed)")
      }
      let place = Effects.KeyPlace(hash: KeyHash(bits: UInt64(below(6))), database: below(2))
      let wanted = waiting.filter { $0.places.contains(place) }.map(\.number)
      let found = blocked.waiters(place).map(\.number)
      #expect(found == wanted, "seed \(seed)")
      blocked.signal(place)
      #expect(blocked.hasReady == !wanted.isEmpty, "seed \(seed)")
      while blocked.takeReady() != nil {}
      #expect(blocked.count == waiting.count && blocked.timedCount == waiting.count { $0.deadline != .max })
    }
  }
}
