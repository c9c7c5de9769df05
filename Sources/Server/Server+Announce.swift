// Server+Announce.swift — what is said when the door opens.
import Bytes
import Configuration
import Ring

extension Server {
  private var showsLogo: Bool {
    configuration.settings.general.showsLogo || File.standardOutputIsTerminal && configuration.settings.general.logFile.isEmpty
  }

  /// Who this is. Before the data are looked at: what is wrong with them is said by a known process.
  func introduce() {
    guard !showsLogo else { return }
    log.notice("Running mode=standalone, port=\(configuration.settings.network.port).")
    // Tests look for the process in this form.
    log.raw("    PID: \(ProcessFacts.number)")
  }

  /// The lines that tools and people wait for. Connections are accepted from the next turn on.
  mutating func announce() {
    if showsLogo { log.raw(banner) }
    log.notice("I/O engine: \(engine.name) (\(engine.reason))")
    for listener in listeners where listener.kind == .unix {
      log.notice("The server is now ready to accept connections at \(listener.name)")
    }
    log.notice("Server initialized")
    if !recovery.isLoading { announceReady() }
  }

  /// The data are there: the line that tools wait for.
  mutating func announceReady() {
    log.notice("Ready to accept connections tcp")
    identity.memoryAtStart = Heap.usedBytes
    if Environment.variable("NOTIFY_SOCKET") != nil && configuration.settings.general.supervised != .no {
      Notices.serviceManager("STATUS=Ready to accept connections\nREADY=1")
    }
  }

  private var banner: String {
    let port = configuration.settings.network.port
    let limit = configuration.settings.memory.limitBytes
    return """

         ▀▄   ▄▀     Martlet \(Version.martlet), speaks Redis \(Version.redis)
           ▀█▀       PID: \(ProcessFacts.number)
          ▄▀ ▀▄      Port: \(port)
                     I/O engine: \(engine.name): \(engine.reason)
                     Threads: 1, memory limit: \(limit == 0 ? "none" : "\(limit) bytes")
                     Data directory: \(configuration.settings.general.directory)

         redis-cli -p \(port) ping
         redis-cli -p \(port) set greeting hello
         redis-benchmark -p \(port) -t get,set -n 100000 -q

      """
  }
}
