// EpollRing.swift: readiness made to look like completions.
//
// One epoll_wait per turn, one receive and one send per request: what a good readiness loop costs, and
// no more. Descriptors are watched for edges from their first operation to their close. A receive
// happens inside `next`, into the buffer that was given back last; a send happens inside `enter`.
import Bytes
import CURing
import Glibc

@safe public struct EpollRing: ~Copyable, CompletionRing {
  /// The engine's name, as INFO prints it.
  public var name: StaticString { "epoll" }

  let epoll: Int32
  public let waker: Waker
  var fileThread: FileThread?
  /// Where the file thread tells of results; -1 before the first file operation.
  var fileEvent: Int32 = -1

  var endpoints: EndpointTable
  var index: TokenIndex
  var pool: BufferPool
  var segmentLists: SegmentLists
  let events: UnsafeMutablePointer<epoll_event>

  /// What is done and waits for `next`.
  var completions: Fifo<Completion>
  /// Descriptors that have something to be read, and somebody who wants it.
  var ready: Fifo<Int32>
  /// How many of them belong to this turn. What is listed during the turn waits for the next one.
  var readyThisTurn = 0
  /// The descriptor that `next` is at, and how often it may still read from it. -1 for none.
  var current: Int32 = -1
  var currentReads = 0

  /// Queued until `enter`.
  var sends: Fifo<Int32>
  var closes: Fifo<Closing>
  var fileJobs: Fifo<FileThread.Job>
  /// The last `enter` did not ask the kernel for events.
  var hasSkipped = false

  public internal(set) var statistics = RingStatistics()

  struct Closing: BitwiseCopyable {
    var descriptor: Int32
    var token: Token
  }

  public static var segmentsMax: Int { 64 }
  static var eventsMax: Int { 1024 }

  public init(_ options: RingOptions = .epoll) throws(RingError) {
    let descriptors = [
      epoll_create1(Int32(EPOLL_CLOEXEC)), eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC)),
    ]
    guard descriptors.allSatisfy({ $0 >= 0 }) else {
      let code = errno
      for descriptor in descriptors where descriptor >= 0 { Socket.close(descriptor) }
      throw .unavailable(errno: code, reason: "no descriptors for epoll: \(Errno(code))")
    }
    epoll = descriptors[0]
    waker = Waker(way: .event, descriptor: descriptors[1])
    endpoints = EndpointTable()
    index = TokenIndex()
    completions = Fifo(capacity: 1024)
    ready = Fifo(capacity: 1024)
    sends = Fifo(capacity: 1024)
    closes = Fifo()
    fileJobs = Fifo()
    pool = BufferPool(count: min(32768, max(1, options.bufferCount)), bufferBytes: options.bufferBytes)
    segmentLists = SegmentLists(segmentsMax: EpollRing.segmentsMax)
    unsafe events = .allocate(capacity: EpollRing.eventsMax)
    // Edges again: nobody reads it, each write to it shows.
    _ = watch(waker.descriptor, EpollRing.input)
  }

  deinit {
    unsafe events.deallocate()
    for descriptor in [epoll, waker.descriptor] { Socket.close(descriptor) }
  }

  static var input: UInt32 { UInt32(EPOLLIN.rawValue | EPOLLRDHUP.rawValue) | CURING_EPOLL_EDGE }
  static var output: UInt32 { UInt32(EPOLLOUT.rawValue) }
  static var ending: UInt32 { UInt32(EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) }

  /// Adds a descriptor to epoll, or changes what is watched; 0 or a negated errno.
  func watch(_ descriptor: Int32, _ mask: UInt32) -> Int32 {
    let code = curing_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, mask)
    return code == -EEXIST ? curing_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, mask) : code
  }
}
