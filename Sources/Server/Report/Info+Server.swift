// Info+Server.swift — INFO server, clients, threads and io.
import Commands
import Configuration
import Ring

extension InfoReport {
  mutating func writeServer() {
    let identity = server.pointee.identity
    let engine = server.pointee.engine
    let name = Machine.name
    out.section("Server")
    out.field("redis_version", Version.redis)
    out.field("server_name", "martlet")
    out.field("martlet_version", Version.martlet)
    out.field("redis_git_sha1", "00000000")
    out.zeros("redis_git_dirty", "redis_build_id")
    out.field("redis_mode", "standalone")
    out.field("server_mode", "standalone")
    out.field("os", "\(name.system) \(name.release) \(name.architecture)")
    out.field("arch_bits", UInt.bitWidth)
    out.field("monotonic_clock", "POSIX clock_gettime")
    out.field("multiplexing_api", engine.name)
    out.field("io_engine", engine.name)
    out.field("io_engine_reason", engine.reason)
    out.field("io_uring_tier", engine.tier)
    out.field("io_uring_features", engine.features)
    out.field("atomicvar_api", "swift")
    // Nothing here was compiled by it, but tools read the line.
    out.field("gcc_version", "0.0.0")
    out.field("process_id", ProcessFacts.number)
    out.field("process_supervised", identity.supervision)
    out.field("run_id", identity.runID)
    out.field("tcp_port", server.pointee.configuration.settings.network.port)
    out.field("server_time_usec", wallMicroseconds)
    out.field("uptime_in_seconds", uptimeSeconds)
    out.field("uptime_in_days", uptimeSeconds / 86_400)
    let frequency = server.pointee.configuration.settings.general.timerFrequency
    out.field("hz", frequency)
    out.field("configured_hz", frequency)
    out.field("clients_hz", frequency)
    out.field("lru_clock", (wallMicroseconds / 1_000_000) & 0xFF_FFFF)
    out.field("executable", identity.executable)
    out.field("config_file", identity.configurationFile)
    out.field("io_threads_active", server.pointee.crew.serving > 0 ? 1 : 0)
    out.field("availability_zone", server.pointee.configuration.settings.general.availabilityZone)
    writeListeners()
  }

  var uptimeSeconds: Int64 {
    let now = server.pointee.clock.nanoseconds
    let start = server.pointee.identity.startedAtNanoseconds
    return now > start ? Int64((now - start) / 1_000_000_000) : 0
  }

  /// One line for TCP with all its addresses, one for the unix socket.
  private mutating func writeListeners() {
    let network = server.pointee.configuration.settings.network
    var index = 0
    if network.port != 0 && !network.bind.isEmpty {
      let addresses = network.bind.map { "bind=\($0.text)," }.joined()
      out.field("listener\(index)", "name=tcp,\(addresses)port=\(network.port)")
      index += 1
    }
    if !network.unixSocket.isEmpty { out.field("listener\(index)", "name=unix,bind=\(network.unixSocket)") }
  }

  mutating func writeClients() {
    var connected = 0
    var held = 0
    var inputMax = 0
    var outputMax = 0
    server.pointee.forEachClient { client in
      connected += 1
      inputMax = max(inputMax, client.pointee.inputCapacity, client.pointee.requestBytes)
      outputMax = max(outputMax, client.pointee.output.heldBytes)
      if client.pointee.isWaiting || client.pointee.held != nil { held += 1 }
    }
    let pause = server.pointee.clientPause
    let now = server.pointee.clock.milliseconds
    let isPaused = pause.endMilliseconds > now
    out.section("Clients")
    out.field("connected_clients", connected)
    out.zeros("cluster_connections")
    out.field("maxclients", server.pointee.configuration.settings.clients.clientsMax)
    out.field("client_recent_max_input_buffer", inputMax)
    out.field("client_recent_max_output_buffer", outputMax)
    out.field("blocked_clients", held)
    out.field("tracking_clients", server.pointee.tracking.clientCount)
    out.field("pubsub_clients", server.pointee.pubsub.clientCount)
    out.field("watching_clients", server.pointee.watched.clientCount)
    out.field("clients_in_timeout_table", server.pointee.blocked.timedCount)
    out.field("total_watched_keys", server.pointee.watched.keyCount)
    out.field("total_blocking_keys", server.pointee.blocked.keyCount)
    out.field("total_blocking_keys_on_nokey", server.pointee.blocked.keyCountOnRemoval)
    out.field("paused_reason", isPaused ? "client_pause" : "none")
    out.field("paused_actions", isPaused ? (pause.kind == .all ? "all" : "write") : "none")
    out.field("paused_timeout_milliseconds", isPaused ? pause.endMilliseconds - now : 0)
  }

  /// Clients and traffic of each thread in Redis's form; then what the threads cost and how they reached each other.
  mutating func writeThreads() {
    out.section("Threads")
    let count = server.pointee.crew.count
    var clients = [Int](repeating: 0, count: count + 1)
    server.pointee.forEachClient { clients[Int($0.pointee.reactor)] += 1 }
    for number in 0...count {
      let traffic = server.pointee.traffic.reactors[number]
      out.field("io_thread_\(number)", "clients=\(clients[number]),reads=\(traffic.reads),writes=\(traffic.writes)")
    }
    for number in 0..<count {
      let member = server.pointee.crew.member(UInt8(number + 1))
      let thread = member.pointee.figures.pointee.thread
      let ring = member.pointee.figures.pointee.ring
      out.field(
        "io_thread_\(number + 1)_ring",
        "enters=\(ring.enters),submissions=\(ring.submissions),completions=\(ring.completions),"
          + "overflows=\(ring.overflows),buffer_shortages=\(ring.bufferShortages),sleeps=\(ring.sleeps),"
          + "wakeups=\(ring.wakeups)")
      out.field(
        "io_thread_\(number + 1)_jobs",
        "jobs=\(thread.jobs),orders=\(member.pointee.given),wakes_sent=\(thread.wakesSent),"
          + "wakes_suppressed=\(thread.wakesSuppressed),wakes_received=\(member.pointee.wakesSent),"
          + "lane_full=\(thread.laneFull)")
    }
    let age = server.pointee.statistics.queueAge
    out.field(
      "io_threads_queue_age_usec",
      "p50=\(Clock.microseconds(ticks: age.percentile(0.5))),p99=\(Clock.microseconds(ticks: age.percentile(0.99))),"
        + "p99.9=\(Clock.microseconds(ticks: age.percentile(0.999))),samples=\(age.count)")
    out.field("io_threads_serving", server.pointee.crew.serving)
    out.field("io_threads_serving_because", server.pointee.staffingReason)
    out.field("io_thread_moves", server.pointee.moves)
  }

  /// What the loop and the kernel did for each other.
  mutating func writeEngine() {
    let engine = server.pointee.engine
    out.section("IO")
    out.field("io_engine", engine.name)
    out.field("io_enters", engine.statistics.enters)
    out.field("io_submissions", engine.statistics.submissions)
    out.field("io_completions", engine.statistics.completions)
    out.field("io_overflows", engine.statistics.overflows)
    out.field("io_buffer_shortages", engine.statistics.bufferShortages)
    out.field("io_sleeps", engine.statistics.sleeps)
    out.field("io_wakeups", engine.statistics.wakeups)
    out.field("io_read_pauses", server.pointee.traffic.total.readPauses)
    out.field("io_large_words", server.pointee.traffic.total.largeWords)
  }
}
