// CompletionRing.swift: what every engine offers, and the rules that all of them keep.
//
// Three engines: UringRing (io_uring), EpollRing (readiness made to look like completions) and
// SimulatedRing (a seed instead of a kernel). The loop is generic over this protocol and is
// instantiated with concrete types, so nothing here costs an existential.
//
// Rules, the same in all three:
//  1. A call only queues. Nothing is promised to have happened before `enter`.
//  2. Every operation ends with exactly one final completion (`isFinal`), also when it is cancelled.
//     Multishot operations (accept, receive, poll) may have any number of non-final ones before it.
//     The engine may end one at any completion, also at one that brought a descriptor or bytes:
//     whoever wants more arms it again. Old kernels end a receive at every completion.
//  3. Memory given to an operation belongs to the kernel until that operation's final completion.
//  4. A completion that carries a buffer carries it even if nobody wants the bytes any more: recycle it.
//  5. At most one receive and one send are in flight on a descriptor. The caller keeps this.
//  6. A descriptor is closed by `close` and only when nothing is in flight on it. The caller keeps this too.
import Bytes

public protocol CompletionRing: ~Copyable, SendableMetatype {
  /// "io_uring", "epoll" or "simulated"; what INFO prints.
  var name: StaticString { get }

  // MARK: sockets

  /// Accepts until cancelled: each completion's result is a new non-blocking, close-on-exec
  /// descriptor or a negated errno. If a completion is final, the caller arms it again.
  mutating func accept(_ listener: Int32, _ token: Token)

  /// Receives until cancelled, into the ring's own buffers: result > 0 bytes (with a buffer; if it
  /// is final, arm again), 0 at the end of the stream, or a negated errno (both final). -ENOBUFS
  /// means that the buffers ran out, and may hide an end of stream: arm again once `buffersAvailable`.
  /// After -EINTR and -EAGAIN nothing is lost: arm again. Any other error is the end of the stream.
  mutating func receive(_ descriptor: Int32, _ token: Token)

  /// Receives once, at most `count` bytes, straight into `memory`.
  mutating func receive(_ descriptor: Int32, into memory: UnsafeMutableRawPointer, count: Int, _ token: Token)

  /// Sends `count` bytes and completes once all are sent (result == count), or with a shorter count
  /// or a negated errno when the stream failed. Never raises SIGPIPE.
  mutating func send(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, _ token: Token)

  /// The same for up to `Self.segmentsMax` pieces. The segment list itself is copied before this returns;
  /// the bytes are not.
  mutating func send(_ descriptor: Int32, segments: UnsafeBufferPointer<Segment>, _ token: Token)

  /// Starts a connection of a socket to an address that the ring copies. Result 0 or a negated errno.
  mutating func connect(_ descriptor: Int32, to address: SocketAddress, _ token: Token)

  /// Tells the ring about a connected descriptor before its first receive; lets io_uring register it.
  mutating func attach(_ descriptor: Int32)

  /// Lets go of a descriptor that another ring will serve, nothing being in flight on it. It stays open.
  mutating func detach(_ descriptor: Int32)

  /// Closes the descriptor, nothing being in flight on it. Completes under `token`. The number is
  /// free for the kernel to give out again as soon as the close has happened, which is before this completes.
  mutating func close(_ descriptor: Int32, _ token: Token)

  /// Asks that the operation submitted under `target` end early. The target still gets its own final
  /// completion (-ECANCELED, or what it had reached). The cancel itself completes silently.
  mutating func cancel(_ target: Token)

  // MARK: other descriptors

  /// Completes when the descriptor is readable and each time it becomes so, until cancelled (result:
  /// poll mask). The caller reads until there is nothing left, or hears no more of what is there.
  mutating func poll(_ descriptor: Int32, _ token: Token)

  // MARK: files (the log)

  /// Writes at an explicit offset. Short writes are reported, not continued.
  mutating func write(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token)

  /// Writes into the page cache before it returns: bytes written, or an error as a negative number. Where no sync of
  /// the same file is under way this takes a tenth of the time of `write`, and it may wait for a disk that is behind.
  mutating func writeAtOnce(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64) -> Int32

  /// A write and an fdatasync as one chain: the sync runs only if the write wrote all of `count`,
  /// otherwise it completes with -ECANCELED. Two completions, `write`'s first. Never split over two enters.
  mutating func writeThenSync(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, write: Token, sync: Token)

  /// A write whose bytes are on disk when it completes with all of `count` (RWF_DSYNC). On a descriptor opened for
  /// direct writing memory, offset and count are multiples of 4096.
  mutating func writeDurably(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token)

  /// fdatasync.
  mutating func sync(_ descriptor: Int32, _ token: Token)

  // MARK: the turn

  /// Hands over what is queued and waits for at least one completion, or for `timeoutNanoseconds`
  /// (0: do not wait; nil: wait for ever). May return early with nothing, for a signal or a refusal for
  /// want of memory: the caller looks at its timers and comes again.
  mutating func enter(timeoutNanoseconds: UInt64?) throws(RingError)

  /// The next completion, or nil when the turn has seen all there were.
  mutating func next() -> Completion?

  /// The bytes that a completion brought. Valid until `recycle`.
  func bytes(of completion: Completion) -> ByteView

  /// Gives the completion's buffer back to the ring.
  mutating func recycle(_ completion: Completion)

  /// Receive buffers that are free now; after -ENOBUFS, arm again when this is not 0.
  var buffersAvailable: Int { get }

  // MARK: other threads

  /// What another thread uses to wake this ring out of `enter`. Trivial and Sendable. A wake shows as
  /// a completion with the operation `.wake`, slot 0, never final; several may show as one.
  var waker: Waker { get }

  /// Wakes another ring, with this ring's next `enter` if that saves a system call.
  mutating func wake(_ other: Waker)

  /// Counters since the start.
  var statistics: RingStatistics { get }

  /// Segments that one send takes.
  static var segmentsMax: Int { get }
}

/// One piece of a gathered send.
@safe public struct Segment: BitwiseCopyable {
  public var start: UnsafeRawPointer
  public var count: Int
  @inlinable public init(start: UnsafeRawPointer, count: Int) {
    unsafe self.start = start
    self.count = count
  }
}

/// Why a ring cannot be had or cannot go on.
public enum RingError: Error, Equatable {
  /// The kernel refuses io_uring; `errno` of io_uring_setup, and what that means, for the log.
  case unavailable(errno: Int32, reason: String)
  /// `enter` failed in a way that leaves nothing to do but stop.
  case broken(errno: Int32)

  /// A sentence for the log, lower case and without a full stop.
  public var reason: String {
    switch self {
    case .unavailable(_, let reason): reason
    case .broken(let code): "waiting for input and output failed: \(Errno(code))"
    }
  }
}

/// Counters since the start of the ring; INFO prints them.
public struct RingStatistics: BitwiseCopyable, Sendable {
  public var enters: UInt64 = 0
  public var submissions: UInt64 = 0
  public var completions: UInt64 = 0
  /// Times that completions did not fit and that the kernel kept them for us.
  public var overflows: UInt64 = 0
  public var bufferShortages: UInt64 = 0
  /// Enters that were prepared to sleep.
  public var sleeps: UInt64 = 0
  /// Times that another thread woke this ring.
  public var wakeups: UInt64 = 0
  @inlinable public init() {}
}
