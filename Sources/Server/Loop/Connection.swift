// Connection.swift — one client's socket and everything that waits around it.
//
//   NEW ─▶ open ─▶ draining (answers leave, nothing is read) ─▶ closing ─▶ slot free
//            └────────── reset, kill, protocol error ────────────▲
//
// A connection is a plain record in a slab. The kernel knows it by slot and generation only.
// `operations` counts what the kernel still owes a final completion for: until it is zero the
// descriptor is not closed, and until the close itself has completed the slot is not reused.
import Bytes
import Commands
import Ring
import Store
import Wire

struct Connection: BitwiseCopyable {
  // MARK: the reactor's side

  let descriptor: Int32
  var slot: UInt32 = 0
  var generation: UInt32 = 0
  var state = State.open
  var marks: Marks = []
  /// Operations in flight: receive, send.
  var operations: UInt8 = 0
  /// Bytes of the send in flight.
  var sendingBytes = 0

  var parser = RequestParser()
  /// Words of an unfinished request; without memory while there is none.
  var words = ArgumentVector()
  /// Bytes of an unfinished request.
  var input = InputBuffer()
  /// A long word that is received into memory of its own.
  var largeWord = LargeWord()
  /// Long words of the unfinished request that are here already.
  var largeWords: UnsafeMutablePointer<LargeWords>?

  /// End of a request in `input` that is ready to run and waits for CLIENT UNPAUSE; 0 if there is none.
  var completeEnd = 0

  /// Links of the list of connections with something to send.
  var nextReady: UInt32 = noSlot
  /// The executor's, but it fits here: the command last run, as an index into the table; -1 before the first.
  var lastCommand: Int32 = -1

  // MARK: the executor's side

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
  /// The log's batch that took its last write.
  var lastWriteSequence: UInt64 = 0

  /// There is output that may leave now.
  @inline(__always) var hasSendable: Bool { output.sent < min(sendLimit, output.appended) }
  /// What is seldom asked: name, address, totals.
  var details: UnsafeMutablePointer<ClientDetails>
  /// Monotonic second of the last request or answer, for `timeout` and CLIENT LIST.
  var lastInteractionSeconds: Int64
  /// Bytes of the words of the last request.
  var requestBytes = 0

  static let noSlot: UInt32 = .max

  enum State: UInt8 { case open, draining, closing, released }

  struct Marks: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    /// A multishot receive is armed.
    static let receiving = Marks(rawValue: 1 << 0)
    /// A single receive into `largeWord` is in flight.
    static let receivingLarge = Marks(rawValue: 1 << 1)
    static let sending = Marks(rawValue: 1 << 2)
    /// In the list of connections with something to send.
    static let ready = Marks(rawValue: 1 << 3)
    /// Its receive ended because the buffers ran out.
    static let starved = Marks(rawValue: 1 << 4)
    /// Not reading, because too much waits to be sent or the client is paused.
    static let paused = Marks(rawValue: 1 << 5)
    /// The end of its stream has been seen.
    static let ended = Marks(rawValue: 1 << 6)
    /// Bytes wait in `input` that have not been parsed yet because of a pause.
    static let unparsed = Marks(rawValue: 1 << 7)
    /// A cancel for the receive has been submitted.
    static let cancelling = Marks(rawValue: 1 << 8)
    /// CLIENT PAUSE holds its next request.
    static let held = Marks(rawValue: 1 << 9)
  }

  mutating func keep(_ blob: BlobReference) {
    if largeWords == nil {
      let list = UnsafeMutablePointer<LargeWords>.allocate(capacity: 1)
      list.initialize(to: LargeWords())
      largeWords = list
    }
    largeWords?.pointee.add(blob)
  }

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

  static let sessionOffset = MemoryLayout<Connection>.offset(of: \.session) ?? 0
  static let outputOffset = MemoryLayout<Connection>.offset(of: \.output) ?? 0

  func token(_ operation: Token.Operation) -> Token { Token(operation, slot: slot, generation: generation) }
}

/// A word of 8 KiB or more on its way in: the kernel writes the rest of it where it will stay.
struct LargeWord: BitwiseCopyable {
  /// Room for the word and its line end; nil while no such word is under way.
  var blob: BlobReference?
  /// Bytes received, line end included.
  var filled = 0
  /// Bytes of the word itself.
  var length = 0

  /// Bytes still to come, line end included.
  var missing: Int { length + 2 - filled }
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
