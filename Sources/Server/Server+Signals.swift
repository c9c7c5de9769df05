// Server+Signals.swift — SIGTERM, SIGINT and the way down.
import Commands
import Ring

extension Server {
  mutating func received(_ signal: Signals.Signal, from sender: UInt32) {
    switch signal {
    case .terminate, .interrupt:
      // Nobody is left in the middle of a change.
      guard lifecycle.isClosingClients || mayBeginImage() else {
        postponedSignal = (signal, sender)
        if isScriptPaused && scripts.run?.hasWritten == false { scripts.run?.isKilled = true }
        walks.isHalted = false
        return
      }
    default: break
    }
    switch signal {
    case .interrupt where lifecycle.isClosingClients:
      // Asked twice by hand: whoever sits there does not want to wait.
      log.warning("You insist... exiting now.")
      lifecycle.stopNow(exitCode: 1)
    case .interrupt:
      log.warning("Received SIGINT scheduling shutdown...")
      if !shutDown() { log.warning("Errors trying to shut down the server. Check the logs for more information.") }
    case .terminate:
      log.warning("Received SIGTERM scheduling shutdown...")
      if !shutDown() { log.warning("Errors trying to shut down the server. Check the logs for more information.") }
    case .user1: log.notice("Clients: \(clients.count), commands: \(statistics.commands)")
    case .other: break
    }
  }

  /// Begins the way down: what was answered still leaves, then everything is closed.
  ///
  /// - Parameters:
  ///   - saving: write a snapshot first; nil if there are `save` lines.
  ///   - isForced: stop also if that fails.
  /// - Returns: false if the server goes on because the data could not be saved.
  @discardableResult
  mutating func shutDown(saving: Bool? = nil, isForced: Bool = false) -> Bool {
    guard !lifecycle.isClosingClients else { return true }
    log.warning("User requested shutdown...")
    if appendLog.state == .enabling && snapshots.isRewriting && !snapshots.isLooseBase {
      // The log has no base yet: whoever relies on it would find nothing.
      log.warning(isForced ? "Writing initial AOF. Exit anyway." : "Writing initial AOF, can't exit.")
      guard isForced else { return false }
    }
    if saving ?? !configuration.settings.persistence.savePoints.isEmpty, !recovery.isLoading {
      log.notice("Saving the final RDB snapshot before exiting.")
      if saveNow() != nil && !isForced {
        log.warning("Error trying to save the DB, can't exit.")
        return false
      }
    }
    abandonSave()
    Notices.serviceManager("STOPPING=1")
    if appendLog.state != .off { log.notice("Calling fsync() on the AOF file.") }
    flushLogForExit()
    wishes.add(.stop)
    return true
  }

  /// The log is on disk to its end, or cannot be.
  var isLogFlushed: Bool {
    guard appendLog.state != .off, appendLog.pipeline.file != nil, appendLog.pipeline.health == .healthy else {
      return !appendLog.pipeline.isFlying
    }
    return appendLog.pipeline.isIdle
  }

  /// The loop goes on although the clients are gone: for the log, and for whatever the kernel still reads.
  var mustFlush: Bool {
    guard lifecycle.exitCode == 0 else { return false }
    return !isLogFlushed || snapshots.job != nil || !snapshots.errands.isEmpty || snapshots.fileSwitch == .making
      || snapshots.isChangingManifest
  }

  /// What is left to do when the loop has ended.
  package mutating func farewell() {
    if appendLog.pipeline.isIdle && appendLog.pipeline.health == .healthy, let file = appendLog.pipeline.file {
      _ = FileErrands.perform([.trim(appendLog.path, bytes: file.offset)])
    }
    if !configuration.settings.general.pidFile.isEmpty || configuration.settings.general.daemonize { removeProcessFile() }
    for index in listeners.indices {
      if let descriptor = abandonListener(index) { Socket.close(descriptor) }
    }
    // The last word of a server that could not load its data is why.
    if hasStarted { log.warning("Martlet is now ready to exit, bye bye...") }
  }

  private mutating func removeProcessFile() {
    if hasStarted { log.notice("Removing the pid file.") }
    try? File.remove(processFile)
  }

  var processFile: String { configuration.settings.general.pidFile.isEmpty ? "/var/run/redis.pid" : configuration.settings.general.pidFile }
}
