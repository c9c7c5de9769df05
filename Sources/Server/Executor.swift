// Executor.swift — one request from its words to its answer.
//
// The checks come in Redis's order, because clients can see which error wins: does the command
// exist, has it the right number of words, may this client run it, may it run now.
import Bytes
import Commands
import Ring
import Wire

extension Server {
  /// Runs one request of a client. `known` is its command, if the look-ahead has found it already.
  mutating func execute(
    _ client: UnsafeMutablePointer<Connection>, _ arguments: Arguments, _ known: UnsafePointer<Command>?
  ) {
    running = arguments
    defer { running = .none }
    execution.pointee.arguments = arguments
    execution.pointee.largeWords = client.pointee.largeWords
    execution.pointee.session = UnsafeMutableRawPointer(client)
      .advanced(by: Connection.sessionOffset).assumingMemoryBound(to: Session.self)
    let output = UnsafeMutableRawPointer(client)
      .advanced(by: Connection.outputOffset).assumingMemoryBound(to: OutputBuffer.self)
    let flags = client.pointee.session.flags
    execution.pointee.reply = Reply(output: output, isRESP3: flags.contains(.resp3))

    if let known {
      run(known, client, arguments)
    } else {
      switch table.resolve(arguments) {
      case .command(let command): run(command, client, arguments)
      // Strangers do not learn which commands there are.
      case .unknown where !client.pointee.session.flags.contains(.authenticated):
        answerError(client) { $0.error("NOAUTH Authentication required.") }
      case .unknown: refuseUnknown(client, arguments)
      case .unknownSubcommand(let container): refuseUnknownSubcommand(of: container, client, arguments)
      }
    }
    if client.pointee.largeWords != nil { client.pointee.releaseLargeWords() }
  }

  private mutating func run(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Connection>, _ arguments: Arguments
  ) {
    guard command.pointee.accepts(words: arguments.count) else { return refuseArity(command, client) }
    let flags = client.pointee.session.flags
    if !flags.contains(.authenticated) && !command.pointee.flags.contains(.noAuth) {
      return refuse(command, client, "NOAUTH Authentication required.")
    }
    if command.pointee.flags.contains(.protected), let refusal = protectedRefusal(command, flags) {
      return refuse(command, client, refusal)
    }
    call(command, client)
  }

  /// Runs the body and looks at what it did.
  @inline(__always)
  private mutating func call(_ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Connection>) {
    let index = command.pointee.index
    let flags = client.pointee.session.flags
    let isSilent = flags.isSilent
    if isSilent { execution.pointee.reply.output = silence }
    let output = execution.pointee.reply.output
    let mark = output.pointee.mark
    let errorsBefore = output.pointee.errorCount

    execution.pointee.commandIndex = index
    execution.pointee.effects.begin()
    command.pointee.body(&execution.pointee)
    // One reading ends this command and begins the next of the batch.
    let ended = Clock.ticks()
    let spent = ended &- commandStartTicks
    commandStartTicks = ended

    statistics.commands += 1
    client.pointee.lastCommand = Int32(index)
    client.pointee.details.pointee.commands += 1
    commandStatistics[index].count(ticks: spent)
    if output.pointee.errorCount != errorsBefore {
      commandStatistics[index].failures += 1
      errors.count(output.pointee.prefix(after: mark))
    }
    let replied = output.pointee.appended &- mark.position
    if spent >= statistics.slowTicks || replied >= statistics.largeReplyBytes
      || client.pointee.requestBytes >= statistics.largeRequestBytes
    {
      stoodOut(index, ticks: spent, replied: replied, client)
    }
    if isSilent { silence.pointee.discardAll() }
    client.pointee.session.flags.advanceReplySkip()
  }

  /// Before the commands of a batch: reads the clocks for all of them.
  @inline(__always)
  mutating func beginBatch() {
    execution.pointee.setClock(microseconds: Clock.wallMicroseconds())
    commandStartTicks = Clock.ticks()
  }

  /// Whether CLIENT PAUSE makes a request wait that begins with these words. Asked only while a pause is on.
  func holds(_ name: ByteView, _ second: ByteView?) -> Bool {
    guard let command = table.resolve(name, second) else { return false }
    return clientPause.holds(command.pointee.flags, now: clock.milliseconds)
  }

  // MARK: refusals

  /// DEBUG and MODULE are off unless the configuration says otherwise.
  private func protectedRefusal(_ command: UnsafePointer<Command>, _ flags: Session.Flags) -> StaticString? {
    let isDebug = table.facts[command.pointee.index].name == "debug" || table.facts[command.pointee.index].container == "debug"
    let rule = isDebug ? configuration.settings.security.debugCommand : configuration.settings.security.moduleCommand
    switch rule {
    case .yes: return nil
    case .local where flags.contains(.local): return nil
    case .local, .no:
      return isDebug
        ? """
        ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a \
        local connection, otherwise you need to set this option in the configuration file, and then restart the server.
        """
        : """
        ERR MODULE command not allowed. If the enable-module-command option is set to "local", you can run it from a \
        local connection, otherwise you need to set this option in the configuration file, and then restart the server.
        """
    }
  }

  /// The first words of an HTTP request, which no client of ours sends.
  private func isForeignProtocol(_ word: ByteView) -> Bool {
    word.equalsIgnoringCase("post") || word.equalsIgnoringCase("host:")
  }

  /// Answers an error instead of running `command`; it counts as rejected.
  private mutating func refuse(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Connection>, _ text: StaticString
  ) {
    commandStatistics[command.pointee.index].rejections += 1
    answerError(client) { $0.error(text) }
  }

  private mutating func refuseArity(_ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Connection>) {
    commandStatistics[command.pointee.index].rejections += 1
    let name = table.facts[command.pointee.index].fullName
    answerError(client) { reply in
      reply.beginError()
      reply.part("ERR wrong number of arguments for '")
      reply.part(text: name)
      reply.part("' command")
      reply.end()
    }
  }

  /// Redis names the command and shows the first words, each cut at 128 bytes, 128 bytes in all.
  private mutating func refuseUnknown(_ client: UnsafeMutablePointer<Connection>, _ arguments: Arguments) {
    if isForeignProtocol(arguments[0]) { return closedAsForeign(client) }
    answerError(client) { reply in
      reply.beginError()
      reply.part("ERR unknown command '")
      reply.part(arguments[0].prefix(128).upToZeroByte)
      reply.part("', with args beginning with: ")
      var shown = 0
      for i in 1..<max(arguments.count, 1) where shown < 128 {
        let word = arguments[i].prefix(128 - shown)
        reply.part("'")
        reply.part(word.upToZeroByte)
        reply.part("' ")
        shown += word.count + 3
      }
      reply.end()
    }
  }

  private mutating func refuseUnknownSubcommand(
    of container: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Connection>, _ arguments: Arguments
  ) {
    let name = table.facts[container.pointee.index].name.uppercased()
    answerError(client) { reply in
      reply.beginError()
      reply.part("ERR unknown subcommand '")
      reply.part(arguments[1].prefix(128).upToZeroByte)
      reply.part("'. Try ")
      reply.part(text: name)
      reply.part(" HELP.")
      reply.end()
    }
  }

  /// Writes an error outside of any command and counts it.
  mutating func answerError(_ client: UnsafeMutablePointer<Connection>, _ write: (Reply) -> Void) {
    let flags = client.pointee.session.flags
    let isSilent = flags.isSilent
    if isSilent { execution.pointee.reply.output = silence }
    let output = execution.pointee.reply.output
    let mark = output.pointee.mark
    write(execution.pointee.reply)
    errors.count(output.pointee.prefix(after: mark))
    if isSilent { silence.pointee.discardAll() }
    client.pointee.session.flags.advanceReplySkip()
  }

  /// A request that cannot be read: answered once, then the connection closes.
  mutating func refuse(_ client: UnsafeMutablePointer<Connection>, _ error: ProtocolError) {
    statistics.protocolErrors += 1
    let output = UnsafeMutableRawPointer(client)
      .advanced(by: Connection.outputOffset).assumingMemoryBound(to: OutputBuffer.self)
    execution.pointee.reply = Reply(output: output, isRESP3: client.pointee.session.isRESP3)
    answerError(client) { reply in
      reply.beginError()
      reply.part("ERR Protocol error: ")
      error.write(to: &reply.output.pointee)
      reply.end()
    }
    log.verbose("Protocol error from client: \(describe(client))")
  }
}
