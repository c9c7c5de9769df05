// Server+Execute.swift — one request from its words to its answer.
//
// Three steps: admission (in Redis's order, because clients can see which error wins: does the
// command exist, has it the right number of words, may this client run it), the body, the account.
// The body reaches the server by a pointer of its own, so nobody holds the server while it runs.
import Bytes
import Commands
import Ring
import Wire

extension UnsafeMutablePointer where Pointee == Server {
  /// Runs one request of a client. `known` is its command, if the look-ahead has found it already.
  func execute(
    _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments, _ known: UnsafePointer<Command>?
  ) {
    if let command = pointee.admit(client, arguments, known) {
      if !command.pointee.flags.isDisjoint(with: .long) && mayTakeLong(command) {
        executeLong(client, command)
      } else {
        executeAtOnce(client, command)
      }
    } else if pointee.isTransactionDue {
      runsScripts(client) ? runAside(client, nil) : runTransaction(client)
    }
    pointee.running = .none
    if pointee.blocked.hasReady && !pointee.isScriptPaused { serveBlocked() }
  }

  /// Runs a command that was admitted, from beginning to end.
  @inline(__always)
  func executeAtOnce(_ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>) {
    let before = pointee.beforeCommand(command, client)
    let execution = pointee.execution
    let isRecording = execution.pointee.effects.isRecording
    let record = Server.BeforeRecord(
      changes: execution.pointee.effects.changes, database: client.pointee.session.database)
    let mayWait = command.pointee.flags.contains(.blocking)
    if mayWait { execution.pointee.waiting = nil }
    command.pointee.body(&execution.pointee)
    if isRecording { pointee.record(command, client, record, replyFrom: before.mark.position) }
    tellOfChanges(command, record)
    if mayWait && execution.pointee.waiting != nil {
      pointee.block(client, command)
    } else {
      pointee.account(for: command, client, before)
      client.pointee.session.flags.advanceReplySkip()
    }
  }

  /// Those who wait for keys or watch them hear what the command has changed, or found expired.
  @inline(__always)
  func tellOfChanges(_ command: UnsafePointer<Command>, _ record: Server.BeforeRecord) {
    let execution = pointee.execution
    guard execution.pointee.effects.isWatched else { return }
    if execution.pointee.effects.changes != record.changes || execution.pointee.effects.hasPlaces {
      pointee.noteChanges(command, record)
    }
  }
}

/// How things stood before a command ran.
struct BeforeCommand {
  let output: UnsafeMutablePointer<OutputBuffer>
  let mark: OutputBuffer.Mark
  var errorCount: UInt32
  let isSilent: Bool
}

extension Server {
  /// Before the commands of a batch: reads the clocks for all of them.
  @inline(__always)
  mutating func beginBatch() {
    execution.pointee.setClock(microseconds: Clock.wallMicroseconds())
    commandStartTicks = Clock.ticks()
  }

  // MARK: admission

  /// The command to run, or nil if the request has been refused.
  fileprivate mutating func admit(
    _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments, _ known: UnsafePointer<Command>?
  ) -> UnsafePointer<Command>? {
    prepare(client, arguments, client.pointee.largeWords)
    guard let command = known ?? resolve(client, arguments) else { return nil }
    guard command.pointee.accepts(words: arguments.count) else {
      refuseArity(command, client)
      return nil
    }
    let flags = client.pointee.session.flags
    guard flags.isOrdinary else { return admitUncommon(command, client, flags) }
    return mayRun(command, client, flags) ? command : nil
  }

  /// Points the execution at a request of a client.
  @inline(__always)
  mutating func prepare(
    _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments, _ largeWords: UnsafeMutablePointer<LargeWords>?
  ) {
    running = arguments
    execution.pointee.arguments = arguments
    execution.pointee.largeWords = largeWords
    execution.pointee.session = UnsafeMutableRawPointer(client)
      .advanced(by: Client.sessionOffset).assumingMemoryBound(to: Session.self)
    let output = UnsafeMutableRawPointer(client)
      .advanced(by: Client.outputOffset).assumingMemoryBound(to: OutputBuffer.self)
    execution.pointee.reply = Reply(output: output, isRESP3: client.pointee.session.flags.contains(.resp3))
  }

  /// Whether the server runs the command now; answers why not. `queued`: what EXEC will run, if it is that.
  @inline(__always)
  mutating func mayRun(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ flags: Session.Flags,
    _ queued: CommandFlags = []
  ) -> Bool {
    if command.pointee.flags.contains(.protected), let refusal = protectedRefusal(command, flags) {
      refuse(command, client, refusal)
      return false
    }
    if isRestricted, let refusal = restriction(command, queued) {
      refuse(command, client, text: refusal)
      return false
    }
    return true
  }

  private mutating func resolve(
    _ client: UnsafeMutablePointer<Client>, _ arguments: Arguments
  ) -> UnsafePointer<Command>? {
    switch table.resolve(arguments) {
    case .command(let command): return command
    // Strangers do not learn which commands there are.
    case .unknown where !client.pointee.session.flags.contains(.authenticated):
      answerError(client) { $0.error("NOAUTH Authentication required.") }
    case .unknown: refuseUnknown(client, arguments)
    case .unknownSubcommand(let container): refuseUnknownSubcommand(of: container, client, arguments)
    }
    return nil
  }

  // MARK: the account

  @inline(__always)
  mutating func beforeCommand(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>
  ) -> BeforeCommand {
    let isSilent = client.pointee.session.flags.isSilent
    if isSilent { execution.pointee.reply.output = silence }
    let output = execution.pointee.reply.output
    execution.pointee.commandIndex = command.pointee.index
    execution.pointee.effects.begin()
    return BeforeCommand(
      output: output, mark: output.pointee.mark, errorCount: output.pointee.errorCount, isSilent: isSilent)
  }

  @inline(__always)
  mutating func account(
    for command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ before: BeforeCommand
  ) {
    let index = command.pointee.index
    // One reading ends this command and begins the next of the batch.
    let ended = Clock.ticks()
    let spent = ended &- commandStartTicks
    commandStartTicks = ended

    statistics.commands += 1
    client.pointee.lastCommand = Int32(index)
    client.pointee.details.pointee.commands += 1
    commandStatistics[index].count(ticks: spent)
    if before.output.pointee.errorCount != before.errorCount {
      commandStatistics[index].failures += 1
      errors.count(before.output.pointee.prefix(after: before.mark))
    }
    let replied = before.output.pointee.appended &- before.mark.position
    if spent >= statistics.slowTicks || replied >= statistics.largeReplyBytes
      || client.pointee.requestBytes >= statistics.largeRequestBytes
    {
      stoodOut(index, ticks: spent, replied: replied, client)
    }
    if before.isSilent { silence.pointee.discardAll() }
  }

  /// Whether CLIENT PAUSE makes a request wait that begins with these words. Asked only while a pause is on.
  func holds(_ client: UnsafeMutablePointer<Client>, _ name: ByteView, _ second: ByteView?) -> Bool {
    guard let command = table.resolve(name, second) else { return false }
    let flags = flagsToHold(command, client)
    if isThrottlingWrites && flags.contains(.write) { return true }
    return clientPause.holds(flags, now: clock.milliseconds)
  }
}
