// Load+Turn.swift: send what is due, sleep, count what came.
import Bytes
import Glibc
import Ring

extension Load where Engine: ~Copyable {
  mutating func turn() throws(RingError) {
    var now = Clock.monotonicNanoseconds()
    if !isOpen && now >= plan.opens { open(now: now) }
    if let closes = plan.closes, now >= closes { return close(now: now) }
    if schedule != nil { issueDue(now: now) }
    try ring.enter(timeoutNanoseconds: patience(now))
    while let completion = ring.next() {
      switch completion.token.operation {
      case .receive: received(completion)
      case .send: sent(completion)
      default: break
      }
    }
    if !starved.isEmpty { feedStarved() }
    now = Clock.monotonicNanoseconds()
    if isOpen, let requests = plan.requests, outcome.replies >= requests { close(now: now) }
  }

  /// How long the ring may sleep: until something is due or the window turns.
  private func patience(_ now: UInt64) -> UInt64? {
    var moment = isOpen ? plan.closes ?? .max : plan.opens
    if let schedule { moment = min(moment, schedule.nextDue) }
    guard moment < .max else { return nil }
    guard moment > now else { return 0 }
    // Waking from a sleep takes longer than this: stay awake for what is due so soon.
    return schedule != nil && moment - now < spinNanoseconds ? 0 : moment - now
  }

  // MARK: requests

  /// Closed loop: a batch as deep as the pipeline, all due now.
  mutating func sendBatch(_ slot: Int, now: UInt64) {
    var count = connections[slot].depth
    if let left = budget {
      count = min(count, Int(clamping: left))
      budget = left - UInt64(count)
    }
    guard count > 0 else { return }
    var bytes = 0
    for _ in 0..<count { bytes += write(slot, at: bytes, due: now) }
    send(slot, bytes)
  }

  /// Open loop: the requests of one connection that are due and have room.
  private mutating func sendDue(_ slot: Int, now: UInt64) {
    guard let schedule, connections[slot].sending == 0 else { return }
    var bytes = 0
    while connections[slot].unanswered < connections[slot].depth, budget != 0 {
      let due = schedule.due(connection: slot, issued: connections[slot].issued)
      guard due <= now else { break }
      bytes += write(slot, at: bytes, due: due)
      connections[slot].issued += 1
      if let left = budget { budget = left - 1 }
    }
    if bytes > 0 { send(slot, bytes) }
  }

  private mutating func issueDue(now: UInt64) {
    while let due = schedule?.nextDue, due <= now {
      outcome.lateness.record(now - due)
      guard let slot = schedule?.advance() else { return }
      sendDue(slot, now: now)
    }
  }

  /// Puts one request into the connection's memory; returns its length.
  @inline(__always) private mutating func write(_ slot: Int, at offset: Int, due: UInt64) -> Int {
    let choice = workload.choose(&random)
    if workload.templates.count > 1 { connections[slot].copy(workload.templates[choice], to: offset) }
    workload.fill(choice, at: connections[slot].requests + offset, &random)
    connections[slot].push(due: due)
    return workload.templates[choice].bytes.count
  }

  @inline(__always) private mutating func send(_ slot: Int, _ bytes: Int) {
    connections[slot].sending = bytes
    outcome.bytesSent &+= UInt64(bytes)
    ring.send(connections[slot].descriptor, connections[slot].requests, count: bytes, token(.send, slot))
  }

  // MARK: replies

  private mutating func received(_ completion: Completion) {
    let slot = Int(completion.token.slot)
    if completion.carriesBuffer {
      let count = connections[slot].scanner.scan(ring.bytes(of: completion).buffer)
      outcome.bytesReceived &+= UInt64(completion.result)
      ring.recycle(completion)
      take(count, slot)
    } else if completion.result == -ENOBUFS {
      starved.append(slot)
      return
    } else if completion.result <= 0 && failure == nil {
      failure = -completion.result
    }
    if completion.isFinal { arm(slot) }
  }

  @inline(__always) private mutating func take(_ count: ReplyCount, _ slot: Int) {
    let now = Clock.monotonicNanoseconds()
    guard count.replies <= connections[slot].unanswered, !connections[slot].scanner.isBroken else {
      failure = EPROTO
      return
    }
    for _ in 0..<count.replies {
      let due = connections[slot].pop()
      outcome.latency.record(now &- due)
    }
    outcome.replies &+= UInt64(count.replies)
    outcome.errors &+= UInt64(count.errors)
    outcome.misses &+= UInt64(count.misses)
    goOn(slot, now: now)
  }

  private mutating func sent(_ completion: Completion) {
    let slot = Int(completion.token.slot)
    guard Int(completion.result) == connections[slot].sending else {
      failure = completion.result < 0 ? -completion.result : 0
      return
    }
    connections[slot].sending = 0
    goOn(slot, now: Clock.monotonicNanoseconds())
  }

  /// The next requests of a connection whose send or last reply has just ended.
  @inline(__always) private mutating func goOn(_ slot: Int, now: UInt64) {
    guard connections[slot].sending == 0 else { return }
    if schedule != nil {
      sendDue(slot, now: now)
    } else if connections[slot].unanswered == 0 {
      sendBatch(slot, now: now)
    }
  }

  // MARK: receiving

  mutating func arm(_ slot: Int) {
    ring.receive(connections[slot].descriptor, token(.receive, slot))
  }

  private mutating func feedStarved() {
    guard ring.buffersAvailable > 0 else { return }
    let waiting = starved
    starved.removeAll(keepingCapacity: true)
    for slot in waiting { arm(slot) }
  }

  @inline(__always) private func token(_ operation: Token.Operation, _ slot: Int) -> Token {
    Token(operation, slot: UInt32(truncatingIfNeeded: slot), generation: 1)
  }

  /// About what it costs to sleep and to be woken.
  private var spinNanoseconds: UInt64 { 60_000 }
}
