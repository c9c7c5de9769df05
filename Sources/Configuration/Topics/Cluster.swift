// Cluster.swift — one node among several: what it announces, when it fails over, what it may skip.

/// Cluster membership. Each field is described by its line in the table below.
package struct ClusterSettings: Sendable, Equatable {
  package var enabled = false
  package var configFile = ""
  package var configSaving = ClusterConfigSaving.sync
  package var busPort = 0
  package var databases = 0
  package var nodeTimeoutMilliseconds = 0
  package var manualFailoverTimeoutMilliseconds = 0
  package var blacklistSeconds = 0
  package var migrationBarrier = 0
  package var allowsReplicaMigration = true
  package var replicaValidityFactor = 0
  package var replicaNoFailover = false
  package var requiresFullCoverage = true
  package var readsWhenDown = false
  package var shardChannelsWhenDown = true
  package var linkSendBufferBytesMax: UInt64 = 0
  package var announceAddress = ""
  package var announceHostname = ""
  package var announceNodeName = ""
  package var announcePort = 0
  package var announceTLSPort = 0
  package var announceBusPort = 0
  package var announceClientIPv4 = ""
  package var announceClientIPv6 = ""
  package var announceClientPort = 0
  package var announceClientTLSPort = 0
  package var preferredEndpoint = EndpointType.ip
  package var slotStatistics = false
  package var slotMigrationLogMax = 0
  package var slotMigrationFailoverBytesMax = 0
  package var compatibilitySamplePercent = 0
  package var pingIntervalMilliseconds = 0
  package var gossipPercent = 0
}

/// How carefully the cluster's state file is written.
package enum ClusterConfigSaving: String, CaseIterable, Sendable {
  case sync
  case bestEffort = "best-effort"
}

/// What redirections name.
package enum EndpointType: String, CaseIterable, Sendable {
  case ip, hostname
  case unknownEndpoint = "unknown-endpoint"
}

extension Directive {
  static let cluster: [Directive] = [
    .flag(
      "cluster-enabled", \.cluster.enabled, default: false, changes: .atStart, "Runs as a node of a cluster."),
    .text(
      "cluster-config-file", \.cluster.configFile, default: "nodes.conf", changes: .atStart, accepts: "file name",
      "File in which the node keeps what it knows of the cluster; not to be edited."),
    .choice(
      "cluster-config-save-behavior", \.cluster.configSaving, default: .sync,
      "Whether a failure to save that file stops the node."),
    .integer(
      "cluster-port", \.cluster.busPort, .port, default: 0, changes: .atStart,
      "Port of the cluster bus; 0 is the client port plus 10000."),
    .integer(
      "cluster-databases", \.cluster.databases, .positive32, default: 1, changes: .atStart,
      "Databases of a cluster node."),
    .integer(
      "cluster-node-timeout", \.cluster.nodeTimeoutMilliseconds, .nonNegative, default: 15000,
      "Milliseconds without an answer after which a node is suspected to be down."),
    .integer(
      "cluster-manual-failover-timeout", \.cluster.manualFailoverTimeoutMilliseconds, .positive32, default: 5000,
      "Milliseconds that a failover by hand may take."),
    .integer(
      "cluster-blacklist-ttl", \.cluster.blacklistSeconds, 0...Int(UInt32.max), default: 60,
      "Seconds for which a forgotten node is not taken in again."),
    .integer(
      "cluster-migration-barrier", \.cluster.migrationBarrier, .nonNegative32, default: 1,
      "Replicas that a primary keeps before one may move to another primary."),
    .flag(
      "cluster-allow-replica-migration", \.cluster.allowsReplicaMigration, default: true,
      "Lets replicas move to primaries that have none."),
    .integer(
      "cluster-replica-validity-factor", \.cluster.replicaValidityFactor, .nonNegative32, default: 10,
      also: ["cluster-slave-validity-factor"],
      "How old a replica's data may be for it to take over, in node timeouts; 0 is any age."),
    .flag(
      "cluster-replica-no-failover", \.cluster.replicaNoFailover, default: false, also: ["cluster-slave-no-failover"],
      "Keeps this replica from taking over by itself."),
    .flag(
      "cluster-require-full-coverage", \.cluster.requiresFullCoverage, default: true,
      "Stops answering while some slots have no node."),
    .flag(
      "cluster-allow-reads-when-down", \.cluster.readsWhenDown, default: false,
      "Answers reads while the cluster is marked as down."),
    .flag(
      "cluster-allow-pubsubshard-when-down", \.cluster.shardChannelsWhenDown, default: true,
      "Serves sharded channels while the cluster is marked as down."),
    .memory64(
      "cluster-link-sendbuf-limit", \.cluster.linkSendBufferBytesMax, default: 0,
      "Bytes that may wait on one link of the bus before it is cut; 0 is no limit."),
    .text(
      "cluster-announce-ip", \.cluster.announceAddress, accepts: "address",
      check: { text throws(Refusal) in
        try Announced.check(text, also: ".:-_", "cluster-announce-ip contains invalid character")
      }, "Address under which other nodes and clients reach this one."),
    .text(
      "cluster-announce-hostname", \.cluster.announceHostname, accepts: "host name",
      check: { text throws(Refusal) in
        guard text.utf8.count < 256 else { throw Refusal("Hostnames must be less than 256 characters") }
        try Announced.check(text, also: ".-", "Hostnames may only contain alphanumeric characters, hyphens or dots")
      }, "Host name of this node, told to clients."),
    .text(
      "cluster-announce-human-nodename", \.cluster.announceNodeName, accepts: "name",
      check: { text throws(Refusal) in
        try Announced.check(text, also: ".-_", "Announced human node name contained invalid character")
      }, "Name of this node in logs."),
    .integer("cluster-announce-port", \.cluster.announcePort, .port, default: 0, "Client port to announce."),
    .integer("cluster-announce-tls-port", \.cluster.announceTLSPort, .port, default: 0, "TLS port to announce."),
    .integer("cluster-announce-bus-port", \.cluster.announceBusPort, .port, default: 0, "Bus port to announce."),
    .text(
      "cluster-announce-client-ipv4", \.cluster.announceClientIPv4, accepts: "IPv4 address",
      check: { text throws(Refusal) in
        guard text.isEmpty || Announced.isIPv4(text) else { throw Refusal("Invalid IPv4 address") }
      }, "IPv4 address told to clients instead of the node's own."),
    .text(
      "cluster-announce-client-ipv6", \.cluster.announceClientIPv6, accepts: "IPv6 address",
      check: { text throws(Refusal) in
        guard text.isEmpty || Announced.looksLikeIPv6(text) else { throw Refusal("Invalid IPv6 address") }
      }, "IPv6 address told to clients instead of the node's own."),
    .integer(
      "cluster-announce-client-port", \.cluster.announceClientPort, .port, default: 0,
      "Port told to clients instead of the node's own."),
    .integer(
      "cluster-announce-client-tls-port", \.cluster.announceClientTLSPort, .port, default: 0,
      "TLS port told to clients instead of the node's own."),
    .choice(
      "cluster-preferred-endpoint-type", \.cluster.preferredEndpoint, default: .ip,
      "What redirections name: the address, the host name, or nothing."),
    .flag(
      "cluster-slot-stats-enabled", \.cluster.slotStatistics, default: false,
      "Counts requests and bytes of each slot."),
    .integer(
      "cluster-slot-migration-log-max-len", \.cluster.slotMigrationLogMax, .nonNegative, default: 1000,
      "Past slot migrations that are remembered."),
    .memory(
      "slot-migration-max-failover-repl-bytes", \.cluster.slotMigrationFailoverBytesMax, -1...Int.max, default: 0,
      "Bytes that may be outstanding when a migrating slot changes hands; -1 is any number."),
    .integer(
      "cluster-compatibility-sample-ratio", \.cluster.compatibilitySamplePercent, 0...100, default: 0,
      "Percentage of commands looked at for what a cluster would refuse."
    ).accepted(),
    .integer(
      "cluster-ping-interval", \.cluster.pingIntervalMilliseconds, .nonNegative32, default: 0,
      "Milliseconds between pings on the bus; 0 is the usual pace."
    ).hidden(),
    .integer(
      "cluster-message-gossip-perc", \.cluster.gossipPercent, 1...100, default: 10,
      "Percentage of nodes told of in one message of the bus."
    ).hidden(),
  ].later(.cluster)
}

/// What a node may say of itself.
enum Announced {
  static func check(_ text: String, also punctuation: String, _ reason: String) throws(Refusal) {
    let isValid = text.utf8.allSatisfy { byte in
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || punctuation.utf8.contains(byte)
    }
    guard isValid else { throw Refusal(reason) }
  }

  static func isIPv4(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        Values.canonicalInteger(String(part)).map { (0...255).contains($0) } ?? false
      }
  }

  /// A spelling check; the socket layer has the last word.
  static func looksLikeIPv6(_ text: String) -> Bool {
    let groups = text.split(separator: ":", omittingEmptySubsequences: false)
    return (3...8).contains(groups.count)
      && groups.allSatisfy { group in
        group.count <= 4 && group.allSatisfy(\.isHexDigit)
      }
  }
}
