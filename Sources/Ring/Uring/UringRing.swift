// UringRing.swift: one io_uring, owned by one thread.
//
// We fill submissions and hand them over in one call per turn; the kernel fills completions and
// returns each under the token it was submitted with. Nothing here knows what a client is. The ring
// belongs to the thread that made it (the kernel enforces that), so it can neither be copied nor sent.
import Bytes
import CURing
import Glibc

@safe public struct UringRing: ~Copyable, CompletionRing {
  /// The engine's name, as INFO prints it.
  public var name: StaticString { "io_uring" }
  public let capabilities: UringCapabilities

  let queues: curing_queues
  var submissions: SubmissionQueue
  var buffers: ReceiveBuffers
  var files: RegisteredFiles
  var scratch: Scratch

  /// Completions: what we have taken, and what the last `enter` found.
  var head: UInt32
  var tail: UInt32
  let completionMask: UInt32
  let completions: UnsafePointer<io_uring_cqe>
  /// The second half of a link that the kernel did not take; see `SubmissionQueue.takeSevered`.
  var severed: Token?

  /// The ring's registered index where there is one, else its descriptor, and the flags that go with it.
  let enterDescriptor: Int32
  let enterFlags: UInt32
  let isRegistered: Bool
  /// The entry flag that keeps successes of our own operations quiet.
  let quiet: UInt32

  public let waker: Waker
  /// The 8 bytes that wake a ring which has an eventfd.
  let one: UnsafeMutablePointer<UInt64>
  public internal(set) var statistics = RingStatistics()

  public static var segmentsMax: Int { 64 }
  static var bufferGroup: UInt16 { 0 }

  /// Sets up a ring for the calling thread.
  public init(_ options: RingOptions, _ capabilities: UringCapabilities) throws(RingError) {
    var queues = try unsafe UringSetup.open(options, flagSets: [capabilities.setupFlags])
    let waker = try unsafe UringRing.makeWaker(&queues, capabilities)
    buffers = try unsafe UringRing.registerBuffers(&queues, waker, options)
    self.waker = waker
    unsafe self.queues = queues
    self.capabilities = capabilities
    submissions = unsafe SubmissionQueue(queues)
    scratch = Scratch(bytes: 65536)
    unsafe one = .allocate(capacity: 1)
    unsafe one.initialize(to: 1)

    head = unsafe curing_load_acquire(queues.completion_head)
    tail = head
    completionMask = unsafe queues.completion_entries - 1
    unsafe completions = queues.completions

    // Fewer threads in the kernel: what is left for them is one write and one sync at a time.
    _ = unsafe curing_limit_workers(queues.descriptor, 2, 2)
    var places: UInt32 = 0
    if capabilities.registeredFiles {
      places = UInt32(min(UInt64(options.registeredFilesMax), ProcessFacts.fileLimit))
      if unsafe curing_register_sparse_files(queues.descriptor, places) < 0 { places = 0 }
    }
    files = RegisteredFiles(capacity: Int(places))

    let index = unsafe curing_register_ring(queues.descriptor)
    isRegistered = index >= 0
    unsafe enterDescriptor = isRegistered ? index : queues.descriptor
    var flags = isRegistered ? IORING_ENTER_REGISTERED_RING : 0
    if unsafe queues.features & CURING_FEATURE_NO_IOWAIT != 0 { flags |= CURING_ENTER_NO_IOWAIT }
    enterFlags = flags
    quiet = unsafe queues.features & IORING_FEAT_CQE_SKIP != 0 ? CURING_SQE_SKIP_SUCCESS : 0

    if waker.way == .event { watchEvent() }
  }

  deinit {
    // The kernel must be done with everybody's memory before anybody frees it.
    _ = unsafe curing_cancel_all(queues.descriptor, 100_000_000)
    if isRegistered { _ = unsafe curing_unregister_ring(queues.descriptor, UInt32(enterDescriptor)) }
    var queues = unsafe queues
    unsafe curing_close(&queues)
    if waker.way == .event { Socket.close(waker.descriptor) }
    unsafe one.deallocate()
  }

  /// Fewer buffers when memory is short; at least 16, or as many as were asked for. If it fails,
  /// nothing of the ring is left open.
  private static func registerBuffers(
    _ queues: inout curing_queues, _ waker: Waker, _ options: RingOptions
  ) throws(RingError) -> ReceiveBuffers {
    var count = 1
    while count < min(32768, max(1, options.bufferCount)) { count *= 2 }
    var code = ENOMEM
    while code == ENOMEM {
      guard var buffers = ReceiveBuffers(count: count, bufferBytes: options.bufferBytes) else { break }
      code = unsafe -curing_register_buffers(queues.descriptor, buffers.listAddress, UInt32(count), bufferGroup)
      if code <= 0 {
        buffers.fill()
        return buffers
      }
      count /= 2
      if count < 16 { break }
    }
    if waker.way == .event { Socket.close(waker.descriptor) }
    unsafe curing_close(&queues)
    throw .unavailable(errno: code, reason: UringSetup.sentence(for: code))
  }

  /// Closes the queues if it fails.
  private static func makeWaker(
    _ queues: inout curing_queues, _ capabilities: UringCapabilities
  ) throws(RingError) -> Waker {
    guard !capabilities.postedWakes else { return unsafe Waker(way: .post, descriptor: queues.descriptor) }
    let event = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard event < 0 else { return Waker(way: .event, descriptor: event) }
    let code = errno
    unsafe curing_close(&queues)
    throw .unavailable(errno: code, reason: UringSetup.sentence(for: code))
  }
}
