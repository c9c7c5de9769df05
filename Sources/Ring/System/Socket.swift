// Socket.swift: making sockets. Bytes on them are the ring's business.
//
// Everything here happens a few times in a server's life or once per connection. Descriptors are
// plain numbers, because the ring deals in numbers; whoever makes one closes it, once it has been
// given to a ring by that ring's `close`.
import CURing
import Glibc

/// Sockets by their descriptors.
public enum Socket {
  /// A listening TCP socket, non-blocking and close-on-exec. IPv6 sockets take IPv6 only, so that
  /// both families can be bound to one port. Port 0 picks a free one: see `localAddress`.
  public static func listen(on address: SocketAddress, backlog: Int32) throws(Errno) -> Int32 {
    let descriptor = try make(address)
    do throws(Errno) {
      try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
      if address.family == .ipv6 { try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
      try bind(descriptor, to: address)
      _ = try checked { Glibc.listen(descriptor, backlog) }
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// A listening unix socket. A socket left behind at the path is removed, another file is not.
  /// Nobody can connect before the permissions are right: they are set before the bind as far as
  /// the umask allows, and exactly before the listen.
  public static func listen(
    unixPath path: String, permissions: UInt32?, backlog: Int32
  ) throws(Errno) -> Int32 {
    guard let address = SocketAddress(path: path) else { throw Errno(ENAMETOOLONG) }
    if let status = try? File.status(path), status.kind == .socket { try File.remove(path) }
    let descriptor = try make(address)
    do throws(Errno) {
      if let permissions { _ = try checked { fchmod(descriptor, permissions) } }
      try bind(descriptor, to: address)
      if let permissions { _ = try checked { unsafe chmod(path, permissions) } }
      _ = try checked { Glibc.listen(descriptor, backlog) }
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// An unconnected stream socket of the address's family, non-blocking and close-on-exec: for `connect`.
  public static func make(_ address: SocketAddress) throws(Errno) -> Int32 {
    let family = unsafe address.withSockaddr { address, _ in unsafe Int32(address.pointee.sa_family) }
    return try checked { socket(family, streamType, 0) }
  }

  /// Gives the socket its own address.
  public static func bind(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
    _ = try checked { unsafe address.withSockaddr { unsafe Glibc.bind(descriptor, $0, $1) } }
  }

  /// Connects at once: for blocking sockets and for tests. The server's connections go through the ring.
  public static func connect(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
    _ = try checked { unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) } }
  }

  /// Two connected unix sockets, non-blocking and close-on-exec.
  public static func pair() throws(Errno) -> (Int32, Int32) {
    var ends: (Int32, Int32) = (-1, -1)
    _ = try checked {
      unsafe withUnsafeMutableBytes(of: &ends) {
        unsafe socketpair(AF_UNIX, streamType, 0, $0.assumingMemoryBound(to: Int32.self).baseAddress)
      }
    }
    return ends
  }

  /// Closes a descriptor that no ring knows. Errors are not reported: the descriptor is gone in any case.
  public static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  private static var streamType: Int32 {
    Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
  }
}
