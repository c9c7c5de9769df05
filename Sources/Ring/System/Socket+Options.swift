// Socket+Options.swift: what can be asked of a socket, and set on it.
import CURing
import Glibc

extension Socket {
  /// Sends small replies at once. Does nothing on a unix socket.
  public static func setNoDelay(_ descriptor: Int32, _ on: Bool = true) throws(Errno) {
    do throws(Errno) {
      try set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, on ? 1 : 0)
    } catch where error.code == EOPNOTSUPP {
      return
    }
  }

  /// First probe after `seconds` of silence, then three, a third of that apart; 0 turns it off.
  public static func setKeepAlive(_ descriptor: Int32, seconds: Int32) throws(Errno) {
    guard seconds > 0 else { return try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 0) }
    try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
    try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, seconds)
    try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, max(1, seconds / 3))
    try set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  /// Bytes of the kernel's send buffer; the kernel doubles and limits them.
  public static func setSendBuffer(_ descriptor: Int32, bytes: Int32) throws(Errno) {
    try set(descriptor, SOL_SOCKET, SO_SNDBUF, bytes)
  }

  /// Bytes of the kernel's receive buffer; the kernel doubles and limits them.
  public static func setReceiveBuffer(_ descriptor: Int32, bytes: Int32) throws(Errno) {
    try set(descriptor, SOL_SOCKET, SO_RCVBUF, bytes)
  }

  /// Seconds to linger on close; 0 makes close send a reset. Nil turns it off.
  public static func setLinger(_ descriptor: Int32, seconds: Int32?) throws(Errno) {
    let value = linger(l_onoff: seconds == nil ? 0 : 1, l_linger: seconds ?? 0)
    _ = try checked {
      unsafe withUnsafePointer(to: value) {
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, $0, socklen_t(MemoryLayout<linger>.size))
      }
    }
  }

  /// Whether calls on it may wait. Sockets made here start non-blocking.
  public static func setNonBlocking(_ descriptor: Int32, _ on: Bool) throws(Errno) {
    let flags = try checked { fcntl(descriptor, F_GETFL) }
    _ = try checked { fcntl(descriptor, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
  }

  /// The error that waits on the socket, which asking for it clears; 0 for none.
  public static func pendingError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return errno }
    return code
  }

  /// This end. For a unix socket its path, which is also what Redis prints as the client's address.
  public static func localAddress(_ descriptor: Int32) throws(Errno) -> SocketAddress {
    var address = SocketAddress()
    _ = try checked { unsafe address.withMutableSockaddr { unsafe getsockname(descriptor, $0, $1) } }
    return address
  }

  /// The other end. A unix client has no name: print `localAddress` for it.
  public static func peerAddress(_ descriptor: Int32) throws(Errno) -> SocketAddress {
    var address = SocketAddress()
    _ = try checked { unsafe address.withMutableSockaddr { unsafe getpeername(descriptor, $0, $1) } }
    return address
  }

  /// Ends both directions; the peer sees the end of the stream at once.
  public static func shutdown(_ descriptor: Int32) throws(Errno) {
    _ = try checked { Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(Errno) {
    _ = try checked {
      unsafe withUnsafePointer(to: value) {
        unsafe setsockopt(descriptor, level, option, $0, socklen_t(MemoryLayout<Int32>.size))
      }
    }
  }
}
