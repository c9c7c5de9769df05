// SimulatedRing.swift: a seed instead of a kernel.
//
// The same contract as the real engines, but every freedom that the contract leaves is used: operations
// finish in any order, late, in pieces; multishot ones end when they like; completions overflow; cancels
// win or lose their race. And every rule that the caller must keep is checked: memory that was handed
// over is compared before it is handed back, buffers are poisoned and counted, closes are looked at.
import Bytes
import CURing
import Glibc

public struct SimulatedRing: ~Copyable, CompletionRing {
  public var name: StaticString { "simulated" }
  public let world: SimulatedWorld

  /// Called for, and not yet seen by the kernel.
  var queued: [SimulatedOperation] = []
  /// Cancels called for.
  var queuedCancels: [Token] = []
  var inFlight: [SimulatedOperation] = []
  /// What `next` will bring, and what did not fit there.
  var completions: [Completion] = []
  var overflowed: [Completion] = []
  var taken = 0
  var buffers: SimulatedBuffers
  var nextNumber: UInt64 = 0

  let completionsMax: Int
  let isMultishot: Bool
  public let waker: Waker
  public internal(set) var statistics = RingStatistics()
  /// Enters that could have waited for ever: nothing in flight could come to an end by itself.
  public internal(set) var stalls = 0

  public static var segmentsMax: Int { 64 }

  /// Sizes are the seed's, within the options.
  public init(_ world: SimulatedWorld, _ options: RingOptions = .small) throws(RingError) {
    let event = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard event >= 0 else { throw .unavailable(errno: errno, reason: "no eventfd: \(Errno(errno))") }
    waker = Waker(way: .event, descriptor: event)
    self.world = world
    let count = 2 + world.random.below(max(1, options.bufferCount - 1))
    let bytes = 16 + world.random.below(max(1, min(4096, options.bufferBytes) - 15))
    buffers = SimulatedBuffers(count: count, bufferBytes: bytes)
    completionsMax = 4 + world.random.below(60)
    isMultishot = options.allowsMultishot && !world.random.happens(100)
  }

  deinit { Socket.close(waker.descriptor) }

  /// Nothing is in flight and all buffers are back; what a stopped server must leave behind.
  public func checkIdle() {
    forEachOperation { world.violation("\($0.kind) on \($0.descriptor) is still in flight") }
    if lentBuffers > 0 { world.violation("\(lentBuffers) buffers were never recycled") }
  }

  /// Operations that have not had their final completion.
  public var operationsInFlight: Int { queued.count + inFlight.count }

  /// Buffers that completions carry, also those that nobody has taken yet.
  public var lentBuffers: Int { buffers.count - buffers.available }
}
