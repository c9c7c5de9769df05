// Session.swift — what a client has told us about itself, as far as commands care.
//
// The executor's side of a client. Sockets, buffers and everything else about moving bytes
// are the server's; this is the part that SELECT, HELLO and CLIENT change.

public struct Session: BitwiseCopyable {
  /// Never reused while the process lives.
  public let id: UInt64
  /// Index of the selected database.
  public var database: Int32 = 0
  public var flags: Flags = []

  public init(id: UInt64) { self.id = id }

  public var isRESP3: Bool { flags.contains(.resp3) }

  public struct Flags: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// HELLO 3 was spoken.
    @inlinable public static var resp3: Flags { Flags(rawValue: 1 << 0) }
    @inlinable public static var authenticated: Flags { Flags(rawValue: 1 << 1) }
    /// CLIENT REPLY OFF: nothing is answered.
    @inlinable public static var replyOff: Flags { Flags(rawValue: 1 << 2) }
    /// CLIENT REPLY SKIP: the next command is not answered.
    @inlinable public static var replySkipNext: Flags { Flags(rawValue: 1 << 3) }
    @inlinable public static var replySkip: Flags { Flags(rawValue: 1 << 4) }
    /// CLIENT NO-TOUCH: reading does not move access clocks.
    @inlinable public static var noTouch: Flags { Flags(rawValue: 1 << 5) }
    /// CLIENT NO-EVICT.
    @inlinable public static var noEvict: Flags { Flags(rawValue: 1 << 6) }
    /// Once the answer has left, the connection closes (QUIT, protocol errors, CLIENT KILL of oneself).
    @inlinable public static var closeAfterReply: Flags { Flags(rawValue: 1 << 7) }
    /// Came through the unix socket.
    @inlinable public static var unixSocket: Flags { Flags(rawValue: 1 << 8) }
    /// CLIENT CAPA redirect.
    @inlinable public static var redirectCapable: Flags { Flags(rawValue: 1 << 9) }
    /// CLIENT IMPORT-SOURCE ON.
    @inlinable public static var importSource: Flags { Flags(rawValue: 1 << 10) }
    /// The connection's address is a loopback address (or a unix socket): "local" for enable-debug-command.
    @inlinable public static var local: Flags { Flags(rawValue: 1 << 11) }
    /// Between MULTI and EXEC: requests are queued.
    @inlinable public static var inTransaction: Flags { Flags(rawValue: 1 << 12) }
    /// Listens to channels or patterns.
    @inlinable public static var subscribed: Flags { Flags(rawValue: 1 << 16) }
    /// MONITOR: hears what others ask, and may not touch the data.
    @inlinable public static var monitor: Flags { Flags(rawValue: 1 << 17) }

    /// Requests are neither refused, for want of a password or because the client listens, nor queued: one test for
    /// all, on every request.
    @inlinable public var isOrdinary: Bool {
      let uncommon = Flags.inTransaction.rawValue | Flags.subscribed.rawValue | Flags.monitor.rawValue
      return rawValue & (Flags.authenticated.rawValue | uncommon) == Flags.authenticated.rawValue
    }

    /// The next answer goes nowhere.
    @inlinable public var isSilent: Bool { rawValue & (Flags.replyOff.rawValue | Flags.replySkip.rawValue) != 0 }

    /// After each command: SKIP covers the one that follows it, and no more.
    @inlinable public mutating func advanceReplySkip() {
      guard rawValue & (Flags.replySkip.rawValue | Flags.replySkipNext.rawValue) != 0 else { return }
      remove(.replySkip)
      if contains(.replySkipNext) {
        remove(.replySkipNext)
        insert(.replySkip)
      }
    }
  }
}
