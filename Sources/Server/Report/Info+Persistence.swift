// Info+Persistence.swift — INFO persistence, Redis's fields and then our own, and replication.
import Persistence
import Ring

extension InfoReport {
  mutating func writePersistence() {
    out.section("Persistence")
    out.field("loading", server.pointee.recovery.isLoading ? 1 : 0)
    // Nothing is copied on write here: there is no fork.
    out.zeros("async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age")
    writeSnapshots()
    writeLog()
    out.zeros(
      "aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size", "slot_migration_fork_in_progress")
    if server.pointee.appendLog.state != .off { writeLogFigures() }
    if server.pointee.recovery.isLoading { writeLoading() }
  }

  private mutating func writeSnapshots() {
    let job = server.pointee.snapshots.job
    let written = job?.pointee.walk?.pointee.writtenCount ?? 0
    let total = job?.pointee.walk?.pointee.totalCount ?? 0
    out.field("current_fork_perc", Fixed.percent(UInt64(written), of: UInt64(total)), digits: 2)
    out.field("current_save_keys_processed", written)
    out.field("current_save_keys_total", total)
    out.field("rdb_changes_since_last_save", changes &- server.pointee.snapshots.changesAtSave)
    out.field("rdb_bgsave_in_progress", server.pointee.snapshots.isSaving ? 1 : 0)
    out.field("rdb_last_save_time", server.pointee.snapshots.lastSaveSeconds)
    out.field("rdb_last_bgsave_status", server.pointee.snapshots.lastFailed ? "err" : "ok")
    out.field("rdb_last_bgsave_time_sec", server.pointee.snapshots.lastDurationSeconds)
    out.field("rdb_current_bgsave_time_sec", server.pointee.snapshots.isSaving ? server.pointee.jobSeconds : -1)
    out.field("rdb_saves", server.pointee.snapshots.saves)
    out.zeros("rdb_last_cow_size")
    // Ours: clients that wait for an image to have written what they would change.
    out.field("writers_parked", server.pointee.parkedWriters.count)
    out.field("writers_parked_total", server.pointee.parkedWriters.total)
    out.field("rdb_last_load_keys_expired", server.pointee.recovery.keysExpired)
    out.field("rdb_last_load_keys_loaded", server.pointee.recovery.keysLoaded)
  }

  private mutating func writeLog() {
    // Also while files change places: whoever waits for the end would find the next rewrite refused.
    let isRewriting = server.pointee.snapshots.isRewriting && server.pointee.snapshots.job?.pointee.hasFailed == false
      || server.pointee.snapshots.fileSwitch != .none || server.pointee.snapshots.isChangingManifest
    out.field("aof_enabled", server.pointee.appendLog.isRecording ? 1 : 0)
    out.field("aof_rewrite_in_progress", isRewriting ? 1 : 0)
    out.field("aof_rewrite_scheduled", server.pointee.snapshots.isRewriteScheduled ? 1 : 0)
    out.field("aof_last_rewrite_time_sec", server.pointee.snapshots.lastRewriteSeconds)
    out.field("aof_current_rewrite_time_sec", isRewriting ? server.pointee.jobSeconds : -1)
    out.field("aof_last_bgrewrite_status", server.pointee.snapshots.lastRewriteFailed ? "err" : "ok")
    out.field("aof_rewrites", server.pointee.snapshots.rewrites)
    out.field("aof_rewrites_consecutive_failures", server.pointee.snapshots.rewriteFailures)
    out.field("aof_last_write_status", server.pointee.appendLog.pipeline.health == .healthy ? "ok" : "err")
  }

  private mutating func writeLogFigures() {
    let unsynced = server.pointee.appendLog.pipeline.unsyncedBytes
    out.field("aof_current_size", server.pointee.appendLog.currentBytes)
    out.field("aof_base_size", server.pointee.appendLog.bytesAtRewrite)
    out.field("aof_pending_rewrite", server.pointee.appendLog.state == .enabling ? 1 : 0)
    out.field("aof_buffer_length", server.pointee.appendLog.pipeline.filling.pointee.count)
    out.field("aof_pending_bio_fsync", server.pointee.appendLog.pipeline.isFlying ? 1 : 0)
    out.field("aof_delayed_fsync", server.pointee.appendLog.figures.delayedSyncs)
    // Ours: what waits for the disk, for whom, and for how long.
    out.field("aof_records", server.pointee.appendLog.figures.records)
    out.field("aof_commits", server.pointee.appendLog.figures.commits)
    out.field("aof_single_commits", server.pointee.appendLog.figures.singleCommits)
    out.field("aof_fsyncs", server.pointee.appendLog.figures.syncs)
    out.field("aof_errors", server.pointee.appendLog.figures.failures)
    out.field("aof_unsynced_bytes", unsynced)
    let age = server.pointee.appendLog.pipeline.oldestUnsyncedNanoseconds(now: Clock.monotonicNanoseconds())
    out.field("aof_oldest_unsynced_usec", age / 1_000)
    out.field("aof_appended_batch", server.pointee.appendLog.pipeline.appendedSequence)
    out.field("aof_durable_batch", server.pointee.appendLog.pipeline.syncedSequence)
    out.field("aof_preallocated_bytes", max(0, server.pointee.appendLog.reserve.end - server.pointee.appendLog.pipeline.submittedOffset))
    out.field("aof_dropped_tail_bytes", server.pointee.appendLog.droppedTailBytes)
    out.field("held_replies", server.pointee.appendLog.holds.replies)
    out.field("held_clients", server.pointee.appendLog.holds.count)
    out.field("held_bytes", server.pointee.heldBytes)
    out.field("held_by_write_total", server.pointee.appendLog.figures.heldByWrite)
    out.field("held_by_read_total", server.pointee.appendLog.figures.heldByRead)
    out.field("writers_throttled", server.pointee.isThrottlingWrites ? 1 : 0)
    out.field("writers_throttled_total", server.pointee.appendLog.figures.throttled)
    out.field("aof_fsync_usec", percentiles(server.pointee.appendLog.figures.syncMicroseconds))
    out.field("held_usec", percentiles(server.pointee.appendLog.figures.holdMicroseconds))
  }

  private func percentiles(_ durations: Durations) -> String {
    "p50=\(durations.percentile(0.5)),p99=\(durations.percentile(0.99)),p99.9=\(durations.percentile(0.999)),"
      + "max=\(durations.maxMicroseconds)"
  }

  private mutating func writeLoading() {
    let total = server.pointee.recovery.bytesTotal
    let done = server.pointee.recovery.bytesDone
    out.field("loading_start_time", server.pointee.recovery.beganAtWallSeconds)
    out.field("loading_total_bytes", total)
    out.zeros("loading_rdb_used_mem")
    out.field("loading_loaded_bytes", done)
    out.field("loading_loaded_perc", Fixed.percent(UInt64(clamping: done), of: UInt64(clamping: total)), digits: 2)
    let seconds = Double(Clock.monotonicNanoseconds() &- server.pointee.recovery.beganAtNanoseconds) / 1e9
    out.field("loading_eta_seconds", done > 0 ? Int(seconds * Double(total - done) / Double(done)) : 1)
  }

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
