// Info+Stats.swift — INFO stats and cpu: what has been counted since the start or CONFIG RESETSTAT.
import Ring

extension InfoReport {
  mutating func writeStats() {
    let statistics = server.pointee.statistics
    out.section("Stats")
    out.field("total_connections_received", statistics.connectionsAccepted)
    out.field("total_commands_processed", statistics.commands)
    out.field("instantaneous_ops_per_sec", statistics.commandRate.perSecond)
    out.field("total_net_input_bytes", server.pointee.traffic.total.bytesReceived)
    out.field("total_net_output_bytes", server.pointee.traffic.total.bytesSent)
    out.zeros(
      "total_net_repl_input_bytes", "total_net_repl_output_bytes", "total_net_cluster_slot_import_bytes",
      "total_net_cluster_slot_export_bytes")
    out.field("instantaneous_input_kbps", Double(statistics.inputRate.perSecond) / 1_024, digits: 2)
    out.field("instantaneous_output_kbps", Double(statistics.outputRate.perSecond) / 1_024, digits: 2)
    out.field("instantaneous_input_repl_kbps", "0.00")
    out.field("instantaneous_output_repl_kbps", "0.00")
    out.field("rejected_connections", statistics.connectionsRefused)
    out.zeros("sync_full", "sync_partial_ok", "sync_partial_err")
    writeExpiryAndEviction()
    out.field("keyspace_hits", tallies.keyspaceHits)
    out.field("keyspace_misses", tallies.keyspaceMisses)
    out.field("pubsub_channels", server.pointee.pubsub.subscriptions(.channel).pointee.nameCount)
    out.field("pubsub_patterns", server.pointee.pubsub.subscriptions(.pattern).pointee.nameCount)
    out.field("pubsubshard_channels", server.pointee.pubsub.subscriptions(.shardChannel).pointee.nameCount)
    out.zeros(
      "latest_fork_usec", "total_forks",
      "migrate_cached_sockets", "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
      "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time")
    out.field("tracking_total_keys", server.pointee.tracking.copies.nameCount)
    out.field("tracking_total_items", server.pointee.tracking.copies.count)
    out.field("tracking_total_prefixes", server.pointee.tracking.prefixes.nameCount)
    out.field("unexpected_error_replies", statistics.unexpectedErrorReplies)
    out.field("total_error_replies", server.pointee.errors.total)
    out.zeros("dump_payload_sanitizations")
    writeTraffic()
    writeWalks()
    out.field("acl_access_denied_auth", statistics.authenticationFailures)
    out.zeros(
      "acl_access_denied_cmd", "acl_access_denied_key", "acl_access_denied_channel", "acl_access_denied_tls_cert",
      "acl_access_denied_db")
  }

  private mutating func writeExpiryAndEviction() {
    out.field("expired_keys", tallies.expiredKeys)
    out.field("expired_fields", tallies.expiredFields)
    // As Redis calls them.
    out.field("expired_subkeys", tallies.expiredFields)
    out.field("expired_stale_perc", tallies.expiredStalePercentage, digits: 2)
    out.field("expired_keys_with_volatile_items_stale_perc", "0.00")
    out.field("expired_time_cap_reached_count", tallies.expireCycleTimeCapReached)
    out.field(
      "expire_cycle_cpu_milliseconds", Clock.microseconds(ticks: server.pointee.statistics.expiryTicks) / 1_000)
    out.field("evicted_keys", tallies.evictedKeys)
    out.field("evicted_clients", server.pointee.statistics.evictedClients)
    out.field("evicted_scripts", server.pointee.scripts.machine.evicted)
    out.zeros(
      "total_eviction_exceeded_time", "current_eviction_exceeded_time")
  }

  private mutating func writeTraffic() {
    let statistics = server.pointee.statistics
    out.field("total_reads_processed", server.pointee.traffic.total.reads)
    out.field("total_writes_processed", server.pointee.traffic.total.writes)
    let threaded = server.pointee.traffic.threaded
    out.field("io_threaded_reads_processed", threaded.reads)
    out.field("io_threaded_writes_processed", threaded.writes)
    out.zeros(
      "io_threaded_freed_objects",
      "io_threaded_accept_processed", "io_threaded_poll_processed")
    out.field("io_threaded_total_prefetch_batches", statistics.prefetchBatches)
    out.field("io_threaded_total_prefetch_entries", statistics.prefetchEntries)
    out.field("client_query_buffer_limit_disconnections", statistics.queryBufferDisconnections)
    out.field("client_output_buffer_limit_disconnections", statistics.outputBufferDisconnections)
    out.zeros("reply_buffer_shrinks", "reply_buffer_expands")
    writeLoop()
  }

  /// Turns of the executor's loop and the processor time they took, sleep excluded, since the start.
  private mutating func writeLoop() {
    let statistics = server.pointee.statistics
    var ticks: UInt64 = 0
    for index in 0..<server.pointee.table.count { ticks &+= server.pointee.commandStatistics[index].ticks }
    out.field("eventloop_cycles", server.pointee.engine.statistics.enters)
    out.field("eventloop_duration_sum", OwnThread.ownProcessorNanoseconds / 1_000)
    out.field("eventloop_duration_cmd_sum", Clock.microseconds(ticks: ticks))
    let cycles = statistics.cycleRate.perSecond
    out.field("instantaneous_eventloop_cycles_per_sec", cycles)
    out.field("instantaneous_eventloop_duration_usec", statistics.processorRate.perSecond / 1_000 / max(1, cycles))
  }

  /// Commands that took so long that others ran in between.
  private mutating func writeWalks() {
    out.field("long_commands_under_way", server.pointee.walks.count)
    out.field("long_commands_begun", server.pointee.walks.begun)
    out.field("long_command_slices", server.pointee.walks.slices)
    out.field("long_command_pins", server.pointee.walks.pinCount)
    out.field("parked_writers", server.pointee.parkedWriters.count)
    out.field("total_parked_writers", server.pointee.parkedWriters.total)
    out.field("longest_slice_usec", Clock.microseconds(ticks: server.pointee.walks.longestSliceTicks))
    out.field("longest_long_command_usec", Clock.microseconds(ticks: server.pointee.walks.longestTicks))
  }

  mutating func writeProcessor() {
    let all = ProcessFacts.usage
    let children = ProcessFacts.childrenUsage
    let main = ProcessFacts.threadUsage
    out.section("CPU")
    out.seconds("used_cpu_sys", microseconds: all.systemMicroseconds)
    out.seconds("used_cpu_user", microseconds: all.userMicroseconds)
    out.seconds("used_cpu_sys_children", microseconds: children.systemMicroseconds)
    out.seconds("used_cpu_user_children", microseconds: children.userMicroseconds)
    out.seconds("used_cpu_sys_main_thread", microseconds: main.systemMicroseconds)
    out.seconds("used_cpu_user_main_thread", microseconds: main.userMicroseconds)
    out.seconds("used_active_time_main_thread", microseconds: OwnThread.ownProcessorNanoseconds / 1_000)
    for number in 0..<server.pointee.crew.count {
      let nanoseconds = server.pointee.crew.member(UInt8(number + 1)).pointee.processorNanoseconds
      out.seconds("used_active_time_io_thread_\(number + 1)", microseconds: nanoseconds / 1_000)
    }
  }
}
