// Server+Walks.swift — long commands: run on a stack of their own, paused when their slice is over, carried on.
//
//   execute ─▶ executeLong ─┬─▶ ends ──────────────────────────────▶ settle: record, waiters, account
//                           └─▶ pause ─▶ continueWalks ─▶ … ends ──▶ settle ─▶ the client goes on
//
// A client has one walk; what it sent behind it waits, as behind a command that blocks. Its output does not leave from
// where the command's answer begins until the command has ended: gaps in it are still to be filled. What runs in
// between may do anything: the body holds on to pinned values only (Commands/Execution+Pauses.swift).
import Bytes
import Commands
import Ring
import Stacks
import Store
import Wire

extension UnsafeMutablePointer where Pointee == Server {
  /// Whether the request, of a command that can take long, may do so: what is known to be short is run as it is.
  func mayTakeLong(_ command: UnsafePointer<Command>) -> Bool {
    let execution = pointee.execution
    guard !execution.pointee.isAtomic else { return false }
    let flags = command.pointee.flags
    if flags.contains(.unbounded) { return true }
    let words = execution.pointee.arguments
    let isStepped = pointee.walks.stepsPerSlice > 0
    let few = isStepped ? pointee.walks.stepsPerSlice : Walks.stepsAtOnceMax
    if flags.contains(.longIfMany) { return words.count > few }
    if flags.contains(.longIfCounted) {
      guard words.count > 2, let count = words[2].int64, count > Int64(few) else { return false }
    } else if flags.contains(.longByRange) && words.count == 4, let first = words[2].int64, let last = words[3].int64 {
      // Both are counted from the same end.
      let (length, overflow) = last.subtractingReportingOverflow(first)
      if (first < 0) == (last < 0) && !overflow && length < Int64(few) { return false }
    }
    if isStepped { return true }
    let key = words[command.pointee.firstKey]
    let hash = execution.pointee.hash(of: key)
    return execution.pointee.database.pointee.find(key, hash)?.entry.isLong == true
  }

  /// Runs a command of unbounded cost, which was admitted, for at most a slice.
  @inline(never)
  func executeLong(_ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>) {
    if command.pointee.flags.contains(.runsScript) { return runAside(client, command) }
    let execution = pointee.execution
    guard !pointee.walks.isOff, let walk = pointee.walks.takeSpare() ?? Walk.make(execution, pointee.pool) else {
      // No memory for a stack: as if it were short.
      return executeAtOnce(client, command)
    }
    let given = execution.pointee.arguments
    let kept = walk.pointee.keep(given, client.pointee.largeWords)
    execution.pointee.arguments = kept
    let isHinted = command.pointee.firstKey > 0 && command.pointee.firstKey < given.count
      && given[command.pointee.firstKey].start == execution.pointee.hintedKey.start
    if isHinted { execution.pointee.hintedKey = kept[command.pointee.firstKey] }
    pointee.running = kept
    var before = pointee.beforeCommand(command, client)
    if before.isSilent {
      execution.pointee.reply.output = walk.pointee.silence
      before = BeforeCommand(
        output: walk.pointee.silence, mark: walk.pointee.silence.pointee.mark,
        errorCount: walk.pointee.silence.pointee.errorCount, isSilent: true)
    }
    execution.pointee.waiting = nil
    walk.pointee.command = command
    walk.pointee.client = client
    walk.pointee.before = before
    walk.pointee.database = client.pointee.session.database
    execution.pointee.pauses.door = walk.pointee.stack.door
    execution.pointee.pauses.changes = execution.pointee.effects.changes
    let isCrowded = pointee.walks.count > 0
    execution.pointee.pauses.budget = pointee.walks.budget
    let limit = isCrowded ? pointee.walks.crowdedSliceTicks : pointee.walks.sliceTicks
    guard walk.begin() || endsInSlice(walk, since: pointee.commandStartTicks, limit) else {
      return pointee.pause(walk, isFirst: true)
    }
    settle(walk)
  }

  /// Lets a command that has asked go on until it has ended or its time is up; whether it has ended.
  private func endsInSlice(_ walk: UnsafeMutablePointer<Walk>, since began: UInt64, _ limitTicks: UInt64) -> Bool {
    let execution = pointee.execution
    let isTimed = pointee.walks.stepsPerSlice == 0
    let door = walk.pointee.stack.door
    while walk.pointee.isAbandoned || isTimed && Clock.ticks() &- began < limitTicks {
      execution.pointee.pauses.budget = pointee.walks.budget
      if door.goOn() { return true }
    }
    return false
  }

  /// The command has ended: its record, those who wait for what it wrote, its account. The walk is a spare again.
  @inline(__always)
  private func settle(_ walk: UnsafeMutablePointer<Walk>) {
    guard let command = walk.pointee.command, let client = walk.pointee.client, let before = walk.pointee.before else { return }
    let execution = pointee.execution
    let record = Server.BeforeRecord(changes: execution.pointee.pauses.changes, database: walk.pointee.database)
    if before.isSilent { execution.pointee.reply.output = pointee.silence }
    if walk.pointee.isAbandoned {
      // The server ends: what a part of a change has left behind is no record.
      if execution.pointee.pauses.lock != nil { execution.pointee.effects.clear() }
      pointee.recordPreludes(database: Int(walk.pointee.database))
    } else {
      if execution.pointee.effects.isRecording {
        pointee.record(command, client, record, replyFrom: before.mark.position)
      }
      tellOfChanges(command, record)
      if execution.pointee.waiting != nil && command.pointee.flags.contains(.blocking) {
        pointee.block(client, command)
      } else {
        pointee.account(for: command, client, before)
        client.pointee.session.flags.advanceReplySkip()
      }
    }
    if !execution.pointee.pauses.pins.isEmpty { execution.pointee.releasePins() }
    if execution.pointee.pauses.lock != nil { execution.pointee.unlock() }
    execution.pointee.pauses.door = nil
    execution.pointee.pauses.isAbandoned = false
    execution.pointee.pauses.hasPaused = false
    if before.isSilent { walk.pointee.silence.pointee.discardAll() }
    pointee.walks.giveBack(walk)
  }

  // MARK: carrying on

  /// Gives paused commands their share of the turn: one slice for one of them, if none of the clients asks anything or
  /// as much time was theirs since the last slice. Who is waited for by a writer gets it in any case.
  func continueWalks() {
    guard !pointee.isScriptPaused else { return }
    if pointee.walks.abandonedCount > 0 { endAbandoned() }
    guard pointee.walks.count > 0, let walk = pointee.nextWalk() else { return }
    let now = Clock.monotonicNanoseconds()
    let isDue = now &- pointee.walks.lastSliceEndedAt >= pointee.walks.lastSliceNanoseconds
    guard pointee.isIdleTurn || isDue || walk.pointee.isUrgent else { return }
    goOn(walk)
    let ended = Clock.monotonicNanoseconds()
    pointee.walks.lastSliceEndedAt = ended
    pointee.walks.lastSliceNanoseconds = ended - now
  }

  /// One more slice for a paused command.
  private func goOn(_ walk: UnsafeMutablePointer<Walk>) {
    guard let request = walk.pointee.request, let client = walk.pointee.client else { return }
    let execution = pointee.execution
    execution.pointee.takeUp(request, walk.pointee.stack.door, isAbandoned: walk.pointee.isAbandoned)
    if request.lock != nil { execution.pointee.effects.exchangeRecords(&walk.pointee.records.pointee) }
    pointee.running = walk.pointee.arguments
    client.pointee.lastInteractionSeconds = pointee.clock.seconds
    let began = Clock.ticks()
    execution.pointee.pauses.budget = pointee.walks.budget
    let hasEnded = walk.pointee.stack.door.goOn() || endsInSlice(walk, since: began, pointee.walks.sliceTicks)
    let spent = Clock.ticks() &- began
    pointee.walks.slices += 1
    walk.pointee.usedTicks &+= spent
    pointee.walks.longestSliceTicks = max(pointee.walks.longestSliceTicks, spent)
    pointee.running = .none
    guard !hasEnded else { return end(walk, client) }
    pointee.pause(walk, isFirst: false)
    if client.pointee.output.pending > pointee.outputBytesUnchecked, pointee.exceedsOutputLimit(client) {
      pointee.closedForOutput(client)
      pointee.close(client)
    }
  }

  /// A command that had paused has ended.
  private func end(_ walk: UnsafeMutablePointer<Walk>, _ client: UnsafeMutablePointer<Client>) {
    let isUnwanted = walk.pointee.isAbandoned || walk.pointee.isOrphaned
    let hadLock = walk.pointee.lock != nil
    pointee.walks.longestTicks = max(pointee.walks.longestTicks, walk.pointee.usedTicks)
    let wasFull = pointee.walks.isFull
    pointee.walks.remove(walk)
    client.pointee.walk = nil
    pointee.restoreSendLimit(client)
    // Where what it answered begins may have been sent meanwhile, and the memory be somebody else's.
    if let before = walk.pointee.before {
      walk.pointee.before = BeforeCommand(
        output: before.output, mark: before.output.pointee.mark(at: before.mark.position), errorCount: before.errorCount,
        isSilent: before.isSilent)
    }
    pointee.commandStartTicks = Clock.ticks() &- walk.pointee.usedTicks
    let now = Clock.wallMicroseconds()
    settle(walk)
    pointee.execution.pointee.setClock(microseconds: now)
    pointee.running = .none
    pointee.parkedWriters.mustLook = pointee.parkedWriters.count > 0
    if pointee.parkedWriters.mustLook { pointee.letParkedOn() }
    if wasFull { pointee.wishes.unpause() }
    if hadLock { pointee.lockHasEnded() }
    if pointee.blocked.hasReady { serveBlocked() }
    guard !isUnwanted else { return pointee.forgetIfGone(client) }
    pointee.afterRequest(client)
    if client.pointee.state == .draining && client.pointee.output.isEmpty { pointee.close(client) }
    pointee.goOnIfPossible(client)
  }

  /// Lets those commands return that nobody waits for.
  @inline(never)
  private func endAbandoned() {
    while let walk = pointee.walks.paused.first(where: { $0.pointee.isAbandoned }) { goOn(walk) }
  }

  /// The server has stopped: no body stays in the middle.
  func endWalks() {
    for walk in pointee.walks.paused { pointee.abandon(walk) }
    endAbandoned()
  }
}

extension Walk {
  var arguments: Arguments { request?.words ?? .none }
}

extension Server {
  // MARK: pausing

  /// The command's slice is over: what belongs to its request is put aside.
  @inline(never)
  fileprivate mutating func pause(_ walk: UnsafeMutablePointer<Walk>, isFirst: Bool) {
    guard let client = walk.pointee.client, let command = walk.pointee.command, let before = walk.pointee.before else { return }
    if execution.pointee.pauses.lock != nil {
      execution.pointee.effects.exchangeRecords(&walk.pointee.records.pointee)
    } else {
      recordUnderWay(database: walk.pointee.database)
    }
    walk.pointee.request = execution.pointee.putAside()
    running = .none
    guard isFirst else { return walks.rotate(walk) }
    let ended = Clock.ticks()
    walk.pointee.usedTicks = ended &- commandStartTicks
    walks.longestSliceTicks = max(walks.longestSliceTicks, walk.pointee.usedTicks)
    commandStartTicks = ended
    walk.pointee.largeWords = client.pointee.largeWords
    client.pointee.largeWords = nil
    client.pointee.lastCommand = Int32(command.pointee.index)
    client.pointee.walk = walk
    if !before.isSilent { client.pointee.sendLimit = min(client.pointee.sendLimit, before.mark.position) }
    walks.add(walk)
  }

  /// What may leave of the client's output, now that no command of it is paused.
  mutating func restoreSendLimit(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.sendLimit = client.pointee.holdState == HoldTable.none
      ? .max : appendLog.holds.states[client.pointee.holdState].pointee.first.position
  }

  /// The client's holds have ended up to `limit`: what may leave, a paused command considered.
  func sendLimit(_ client: UnsafeMutablePointer<Client>, holds limit: UInt64) -> UInt64 {
    if client.pointee.isAside { return min(limit, client.pointee.asideFrom) }
    guard let walk = client.pointee.walk, let before = walk.pointee.before, !before.isSilent else { return limit }
    return min(limit, before.mark.position)
  }

  // MARK: whose turn it is

  /// The paused command that goes on next; nil if none may.
  fileprivate func nextWalk() -> UnsafeMutablePointer<Walk>? {
    guard !walks.isHalted else { return nil }
    if walks.urgentCount > 0, let walk = walks.paused.first(where: { $0.pointee.isUrgent && mayRun($0) }) { return walk }
    guard clientPause.isActive || isThrottlingWrites else { return walks.paused.first }
    return walks.paused.first(where: { mayRun($0) })
  }

  /// Nothing may be written while CLIENT PAUSE or the log forbids it, not even by a command that began before.
  private func mayRun(_ walk: UnsafeMutablePointer<Walk>) -> Bool {
    guard let command = walk.pointee.command, command.pointee.flags.contains(.write) else { return true }
    // It has begun to change something that others wait for.
    if walk.pointee.lock != nil { return true }
    if isThrottlingWrites { return false }
    return !clientPause.isActive || !clientPause.holds(command.pointee.flags, now: clock.milliseconds)
  }

  /// A paused command could go on: the loop does not sleep.
  var hasRunnableWalk: Bool { walks.count > 0 && (walks.abandonedCount > 0 || nextWalk() != nil) }

  // MARK: ends and waits

  /// The client has gone: its command returns, unless it is changing something.
  mutating func leave(_ walk: UnsafeMutablePointer<Walk>) {
    if walk.pointee.lock == nil { abandon(walk) } else { walk.pointee.orphan() }
  }

  /// Nobody wants the command's answer any more: it returns with the next turn.
  mutating func abandon(_ walk: UnsafeMutablePointer<Walk>) {
    guard !walk.pointee.isAbandoned else { return }
    walk.pointee.isAbandoned = true
    walks.abandonedCount += 1
  }

  /// A writer waits for the value at `entry`: whoever reads it gets on with it.
  mutating func hurryWalks(_ entry: Entry) {
    for walk in walks.paused
    where walk.pointee.request?.pins.contains(where: { $0.value?.isStill(at: entry) == true }) == true { hurry(walk) }
  }

  mutating func hurry(_ walk: UnsafeMutablePointer<Walk>) {
    guard !walk.pointee.isUrgent else { return }
    walk.pointee.isUrgent = true
    walks.urgentCount += 1
  }

  /// Whether a request has to wait because too many long commands have begun already.
  @inline(never) func mustQueue(_ arguments: Arguments) -> Bool {
    guard walks.isFull, let command = table.resolve(arguments[0], arguments.count > 1 ? arguments[1] : nil) else { return false }
    return !command.pointee.flags.isDisjoint(with: .long)
  }
}
