// Server+Snapshots.swift — images of the data: begun, carried on, finished or given up.
import Bytes
import Commands
import Configuration
import Persistence
import Ring
import Store
import Wire

extension Server {
  // MARK: beginning

  /// Begins an image of this instant. No other may be under way.
  mutating func beginJob(_ purpose: SnapshotJob.Purpose) {
    let settings = configuration.settings.persistence
    let isSnapshot = purpose == .file || settings.logBaseIsSnapshot
    let kind = purpose == .file ? "temp" : "temp-rewriteaof-bg"
    snapshots.jobs += 1
    let temporary = "\(kind)-\(ProcessFacts.number)-\(snapshots.jobs).\(isSnapshot ? "rdb" : "aof")"
    snapshots.begin(
      SnapshotJob(
        purpose: purpose, temporary: temporary, isSnapshot: isSnapshot,
        walk: makeWalk(isSnapshot: isSnapshot, isLogBase: purpose != .file), now: clock.nanoseconds,
        changes: execution.pointee.effects.changes))
    snapshots.isBaseReady = false
    give([.remove(temporary), .create(temporary)], .openFile)
    timers.hurry(clock.nanoseconds)
  }

  /// A walk over the data as they are now.
  func makeWalk(isSnapshot: Bool, isLogBase: Bool) -> SnapshotWalk {
    let settings = configuration.settings.persistence
    var options = RDBWriter.Options()
    options.version = RDBVersion(UInt16(settings.snapshotVersion))
    options.compresses = settings.snapshotCompressed
    options.checksums = settings.snapshotChecksummed
    options.use = lastUse
    let facts = SnapshotWalk.Facts(
      serverVersion: Version.redisName, nowSeconds: Clock.wallMicroseconds() / 1_000_000,
      usedMemoryBytes: Int64(clamping: Heap.usedBytes), isLogBase: isLogBase)
    return SnapshotWalk(
      databases: databases, count: execution.pointee.databaseCount, graveyard: graveyard,
      form: isSnapshot ? .rdb(options, facts) : .commands, pool: pool)
  }

  /// What a snapshot says about the last use of keys: what the memory policy asks.
  private var lastUse: RDBWriter.Use {
    switch configuration.settings.memory.policy {
    case .allkeysLRU, .volatileLRU: .idle(execution.pointee.accessClock)
    case .allkeysLFU, .volatileLFU: .frequency(execution.pointee.accessClock)
    default: .none
    }
  }

  // MARK: carrying on

  /// Gives the walk its share of this turn: a slice, and half of the time at most while there are requests.
  mutating func continueJob() {
    if parkedWriters.count > 0 { letParkedOn() }
    guard snapshots.job != nil else { return }
    endJobIfFailed()
    guard snapshots.job?.pointee.wantsTime == true else { return }
    let now = Clock.monotonicNanoseconds()
    let kept = snapshots.job?.pointee.walk?.pointee.keptBytes ?? 0
    // Commands that change data faster than it is written make the walk urgent, and so do writers that wait for it.
    let isUrgent = kept > Self.keptBytesUrgent || parkedWriters.count > 0
    let slice = isUrgent ? SnapshotJob.sliceNanoseconds * 4 : SnapshotJob.sliceNanoseconds
    guard isIdleTurn || isUrgent || now &- snapshots.lastSliceEndedAt >= snapshots.lastSliceNanoseconds else { return }
    let delay = KeyDelay(microseconds: configuration.settings.persistence.snapshotKeyDelayMicroseconds)
    guard now >= snapshots.resumesAtNanoseconds || delay.isNone else { return }
    let written = snapshots.job?.pointee.walk?.pointee.writtenCount ?? 0
    snapshots.job?.pointee.gather(nanoseconds: delay.isNone ? slice : 0, entriesPerLook: delay.entriesPerLook)
    let ended = Clock.monotonicNanoseconds()
    let gathered = (snapshots.job?.pointee.walk?.pointee.writtenCount ?? written) - written
    snapshots.resumesAtNanoseconds = ended &+ delay.nanoseconds(keys: gathered)
    snapshots.lastSliceEndedAt = ended
    snapshots.lastSliceNanoseconds = ended - now
  }

  private static let keptBytesUrgent = 32 << 20

  /// What the job wants from the ring now.
  enum SnapshotOperation {
    case write(descriptor: Int32, memory: UnsafeRawPointer, count: Int, offset: Int64)
    case sync(descriptor: Int32)
  }

  mutating func nextSnapshotOperation() -> SnapshotOperation? {
    guard snapshots.job != nil, snapshots.job?.pointee.isFlying == false, snapshots.job?.pointee.hasFailed == false else { return nil }
    let descriptor = snapshots.job?.pointee.descriptor ?? -1
    snapshots.job?.pointee.endWritingIfDone()
    let mustSync = configuration.settings.persistence.snapshotIncrementalSync
      && (snapshots.job?.pointee.bytesSinceSync ?? 0) >= SnapshotJob.syncEveryBytes
    if snapshots.job?.pointee.stage == .syncing || snapshots.job?.pointee.stage == .writing && mustSync {
      snapshots.job?.pointee.isSyncing = true
      snapshots.job?.pointee.bytesSinceSync = 0
      return .sync(descriptor: descriptor)
    }
    guard let piece = snapshots.job?.pointee.nextPiece() else { return nil }
    return .write(descriptor: descriptor, memory: piece.start, count: piece.count, offset: snapshots.job?.pointee.offset ?? 0)
  }

  mutating func snapshotWritten(_ result: Int32) {
    snapshots.job?.pointee.wrote(result)
    endJobIfFailed()
  }

  mutating func snapshotSynced(_ result: Int32) {
    guard snapshots.job != nil else { return }
    snapshots.job?.pointee.isSyncing = false
    guard result == 0 else {
      if result != -Errno.interrupted.code { snapshots.job?.pointee.giveUp(Errno(-result)) }
      return endJobIfFailed()
    }
    guard snapshots.job?.pointee.hasFailed == false else { return endJobIfFailed() }
    guard snapshots.job?.pointee.stage == .syncing else { return }
    guard snapshots.job?.pointee.walk?.pointee.isComplete == true else {
      log.warning("The snapshot does not hold all keys: it is thrown away. Please report this.")
      snapshots.job?.pointee.giveUp(Errno.inputOutput)
      return endJobIfFailed()
    }
    snapshots.job?.pointee.stage = .installing
    install()
  }

  // MARK: the end

  /// All bytes are durable: the file takes its place.
  private mutating func install() {
    guard let purpose = snapshots.job?.pointee.purpose, let temporary = snapshots.job?.pointee.temporary, let descriptor = snapshots.job?.pointee.descriptor
    else { return }
    switch purpose {
    case .file:
      let target = configuration.settings.persistence.snapshotFile
      give([.close(descriptor), .rename(temporary, to: target), .syncDirectory(".")], .installFile)
      snapshots.job?.pointee.descriptor = -1
    case .base, .firstBase:
      snapshots.isBaseReady = true
      advanceFiles()
    }
  }

  mutating func jobOpened(_ result: FileErrands.Result) {
    guard snapshots.job != nil else {
      if result.isDone { give([.close(result.descriptor)], .other) }
      return
    }
    snapshots.job?.pointee.stage = .writing
    snapshots.job?.pointee.descriptor = result.descriptor
    if !result.isDone { snapshots.job?.pointee.giveUp(Errno(result.code)) }
    endJobIfFailed()
  }

  mutating func fileInstalled(_ result: FileErrands.Result) {
    guard result.isDone else {
      snapshots.job?.pointee.giveUp(Errno(result.code))
      return endJobIfFailed()
    }
    let changes = snapshots.job?.pointee.changesAtInstant ?? 0
    snapshots.lastFailed = false
    snapshots.saves += 1
    snapshots.changesAtSave = changes
    snapshots.lastSaveSeconds = Clock.wallMicroseconds() / 1_000_000
    snapshots.lastDurationSeconds = jobSeconds
    log.notice("DB saved on disk")
    log.notice("Background saving terminated with success")
    answerSaver(nil)
    snapshots.endJob()
    applyRestrictions()
    beginScheduled()
  }

  var jobSeconds: Int64 {
    guard let began = snapshots.job?.pointee.beganAtNanoseconds else { return -1 }
    return Int64((clock.nanoseconds &- began) / 1_000_000_000)
  }

  /// Gives a failed or cancelled job up, as soon as nothing of it is in flight.
  mutating func endJobIfFailed() {
    guard snapshots.job != nil, snapshots.job?.pointee.hasFailed == true, snapshots.job?.pointee.isFlying == false else { return }
    // Its errand is still under way: the result must find it.
    guard snapshots.job?.pointee.stage != .opening, snapshots.job?.pointee.stage != .installing || snapshots.job?.pointee.failure != nil
    else { return }
    let purpose = snapshots.job?.pointee.purpose ?? .file
    let failure = snapshots.job?.pointee.failure
    var steps: [FileStep] = [.remove(snapshots.job?.pointee.temporary ?? "")]
    if let descriptor = snapshots.job?.pointee.descriptor, descriptor >= 0 { steps.insert(.close(descriptor), at: 0) }
    give(steps, .other)
    if purpose == .file {
      if let failure {
        snapshots.lastFailed = true
        log.warning("Background saving error: \(failure.text)")
      } else {
        log.notice("Background saving cancelled")
      }
      snapshots.lastDurationSeconds = jobSeconds
      answerSaver(failure ?? Errno.cancelled)
    } else {
      rewriteFailed(failure)
    }
    snapshots.endJob()
    applyRestrictions()
    beginScheduled()
  }

  /// Begins what was asked for meanwhile.
  mutating func beginScheduled() {
    guard snapshots.job == nil, snapshots.fileSwitch == .none, !snapshots.isSavingAtOnce else { return }
    guard snapshots.isRewriteScheduled || snapshots.isSaveScheduled, mayBeginImage() else { return }
    if snapshots.isRewriteScheduled && appendLog.state == .off {
      snapshots.isRewriteScheduled = false
      beginLooseBase()
    } else if snapshots.isRewriteScheduled && canRewrite {
      snapshots.isRewriteScheduled = false
      beginRewrite()
    } else if snapshots.isSaveScheduled {
      snapshots.isSaveScheduled = false
      beginSave()
    }
  }

  mutating func beginSave() {
    snapshots.lastAttemptSeconds = clock.seconds
    log.notice("Background saving started")
    beginJob(.file)
  }

  /// Who waits in SAVE is answered.
  private mutating func answerSaver(_ failure: Errno?) {
    guard let waiting = snapshots.job?.pointee.waiting,
      let client = clients.find(waiting.slot, generation: waiting.generation), client.pointee.isWaiting
    else { return }
    answerLater(client) { reply in
      if failure == nil { reply.ok() } else { reply.error("ERR Errors trying to SAVE. Check the logs for more information.") }
    }
  }

  /// The answer of a command that has kept its client waiting.
  mutating func answerLater(_ client: UnsafeMutablePointer<Client>, _ body: (Reply) -> Void) {
    let output = UnsafeMutableRawPointer(client).advanced(by: Client.outputOffset).assumingMemoryBound(to: OutputBuffer.self)
    let isSilent = client.pointee.session.flags.isSilent
    body(Reply(output: isSilent ? silence : output, isRESP3: client.pointee.session.flags.contains(.resp3)))
    silence.pointee.discardAll()
    client.pointee.isWaiting = false
    wishes.resume(client.pointee.slot, client.pointee.generation)
  }

  /// The client gets its answer later; no other request of it runs before.
  mutating func keepWaiting(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.isWaiting = true
    timers.hurry(clock.nanoseconds)
  }

  // MARK: by itself

  /// `save` lines and the growth of the log, on each tick.
  mutating func beginDueJobs() {
    guard snapshots.job == nil, snapshots.fileSwitch == .none, !recovery.isLoading, !lifecycle.isClosingClients else { return }
    beginScheduled()
    guard snapshots.job == nil else { return }
    let changes = execution.pointee.effects.changes &- snapshots.changesAtSave
    let wall = Clock.wallMicroseconds() / 1_000_000
    let mayTry = !snapshots.lastFailed || clock.seconds - snapshots.lastAttemptSeconds > Self.retrySeconds
    for point in configuration.settings.persistence.savePoints
    where changes >= UInt64(point.changes) && wall - snapshots.lastSaveSeconds > Int64(point.seconds) && mayTry && changes > 0 {
      guard mayBeginImage() else { return }
      log.notice("\(point.changes) changes in \(point.seconds) seconds. Saving...")
      return beginSave()
    }
    rewriteIfGrown()
  }

  private static let retrySeconds: Int64 = 5

  // MARK: at once

  /// Writes the snapshot file before anything else happens: at shutdown, and for DEBUG RELOAD.
  mutating func saveNow() -> Errno? {
    snapshots.isSavingAtOnce = true
    defer { snapshots.isSavingAtOnce = false }
    abandonSave()
    let temporary = "temp-\(ProcessFacts.number).rdb"
    var walk = makeWalk(isSnapshot: true, isLogBase: false)
    do throws(Errno) {
      let descriptor = try File.open(temporary, for: .truncate)
      do throws(Errno) {
        while !walk.isDone || !walk.output.isEmpty {
          walk.step(entriesMax: 4096, bytesMax: 1 << 20)
          let output = walk.output
          var failure: Errno?
          let (_, bytes) = output.stretches(upTo: output.appended, capacity: .max) { _, start, count in
            guard failure == nil else { return }
            do throws(Errno) { try File.write(descriptor, ByteView(start: start, count: count)) } catch { failure = error }
          }
          if let failure { throw failure }
          walk.release(bytes)
        }
        try File.sync(descriptor)
      } catch {
        try? File.close(descriptor)
        throw error
      }
      try File.close(descriptor)
      try File.rename(temporary, to: configuration.settings.persistence.snapshotFile)
      try File.syncDirectory(".")
    } catch {
      try? File.remove(temporary)
      snapshots.lastFailed = true
      log.warning("Error saving DB on disk: \(error.text)")
      return error
    }
    snapshots.lastFailed = false
    snapshots.saves += 1
    snapshots.changesAtSave = execution.pointee.effects.changes
    snapshots.lastSaveSeconds = Clock.wallMicroseconds() / 1_000_000
    log.notice("DB saved on disk")
    return nil
  }

  /// Gives up whatever image is under way, so that another walk can begin at once. The job itself ends when nothing of
  /// it is in flight.
  mutating func abandonSave() {
    // One that is being installed has all its bytes on disk: it ends by itself, and soon.
    guard snapshots.job != nil, snapshots.job?.pointee.stage != .installing else { return }
    snapshots.job?.pointee.giveUp(nil)
    endJobIfFailed()
  }
}
