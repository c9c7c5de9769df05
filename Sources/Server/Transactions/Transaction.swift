// Transaction.swift — what a client has between WATCH or MULTI and EXEC.
//
//   WATCH k ─▶ watches k          SET k 1 ─▶ +QUEUED: words kept, in one allocation
//   MULTI   ─▶ requests queue     EXEC    ─▶ all of them, or none: a watched key has changed, a request was refused
//
// A client has none of this until it asks for it, and none after EXEC, DISCARD or RESET.
import Bytes
import Commands
import Store
import Wire

struct Transaction: ~Copyable {
  private var requests: UnsafeMutablePointer<QueuedRequest>?
  private var capacity = 0
  /// Requests that wait for EXEC.
  private(set) var count = 0
  /// What their commands may do, taken together.
  private(set) var flags: CommandFlags = []
  /// Bytes of their words.
  private(set) var argumentBytes = 0
  /// Bytes that they occupy.
  private var keptBytes = 0
  /// One was refused instead of queued: EXEC runs none of them.
  var isRefused = false

  /// A watched key has changed: EXEC runs nothing.
  var isStale = false
  /// The log's batch that took the change.
  var staleSequence: UInt64 = 0
  /// The first of the client's watches, in `WatchedKeys`.
  var firstWatch = WatchedKeys.none
  var watchCount = 0

  deinit { removeRequests() }

  /// Bytes that the client makes the server hold by it.
  var memoryBytes: Int {
    keptBytes + capacity * MemoryLayout<QueuedRequest>.stride + watchCount * WatchedKeys.bytesPerWatch
  }

  mutating func append(_ request: consuming QueuedRequest) {
    if count == capacity { grow() }
    flags.formUnion(request.command.pointee.flags)
    argumentBytes += request.arguments.byteCount
    keptBytes += request.memoryBytes
    requests?.advanced(by: count).initialize(to: request)
    count += 1
  }

  /// The request `index` of the queue: good until the queue changes.
  func request(_ index: Int) -> UnsafePointer<QueuedRequest> {
    guard let requests, index < count else { preconditionFailure("no such request in the transaction") }
    return UnsafePointer(requests + index)
  }

  private mutating func grow() {
    let wider = max(Self.requestsMin, capacity * 2)
    let memory = UnsafeMutablePointer<QueuedRequest>.allocate(capacity: wider)
    if let requests {
      memory.moveInitialize(from: requests, count: count)
      requests.deallocate()
    }
    requests = memory
    capacity = wider
  }

  private static let requestsMin = 4

  private func removeRequests() {
    requests?.deinitialize(count: count)
    requests?.deallocate()
  }
}

/// A request that waits for EXEC.
struct QueuedRequest: ~Copyable {
  let command: UnsafePointer<Command>
  /// Its first key, if the look-ahead has hashed it: empty if not.
  let key: ByteView
  let hash: KeyHash
  private let kept: HeldRequest

  /// Copies the words; `largeWords` become the request's own. The hint's key is one of the words.
  init(
    _ command: UnsafePointer<Command>, _ arguments: Arguments, largeWords: UnsafeMutablePointer<LargeWords>?, bytes: Int,
    hintedKey: ByteView, hash: KeyHash
  ) {
    self.command = command
    self.hash = hash
    kept = HeldRequest(arguments, largeWords: largeWords, bytes: bytes)
    let position = command.pointee.firstKey
    let isHinted = position > 0 && position < arguments.count && arguments[position].start == hintedKey.start
      && arguments[position].count == hintedKey.count && !hintedKey.isEmpty
    key = isHinted ? kept.words.arguments[position] : .empty
  }

  var arguments: Arguments { kept.words.arguments }
  var largeWords: UnsafeMutablePointer<LargeWords>? { kept.largeWords }
  /// Bytes that it took on the wire.
  var bytes: Int { kept.bytes }
  var memoryBytes: Int { arguments.byteCount + arguments.count * MemoryLayout<ByteView>.stride }
}
