// Wishes.swift — what commands want done that only the loop can do.
//
// A command has no ring. It writes down what should happen, and the reactor grants it: at once
// when the rest of a pipeline depends on it, else before the turn ends.

struct Wishes {
  enum Wish {
    /// End this connection; after its output has left, or now.
    case end(slot: UInt32, generation: UInt32, afterOutput: Bool)
    /// `appendonly` has changed.
    case switchLog
    /// The watermark has moved without an operation of the log.
    case release
    /// The listeners have changed.
    case listen
    /// A shutdown was asked for and everything it waits for is done.
    case stop
  }

  private var wishes: [Wish] = []
  private(set) var isUnpauseWished = false

  /// The loop looks here after each request: there is something to do.
  var isUrgent: Bool { !wishes.isEmpty }

  mutating func add(_ wish: Wish) { wishes.append(wish) }

  /// All that are open; they are considered granted.
  mutating func take() -> [Wish] {
    defer { wishes = [] }
    return wishes
  }

  // MARK: clients that go on
  private var resumed: [(slot: UInt32, generation: UInt32)] = []
  var hasResumed: Bool { !resumed.isEmpty }

  /// The client has its answer: what it sent behind the request that kept it runs between the requests of others.
  mutating func resume(_ slot: UInt32, _ generation: UInt32) { resumed.append((slot, generation)) }

  mutating func takeResumed() -> [(slot: UInt32, generation: UInt32)] {
    defer { resumed.removeAll(keepingCapacity: true) }
    return resumed
  }

  // MARK: unpausing

  /// CLIENT PAUSE is over: let the held clients go on. Their requests run then, so this is not granted while
  /// somebody else's are being run.
  mutating func unpause() { isUnpauseWished = true }

  /// Whether that is wished for; it is considered granted.
  mutating func takeUnpause() -> Bool {
    defer { isUnpauseWished = false }
    return isUnpauseWished
  }
}
