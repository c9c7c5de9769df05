// Server+Refusals.swift — what is answered instead of running a command.
//
// The texts are Redis's, because clients compare them.
import Bytes
import Commands
import Wire

extension Server {
  /// DEBUG and MODULE are off unless the configuration says otherwise.
  func protectedRefusal(_ command: UnsafePointer<Command>, _ flags: Session.Flags) -> StaticString? {
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
  mutating func refuse(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ text: StaticString
  ) {
    refuse(command, client, text: "\(text)")
  }

  /// The same with a text that is put together.
  mutating func refuse(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, text: String
  ) {
    commandStatistics[command.pointee.index].rejections += 1
    let isExec = command.pointee.index == transactions.exec
    answerError(client) { reply in
      reply.beginError()
      if isExec { reply.part(Self.discarded) }
      reply.part(text: text)
      reply.end()
    }
    if isExec { endTransaction(client) }
  }

  /// EXEC does not refuse without saying what that means.
  private static var discarded: StaticString { "EXECABORT Transaction discarded because of: " }

  /// Why the command may not run while the data are being loaded, or while the disk does not take what is written.
  /// `queued`: what EXEC will run.
  func restriction(_ command: UnsafePointer<Command>, _ queued: CommandFlags = []) -> String? {
    if isScriptBusy && !command.pointee.flags.contains(.allowBusy) { return Self.busy }
    if recovery.isLoading && !command.pointee.flags.contains(.loading) {
      return "LOADING Redis is loading the dataset in memory"
    }
    let isPing = table.facts[command.pointee.index].name == "ping"
    return command.pointee.flags.union(queued).contains(.write) || isPing ? writeRefusal : nil
  }

  static var busy: String { "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE." }

  mutating func refuseArity(_ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>) {
    let name = table.facts[command.pointee.index].fullName
    // In Redis's words: the code is lost where EXEC says what that means.
    let code = command.pointee.index == transactions.exec ? "" : "ERR "
    refuse(command, client, text: "\(code)wrong number of arguments for '\(name)' command")
  }

  /// Redis names the command and shows the first words, each cut at 128 bytes, 128 bytes in all.
  mutating func refuseUnknown(_ client: UnsafeMutablePointer<Client>, _ arguments: Arguments) {
    if isForeignProtocol(arguments[0]) { return closedAsForeign(client) }
    answerError(client) { reply in
      reply.beginError()
      reply.part("ERR unknown command '")
      reply.part(arguments[0].prefix(128).upToZeroByte)
      reply.part("', with args beginning with: ")
      var shown = 0
      for i in 1..<max(arguments.count, 1) where shown < 128 {
        let word = arguments[i].prefix(128 - shown).upToZeroByte
        reply.part("'")
        reply.part(word)
        reply.part("' ")
        shown += word.count + 3
      }
      reply.end()
    }
  }

  mutating func refuseUnknownSubcommand(
    of container: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments
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
  mutating func answerError(_ client: UnsafeMutablePointer<Client>, _ write: (Reply) -> Void) {
    let flags = client.pointee.session.flags
    let isSilent = flags.isSilent
    if isSilent { execution.pointee.reply.output = silence }
    let output = execution.pointee.reply.output
    let mark = output.pointee.mark
    write(execution.pointee.reply)
    errors.count(output.pointee.prefix(after: mark))
    // A request that is refused is one that EXEC cannot run: it runs none.
    if flags.contains(.inTransaction) { client.pointee.transaction?.pointee.isRefused = true }
    if isSilent { silence.pointee.discardAll() }
    client.pointee.session.flags.advanceReplySkip()
  }

  /// A request that cannot be read: answered once, then the connection closes.
  mutating func refuse(_ client: UnsafeMutablePointer<Client>, _ error: ProtocolError) {
    statistics.protocolErrors += 1
    let output = UnsafeMutableRawPointer(client)
      .advanced(by: Client.outputOffset).assumingMemoryBound(to: OutputBuffer.self)
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
