// Info+Persistence.swift — INFO persistence and replication: what a lone server without files has to say.

extension InfoReport {
  mutating func writePersistence() {
    out.section("Persistence")
    out.zeros("loading", "async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age")
    out.field("current_fork_perc", "0.00")
    out.zeros("current_save_keys_processed", "current_save_keys_total")
    out.field("rdb_changes_since_last_save", changes)
    out.zeros("rdb_bgsave_in_progress")
    // The empty data set of the start counts as saved.
    out.field("rdb_last_save_time", lastSaveSeconds)
    out.field("rdb_last_bgsave_status", "ok")
    out.field("rdb_last_bgsave_time_sec", -1)
    out.field("rdb_current_bgsave_time_sec", -1)
    out.zeros(
      "rdb_saves", "rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded", "aof_enabled",
      "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    out.field("aof_last_rewrite_time_sec", -1)
    out.field("aof_current_rewrite_time_sec", -1)
    out.field("aof_last_bgrewrite_status", "ok")
    out.zeros("aof_rewrites", "aof_rewrites_consecutive_failures")
    out.field("aof_last_write_status", "ok")
    out.zeros(
      "aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size", "slot_migration_fork_in_progress")
  }

  var lastSaveSeconds: Int64 { wallMicroseconds / 1_000_000 - uptimeSeconds }

  mutating func writeReplication() {
    out.section("Replication")
    out.field("role", "master")
    out.zeros("connected_slaves", "replicas_waiting_psync")
    out.field("master_failover_state", "no-failover")
    out.field("master_replid", server.pointee.identity.runID)
    out.field("master_replid2", String(repeating: "0", count: 40))
    out.zeros("master_repl_offset")
    out.field("second_repl_offset", -1)
    out.zeros("repl_backlog_active")
    out.field("repl_backlog_size", server.pointee.configuration.settings.replication.backlogBytes)
    out.zeros("repl_backlog_first_byte_offset", "repl_backlog_histlen")
  }
}
