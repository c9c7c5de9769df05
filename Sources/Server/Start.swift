// Start.swift — from settings to a loop that turns.
//
// The order matters: descriptors and directories before the first log line that names them,
// signals blocked before any thread can be made, the hash seeded before the first key, the
// ring made by the thread that will own it, and "ready" said last.
import Bytes
import CHash
import Commands
import Configuration
import Ring

package enum Start {
  /// Runs the server until it is told to stop; the process's exit code.
  package static func serve(_ configuration: Configuration) -> Int32 {
    var configuration = configuration
    var log = Log()
    log.apply(configuration.settings.general)
    do throws(Errno) { try File.appendText("", to: configuration.settings.general.logFile) } catch {
      ProcessFacts.complain("Can't open the log file \(configuration.settings.general.logFile): \(error.text)\n")
      return 1
    }
    do throws(StartError) {
      // Before the directory changes: relative paths lead somewhere else afterwards.
      let identity = makeIdentity(configuration)
      try prepareProcess(&configuration)
      log.apply(configuration.settings.general)
      log.notice("Martlet \(Version.martlet) starts as process \(ProcessFacts.number).")
      log.notice(configuration.file.map { "Configuration: \($0)" } ?? "Configuration: built in; name a file to change it.")
      reportUnused(configuration, log)
      return try run(configuration, identity, log)
    } catch {
      guard case .failed(let reason) = error else { return 1 }
      log.warning(reason)
      return 1
    }
  }

  // MARK: the process

  private static func prepareProcess(_ configuration: inout Configuration) throws(StartError) {
    let settings = configuration.settings
    do throws(Errno) { try File.changeDirectory(settings.general.directory) } catch {
      throw .failed("Can't chdir to '\(settings.general.directory)': \(error.text)")
    }
    configuration.settings.general.directory = (try? File.currentDirectory()) ?? settings.general.directory
    if settings.general.daemonize {
      do throws(Errno) { try Environment.daemonize() } catch {
        throw .failed("Can't run in the background: \(error.text)")
      }
    }
    if settings.general.daemonize || !settings.general.pidFile.isEmpty {
      let path = settings.general.pidFile.isEmpty ? "/var/run/redis.pid" : settings.general.pidFile
      // As Redis: a process file that cannot be written is no reason not to serve.
      try? File.writeProcessNumber(path)
    }
    do throws(Errno) {
      let seed = [try Entropy.number(), try Entropy.number(), try Entropy.number(), try Entropy.number()]
      seed.withUnsafeBytes { martlet_hash_seed($0.baseAddress, $0.count) }
    } catch {
      throw .failed("Can't draw random numbers: \(error.text)")
    }
    _ = Clock.ticksPerMicrosecond
  }

  private static func makeIdentity(_ configuration: Configuration) -> Identity {
    let executable = CommandLine.arguments.first ?? "martlet-server"
    return Identity(
      runID: (try? Entropy.hexadecimal(bytes: 20)) ?? String(repeating: "0", count: 40),
      startedAtNanoseconds: Clock.monotonicNanoseconds(),
      executable: (try? File.realPath(executable)) ?? executable,
      configurationFile: configuration.file.map { (try? File.realPath($0)) ?? $0 } ?? "",
      supervision: supervision(configuration.settings.general.supervised))
  }

  private static func supervision(_ setting: Supervision) -> String {
    switch setting {
    case .no: "no"
    case .systemd: "systemd"
    case .upstart: "upstart"
    case .auto: Environment.variable("NOTIFY_SOCKET") != nil ? "systemd" : "no"
    }
  }

  /// Directives that were given and do nothing yet, in one line each kind: nobody should have to find out.
  private static func reportUnused(_ configuration: Configuration, _ log: Log) {
    for notice in configuration.notices() { log.notice(notice) }
  }

  // MARK: the loop

  private static func run(
    _ configuration: Configuration, _ identity: Identity, _ log: Log
  ) throws(StartError) -> Int32 {
    let settings = configuration.settings
    raiseFileLimit(settings, log)
    let signals: Int32
    do throws(Errno) { signals = try Signals.open() } catch { throw .failed("Can't read signals: \(error.text)") }

    let errands: FileErrands
    do throws(Errno) { errands = try FileErrands() } catch { throw .failed("Can't make a thread for files: \(error.text)") }

    let server = UnsafeMutablePointer<Server>.allocate(capacity: 1)
    let report = EngineReport(name: "", reason: "", tier: "", features: "")
    server.initialize(
      to: Server(
        configuration: configuration, identity: identity, engine: report, commands: AllCommands.list,
        signalDescriptor: signals, errands: errands))
    defer {
      server.deinitialize(count: 1)
      server.deallocate()
    }
    server.pointee.attach(server)
    try server.pointee.openListeners()
    server.pointee.introduce()
    guard server.pointee.beginRecovery() else { return 1 }

    do throws(RingError) {
      let engine = try Engine.choose(EngineChoice(settings.threads.ioEngine))
      switch engine.kind {
      case .io_uring(let capabilities):
        server.pointee.engine = EngineReport(
          name: engine.name, reason: engine.reason, tier: "\(capabilities.tier)", features: capabilities.text)
        try loop(server) { () throws(RingError) in try UringRing(RingOptions(), capabilities) }
      case .epoll:
        server.pointee.engine = EngineReport(name: engine.name, reason: engine.reason, tier: "0", features: "")
        try loop(server) { () throws(RingError) in try EpollRing(.epoll) }
      }
    } catch {
      switch error {
      case .unavailable(_, let reason): throw .failed("Fatal: \(reason)")
      case .broken(let code): throw .failed("Fatal: the I/O engine failed: \(Errno(code).text)")
      }
    }
    server.pointee.farewell()
    return server.pointee.lifecycle.exitCode
  }

  private static func loop<Some: CompletionRing & ~Copyable>(
    _ server: UnsafeMutablePointer<Server>, _ makeRing: @escaping @Sendable () throws(RingError) -> Some
  ) throws(RingError) {
    var executor = Executor(ring: try makeRing(), server: server, makeRing: makeRing)
    try executor.startReactors()
    server.pointee.bindExecutor()
    server.pointee.announce()
    try executor.run()
  }

  private static func raiseFileLimit(_ settings: Settings, _ log: Log) {
    let wanted = UInt64(settings.clients.clientsMax) + Self.descriptorsOfOurOwn
    let got = ProcessFacts.raiseFileLimit(to: wanted)
    if got < wanted {
      log.warning(
        "You requested maxclients of \(settings.clients.clientsMax) requiring at least \(wanted) max file descriptors, "
          + "but only \(got) are allowed: connections beyond that will fail.")
    }
  }

  /// Listeners, log, ring, signals, files being written.
  private static let descriptorsOfOurOwn: UInt64 = 32
}

extension EngineChoice {
  init(_ setting: IOEngine) {
    switch setting {
    case .auto: self = .auto
    case .io_uring: self = .io_uring
    case .epoll: self = .epoll
    }
  }
}
