// SocketAddress.swift: where a socket is.
//
// Three families, one type, and one way to print it, which is the one that clients of Redis
// parse: "127.0.0.1:1234", "[::1]:1234", "/run/server.sock:0".
import CURing
import Glibc

/// An IPv4, IPv6 or unix address, in the kernel's own form.
@safe public struct SocketAddress: Sendable {
  private var storage = sockaddr_storage()
  /// Bytes of it that the kernel is to read.
  public private(set) var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  /// An address for the kernel to fill.
  init() {}

  /// A numeric IPv4 or IPv6 address; nil for anything else, host names included.
  public init?(numeric host: String, port: UInt16) {
    var v4 = sockaddr_in()
    var v6 = sockaddr_in6()
    if unsafe inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      store(v4)
    } else if unsafe inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = port.bigEndian
      store(v6)
    } else {
      return nil
    }
  }

  /// A unix socket's path; nil when it does not fit into the kernel's 107 bytes or is empty.
  public init?(path: String) {
    var address = sockaddr_un()
    let bytes = Array(path.utf8)
    guard !bytes.isEmpty, bytes.count < SocketAddress.pathBytesMax else { return nil }
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    store(address)
  }

  /// All addresses of a host, numeric or not, as getaddrinfo orders them. Blocks: for start-up only.
  public static func resolve(_ host: String, port: UInt16) throws(ResolveError) -> [SocketAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      throw unsafe ResolveError(reason: gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)")
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe entry.pointee.ai_addr {
        unsafe found.append(SocketAddress(address, length: entry.pointee.ai_addrlen))
      }
      unsafe next = entry.pointee.ai_next
    }
    return found
  }

  private init(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
    self.length = min(length, self.length)
    let count = Int(self.length)
    unsafe withUnsafeMutableBytes(of: &storage) { _ = unsafe memcpy($0.baseAddress!, address, count) }
  }

  private mutating func store<Family>(_ address: Family) {
    length = socklen_t(MemoryLayout<Family>.size)
    unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: Family.self) }
  }

  /// Lends the address to a call that reads it.
  @inline(__always)
  func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    unsafe withUnsafePointer(to: storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
    }
  }

  /// Lends the address to a call that writes it.
  mutating func withMutableSockaddr<R>(
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R
  ) -> R {
    unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe body(address, &length)
      }
    }
  }

  private func load<Family>(_: Family.Type) -> Family {
    unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: Family.self) }
  }

  private static var pathBytesMax: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) }
}

/// Why a host name has no address; the resolver's own sentence.
public struct ResolveError: Error, Equatable, Sendable {
  public let reason: String
}

extension SocketAddress {
  /// The kinds of address that a server meets.
  public enum Family: Sendable { case ipv4, ipv6, unix, other }

  /// Which kind this is.
  public var family: Family {
    switch Int32(storage.ss_family) {
    case AF_INET: .ipv4
    case AF_INET6: .ipv6
    case AF_UNIX: .unix
    default: .other
    }
  }

  /// The port, or 0 where there is none.
  public var port: UInt16 {
    switch family {
    case .ipv4: UInt16(bigEndian: load(sockaddr_in.self).sin_port)
    case .ipv6: UInt16(bigEndian: load(sockaddr_in6.self).sin6_port)
    case .unix, .other: 0
    }
  }

  /// "127.0.0.1", "::1", or a unix socket's path (empty for a client's end, which has no name).
  public var host: String {
    switch family {
    case .ipv4: return unsafe withUnsafeBytes(of: load(sockaddr_in.self).sin_addr) { unsafe print(AF_INET, $0) }
    case .ipv6: return unsafe withUnsafeBytes(of: load(sockaddr_in6.self).sin6_addr) { unsafe print(AF_INET6, $0) }
    case .unix:
      let pathStart = 2
      return unsafe withUnsafeBytes(of: storage) { bytes in
        let path = unsafe bytes[pathStart..<max(pathStart, min(Int(length), bytes.count))]
        return unsafe String(decoding: path.prefix { $0 != 0 }, as: UTF8.self)
      }
    case .other: return "?"
    }
  }

  /// As Redis prints it: "127.0.0.1:6379", "[::1]:6379", "/run/server.sock:0".
  public var text: String {
    family == .ipv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// True when the other end is this machine: 127.0.0.0/8 (also mapped into IPv6), ::1, any unix socket.
  public var isLoopback: Bool {
    switch family {
    case .unix: return true
    case .ipv4: return UInt32(bigEndian: load(sockaddr_in.self).sin_addr.s_addr) >> 24 == 127
    case .ipv6:
      let address = load(sockaddr_in6.self).sin6_addr
      return unsafe withUnsafeBytes(of: address) { bytes in
        let leading = unsafe bytes.prefix(10).allSatisfy { $0 == 0 }
        let mapped = unsafe bytes[10] == 0xFF && bytes[11] == 0xFF && bytes[12] == 127
        let one = unsafe bytes[10..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
        return leading && (mapped || one)
      }
    case .other: return false
    }
  }

  private func print(_ family: Int32, _ address: UnsafeRawBufferPointer) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard unsafe inet_ntop(family, address.baseAddress, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
