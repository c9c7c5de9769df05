// Connection.swift — one client's socket as its reactor knows it: what arrives, and what the kernel still owes.
//
//   open ─▶ closing (nothing is read, run or sent any more) ─▶ released ─▶ slot free
//
// A plain record in the reactor's slab. The kernel knows it by slot and generation only. `operations` counts what the
// kernel still owes a final completion for: until it is zero and the executor has given back the batch under way the
// descriptor is not closed, and until the close itself has completed the slot is not reused. What the client is told,
// and whether it may go on, is the executor's (`Client`).
import Bytes
import Commands
import Ring
import Store
import Wire

struct Connection: BitwiseCopyable {
  let descriptor: Int32
  /// What the executor calls it: never looked into here.
  let client: UnsafeMutablePointer<Client>
  var slot: UInt32 = 0
  var generation: UInt32 = 0
  var state = State.open
  /// Operations in flight: receive, send.
  var operations: UInt8 = 0
  /// Strict limits until the executor says otherwise.
  var isAuthenticated: Bool
  var marks: Marks = []
  /// Bytes of the send in flight.
  var sendingBytes = 0

  var parser = RequestParser()
  /// Words of an unfinished request; without memory while there is none.
  var words = ArgumentVector()
  /// Bytes of an unfinished request, and of what came behind requests that wait.
  var input = InputBuffer()
  /// A long word that is received into memory of its own.
  var largeWord = LargeWord()
  /// Long words of the unfinished request that are here already.
  var largeWords: UnsafeMutablePointer<LargeWords>?
  /// What the executor has now.
  var underWay: UnsafeMutablePointer<Batch>?
  /// Memory of unfinished requests that the executor has been told of.
  var inputTold = 0
  /// Bytes received that the executor has not been told of.
  var bytesUntold: UInt64 = 0

  enum State: UInt8 { case open, closing, released }

  struct Marks: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    /// A multishot receive is armed.
    static let receiving = Marks(rawValue: 1 << 0)
    /// A single receive into `largeWord` is in flight.
    static let receivingLarge = Marks(rawValue: 1 << 1)
    static let sending = Marks(rawValue: 1 << 2)
    /// Its receive ended because the buffers ran out.
    static let starved = Marks(rawValue: 1 << 3)
    /// The end of its stream has been seen.
    static let ended = Marks(rawValue: 1 << 4)
    /// A cancel for the receive has been submitted.
    static let cancelling = Marks(rawValue: 1 << 5)
    /// No request is delivered until the executor says `goOn`.
    static let held = Marks(rawValue: 1 << 6)
    /// Nothing is read any more: what was asked for is answered, then it ends.
    static let deaf = Marks(rawValue: 1 << 7)
    /// Not read, because so much waits to be run.
    static let flooded = Marks(rawValue: 1 << 8)
    /// The executor knows that nothing more will come.
    static let finished = Marks(rawValue: 1 << 9)
    /// The executor waits for the end of the send in flight.
    static let awaited = Marks(rawValue: 1 << 11)
    /// Another reactor will have it once nothing is in flight.
    static let leaving = Marks(rawValue: 1 << 10)
  }

  /// Requests of it may be read and delivered.
  @inline(__always) var mayRun: Bool {
    state == .open && underWay == nil && marks.isDisjoint(with: [.held, .deaf, .leaving])
  }

  /// Memory that unfinished requests take.
  @inline(__always) var inputMemoryBytes: Int {
    var bytes = input.capacity
    if let blob = largeWord.blob { bytes += blob.capacity }
    if let largeWords { bytes += largeWords.pointee.byteCount }
    return bytes
  }

  mutating func keep(_ blob: BlobReference) {
    if largeWords == nil {
      let list = UnsafeMutablePointer<LargeWords>.allocate(capacity: 1)
      list.initialize(to: LargeWords())
      largeWords = list
    }
    largeWords?.pointee.add(blob)
  }

  init(descriptor: Int32, client: UnsafeMutablePointer<Client>, isAuthenticated: Bool) {
    self.descriptor = descriptor
    self.client = client
    self.isAuthenticated = isAuthenticated
  }

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
