// Info+Keyspace.swift — INFO cluster and keyspace.
import Store

extension InfoReport {
  mutating func writeCluster() {
    out.section("Cluster")
    out.zeros("cluster_enabled")
  }

  /// A line for each database that has keys.
  mutating func writeKeyspace() {
    out.section("Keyspace")
    for index in averageTimesToLive.indices {
      let keys = server.pointee.databases[index].count
      guard keys > 0 else { continue }
      let expiring = server.pointee.databases[index].volatileCount
      let hashes = server.pointee.databases[index].volatileHashCount
      out.field(
        "db\(index)",
        "keys=\(keys),expires=\(expiring),avg_ttl=\(averageTimesToLive[index]),keys_with_volatile_items=\(hashes)")
    }
  }
}
