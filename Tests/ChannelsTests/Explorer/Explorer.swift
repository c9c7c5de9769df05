// Explorer.swift — runs the real queues under every schedule, within bounds.
//
//   execution:  start ─▶ point ─▶ point ─▶ … ─▶ end        at a point the next operation on a shared word is due
//                          │        └ which thread goes on? may a store stay in its thread's buffer?
//                          └ every question with more than one answer is a branch of the tree
//
// Each logical thread has a pthread, of which one runs at a time. An execution answers the questions along a path;
// the next execution changes the last answer that can be changed: a depth-first walk over all paths (stateless model
// checking). Bounded are preemptions, that is switches away from a thread that could go on, and stores that are held
// back.
//
// What is looked for: wrong results (the scenario's verdict); threads that wait for ever; races, by vector clocks that
// only releasing stores and acquiring loads connect, so an ordering that is too weak shows on any processor; and
// with held stores what a store buffer does: a thread reads on before others see what it wrote. Not modelled are loads
// that see older values than a store buffer allows; where that matters a clock does not connect, and it is a race.
import Glibc

final class Explorer: @unchecked Sendable {
  /// How far to go.
  struct Bounds {
    /// Switches away from a thread that could go on.
    var preemptions = 3
    /// Stores that stay in their thread's buffer for a while.
    var heldStores = 0
    /// Steps of one execution; more is a livelock.
    var stepsMax = 2_000
    var schedulesMax = 400_000
    var weakness = Weakness.none
  }

  /// What the words do worse than they promise, to see that it is found.
  enum Weakness { case none, releasingIsRelaxed, acquiringIsRelaxed, noFence }

  /// One execution's threads, made afresh for each.
  struct Scenario {
    let threads: [() -> Void]
    /// After all threads have ended: what is wrong, or nil.
    let verdict: () -> String?
  }

  struct Outcome: CustomStringConvertible {
    var schedules = 0
    var steps = 0
    /// All schedules within the bounds were tried.
    var isComplete = false
    var failure: String?

    var description: String {
      "\(schedules) schedules, \(steps) steps, \(isComplete ? "complete" : "cut short"); \(failure ?? "nothing found")"
    }
  }

  let bounds: Bounds
  private(set) var threads: [ModelThread] = []
  private(set) var current = 0
  /// The execution has failed: from here on the threads run through, one after the other.
  private(set) var isOver = false
  var failure: String?

  private var path: [(options: Int, taken: Int)] = []
  private var depth = 0
  /// The answers to the question at hand: a thread that may go on, or, from `threads.count` on, one whose oldest held
  /// store becomes visible.
  private var options: [Int] = []
  private var preemptions = 0
  private var heldStores = 0
  private var steps = 0
  /// Commits of stores, of all threads.
  var version = 0
  var shadows: [UInt: Shadow] = [:]
  private let controller = Semaphore()

  private init(_ bounds: Bounds) { self.bounds = bounds }

  /// Walks the tree of schedules until it is exhausted, the bound is reached or something was found.
  static func explore(_ bounds: Bounds = Bounds(), _ make: (Explorer) -> Scenario) -> Outcome {
    let explorer = Explorer(bounds)
    var outcome = Outcome()
    repeat {
      explorer.failure = explorer.execute(make)
      outcome.schedules += 1
      outcome.steps += explorer.steps
    } while explorer.failure == nil && outcome.schedules < bounds.schedulesMax && explorer.advance()
    if let failure = explorer.failure {
      outcome.failure = "\(failure), schedule \(explorer.path.map { String($0.taken) }.joined())"
    }
    outcome.isComplete = explorer.failure == nil && explorer.path.isEmpty
    explorer.threads.forEach { $0.end() }
    return outcome
  }

  private func execute(_ make: (Explorer) -> Scenario) -> String? {
    (depth, preemptions, heldStores, steps, version, isOver, failure) = (0, 0, 0, 0, 0, false, nil)
    shadows.removeAll(keepingCapacity: true)
    let scenario = make(self)
    while threads.count < scenario.threads.count { threads.append(ModelThread(self, index: threads.count)) }
    for (thread, body) in zip(threads, scenario.threads) { thread.prepare(body) }
    current = decide(threads.count)
    threads[current].turn.post()
    controller.wait()
    threads.forEach { $0.forgetBody() }
    return failure ?? scenario.verdict()
  }

  /// The next path: the last answer that has an alternative, changed. False when there is none.
  private func advance() -> Bool {
    while let last = path.popLast() {
      guard last.taken + 1 < last.options else { continue }
      path.append((last.options, last.taken + 1))
      return true
    }
    return false
  }

  /// One question with `options` answers; the first one is the default.
  private func decide(_ options: Int) -> Int {
    guard options > 1 else { return 0 }
    defer { depth += 1 }
    if depth == path.count { path.append((options, 0)) }
    precondition(path[depth].options == options, "a scenario that does not repeat itself")
    return path[depth].taken
  }

  func fail(_ reason: String) {
    guard !isOver else { return }
    failure = reason
    isOver = true
  }
}

// MARK: called by the thread that runs

extension Explorer {
  /// An operation on a shared word is due.
  func point() {
    guard !isOver else { return }
    steps += 1
    // Nothing could bring such a thread back.
    precondition(steps <= bounds.stepsMax, "no end after \(steps) steps")
    switchThreads(canGoOn: true)
  }

  /// Repeats `attempt` until it brings something; between two attempts some other thread must have stored something.
  func until<Found>(_ attempt: () -> Found?) -> Found? {
    while !isOver {
      let thread = threads[current]
      let mark = version - thread.ownCommits
      if let found = attempt() { return found }
      thread.state = .paused(mark)
      switchThreads(canGoOn: false)
    }
    return nil
  }

  /// Sleeps until woken; a wake that came before counts.
  func sleep() {
    guard !isOver else { return }
    threads[current].state = .asleep
    switchThreads(canGoOn: false)
    threads[current].isWoken = false
  }

  /// Wakes a thread, now or when it next sleeps.
  func wake(_ index: Int) {
    point()
    threads[index].isWoken = true
  }

  /// A store: whether it stays in the buffer for a while.
  func holdsStore() -> Bool {
    guard !isOver, heldStores < bounds.heldStores, decide(2) == 1 else { return false }
    heldStores += 1
    return true
  }

  func finish() {
    threads[current].state = .finished
    switchThreads(canGoOn: false)
  }

  private func switchThreads(canGoOn: Bool) {
    let me = current
    while !isOver {
      options.removeAll(keepingCapacity: true)
      if canGoOn { options.append(me) }
      for thread in threads {
        let mayGoOn = canGoOn ? thread.index != me && preemptions < bounds.preemptions : true
        if mayGoOn && isReady(thread) { options.append(thread.index) }
      }
      for thread in threads where !thread.buffer.isEmpty { options.append(thread.index + threads.count) }
      guard !options.isEmpty else {
        if threads.contains(where: { $0.state != .finished }) { fail(describeDeadlock()) }
        break
      }
      let chosen = options[decide(options.count)]
      if chosen >= threads.count {
        threads[chosen - threads.count].commitOldest()
        continue
      }
      if canGoOn && chosen != me { preemptions += 1 }
      return pass(from: me, to: chosen)
    }
    // Over: whoever is not through yet runs through.
    if threads[me].state != .finished { return threads[me].state = .ready }
    if let next = threads.firstIndex(where: { $0.state != .finished }) { return pass(from: me, to: next) }
    controller.post()
  }

  private func pass(from me: Int, to next: Int) {
    let isFinished = threads[me].state == .finished
    threads[next].state = .ready
    guard next != me else { return }
    current = next
    threads[next].turn.post()
    if !isFinished { threads[me].turn.wait() }
  }

  private func isReady(_ thread: ModelThread) -> Bool {
    switch thread.state {
    case .ready: true
    case .paused(let mark): version - thread.ownCommits != mark
    case .asleep: thread.isWoken
    case .finished: false
    }
  }

  private func describeDeadlock() -> String {
    let states = threads.map { thread in
      switch thread.state {
      case .ready: "ready"
      case .paused: "waits for something to change"
      case .asleep: "sleeps"
      case .finished: "finished"
      }
    }
    return "nobody can go on: " + states.joined(separator: ", ")
  }
}
