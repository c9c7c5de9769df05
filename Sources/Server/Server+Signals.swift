// Server+Signals.swift — SIGTERM, SIGINT and the way down.
import Commands
import Ring

extension Server {
  mutating func received(_ signal: Signals.Signal, from sender: UInt32) {
    switch signal {
    case .interrupt where lifecycle.isClosingClients:
      // Asked twice by hand: whoever sits there does not want to wait.
      log.warning("You insist... exiting now.")
      lifecycle.stopNow(exitCode: 1)
    case .interrupt:
      log.warning("Received SIGINT scheduling shutdown...")
      shutDown()
    case .terminate:
      log.warning("Received SIGTERM scheduling shutdown...")
      shutDown()
    case .user1: log.notice("Clients: \(connections.count), commands: \(statistics.commands)")
    case .other: break
    }
  }

  /// Begins the way down: what was answered still leaves, then everything is closed.
  mutating func shutDown() {
    guard !lifecycle.isClosingClients else { return }
    log.warning("User requested shutdown...")
    Notices.serviceManager("STOPPING=1")
    wishes.add(.stop)
  }

  /// What is left to do when the loop has ended.
  package mutating func farewell() {
    if !configuration.settings.general.pidFile.isEmpty || configuration.settings.general.daemonize { removeProcessFile() }
    for index in listeners.indices {
      if let descriptor = abandonListener(index) { Socket.close(descriptor) }
    }
    log.warning("Martlet is now ready to exit, bye bye...")
  }

  private mutating func removeProcessFile() {
    log.notice("Removing the pid file.")
    try? File.remove(processFile)
  }

  var processFile: String { configuration.settings.general.pidFile.isEmpty ? "/var/run/redis.pid" : configuration.settings.general.pidFile }
}
