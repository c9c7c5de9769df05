// Subscriber.swift — what a client listens to, and what it could not be told at once.
//
//   a command of the client is under way ─▶ messages wait here ─▶ it has ended: they follow its answer
//
// Between the parts of an answer there is no place for a message: EXEC is not over yet, a long command has paused, or
// the client tells itself something. A client has one of these from its first subscription on, and until it ends.
import Bytes

struct Subscriber: BitwiseCopyable {
  private var channels = Subscriptions.List()
  private var patterns = Subscriptions.List()
  private var shardChannels = Subscriptions.List()
  /// Messages that wait for the end of a command of this client.
  var deferred: OutputBuffer
  /// The log's batch that has to be on disk before they leave.
  var deferredUntil: UInt64 = 0

  /// CLIENT TRACKING: the copies that it may have, and where it hears of changes.
  var tracking = ClientTracking()

  init(pool: UnsafeMutablePointer<ChunkPool>) { deferred = OutputBuffer(pool: pool) }

  /// The client's subscriptions of one kind.
  subscript(kind: SubscriptionKind) -> Subscriptions.List {
    get {
      switch kind {
      case .channel: channels
      case .pattern: patterns
      case .shardChannel: shardChannels
      }
    }
    set {
      switch kind {
      case .channel: channels = newValue
      case .pattern: patterns = newValue
      case .shardChannel: shardChannels = newValue
      }
    }
  }

  /// As confirmations count them: channels and patterns together, shard channels by themselves.
  func count(besides kind: SubscriptionKind) -> Int {
    kind == .shardChannel ? Int(shardChannels.count) : Int(channels.count) + Int(patterns.count)
  }

  var total: Int { Int(channels.count) + Int(patterns.count) + Int(shardChannels.count) }

  /// Bytes that its subscriptions take, and messages that wait.
  var memoryBytes: Int {
    MemoryLayout<Subscriber>.stride + (total + Int(tracking.prefixes.count)) * Subscriptions.bytesEach + deferred.heldBytes
  }
}

/// The three kinds of names that a client can listen to.
enum SubscriptionKind: Int, CaseIterable {
  case channel, pattern, shardChannel

  /// The first words of confirmations.
  var subscribed: StaticString {
    switch self {
    case .channel: "subscribe"
    case .pattern: "psubscribe"
    case .shardChannel: "ssubscribe"
    }
  }

  var unsubscribed: StaticString {
    switch self {
    case .channel: "unsubscribe"
    case .pattern: "punsubscribe"
    case .shardChannel: "sunsubscribe"
    }
  }
}
