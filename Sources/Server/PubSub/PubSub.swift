// PubSub.swift — all that clients listen to, and the message that is being told.
//
//   PUBLISH ─▶ message, written once ─▶ a copy behind the output of each who listens ─▶ ready to send
//                                          └ its first byte is the client's: `*` in RESP2, `>` in RESP3
//
// The executor appends and marks clients ready; their reactors send. A message that tells of a change is held like the
// answer to it: see Server+Pushes.swift.
import Bytes

struct PubSub: ~Copyable {
  /// By kind.
  private let lists: UnsafeMutablePointer<Subscriptions>
  /// Clients that listen to something.
  var clientCount = 0

  /// The message under way, in RESP3.
  let message: UnsafeMutablePointer<OutputBuffer>
  /// It is a push, whose first byte differs between RESP2 and RESP3.
  var isPush = true
  /// Slots of the clients that watch what others ask.
  var monitors: [UInt32] = []
  /// Who was told something by the command that runs, while answers are held.
  var told: [Told] = []
  /// The name of an event's channel.
  var channelName: [UInt8] = []
  /// Clients for which the last messages were too much.
  var overfull: [(slot: UInt32, generation: UInt32)] = []
  /// Clients with messages that wait for the end of a command.
  var deferredCount = 0
  /// A script, or a transaction with scripts in it, has told somebody something.
  var hasDeferredOfScript = false

  /// A client that was told something, and where in its output that begins; nil if it waits for the end of a command.
  struct Told {
    let slot: UInt32
    let generation: UInt32
    let position: UInt64?
  }

  init(pool: UnsafeMutablePointer<ChunkPool>) {
    lists = .allocate(capacity: SubscriptionKind.allCases.count)
    for kind in SubscriptionKind.allCases { (lists + kind.rawValue).initialize(to: Subscriptions()) }
    message = .allocate(capacity: 1)
    message.initialize(to: OutputBuffer(pool: pool))
  }

  deinit {
    lists.deinitialize(count: SubscriptionKind.allCases.count)
    lists.deallocate()
    message.deallocate()
  }

  /// Who listens to names of this kind.
  func subscriptions(_ kind: SubscriptionKind) -> UnsafeMutablePointer<Subscriptions> { lists + kind.rawValue }
}
