// Replication.swift — whom to follow, how to serve followers, and what both promise.

/// Primary and replicas. Each field is described by its line in the table below.
package struct ReplicationSettings: Sendable, Equatable {
  /// Nil while the server is a primary.
  package var primary: PrimaryAddress?
  package var primaryUser = ""
  package var primaryPassword = ""
  package var timeoutSeconds = 0
  package var pingSeconds = 0
  package var backlogBytes = 0
  package var backlogSeconds = 0
  package var disablesNoDelay = false
  package var multipathTCP = false
  package var disklessSync = true
  package var disklessSyncDelaySeconds = 0
  package var disklessSyncReplicasMax = 0
  package var disklessLoad = DisklessLoad.disabled
  package var dualChannel = false
  package var snapshotChannel = true
  package var fullSyncBufferBytesMax = 0
  package var servesStaleData = true
  package var readOnly = true
  package var lazyFlush = true
  package var priority = 0
  package var ignoresMemoryLimit = true
  package var ignoresDiskErrors = false
  package var announced = true
  package var announceAddress = ""
  package var announcePort = 0
  package var replicasToWriteMin = 0
  package var replicaLagSecondsMax = 0
  package var propagationErrors = PropagationErrors.ignore
  package var importMode = false
}

/// Where the primary listens.
package struct PrimaryAddress: Sendable, Equatable {
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}

/// How a replica loads the data that a primary streams.
package enum DisklessLoad: String, CaseIterable, Sendable {
  case disabled
  case onEmptyDatabase = "on-empty-db"
  case swapdb
  case flushBeforeLoad = "flush-before-load"
}

/// What a replica does when a replicated command fails.
package enum PropagationErrors: String, CaseIterable, Sendable {
  case ignore, panic
  case panicOnReplicas = "panic-on-replicas"
}

extension Directive {
  static let replication: [Directive] = [
    .list(
      "replicaof", accepts: "host port, or 'no one'", also: ["slaveof"], changes: .atStart,
      reset: { $0.replication.primary = nil },
      store: { settings, words throws(Refusal) in
        guard words.count == 2 else { throw Refusal("wrong number of arguments") }
        if words.map({ $0.lowercased() }) == ["no", "one"] {
          settings.replication.primary = nil
          return
        }
        guard let port = Values.canonicalInteger(words[1]), (0...65535).contains(port) else {
          throw Refusal("Invalid master port")
        }
        settings.replication.primary = PrimaryAddress(host: words[0], port: port)
      },
      show: { $0.replication.primary.map { "\($0.host) \($0.port)" } ?? "" },
      lines: { $0.replication.primary.map { ["\(Grammar.quotedIfNeeded($0.host)) \($0.port)"] } ?? [] },
      "Makes this server a replica of another one."),
    .text(
      "masteruser", \.replication.primaryUser, also: ["primaryuser"], accepts: "user name",
      "User name that a replica gives to its primary."),
    .text(
      "masterauth", \.replication.primaryPassword, also: ["primaryauth"], accepts: "password",
      "Password that a replica gives to its primary."
    ).sensitive(),
    .integer(
      "repl-timeout", \.replication.timeoutSeconds, .positive32, default: 60,
      "Seconds of silence after which primary or replica give each other up."),
    .integer(
      "repl-ping-replica-period", \.replication.pingSeconds, .positive32, default: 10, also: ["repl-ping-slave-period"],
      "Seconds between the pings that a primary sends."),
    .memory(
      "repl-backlog-size", \.replication.backlogBytes, 1...Int.max, default: 1_048_576, atLeast: 16384,
      "History kept for replicas that were away for a moment."),
    .integer(
      "repl-backlog-ttl", \.replication.backlogSeconds, .nonNegative, default: 3600,
      "Seconds without any replica after which that history is given up; 0 keeps it."),
    .flag(
      "repl-disable-tcp-nodelay", \.replication.disablesNoDelay, default: false,
      "Lets the kernel collect small packets for replicas: fewer packets, more delay."),
    .flag(
      "repl-mptcp", \.replication.multipathTCP, default: false, changes: .atStart, "Multipath TCP towards the primary."
    ).accepted(),
    .flag(
      "repl-diskless-sync", \.replication.disklessSync, default: true,
      "Streams a full synchronization instead of writing a file first."),
    .integer(
      "repl-diskless-sync-delay", \.replication.disklessSyncDelaySeconds, .nonNegative32, default: 5,
      "Seconds to wait for further replicas before a full synchronization starts."),
    .integer(
      "repl-diskless-sync-max-replicas", \.replication.disklessSyncReplicasMax, .nonNegative32, default: 0,
      "Waiting replicas that start a full synchronization at once; 0 waits for the delay."),
    .choice(
      "repl-diskless-load", \.replication.disklessLoad, default: .disabled,
      "How a replica loads a full synchronization: from a file, or straight from the socket."),
    .flag(
      "dual-channel-replication-enabled", \.replication.dualChannel, default: false,
      "Sends snapshot and changes over two connections during a full synchronization."),
    .flag(
      "repl-rdb-channel", \.replication.snapshotChannel, default: true,
      "Redis 8's name for a second connection during a full synchronization."
    ).hidden(),
    .memory(
      "replica-full-sync-buffer-limit", \.replication.fullSyncBufferBytesMax, default: 0,
      "Changes that a replica may collect during a full synchronization; 0 takes the limit of its client class."),
    .flag(
      "replica-serve-stale-data", \.replication.servesStaleData, default: true, also: ["slave-serve-stale-data"],
      "Lets a replica without its primary answer from the data it has."),
    .flag(
      "replica-read-only", \.replication.readOnly, default: true, also: ["slave-read-only"],
      "Refuses writes on a replica."),
    .flag(
      "replica-lazy-flush", \.replication.lazyFlush, default: true, also: ["slave-lazy-flush"],
      "Frees a replica's old data in the background when a full synchronization replaces it."),
    .integer(
      "replica-priority", \.replication.priority, .nonNegative32, default: 100, also: ["slave-priority"],
      "Rank when Sentinel chooses a new primary: lower first, 0 never."),
    .flag(
      "replica-ignore-maxmemory", \.replication.ignoresMemoryLimit, default: true, also: ["slave-ignore-maxmemory"],
      "Leaves eviction on a replica to its primary."),
    .flag(
      "replica-ignore-disk-write-errors", \.replication.ignoresDiskErrors, default: false,
      "Lets a replica go on when it cannot write its log."),
    .flag("replica-announced", \.replication.announced, default: true, "Lets Sentinel tell clients of this replica."),
    .text(
      "replica-announce-ip", \.replication.announceAddress, also: ["slave-announce-ip"], accepts: "address",
      "Address under which a replica is reached, where it differs from its own."),
    .integer(
      "replica-announce-port", \.replication.announcePort, .port, default: 0, also: ["slave-announce-port"],
      "Port under which a replica is reached, where it differs from its own; 0 is its own."),
    .integer(
      "min-replicas-to-write", \.replication.replicasToWriteMin, .nonNegative32, default: 0,
      also: ["min-slaves-to-write"], "Replicas that must be near for the primary to accept writes."),
    .integer(
      "min-replicas-max-lag", \.replication.replicaLagSecondsMax, .nonNegative32, default: 10,
      also: ["min-slaves-max-lag"], "Seconds since its last word up to which a replica counts as near."),
    .choice(
      "propagation-error-behavior", \.replication.propagationErrors, default: .ignore,
      "What to do when a command from the primary or from the log fails."),
    .flag(
      "import-mode", \.replication.importMode, default: false,
      "Stops expiry and eviction while another server's data is being written into this one."),
  ].later(.replication)
}
