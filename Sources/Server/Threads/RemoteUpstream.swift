// RemoteUpstream.swift — from a reactor with a thread of its own to the executor: a lane of the shared outbox.
//
// Jobs are written as they arise and published together, once per turn. Nobody writes without room: before each
// completion and each order the reactor asks for as many cells as that may take, and leaves it where it is if there are
// none; so a job always finds its cell, and a reactor that is ahead of the executor reads no further.
import Channels
import Commands
import Ring

struct RemoteUpstream: Upstream, ~Copyable {
  var lane: SharedOutbox<Job>.Producer
  var executor: Parking.Notifier
  let executorWaker: Waker
  /// Something was told for which a sleeping executor is woken.
  private(set) var isHurried = false
  private var batches: UInt64 = 0

  init(lane: consuming SharedOutbox<Job>.Producer, executor: consuming Parking.Notifier, waker: Waker) {
    self.lane = lane
    self.executor = executor
    executorWaker = waker
  }

  static var requestsMax: Int { 64 }
  static var isRemote: Bool { true }
  /// Cells that one completion or one order may take: what arrived, what is kept of it, that it was the end, and that all
  /// has been run.
  static var jobsPerStep: Int { 7 }
  /// Cells of a lane.
  static var laneCells: Int { 4_096 }

  /// One batch in so many is timed on its way: a clock reading each would cost more than handing it over.
  static var batchesPerTiming: UInt64 { 16 }

  /// Whether there is room for what the next completion or order may bring.
  @inline(__always)
  mutating func hasRoom() -> Bool { lane.hasRoom(for: Self.jobsPerStep) }

  @inline(__always)
  mutating func run(_ batch: UnsafeMutablePointer<Batch>, _ client: UnsafeMutablePointer<Client>) -> Ran? {
    var job = Job(.batch, client)
    job.pointer = UnsafeMutableRawPointer(batch)
    batches &+= 1
    batch.pointee.toldAtTicks = batches % Self.batchesPerTiming == 0 ? Clock.ticks() : 0
    lane.write(job)
    isHurried = true
    return nil
  }

  @inline(__always)
  mutating func tell(_ job: Job) {
    lane.write(job)
    if job.kind != .sent { isHurried = true }
  }

  @inline(__always)
  mutating func hurry() { isHurried = true }

  /// Shows the executor what was told; true if it sleeps and must be woken for it.
  mutating func publish() -> Bool {
    lane.publish()
    guard isHurried else { return false }
    isHurried = false
    return executor.mustWake()
  }
}
