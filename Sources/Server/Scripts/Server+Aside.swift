// Server+Aside.swift — a script, or an EXEC with scripts in it, on the large stack: it may be left in the middle.
//
//   execute ─▶ runAside ─┬─▶ ends ─────────────────────────────────────────────▶ back to execute
//                        └─▶ half a millisecond is over: leave ─▶ continueScript, a slice a turn ─▶ ends ─▶ finish
//
// While it is in the middle the loop goes on, so syncs complete, answers leave and timers run; but nothing reads or
// changes data. Requests are held, and refused with BUSY once `busy-reply-threshold` is over, except those that may end
// the script. Sweeps, images, walks and waiting clients stand still. What it has written stays aside from the log's
// batches until it has ended.
import Bytes
import Commands
import Persistence
import Ring
import Stacks
import Store
import Wire

/// What runs on the large stack.
struct AsideJob {
  let client: UnsafeMutablePointer<Client>
  /// Nil: EXEC.
  let command: UnsafePointer<Command>?
  /// Its words, and long ones that they point into.
  let words: UnsafeMutablePointer<HeldRequest>
}

extension UnsafeMutablePointer where Pointee == Server {
  /// Whether the client's EXEC is going to run scripts.
  func runsScripts(_ client: UnsafeMutablePointer<Client>) -> Bool {
    client.pointee.transaction?.pointee.flags.contains(.runsScript) == true
  }

  /// Runs a script, or EXEC if there is no command.
  @inline(never)
  func runAside(_ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>?) {
    let execution = pointee.execution
    guard let door = pointee.scripts.door() else {
      execution.pointee.reply.error("ERR not enough memory for a script")
      pointee.isTransactionDue = false
      return pointee.endTransaction(client)
    }
    // Whoever is left in the middle cannot count on the buffer that the words came in.
    let words = UnsafeMutablePointer<HeldRequest>.allocate(capacity: 1)
    words.initialize(
      to: HeldRequest(
        execution.pointee.arguments, largeWords: client.pointee.largeWords, bytes: client.pointee.requestBytes))
    client.pointee.largeWords = nil
    execution.pointee.arguments = words.pointee.words.arguments
    execution.pointee.largeWords = nil
    pointee.running = execution.pointee.arguments
    pointee.scripts.job = AsideJob(client: client, command: command, words: words)
    pointee.scripts.beganTicks = pointee.commandStartTicks
    pointee.scripts.sliceBeganTicks = pointee.commandStartTicks
    client.pointee.asideFrom = client.pointee.output.appended
    if pointee.appendLog.isRecording { pointee.appendLog.asideKeys = [] }
    let hasEnded = door.begin(UnsafeMutableRawPointer(self)) { argument in
      guard let server = argument?.assumingMemoryBound(to: Server.self), let job = server.pointee.scripts.job else { return }
      if let command = job.command { server.executeScript(job.client, command) } else { server.runTransaction(job.client) }
    }
    if hasEnded { return pointee.forgetJob() }
    client.pointee.isAside = true
    client.pointee.sendLimit = min(client.pointee.sendLimit, client.pointee.asideFrom)
  }

  // MARK: on the large stack

  /// Asked by the machine every few thousand instructions; false if the script must end.
  func mayScriptGoOn() -> Bool {
    if pointee.scripts.job != nil && Clock.ticks() &- pointee.scripts.sliceBeganTicks >= pointee.scripts.sliceTicks {
      leaveScript()
    }
    return !pointee.scripts.isDiscarded && pointee.scripts.run?.isKilled != true
  }

  /// Leaves the stack, and goes on with all as it was.
  private func leaveScript() {
    guard let door = pointee.scripts.door() else { return }
    let execution = pointee.execution
    let (arguments, reply, session) = (execution.pointee.arguments, execution.pointee.reply, execution.pointee.session)
    let (index, now, running) = (execution.pointee.commandIndex, execution.pointee.nowMicroseconds, pointee.running)
    let began = pointee.commandStartTicks
    execution.pointee.effects.begin()
    execution.pointee.isAtomic = false
    execution.pointee.arguments = .none
    execution.pointee.hint(.empty, KeyHash(bits: 0))
    pointee.running = .none
    pointee.putUnitAside()
    let unit = pointee.appendLog.unit
    pointee.appendLog.unit = nil
    pointee.isScriptPaused = true
    door.leave()
    pointee.isScriptPaused = false
    pointee.scripts.sliceBeganTicks = Clock.ticks()
    pointee.appendLog.unit = unit
    execution.pointee.effects.begin()
    execution.pointee.waiting = nil
    execution.pointee.isRetry = false
    execution.pointee.isAtomic = true
    execution.pointee.arguments = arguments
    execution.pointee.largeWords = nil
    execution.pointee.reply = reply
    execution.pointee.session = session
    execution.pointee.commandIndex = index
    // Time stands still in a script.
    execution.pointee.nowMicroseconds = now
    pointee.running = running
    pointee.commandStartTicks = began
  }

  // MARK: carrying on

  /// Lets the script that is in the middle go on for a slice.
  func continueScript() {
    guard pointee.isScriptPaused, let door = pointee.scripts.door(), let job = pointee.scripts.job else { return }
    if !pointee.isScriptBusy { pointee.noteBusyScript() }
    if door.goOn() { finish(job.client) }
  }

  /// The server has stopped: the script ends now, and what it did is in no file.
  func endScript() {
    if pointee.isScriptPaused { pointee.discardScript() }
    while pointee.isScriptPaused { continueScript() }
  }

  /// What was in the middle has ended.
  private func finish(_ client: UnsafeMutablePointer<Client>) {
    pointee.forgetJob()
    client.pointee.isAside = false
    client.pointee.asideFrom = .max
    pointee.restoreSendLimit(client)
    pointee.running = .none
    pointee.isScriptBusy = false
    pointee.applyRestrictions()
    pointee.beginBatch()
    pointee.wishes.unpause()
    pointee.timers.hurry(pointee.clock.nanoseconds)
    if let postponed = pointee.postponedSignal, pointee.mayBeginImage() {
      pointee.postponedSignal = nil
      pointee.received(postponed.signal, from: postponed.sender)
    }
    guard client.pointee.state != .closing else {
      pointee.endTransaction(client)
      return pointee.forgetIfGone(client)
    }
    if pointee.blocked.hasReady { serveBlocked() }
    pointee.afterRequest(client)
    if client.pointee.state == .draining && client.pointee.output.isEmpty { pointee.close(client) }
    pointee.goOnIfPossible(client)
  }
}

extension Server {
  fileprivate mutating func forgetJob() {
    appendLog.asideKeys = nil
    appendLog.asideDatabases = []
    guard let job = scripts.job else { return }
    scripts.job = nil
    job.words.deinitialize(count: 1)
    job.words.deallocate()
  }

  /// Whether a request runs although a script is in the middle: what may end it does at any time, what is answered BUSY
  /// once it takes long.
  func mayPassScript(_ arguments: Arguments) -> Bool {
    guard !isScriptBusy else { return true }
    guard let command = table.resolve(arguments[0], arguments.count > 1 ? arguments[1] : nil) else { return false }
    return command.pointee.flags.contains(.allowBusy) && !command.pointee.flags.contains(.admin)
  }

  /// After `busy-reply-threshold` others hear why they wait.
  fileprivate mutating func noteBusyScript() {
    let limit = configuration.settings.scripting.busyReplyMilliseconds
    let spent = Clock.microseconds(ticks: Clock.ticks() &- scripts.beganTicks) / 1_000
    guard limit > 0 && spent >= UInt64(limit) else { return }
    isScriptBusy = true
    log.warning(
      "Slow script detected: still in execution after \(spent) milliseconds. You can try killing the script using the SCRIPT "
        + "KILL command.")
    applyRestrictions()
    wishes.unpause()
  }

  /// SHUTDOWN NOSAVE: the script ends, and what it has written reaches no file.
  mutating func discardScript() { scripts.isDiscarded = true }

  // MARK: the log

  /// What the unit has so far leaves the batch that others' records are in, since that will leave for the disk.
  fileprivate mutating func putUnitAside() {
    guard appendLog.unit != nil, appendLog.aside == nil else { return }
    let batch = UnsafeMutablePointer<LogBatch>.allocate(capacity: 1)
    batch.initialize(to: LogBatch())
    let filling = appendLog.pipeline.filling
    appendLog.unit?.move(from: &filling.pointee, to: &batch.pointee)
    appendLog.aside = batch
  }

  /// The unit that was put aside has ended: it joins the others, and what it changed is dirty there.
  mutating func joinAside() {
    guard let aside = appendLog.aside else { return }
    closeUnit(aside)
    appendLog.aside = nil
    defer {
      aside.deinitialize(count: 1)
      aside.deallocate()
    }
    guard !aside.pointee.isEmpty, !scripts.isDiscarded else { return }
    let batch = appendLog.pipeline.filling
    if batch.pointee.count == 0 && configuration.settings.persistence.logChecksummed { batch.pointee.beginSealed() }
    let before = batch.pointee.count
    if appendLog.asideDatabase >= 0 { select(appendLog.asideDatabase, batch) }
    batch.pointee.append(aside.pointee.bytes)
    appendLog.figures.bytes += UInt64(batch.pointee.count - before)
    for key in appendLog.asideKeys ?? [] { batch.pointee.keys.insert(key) }
    appendLog.pipeline.appended(nowNanoseconds: clock.nanoseconds)
    for number in appendLog.asideDatabases { appendLog.databaseSequences[number] = appendLog.pipeline.appendedSequence }
    if batch.pointee.isFull { closeFullBatch() }
  }
}

extension Execution {
  /// SHUTDOWN that saves, while a script is in the middle.
  mutating func refuseBusy() {
    reply.beginError()
    reply.part(text: Server.busy)
    reply.end()
  }
}
