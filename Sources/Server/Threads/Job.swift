// Job.swift — what a reactor has for the executor.
//
//   reactor ── batch │ sent │ ended │ … ──▶ executor          executor ── ran │ send │ close │ … ──▶ reactor   (Order)
//
// A kind, whom it is about, and a small payload by value: nothing in it is shared. Jobs of one connection arrive in the
// order in which they were told. On the executor's own reactor a job is a plain call.
import Ring

struct Job: BitwiseCopyable {
  enum Kind: UInt8 {
    /// The socket is served; `pointer` is the connection.
    case adopted
    /// Requests to run; `pointer` is the batch, which belongs to the executor until its order `ran`.
    case batch
    /// A send has ended; `amount` bytes were taken, fewer than asked for if `isShort`.
    case sent
    /// The peer will send no more; requests that came before it may still wait.
    case ended
    /// … and all of them have been run.
    case finished
    /// The stream is broken.
    case failed
    /// An unfinished request of `amount` bytes passes the limit.
    case inputTooLong
    /// There is no memory for what has arrived.
    case outOfMemory
    /// Unfinished requests take `amount` bytes of memory now; `count` bytes have arrived of them.
    case inputChanged
    /// The reactor has let go of the connection, which `pointer` carries to another one.
    case detached
    /// The kernel is done with the socket, and the reactor with the client: the last job about it.
    case closed
  }

  let kind: Kind
  var isShort = false
  var count: UInt32 = 0
  let client: UnsafeMutablePointer<Client>
  var pointer: UnsafeMutableRawPointer?
  var amount = 0

  init(_ kind: Kind, _ client: UnsafeMutablePointer<Client>, amount: Int = 0) {
    self.kind = kind
    self.client = client
    self.amount = amount
  }
}

/// What became of a batch.
struct Ran: BitwiseCopyable {
  /// Requests of it that were run or kept to be run later. The others are read again.
  var count: Int
  /// Nothing more is delivered before the order `goOn`, or at all.
  var mustWait: Bool
  var isAuthenticated: Bool
}
