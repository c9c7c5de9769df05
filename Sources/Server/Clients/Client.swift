// Client.swift — one client as the executor knows it: its session, its answers, and what they wait for.
//
//   open ─▶ draining (answers leave, nothing more is run) ─▶ closing ─▶ slot free
//     └────────── reset, kill, protocol error ────────────────▲
//
// Its socket belongs to a reactor, which may be another thread: that half is a `Connection`. Each half is read and
// written by its own thread alone; what one must know of the other comes as a `Job` or an `Order`. A client's slot is
// free when the reactor has said that the kernel is done with the socket.
import Bytes
import Commands
import Store
import Wire

struct Client: BitwiseCopyable {
  var slot: UInt32 = 0
  var generation: UInt32 = 0
  var state = State.open
  var marks: Marks = []
  /// The reactor that has its socket, 0 being the executor's own.
  var reactor: UInt8 = 0
  /// Where it is moving to, while it does.
  var destination: UInt8 = 0
  /// What that reactor calls it: never looked into here. Nil until it has taken the socket over.
  var connection: UnsafeMutablePointer<Connection>?
  /// For CLIENT LIST; the socket is the reactor's.
  let descriptor: Int32

  /// Links of the list of clients with something to send.
  var nextReady: UInt32 = noSlot
  /// The command last run, as an index into the table; -1 before the first.
  var lastCommand: Int32 = -1

  var session: Session
  var output: OutputBuffer
  /// Stream position up to which output may leave. All of it, until a log says otherwise.
  var sendLimit: UInt64 = .max
  /// Its entry in the table of holds, if some of its output waits for the log.
  var holdState = HoldTable.none
  /// A command of it is under way that will answer later: nothing else of it runs meanwhile.
  var isWaiting = false
  /// That command, if it waits for a key.
  var blocked: UnsafeMutablePointer<BlockedRequest>?
  /// What it has queued since MULTI, and the keys that it watches.
  var transaction: UnsafeMutablePointer<Transaction>?
  /// A long command of it that has paused: nothing else of it runs meanwhile.
  var walk: UnsafeMutablePointer<Walk>?
  /// A script or an EXEC of it is in the middle, on the large stack: nothing else of it runs meanwhile.
  var isAside = false
  /// From there on its output waits for that to end.
  var asideFrom: UInt64 = .max
  /// A request that must not begin yet: CLIENT PAUSE, the log's limits, an image.
  var held: UnsafeMutablePointer<HeldRequest>?
  /// Long words of the request that runs.
  var largeWords: UnsafeMutablePointer<LargeWords>?
  /// The log's batch that took its last write.
  var lastWriteSequence: UInt64 = 0
  /// Where the stretches of a send are listed that another thread carries out.
  var segments: UnsafeMutablePointer<Chunk>?

  /// What is seldom asked: name, address, totals.
  var details: UnsafeMutablePointer<ClientDetails>
  /// Monotonic second of the last request or answer, for `timeout` and CLIENT LIST.
  var lastInteractionSeconds: Int64
  /// Bytes of the words of the last request.
  var requestBytes = 0
  /// Bytes of unfinished requests, and the room for them, as the reactor last said.
  var inputBytes = 0
  var inputCapacity = 0
  /// What it counts for in `maxmemory-clients`, while there is a limit.
  var weightBytes = 0

  static let noSlot: UInt32 = .max

  enum State: UInt8 { case open, draining, closing }

  struct Marks: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    /// A send is in flight.
    static let sending = Marks(rawValue: 1 << 0)
    /// In the list of clients with something to send.
    static let ready = Marks(rawValue: 1 << 1)
    /// The reactor has been told to wait with further requests: `goOn` lets it deliver them.
    static let stopped = Marks(rawValue: 1 << 2)
    /// Too much waits to be sent: nothing of it runs until some has left.
    static let full = Marks(rawValue: 1 << 3)
    /// The peer will send no more.
    static let ended = Marks(rawValue: 1 << 4)
    /// The kernel is done with the socket; the slot is freed once nobody lists it any more.
    static let gone = Marks(rawValue: 1 << 5)
    /// Between two reactors: nothing is sent meanwhile.
    static let moving = Marks(rawValue: 1 << 6)
    /// The reactor has been asked to say at once when the send in flight has ended.
    static let awaited = Marks(rawValue: 1 << 7)
    /// It may go on with its next requests, which the reactor that it moves to has to be told.
    static let goesOn = Marks(rawValue: 1 << 8)
  }

  /// There is output that may leave now.
  @inline(__always) var hasSendable: Bool { output.sent < min(sendLimit, output.appended) }

  /// A command of it is in the middle: it must not go before that has ended.
  @inline(__always) var isUnderWay: Bool { walk != nil || isAside }

  /// The next request of it may run.
  @inline(__always) var mayGoOn: Bool { state == .open && !isWaiting && !isUnderWay && !marks.contains(.full) }

  /// Lets go of the long words that no command has taken over.
  mutating func releaseLargeWords() {
    guard let list = largeWords else { return }
    list.deinitialize(count: 1)
    list.deallocate()
    largeWords = nil
  }

  init(
    descriptor: Int32, session: Session, output: OutputBuffer, details: UnsafeMutablePointer<ClientDetails>,
    nowSeconds: Int64
  ) {
    self.descriptor = descriptor
    self.session = session
    self.output = output
    self.details = details
    lastInteractionSeconds = nowSeconds
  }

  static let sessionOffset = MemoryLayout<Client>.offset(of: \.session) ?? 0
  static let outputOffset = MemoryLayout<Client>.offset(of: \.output) ?? 0
}

/// The part of a client that is seldom looked at: 80 bytes, a size that the allocator has.
struct ClientDetails {
  var address = ""
  var localAddress = ""
  /// Name, library and its version, once one of them was given.
  private var introduction: [String] = []
  var createdAtSeconds: Int64 = 0
  var bytesReceived: UInt64 = 0
  var bytesSent: UInt64 = 0
  var commands: UInt64 = 0
  /// When the output first passed its soft limit, in monotonic seconds; 0 while it has not.
  var softLimitSince: Int64 = 0

  var name: String {
    get { introduced(0) }
    set { introduce(0, newValue) }
  }

  var libraryName: String {
    get { introduced(1) }
    set { introduce(1, newValue) }
  }

  var libraryVersion: String {
    get { introduced(2) }
    set { introduce(2, newValue) }
  }

  private func introduced(_ index: Int) -> String { introduction.isEmpty ? "" : introduction[index] }

  private mutating func introduce(_ index: Int, _ text: String) {
    if introduction.isEmpty { introduction = ["", "", ""] }
    introduction[index] = text
  }
}
