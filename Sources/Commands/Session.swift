// Session.swift — what a client has told us about itself, as far as commands care.
//
// The executor's side of a client. Sockets, buffers and everything else about moving bytes
// are the server's; this is the part that SELECT, HELLO and CLIENT change.

package struct Session: BitwiseCopyable {
  /// Never reused while the process lives.
  package let id: UInt64
  /// Index of the selected database.
  package var database: Int32 = 0
  package var flags: Flags = []

  package init(id: UInt64) { self.id = id }

  package var isRESP3: Bool { flags.contains(.resp3) }

  package struct Flags: OptionSet, BitwiseCopyable, Sendable {
    package let rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// HELLO 3 was spoken.
    package static let resp3 = Flags(rawValue: 1 << 0)
    package static let authenticated = Flags(rawValue: 1 << 1)
    /// CLIENT REPLY OFF: nothing is answered.
    package static let replyOff = Flags(rawValue: 1 << 2)
    /// CLIENT REPLY SKIP: the next command is not answered.
    package static let replySkipNext = Flags(rawValue: 1 << 3)
    package static let replySkip = Flags(rawValue: 1 << 4)
    /// CLIENT NO-TOUCH: reading does not move access clocks.
    package static let noTouch = Flags(rawValue: 1 << 5)
    /// CLIENT NO-EVICT.
    package static let noEvict = Flags(rawValue: 1 << 6)
    /// Once the answer has left, the connection closes (QUIT, protocol errors, CLIENT KILL of oneself).
    package static let closeAfterReply = Flags(rawValue: 1 << 7)
    /// Came through the unix socket.
    package static let unixSocket = Flags(rawValue: 1 << 8)
    /// CLIENT CAPA redirect.
    package static let redirectCapable = Flags(rawValue: 1 << 9)
    /// CLIENT IMPORT-SOURCE ON.
    package static let importSource = Flags(rawValue: 1 << 10)
    /// The connection's address is a loopback address (or a unix socket): "local" for enable-debug-command.
    package static let local = Flags(rawValue: 1 << 11)

    /// After each command: SKIP covers the one that follows it, and no more.
    @inlinable package mutating func advanceReplySkip() {
      guard !isDisjoint(with: [.replySkip, .replySkipNext]) else { return }
      remove(.replySkip)
      if contains(.replySkipNext) {
        remove(.replySkipNext)
        insert(.replySkip)
      }
    }
  }
}
