// Load.swift: the clients of one thread, on one ring.
//
// The fields, and how a run begins and ends. What happens in between is Load+Turn.swift. One call of
// `enter` per turn serves all connections, so that a core of load can fill a core of server.
import Bytes
import Ring

struct Load<Engine: CompletionRing & ~Copyable>: ~Copyable {
  var ring: Engine
  var connections: [Connection] = []
  var random: Random
  let workload: Workload
  let plan: Plan
  let serverProcess: Int32?

  /// Open loop only.
  var schedule: Schedule?
  /// Connections whose receive ended for want of buffers.
  var starved: [Int] = []
  var outcome = Outcome()
  /// Why a connection that should have lived ended: an errno, or 0 for the end of its stream.
  var failure: Int32?
  var isOpen = false
  var isOver = false
  /// Requests that may still be issued in the window; nil when time bounds it.
  var budget: UInt64?

  init(_ ring: consuming Engine, _ share: Share) {
    outcome.engine = "\(ring.name)"
    self.ring = ring
    plan = share.plan
    workload = Workload(share.options)
    random = Random(seed: share.seed)
    serverProcess = share.options.serverProcess
    if let rate = share.rate {
      schedule = Schedule(start: plan.start, rate: rate, clients: share.sockets.count)
    }
    for descriptor in share.sockets {
      let connection = Connection(
        descriptor: descriptor, depth: share.options.depth, requestBytesMax: workload.requestBytesMax)
      if workload.templates.count == 1 { connection.layOut(workload.templates[0]) }
      connections.append(connection)
    }
  }

  /// Runs until the window closes.
  mutating func run() throws(Complaint) -> Outcome {
    for slot in connections.indices {
      ring.attach(connections[slot].descriptor)
      arm(slot)
    }
    if plan.opens <= plan.start { open(now: Clock.monotonicNanoseconds()) }
    if schedule == nil {
      let now = Clock.monotonicNanoseconds()
      for slot in connections.indices { sendBatch(slot, now: now) }
    }
    do throws(RingError) {
      while !isOver {
        try turn()
        if let failure { throw .broken(errno: failure) }
      }
    } catch {
      throw Complaint(brokenText(error))
    }
    return outcome
  }

  private func brokenText(_ error: RingError) -> String {
    if let failure { return failure == 0 ? "the server closed a connection" : "a connection broke: \(Errno(failure))" }
    return "the ring broke: \(error)"
  }

  // MARK: the window

  /// The warm-up is over: everything counts from here.
  mutating func open(now: UInt64) {
    isOpen = true
    budget = plan.requests
    outcome.latency.reset()
    outcome.lateness.reset()
    outcome.replies = 0
    outcome.errors = 0
    outcome.misses = 0
    outcome.bytesSent = 0
    outcome.bytesReceived = 0
    outcome.enters = ring.statistics.enters
    outcome.opened = sample(now: now)
  }

  mutating func close(now: UInt64) {
    isOver = true
    outcome.closed = sample(now: now)
    outcome.enters = ring.statistics.enters - outcome.enters
    outcome.firstError = connections.lazy.compactMap(\.scanner.firstError).first
  }

  private func sample(now: UInt64) -> Outcome.Sample {
    Outcome.Sample(
      moment: now, ownProcessor: ProcessorClock.thisThread(),
      serverProcessor: serverProcess.flatMap(ProcessorClock.process))
  }
}
