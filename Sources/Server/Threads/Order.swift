// Order.swift — what the executor wants of a reactor.
//
// The reactor alone touches its sockets: whoever wants one written to, ended or read no further gives an order. Orders to
// one reactor are obeyed in the order in which they were given. `close` is the last one about a connection, except
// for the `ran` of a batch that was under way.
import Ring

struct Order: BitwiseCopyable {
  enum Kind: UInt8 {
    /// Serve the socket `count`, an open descriptor, for the client at `pointer`.
    case adopt
    /// The batch under way has run, `count` requests of it; nothing more is delivered for now unless `amount` is 0.
    case ran
    /// Let go of the socket as soon as nothing of it is in flight: another reactor will serve it.
    case detach
    /// Serve the connection at `pointer`, which another reactor has let go of.
    case adoptMoved
    /// Send `amount` bytes from `pointer` on; they stay where they are until the job `sent`.
    case send
    /// Send the `count` stretches that are listed from `pointer` on, `amount` bytes in all.
    case sendSegments
    /// More waits behind the send in flight: say at once when it has ended.
    case report
    /// Read no more; what was asked for is still answered.
    case stopReading
    /// Deliver requests again.
    case goOn
    /// The client need not authenticate any more.
    case trust
    /// End the connection; output that has not left is lost.
    case close
    /// proto-max-bulk-len and client-query-buffer-limit, in `amount`.
    case limitParser, limitInput
    /// End the thread when no connection is left.
    case stop
  }

  let kind: Kind
  var isTrusted = false
  /// The executor waits for the end of this send. Otherwise it hears of it when it is awake.
  var isAwaited = false
  var count: Int32 = 0
  var connection: UnsafeMutablePointer<Connection>?
  var pointer: UnsafeMutableRawPointer?
  var amount = 0

  init(_ kind: Kind, _ connection: UnsafeMutablePointer<Connection>?) {
    self.kind = kind
    self.connection = connection
  }
}
