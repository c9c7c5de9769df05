// Server+Transactions.swift — requests between MULTI and EXEC, and EXEC.
//
//   admitted ─▶ queue: +QUEUED      refused ─▶ its error, and EXEC will run nothing
//   EXEC     ─▶ *n, then each request as if it had come now; none of them waits, and nobody else is served between
//            ─▶ one unit in the log; one place from which the answer waits for it
import Bytes
import Commands
import Persistence
import Ring
import Store
import Wire

/// Where the commands stand in the table that a transaction does not queue.
struct TransactionTable {
  let exec: Int
  let select: Int
  private let immediate: [Int]

  init(_ table: CommandTable) {
    func place(of name: String) -> Int {
      (0..<table.count).first { table.facts[$0].name == name && table.facts[$0].container == nil } ?? -1
    }
    exec = place(of: "exec")
    select = place(of: "select")
    immediate = ["exec", "discard", "multi", "watch", "quit", "reset"].map(place)
  }

  func isImmediate(_ index: Int) -> Bool { immediate.contains(index) }
}

extension Server {
  // MARK: queueing

  /// The rest of admission for a client that is not ordinary: it has not authenticated, or its requests are queued.
  /// The command to run at once, or nil.
  @inline(never)
  mutating func admitUncommon(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ flags: Session.Flags
  ) -> UnsafePointer<Command>? {
    if !flags.contains(.authenticated) && !command.pointee.flags.contains(.noAuth) {
      refuse(command, client, "NOAUTH Authentication required.")
      return nil
    }
    guard flags.contains(.inTransaction), let transaction = client.pointee.transaction else {
      return mayRun(command, client, flags) ? command : nil
    }
    if command.pointee.flags.contains(.noMulti) {
      refuse(command, client, "ERR Command not allowed inside a transaction")
      return nil
    }
    let index = command.pointee.index
    let effective = index == transactions.exec ? transaction.pointee.flags : []
    guard mayRun(command, client, flags, effective) else { return nil }
    guard index == transactions.exec || !transactions.isImmediate(index) else { return command }
    if index == transactions.exec { isTransactionDue = true } else { queue(command, client, transaction) }
    return nil
  }

  private mutating func queue(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>,
    _ transaction: UnsafeMutablePointer<Transaction>
  ) {
    let execution = execution
    client.pointee.lastCommand = Int32(command.pointee.index)
    if client.pointee.session.flags.isSilent { execution.pointee.reply.output = silence }
    execution.pointee.reply.simple("QUEUED")
    silence.pointee.discardAll()
    client.pointee.session.flags.advanceReplySkip()
    // Nothing of what will not run need be kept.
    guard !transaction.pointee.isRefused && !transaction.pointee.isStale else { return }
    transaction.pointee.append(
      QueuedRequest(
        command, execution.pointee.arguments, largeWords: client.pointee.largeWords, bytes: client.pointee.requestBytes,
        hintedKey: execution.pointee.hintedKey, hash: execution.pointee.hintedHash))
    client.pointee.largeWords = nil
    let (total, overflow) = transaction.pointee.argumentBytes.addingReportingOverflow(client.pointee.inputBytes)
    guard overflow || total > inputLimits.queryBufferBytes else { return }
    closedForQueryBuffer(client)
    wishes.add(.end(slot: client.pointee.slot, generation: client.pointee.generation, afterOutput: false))
  }

  // MARK: the end

  /// Whatever the client has queued and watches is gone. Commands may go on saying which keys they change for nobody
  /// until the next that changes one.
  mutating func endTransaction(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.session.flags.remove(.inTransaction)
    guard let transaction = client.pointee.transaction else { return }
    unwatch(client)
    client.pointee.transaction = nil
    transaction.deinitialize(count: 1)
    transaction.deallocate()
  }

  /// Commands that a pause, the log's limits or an image may make wait: for EXEC those that it will run.
  func flagsToHold(_ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>) -> CommandFlags {
    guard command.pointee.index == transactions.exec, let transaction = client.pointee.transaction else {
      return command.pointee.flags.writing
    }
    let queued = transaction.pointee.flags
    return command.pointee.flags.union(queued.writing.intersection([.write, .mayReplicate]))
  }
}

extension UnsafeMutablePointer where Pointee == Server {
  // MARK: EXEC

  /// EXEC was admitted: all requests of the client's transaction run, or none.
  @inline(never)
  func runTransaction(_ client: UnsafeMutablePointer<Client>) {
    pointee.isTransactionDue = false
    guard let transaction = client.pointee.transaction else { return }
    let command = UnsafePointer(pointee.table.commands + pointee.transactions.exec)
    let execution = pointee.execution
    let words = execution.pointee.arguments
    let bytes = client.pointee.requestBytes
    let began = pointee.commandStartTicks
    let position = client.pointee.output.appended
    var before = pointee.beforeCommand(command, client)
    if transaction.pointee.isRefused {
      execution.pointee.reply.error("EXECABORT Transaction discarded because of previous errors.")
    } else if pointee.isStale(transaction) {
      execution.pointee.reply.nullArray()
      // It tells that somebody has written: not before that is on disk.
      let sequence = pointee.appendLog.holdsReplies ? transaction.pointee.staleSequence : 0
      pointee.holdTransaction(client, from: position, until: sequence, wrote: false)
    } else {
      pointee.unwatch(client)
      runRequests(of: transaction, client, replyFrom: position)
      // Errors among the answers are those of their commands.
      before.errorCount = before.output.pointee.errorCount
    }
    pointee.endTransaction(client)
    execution.pointee.arguments = words
    execution.pointee.largeWords = nil
    execution.pointee.commandIndex = command.pointee.index
    pointee.running = words
    client.pointee.requestBytes = bytes
    pointee.commandStartTicks = began
    pointee.account(for: command, client, before)
    client.pointee.session.flags.advanceReplySkip()
    // Who waits for what was written sees it as of now: what has expired meanwhile is not there.
    if pointee.blocked.hasReady { pointee.beginBatch() }
  }

  private func runRequests(
    of transaction: UnsafeMutablePointer<Transaction>, _ client: UnsafeMutablePointer<Client>, replyFrom position: UInt64
  ) {
    let execution = pointee.execution
    let count = transaction.pointee.count
    execution.pointee.reply.array(count)
    execution.pointee.isAtomic = true
    let isRecording = execution.pointee.effects.isRecording
    if isRecording { pointee.appendLog.unit = LogUnit() }
    var waited = (sequence: UInt64(0), wrote: false)
    for index in 0..<count {
      if index % Self.prefetchedRequests == 0 { prefetch(transaction, from: index, client) }
      runRequest(transaction.pointee.request(index), client, &waited)
    }
    if isRecording { pointee.endLogUnit() }
    if waited.wrote { waited.sequence = max(waited.sequence, pointee.appendLog.pipeline.appendedSequence) }
    execution.pointee.isAtomic = false
    pointee.holdTransaction(client, from: position, until: waited.sequence, wrote: waited.wrote)
  }

  private static var prefetchedRequests: Int { 16 }

  /// Asks memory for the first keys of the next requests, as is done for a batch.
  private func prefetch(
    _ transaction: UnsafeMutablePointer<Transaction>, from start: Int, _ client: UnsafeMutablePointer<Client>
  ) {
    guard pointee.prefetchedKeysMax > 0, transaction.pointee.count > 1 else { return }
    let database = pointee.databases + Int(client.pointee.session.database)
    let range = start..<min(transaction.pointee.count, start + Self.prefetchedRequests)
    for index in range {
      let request = transaction.pointee.request(index)
      if !request.pointee.key.isEmpty { database.pointee.prefetchBucket(request.pointee.hash) }
    }
    for index in range {
      let request = transaction.pointee.request(index)
      if !request.pointee.key.isEmpty { database.pointee.prefetchEntry(request.pointee.hash) }
    }
  }

  /// One of them, as `execute` runs a request; but it cannot wait, and serves nobody.
  private func runRequest(
    _ request: UnsafePointer<QueuedRequest>, _ client: UnsafeMutablePointer<Client>,
    _ waited: inout (sequence: UInt64, wrote: Bool)
  ) {
    let execution = pointee.execution
    let command = request.pointee.command
    pointee.prepare(client, request.pointee.arguments, request.pointee.largeWords)
    execution.pointee.hint(request.pointee.key, request.pointee.hash)
    client.pointee.requestBytes = request.pointee.bytes
    let before = pointee.beforeCommand(command, client)
    let isRecording = execution.pointee.effects.isRecording
    let record = Server.BeforeRecord(
      changes: execution.pointee.effects.changes, database: client.pointee.session.database)
    execution.pointee.waiting = nil
    if command.pointee.flags.contains(.runsScript) {
      return pointee.account(forScript: command, client, before, runScript(client, command), &waited)
    }
    command.pointee.body(&execution.pointee)
    if let waiting = execution.pointee.waiting {
      let reply = execution.pointee.reply
      if waiting.answersElement { reply.null() } else { reply.nullArray() }
      execution.pointee.waiting = nil
    }
    if isRecording {
      let (sequence, wrote) = pointee.noteRecord(command, client, record)
      waited.sequence = max(waited.sequence, sequence)
      waited.wrote = waited.wrote || wrote
    }
    if execution.pointee.effects.isWatched { pointee.noteChanges(command, record) }
    pointee.account(for: command, client, before)
  }
}
