// Handshake.swift — HELLO, QUIT and RESET: how a connection begins, ends and begins again.
import Bytes
import Commands
import Configuration
import Wire

enum Handshake {
  static var hello: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "hello", arity: -1, [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection, group: .connection,
        since: "6.0.0", "Chooses the protocol version, and authenticates and names the connection on the way.",
        complexity: "O(1)", history: [
          .init("8.1.0", "Tells the availability zone, where one is configured."),
          .init("6.2.0", "Without a version it only reports."),
        ],
        arguments: "[arguments{protover:integer [AUTH auth{username password}] [SETNAME clientname]}]"),
      run: runHello)
  }

  private static func runHello(_ execution: inout Execution) {
    let words = execution.arguments
    var version: Int64 = 0
    if words.count >= 2 {
      guard let number = words[1].int64 else {
        return execution.reply.error("ERR Protocol version is not an integer or out of range")
      }
      guard number == 2 || number == 3 else { return execution.reply.error("NOPROTO unsupported protocol version") }
      version = number
    }
    var credentials: (user: ByteView, password: ByteView)?
    var name: ByteView?
    var index = 2
    while index < words.count {
      let rest = words.count - index - 1
      if words[index].equalsIgnoringCase("auth"), rest >= 2 {
        credentials = (words[index + 1], words[index + 2])
        index += 3
      } else if words[index].equalsIgnoringCase("setname"), rest >= 1 {
        guard ClientName.isValid(words[index + 1]) else { return execution.reply.error(ClientName.refusal) }
        name = words[index + 1]
        index += 2
      } else {
        return execution.reply.error("ERR Syntax error in HELLO option '", words[index].prefix(128), "'")
      }
    }
    if let credentials {
      guard Authentication.admits(credentials.user, password: credentials.password, &execution) else { return }
    }
    guard execution.session.pointee.flags.contains(.authenticated) else {
      return execution.reply.error(
        """
        NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
        <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
        """)
    }
    if let name { execution.client.pointee.details.pointee.name = name.text }
    if version != 0 { execution.speak(version) }
    writeGreeting(&execution)
  }

  private static func writeGreeting(_ execution: inout Execution) {
    let reply = execution.reply
    let zone = execution.server.pointee.configuration.settings.general.availabilityZone
    reply.map(zone.isEmpty ? 7 : 8)
    reply.bulk("server")
    reply.bulk("redis")
    reply.bulk("version")
    reply.bulk(text: Version.redis)
    reply.bulk("proto")
    reply.integer(reply.isRESP3 ? 3 : 2)
    reply.bulk("id")
    reply.integer(Int64(clamping: execution.session.pointee.id))
    reply.bulk("mode")
    reply.bulk("standalone")
    reply.bulk("role")
    reply.bulk("master")
    reply.bulk("modules")
    reply.array(0)
    guard !zone.isEmpty else { return }
    reply.bulk("availability_zone")
    reply.bulk(text: zone)
  }

  static var quit: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "quit", arity: -1, [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection, group: .connection,
        since: "1.0.0", "Ends the connection once everything asked before it is answered.", complexity: "O(1)")
    ) { execution in
      execution.reply.ok()
      execution.end(execution.client)
    }
  }

  static var reset: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "reset", arity: 1, [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection, group: .connection,
        since: "6.2.0", "Puts the connection back into the state of a new one.", complexity: "O(1)")
    ) { execution in
      let client = execution.client
      execution.server.pointee.endTransaction(client)
      execution.server.pointee.endSubscriptions(client)
      execution.server.pointee.endMonitoring(client)
      execution.server.pointee.endTracking(client)
      let kept: Session.Flags = [.unixSocket, .local, .closeAfterReply]
      var flags = client.pointee.session.flags.intersection(kept)
      if execution.server.pointee.configuration.settings.security.password.isEmpty { flags.insert(.authenticated) }
      client.pointee.session.flags = flags
      client.pointee.session.database = 0
      client.pointee.details.pointee.name = ""
      execution.reply.isRESP3 = false
      execution.speakAgain()
      execution.reply.simple("RESET")
    }
  }
}

extension Execution {
  /// Answers in this version of the protocol from here on.
  mutating func speak(_ version: Int64) {
    if version == 3 { session.pointee.flags.insert(.resp3) } else { session.pointee.flags.remove(.resp3) }
    reply.isRESP3 = version == 3
  }

  /// The answer of this command is heard, although the client had asked for silence until now.
  mutating func speakAgain() {
    reply.output = UnsafeMutableRawPointer(client).advanced(by: Client.outputOffset)
      .assumingMemoryBound(to: OutputBuffer.self)
  }

  /// Ends a connection: the asking one after its answer, any other at once.
  mutating func end(_ other: UnsafeMutablePointer<Client>) {
    let isAsking = other == client
    if isAsking { session.pointee.flags.insert(.closeAfterReply) }
    server.pointee.wishes.add(
      .end(slot: other.pointee.slot, generation: other.pointee.generation, afterOutput: isAsking))
  }
}
