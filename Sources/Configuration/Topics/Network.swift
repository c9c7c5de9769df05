// Network.swift — where the server listens, and what it asks of sockets.

/// Addresses, ports, sockets. Each field is described by its line in the table below.
package struct NetworkSettings: Sendable, Equatable {
  /// Addresses to listen on, in order; none at all means no TCP listener.
  package var bind: [BindAddress] = []
  package var bindSource = ""
  package var port = 0
  package var tcpBacklog = 0
  package var tcpKeepaliveSeconds = 0
  package var unixSocket = ""
  package var unixSocketGroup = ""
  /// Permission bits; 0 leaves what the umask gives.
  package var unixSocketPermissions = 0
  package var protectedMode = true
  package var socketMark = 0
  package var newConnectionsPerCycleMax = 0
  package var newTLSConnectionsPerCycleMax = 0
  package var multipathTCP = false
  package var rdmaBind = ""
  package var rdmaPort = 0
  package var rdmaReceiveBytes = 0
  package var rdmaCompletionVector = 0
}

/// One address of `bind`.
package struct BindAddress: Sendable, Equatable {
  /// A numeric address, a host name, `*` for every IPv4 address or `::*` for every IPv6 one.
  package var host: String
  /// Written with a leading `-`: go on when the address is not available on this machine.
  package var isOptional: Bool

  package init(host: String, isOptional: Bool) {
    self.host = host
    self.isOptional = isOptional
  }

  package init(_ text: String) {
    isOptional = text.hasPrefix("-")
    host = isOptional ? String(text.dropFirst()) : text
  }

  package var text: String { isOptional ? "-" + host : host }
}

extension Directive {
  static let network: [Directive] = [
    .list(
      "bind", accepts: "up to 16 addresses, '-' before one that may be missing",
      reset: { $0.network.bind = ["*", "-::*"].map(BindAddress.init) },
      store: { settings, arguments throws(Refusal) in
        guard arguments.count <= 16 else { throw Refusal("Too many bind addresses specified.") }
        settings.network.bind = arguments.map(BindAddress.init)
      },
      show: { $0.network.bind.map(\.text).joined(separator: " ") },
      "Addresses to listen on; '* -::*' is every interface, an empty list is no TCP at all."),
    .integer("port", \.network.port, .port, default: 6379, "TCP port to listen on; 0 listens on none."),
    .integer(
      "tcp-backlog", \.network.tcpBacklog, .nonNegative32, default: 511, changes: .atStart,
      "Connections that the kernel may keep waiting to be accepted; net.core.somaxconn caps it."),
    .integer(
      "tcp-keepalive", \.network.tcpKeepaliveSeconds, .nonNegative32, default: 300,
      "Seconds of silence after which the kernel probes whether a peer still lives; 0 never probes."),
    .text("unixsocket", \.network.unixSocket, changes: .atStart, accepts: "path", "Unix socket to listen on as well."),
    .text(
      "unixsocketgroup", \.network.unixSocketGroup, changes: .atStart, accepts: "group name",
      "Group that owns the unix socket."),
    .octal(
      "unixsocketperm", \.network.unixSocketPermissions, changes: .atStart,
      "Permission bits of the unix socket in octal; 0 leaves them to the umask."),
    .flag(
      "protected-mode", \.network.protectedMode, default: true,
      "Turns away clients from other machines while the default user has no password."),
    .text(
      "bind-source-addr", \.network.bindSource, accepts: "address",
      "Local address for the connections that the server itself opens."
    ).later(.replication),
    .integer(
      "socket-mark-id", \.network.socketMark, 0...Int(UInt32.max), default: 0, changes: .atStart,
      "Mark that the kernel puts on the packets of listening sockets, for routing rules; 0 is none."
    ).later(.system),
    .integer(
      "max-new-connections-per-cycle", \.network.newConnectionsPerCycleMax, 1...1000, default: 10,
      "Connections accepted in one turn of the event loop; the ring already bounds a turn by time."
    ).accepted(),
    .integer(
      "max-new-tls-connections-per-cycle", \.network.newTLSConnectionsPerCycleMax, 1...1000, default: 1,
      "TLS connections accepted in one turn of the event loop."
    ).later(.tls),
    .flag(
      "mptcp", \.network.multipathTCP, default: false, changes: .atStart,
      "Multipath TCP on the listening sockets."
    ).accepted(),
    .text("rdma-bind", \.network.rdmaBind, accepts: "addresses", "Addresses for RDMA, which is not supported.")
      .accepted(),
    .integer("rdma-port", \.network.rdmaPort, .port, default: 0, "Port for RDMA, which is not supported.").accepted(),
    .memory(
      "rdma-rx-size", \.network.rdmaReceiveBytes, 65536...16_777_216, default: 1_048_576, changes: .atStart,
      "Receive buffer for RDMA, which is not supported."
    ).accepted(),
    .integer(
      "rdma-completion-vector", \.network.rdmaCompletionVector, -1...1024, default: -1, changes: .atStart,
      "Completion vector for RDMA, which is not supported."
    ).accepted(),
  ]
}
