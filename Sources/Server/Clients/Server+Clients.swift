// Server+Clients.swift — clients come, are bounded, and go.
import Bytes
import Commands
import Configuration
import Ring
import Wire

extension Server {
  // MARK: coming

  /// Why a new connection is not let in, as the reply to send, or nil.
  mutating func refusal(of descriptor: Int32, on listener: Listener) -> StaticString? {
    if clients.count >= configuration.settings.clients.clientsMax {
      statistics.connectionsRefused += 1
      return "-ERR max number of clients reached\r\n"
    }
    guard listener.kind == .tcp, configuration.settings.network.protectedMode, configuration.settings.security.password.isEmpty else {
      return nil
    }
    if (try? Socket.peerAddress(descriptor))?.isLoopback == true { return nil }
    statistics.connectionsRefused += 1
    return protectedModeRefusal
  }

  /// Sent to strangers while there is no password and no explicit `bind`.
  private var protectedModeRefusal: StaticString {
    """
    -DENIED Martlet runs in protected mode: no password is set, so only clients on this machine are served. \
    To serve others set 'requirepass' (best), or from a local client send CONFIG SET protected-mode no if the \
    network is trusted.\r\n
    """
  }

  /// Makes a connection of an accepted descriptor.
  mutating func connected(_ descriptor: Int32, on listener: Listener) -> UnsafeMutablePointer<Client> {
    statistics.connectionsAccepted += 1
    var session = Session(id: nextClientID)
    nextClientID += 1
    if configuration.settings.security.password.isEmpty { session.flags.insert(.authenticated) }
    let details = UnsafeMutablePointer<ClientDetails>.allocate(capacity: 1)
    details.initialize(to: ClientDetails())
    details.pointee.createdAtSeconds = clock.seconds
    if listener.kind == .unix {
      session.flags.insert([.unixSocket, .local])
      details.pointee.address = "\(listener.name):0"
      details.pointee.localAddress = "\(listener.name):0"
    } else {
      // A peer that has gone already makes these fail; the first receive will say so.
      try? Socket.setNoDelay(descriptor)
      let keepalive = Int32(clamping: configuration.settings.network.tcpKeepaliveSeconds)
      if keepalive > 0 { try? Socket.setKeepAlive(descriptor, seconds: keepalive) }
      let peer = try? Socket.peerAddress(descriptor)
      details.pointee.address = peer?.text ?? "?:0"
      details.pointee.localAddress = (try? Socket.localAddress(descriptor))?.text ?? "?:0"
      if peer?.isLoopback == true { session.flags.insert(.local) }
    }
    let (slot, generation) = clients.insert(
      Client(
        descriptor: descriptor, session: session, output: OutputBuffer(pool: pool), details: details,
        nowSeconds: clock.seconds))
    let client = clients[slot]
    client.pointee.slot = slot
    client.pointee.generation = generation
    timers.hurry(clock.nanoseconds)
    log.verbose("Accepted \(details.pointee.address)")
    return client
  }

  mutating func acceptFailed(_ code: Int32) {
    guard !Errno(code).isTransientForAccept else { return }
    log.verbose("Accepting client connection: \(Errno(code).text)")
  }

  /// Whether an accept that ended with `result` should be armed again only after a while.
  func acceptPauseNeeded(_ result: Int32) -> Bool { result < 0 && Errno(-result).isOutOfDescriptors }

  // MARK: limits

  mutating func closedForQueryBuffer(_ client: UnsafeMutablePointer<Client>) {
    statistics.queryBufferDisconnections += 1
    log.warning("Closing client that reached max query buffer length: \(describe(client)) (qbuf of \(client.pointee.inputBytes) bytes)")
  }

  /// After a command: whether this client's unsent output has passed a limit for good.
  mutating func exceedsOutputLimit(_ client: UnsafeMutablePointer<Client>) -> Bool {
    let held = client.pointee.output.pending
    if !client.pointee.session.flags.contains(.authenticated) && held > Limits.outputBeforeAuthenticationBytes {
      return true
    }
    let limit = configuration.settings.clients.outputLimits.normal
    if limit.hardBytes > 0 && held > limit.hardBytes { return true }
    guard limit.softBytes > 0 && held > limit.softBytes else {
      client.pointee.details.pointee.softLimitSince = 0
      return false
    }
    if client.pointee.details.pointee.softLimitSince == 0 { client.pointee.details.pointee.softLimitSince = clock.seconds }
    return clock.seconds - client.pointee.details.pointee.softLimitSince > limit.softSeconds
  }

  mutating func closedForOutput(_ client: UnsafeMutablePointer<Client>) {
    statistics.outputBufferDisconnections += 1
    log.warning("Client \(describe(client)) scheduled to be closed ASAP for overcoming of output buffer limits.")
  }

  /// Looked at about once a second: whether a connection has outstayed a deadline.
  mutating func isOverdue(_ client: UnsafeMutablePointer<Client>) -> Bool {
    switch client.pointee.state {
    case .closing: return false
    case .draining: return clock.seconds - client.pointee.lastInteractionSeconds > Limits.drainSeconds
    case .open: break
    }
    if client.pointee.details.pointee.softLimitSince != 0 && exceedsOutputLimit(client) {
      closedForOutput(client)
      return true
    }
    if configuration.settings.clients.timeoutSeconds > 0 && clock.seconds - client.pointee.lastInteractionSeconds > Int64(configuration.settings.clients.timeoutSeconds) {
      log.verbose("Closing idle client")
      return true
    }
    return false
  }

  // MARK: going

  /// The connection ends: whoever counts it stops counting it. Memory is freed when the kernel is done with it.
  mutating func disconnected(_ client: UnsafeMutablePointer<Client>) {
    unblock(client)
    // An EXEC in the middle still reads what is queued, and ends it itself.
    if !client.pointee.isAside { endTransaction(client) }
    if let walk = client.pointee.walk { leave(walk) }
    log.verbose("Client closed connection \(describe(client))")
  }

  /// The bytes of the request are some other protocol's: somebody makes a browser talk to us.
  mutating func closedAsForeign(_ client: UnsafeMutablePointer<Client>) {
    if clock.seconds - lastForeignWarningSeconds >= 60 || lastForeignWarningSeconds == 0 {
      lastForeignWarningSeconds = clock.seconds
      log.warning(
        "Possible SECURITY ATTACK detected: a client at \(client.pointee.details.pointee.address) speaks HTTP (POST or "
          + "Host:), as a browser does that was lured into talking to this port. It is cut off; nothing of it was executed.")
    }
    wishes.add(.end(slot: client.pointee.slot, generation: client.pointee.generation, afterOutput: false))
  }
}

enum Limits {
  static let inputBeforeAuthenticationBytes = 1 << 20
  static let outputBeforeAuthenticationBytes = 1_024
  /// How long a closing client may take to read its last answers.
  static let drainSeconds: Int64 = 30
}
