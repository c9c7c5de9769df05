// BlockedClients.swift — who waits for which key, and until when.
//
//   key      ─▶ client │ client │ …       in the order in which they began to wait
//   deadline ─▶ client                    a heap; of clients that have gone on some entries stay for a while
//   ready    ─▶ key │ key                 written since, to be looked at before anything else runs
//
// A client that waits costs memory and nothing else: it is a write to one of its keys that wakes it.
import Bytes
import Commands
import Store

struct BlockedClients {
  struct Waiter {
    let slot: UInt32
    let generation: UInt32
    let number: UInt64
  }

  private struct Deadline {
    let nanoseconds: UInt64
    let waiter: Waiter
  }

  /// Clients that wait.
  private(set) var count = 0
  /// Those of them that wait for so long only.
  private(set) var timedCount = 0
  private var queues: [Effects.KeyPlace: [Waiter]] = [:]
  private var deadlines: [Deadline] = []
  private var ready: [Effects.KeyPlace] = []
  /// Those before it have been taken.
  private var nextReady = 0
  /// Written, but who waits for them would change something that somebody else is changing.
  private var postponed: [Effects.KeyPlace] = []
  private var readyPlaces: Set<Effects.KeyPlace> = []
  private var lastNumber: UInt64 = 0
  /// Waiters are being served: what that makes ready comes behind.
  var isServing = false

  var keyCount: Int { queues.count }
  /// Keys of clients that wait for their removal, too.
  private(set) var keyCountOnRemoval = 0
  var hasReady: Bool { nextReady < ready.count }

  mutating func nextNumber() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  mutating func add(
    _ waiter: Waiter, _ places: [Effects.KeyPlace], deadlineNanoseconds: UInt64, seesRemoval: Bool
  ) {
    count += 1
    if seesRemoval { keyCountOnRemoval += places.count }
    for place in places where queues[place]?.last?.number != waiter.number {
      queues[place, default: []].append(waiter)
    }
    guard deadlineNanoseconds != .max else { return }
    timedCount += 1
    push(Deadline(nanoseconds: deadlineNanoseconds, waiter: waiter))
  }

  mutating func remove(_ number: UInt64, _ places: [Effects.KeyPlace], isTimed: Bool, seesRemoval: Bool) {
    count -= 1
    if seesRemoval { keyCountOnRemoval -= places.count }
    if isTimed { timedCount -= 1 }
    for place in places {
      guard let index = queues[place]?.firstIndex(where: { $0.number == number }) else { continue }
      queues[place]?.remove(at: index)
      if queues[place]?.isEmpty == true { queues[place] = nil }
    }
    if deadlines.count > 2 * timedCount + Self.goneDeadlinesMax { forgetGone() }
  }

  // MARK: keys

  /// The key was written.
  mutating func signal(_ place: Effects.KeyPlace) {
    if queues[place] != nil && readyPlaces.insert(place).inserted { ready.append(place) }
  }

  /// Everything in these databases may be something else now.
  mutating func signal(databases: [Int]) {
    for place in queues.keys.filter({ databases.contains($0.database) }).sorted(by: { first($0) < first($1) }) {
      signal(place)
    }
  }

  private func first(_ place: Effects.KeyPlace) -> UInt64 { queues[place]?.first?.number ?? 0 }

  mutating func takeReady() -> Effects.KeyPlace? {
    guard nextReady < ready.count else {
      ready.removeAll(keepingCapacity: true)
      nextReady = 0
      return nil
    }
    let place = ready[nextReady]
    nextReady += 1
    readyPlaces.remove(place)
    return place
  }

  /// Who waits for the key is looked at again when `signalPostponed` is called.
  mutating func postpone(_ place: Effects.KeyPlace) { postponed.append(place) }

  mutating func signalPostponed() {
    guard !postponed.isEmpty else { return }
    let places = postponed
    postponed = []
    for place in places { signal(place) }
  }

  func waiters(_ place: Effects.KeyPlace) -> [Waiter] { queues[place] ?? [] }

  // MARK: deadlines

  /// When the next of them has waited long enough; nil if none ever has.
  var nextDeadlineNanoseconds: UInt64? { deadlines.first?.nanoseconds }

  /// The next waiter whose time is up, or was up before it went on.
  mutating func takeOverdue(_ now: UInt64) -> Waiter? {
    guard let first = deadlines.first, first.nanoseconds <= now else { return nil }
    let last = deadlines.removeLast()
    if !deadlines.isEmpty {
      deadlines[0] = last
      sink()
    }
    return first.waiter
  }

  /// Entries in the heap.
  var deadlineCount: Int { deadlines.count }
  /// So many more entries than twice those that count, and the others go.
  static let goneDeadlinesMax = 64

  /// Clients that are served soon wait again with a new deadline, and their old ones may be far away.
  private mutating func forgetGone() {
    var waiting = Set<UInt64>()
    for queue in queues.values { for waiter in queue { waiting.insert(waiter.number) } }
    deadlines.removeAll { !waiting.contains($0.waiter.number) }
    // What is in order is a heap.
    deadlines.sort { $0.nanoseconds < $1.nanoseconds }
  }

  private mutating func push(_ deadline: Deadline) {
    deadlines.append(deadline)
    var index = deadlines.count - 1
    while index > 0, deadlines[index].nanoseconds < deadlines[(index - 1) / 2].nanoseconds {
      deadlines.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func sink() {
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < deadlines.count && deadlines[child].nanoseconds < deadlines[least].nanoseconds {
        least = child
      }
      guard least != index else { return }
      deadlines.swapAt(index, least)
      index = least
    }
  }
}
