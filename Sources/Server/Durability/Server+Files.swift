// Server+Files.swift — the log's files change: a rewrite, a rescue, the log turned on or off.
//
//   rewrite   switch ─▶ old increment durable ─▶ errand: next increment, manifest ─▶ records go there
//                   └▶ walk from the same moment ─▶ base ─▶ errand: base, manifest ─▶ old files go
//   rescue    like it, but the increment stays hidden until the base is there
//
// The switch is the moment of the snapshot: what was appended before it is in the base and in the old
// increment, what comes after it is in the new increment. Every step that fails leaves the old set of files whole.
import Bytes
import Configuration
import Persistence
import Ring

extension Server {
  // MARK: errands

  /// Gives steps to the thread for files.
  mutating func give(_ steps: [FileStep], _ purpose: Snapshots.ErrandPurpose) {
    snapshots.errands.append((errands.give(steps), purpose))
  }

  mutating func collectErrands() {
    for result in errands.collect() {
      guard let index = snapshots.errands.firstIndex(where: { $0.number == result.number }) else { continue }
      finished(result, snapshots.errands.remove(at: index).purpose)
    }
  }

  private mutating func finished(_ result: FileErrands.Result, _ purpose: Snapshots.ErrandPurpose) {
    switch purpose {
    case .openFile: jobOpened(result)
    case .nextIncrement: incrementMade(result)
    case .hiddenIncrement: hiddenIncrementMade(result)
    case .installFile: fileInstalled(result)
    case .installBase: baseInstalled(result)
    case .removal:
      if result.isDone { appendLog.directory.stepsDone() } else { appendLog.directory.stepsFailed() }
      snapshots.isChangingManifest = false
      beginScheduled()
    case .reserve(let generation): reserveChanged(generation, result)
    case .directFile(let generation): directFileOpened(generation, result)
    case .other: break
    }
  }

  // MARK: the switch

  var canRewrite: Bool {
    snapshots.job == nil && snapshots.fileSwitch == .none && !snapshots.isChangingManifest && appendLog.state == .on
      && appendLog.pipeline.health == .healthy
  }

  /// BGREWRITEAOF: what is there now becomes the base, what comes goes into the next increment.
  mutating func beginRewrite() {
    log.notice("Background append only file rewriting started")
    snapshots.rewriteStartedAt = clock.nanoseconds
    var number = appendLog.sealNumber
    let durable = appendLog.pipeline.durableSeal
    appendLog.pipeline.beginGeneration { batch in
      number += 1
      batch.seal(number: number, durable: durable)
    }
    appendLog.sealNumberBefore = number
    appendLog.sealNumber = 0
    appendLog.selectedDatabase = -1
    snapshots.fileSwitch = .draining
    beginJob(.base)
    advanceFiles()
  }

  /// BGREWRITEAOF without a log: the base is written and becomes a log that a later start can use.
  mutating func beginLooseBase() {
    snapshots.isLooseBase = true
    beginEnabling()
  }

  /// `appendonly yes` while running, or a start with a snapshot and no log: the first base.
  mutating func beginEnabling() {
    appendLog.state = .enabling
    execution.pointee.effects.isRecording = true
    // What was appended while there was no file to take it is in the base.
    appendLog.pipeline.beginRescue()
    beginFirstBase()
  }

  /// After a failed sync: a base from memory, and an increment that was never in doubt.
  private mutating func beginRescue() {
    log.warning("Writing a new base of the append-only log from memory")
    abandonSave()
    guard snapshots.job == nil else { return }
    if let file = appendLog.pipeline.file { give(closing(file), .other) }
    // Whatever was appended so far will be in the base; until then whoever read it waits.
    appendLog.pipeline.beginRescue()
    beginFirstBase()
  }

  private mutating func beginFirstBase() {
    appendLog.selectedDatabase = -1
    snapshots.rewriteStartedAt = clock.nanoseconds
    snapshots.fileSwitch = .making
    snapshots.isChangingManifest = true
    beginJob(.firstBase)
    give(
      [.makeDirectory(appendLog.directory.path), .syncDirectory(".")] + appendLog.directory.stepsForHiddenIncrement(),
      .hiddenIncrement)
  }

  /// Takes whatever step has become possible. Called after each turn with a log.
  mutating func advanceFiles() {
    let pipeline = appendLog.pipeline.isFileComplete
    if snapshots.fileSwitch == .draining && pipeline {
      snapshots.fileSwitch = .making
      snapshots.isChangingManifest = true
      trimLog()
      give(appendLog.directory.stepsForNextIncrement(), .nextIncrement)
    }
    if snapshots.isBaseReady && snapshots.fileSwitch == .none && !snapshots.isChangingManifest { installBase() }
    if case .poisoned = appendLog.pipeline.health, snapshots.fileSwitch == .draining {
      // The old file will never be complete: the switch is off, and so is the base that came with it.
      snapshots.fileSwitch = .none
      abandonSave()
    }
    if case .poisoned = appendLog.pipeline.health, !appendLog.pipeline.isFlying, snapshots.fileSwitch == .none,
      !snapshots.isChangingManifest, appendLog.state == .on || appendLog.state == .enabling,
      clock.nanoseconds >= snapshots.rescueAtNanoseconds, snapshots.job?.pointee.purpose != .firstBase, mayBeginImage()
    {
      beginRescue()
    }
    if appendLog.state == .ending && (appendLog.pipeline.isIdle || appendLog.pipeline.file == nil || appendLog.pipeline.health != .healthy), !appendLog.pipeline.isFlying,
      snapshots.fileSwitch == .none, !snapshots.isChangingManifest
    {
      endLog()
    }
  }

  private mutating func incrementMade(_ result: FileErrands.Result) {
    snapshots.fileSwitch = .none
    snapshots.isChangingManifest = false
    guard result.isDone else {
      appendLog.directory.stepsFailed()
      abandonGeneration()
      log.warning("Can't make the next file of the append-only log: \(Errno(result.code).text)")
      snapshots.job?.pointee.giveUp(Errno(result.code))
      return endJobIfFailed()
    }
    appendLog.directory.stepsDone()
    if let file = appendLog.pipeline.file {
      appendLog.olderIncrementBytes += file.offset
      give(closing(file), .other)
    }
    openLogFile(result.descriptor, at: appendLog.directory.newestIncrementPath)
    advanceFiles()
  }

  /// The log goes on in the old file, and so do the numbers of its seals.
  private mutating func abandonGeneration() {
    var number = appendLog.sealNumberBefore
    let durable = appendLog.pipeline.syncedSeal
    appendLog.pipeline.abandonGeneration { batch in
      number += 1
      batch.seal(number: number, durable: durable)
    }
    appendLog.sealNumber = number
  }

  private mutating func hiddenIncrementMade(_ result: FileErrands.Result) {
    snapshots.fileSwitch = .none
    snapshots.isChangingManifest = false
    guard result.isDone else {
      appendLog.directory.stepsFailed()
      snapshots.job?.pointee.giveUp(Errno(result.code))
      return endJobIfFailed()
    }
    // Kept as a number that is used up; the manifest comes with the base.
    appendLog.directory.stepsFailed()
    snapshots.hiddenDescriptor = result.descriptor
    if appendLog.state == .enabling, appendLog.pipeline.health == .healthy {
      openLogFile(result.descriptor, at: appendLog.directory.newestIncrementPath)
    }
    advanceFiles()
  }

  // MARK: the base

  private mutating func installBase() {
    guard let purpose = snapshots.job?.pointee.purpose, let temporary = snapshots.job?.pointee.temporary, let descriptor = snapshots.job?.pointee.descriptor
    else { return }
    snapshots.isBaseReady = false
    snapshots.isChangingManifest = true
    let isSnapshot = snapshots.job?.pointee.isSnapshot ?? true
    give(
      [.close(descriptor)] + appendLog.directory.stepsForNewBase(
        temporary: temporary, isSnapshot: isSnapshot, includesHidden: purpose == .firstBase),
      .installBase)
    snapshots.job?.pointee.descriptor = -1
  }

  private mutating func baseInstalled(_ result: FileErrands.Result) {
    snapshots.isChangingManifest = false
    guard result.isDone else {
      appendLog.directory.stepsFailed()
      snapshots.job?.pointee.giveUp(Errno(result.code))
      return endJobIfFailed()
    }
    appendLog.directory.stepsDone()
    let isFirst = snapshots.job?.pointee.purpose == .firstBase
    appendLog.baseBytes = snapshots.job?.pointee.offset ?? 0
    appendLog.olderIncrementBytes = 0
    snapshots.lastRewriteFailed = false
    snapshots.rewriteFailures = 0
    snapshots.rewrites += 1
    snapshots.lastRewriteSeconds = jobSeconds
    snapshots.endJob()
    if isFirst { firstBaseInstalled() }
    appendLog.bytesAtRewrite = appendLog.currentBytes
    log.notice("Background AOF rewrite finished successfully")
    removeHistory()
    applyRestrictions()
    beginScheduled()
  }

  /// Files that nothing needs any more go, unless they are to be kept.
  mutating func removeHistory() {
    guard !configuration.settings.persistence.logKeepsOldFiles, !snapshots.isChangingManifest, snapshots.fileSwitch == .none
    else { return }
    let steps = appendLog.directory.stepsForRemovingHistory()
    guard !steps.isEmpty else { return }
    snapshots.isChangingManifest = true
    give(steps, .removal)
  }

  /// From now on the files on disk are the whole truth again, or for the first time.
  private mutating func firstBaseInstalled() {
    if appendLog.pipeline.file == nil {
      openLogFile(snapshots.hiddenDescriptor, at: appendLog.directory.newestIncrementPath)
      log.notice("The append-only log has a new base: what waited for it is durable now.")
      wishes.add(.release)
    }
    snapshots.hiddenDescriptor = -1
    if snapshots.isLooseBase {
      snapshots.isLooseBase = false
      if !configuration.settings.persistence.logEnabled { return turnLogOff() }
    }
    if appendLog.state == .enabling {
      appendLog.state = .on
      defer { answerSyncWaiters() }
      if appendLog.pipeline.policy == .always {
        // Answers have left without waiting until now: from here on readers wait for what they have read.
        appendLog.barrierSequence = appendLog.pipeline.appendedSequence
        appendLog.pipeline.demandSync()
      }
    }
  }

  /// The base could not be written; the files on disk are as good as before.
  mutating func rewriteFailed(_ failure: Errno?) {
    snapshots.isBaseReady = false
    snapshots.lastRewriteSeconds = jobSeconds
    if let failure {
      snapshots.lastRewriteFailed = true
      snapshots.rewriteFailures += 1
      log.warning("Background AOF rewrite terminated with an error: \(failure.text)")
      delayRewrites()
    } else {
      log.notice("Background AOF rewrite cancelled")
    }
    if snapshots.hiddenDescriptor >= 0 && appendLog.pipeline.file == nil {
      give([.close(snapshots.hiddenDescriptor), .remove(appendLog.directory.newestIncrementPath)], .other)
      snapshots.hiddenDescriptor = -1
    }
    snapshots.rescueAtNanoseconds = clock.nanoseconds + 1_000_000_000
    guard appendLog.state == .enabling, appendLog.pipeline.health == .healthy else { return }
    // Turned on while running, and it could not be: tried again with the next tick that may.
    if let file = appendLog.pipeline.file { closeHidden(file) }
  }

  /// After some failures in a row automatic attempts come more and more seldom.
  private mutating func delayRewrites() {
    guard snapshots.rewriteFailures >= Self.rewriteFailuresMax else {
      snapshots.rewriteNotBeforeSeconds = clock.seconds + 1
      return
    }
    let minutes = Int64(min(60, 1 << min(6, snapshots.rewriteFailures - Self.rewriteFailuresMax)))
    snapshots.rewriteNotBeforeSeconds = clock.seconds + minutes * 60
    log.warning("Background AOF rewrite has repeatedly failed and triggered the limit, will retry in \(minutes) minutes")
  }

  private static let rewriteFailuresMax = 3

  /// The increment of an attempt that failed: no manifest names it, and what is in it will be in the base.
  private mutating func closeHidden(_ file: CommitPipeline.File) {
    guard !appendLog.pipeline.isFlying else { return }
    appendLog.pipeline.closeFile()
    give(closing(file) + [.remove(appendLog.path)], .other)
    snapshots.hiddenDescriptor = -1
  }

  /// `appendonly yes` is tried again, if it has failed and may be. False otherwise.
  mutating func enableAgain() -> Bool {
    guard appendLog.state == .enabling, snapshots.job == nil, snapshots.fileSwitch == .none, !snapshots.isChangingManifest,
      !appendLog.pipeline.isFlying
    else { return false }
    // The increment of the attempt before, if something was still being written to it then.
    if let file = appendLog.pipeline.file { closeHidden(file) }
    beginEnabling()
    return true
  }

  /// The log has grown by so much that a new base is worth writing.
  mutating func rewriteIfGrown() {
    let settings = configuration.settings.persistence
    guard execution.pointee.locks.isEmpty else { return }
    if clock.seconds >= snapshots.rewriteNotBeforeSeconds && enableAgain() { return }
    guard canRewrite, settings.logRewritePercentage > 0, appendLog.currentBytes > Int64(settings.logRewriteBytesMin),
      clock.seconds >= snapshots.rewriteNotBeforeSeconds
    else { return }
    let base = max(1, appendLog.bytesAtRewrite)
    let (scaled, overflow) = appendLog.currentBytes.multipliedReportingOverflow(by: 100)
    let growth = overflow ? Int64.max : scaled / base - 100
    guard growth >= Int64(settings.logRewritePercentage) else { return }
    log.notice("Starting automatic rewriting of AOF on \(growth)% growth")
    beginRewrite()
  }

  // MARK: on and off

  /// `appendonly no`: the log has its last sync.
  private mutating func endLog() {
    if let file = appendLog.pipeline.file {
      trimLog()
      appendLog.pipeline.closeFile()
      give(closing(file), .other)
    }
    appendLog.state = .off
    // Whoever still waits was given up by whoever turned the log off.
    appendLog.pipeline.forgetUnsynced()
    wishes.add(.release)
    log.notice("AOF disabled.")
    if configuration.settings.persistence.logEnabled { turnLogOn() }
  }

  /// The bytes of a base without data.
  var emptyBase: [UInt8] {
    guard configuration.settings.persistence.logBaseIsSnapshot else { return [] }
    var walk = makeWalk(isSnapshot: true, isLogBase: true)
    var bytes: [UInt8] = []
    while !walk.isDone { walk.step(entriesMax: 4096, bytesMax: 1 << 20) }
    let output = walk.output
    _ = output.stretches(upTo: output.appended, capacity: .max) { _, start, count in
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: count))
    }
    return bytes
  }

  // MARK: settings

  /// `appendonly` or `appendfsync` may have changed.
  mutating func obey(_ settings: PersistenceSettings) {
    if hasStarted && settings.logEnabled != appendLog.isRecording {
      // The command that wants it is still running: what touches the data waits until it is done.
      wishes.add(.switchLog)
      if !settings.logEnabled && appendLog.pipeline.policy == .always {
        appendLog.commandBarrier = appendLog.pipeline.appendedSequence
      }
    }
    let policy = CommitPipeline.Policy(settings.logSync)
    let old = appendLog.pipeline.policy
    if policy != old && appendLog.state == .on {
      // Either way a last sync decides: what is held is let go by it, or what was free until now becomes a promise.
      appendLog.pipeline.demandSync()
      if policy == .always { appendLog.barrierSequence = appendLog.pipeline.appendedSequence }
      if old == .always { appendLog.commandBarrier = appendLog.pipeline.appendedSequence }
    }
    appendLog.pipeline.policy = policy
    appendLog.reserve.aheadBytes = policy == .always ? Int64(clamping: settings.logReserveBytes) : 0
    applyRestrictions()
    if hasStarted && appendLog.state == .on { removeHistory() }
  }

  /// `appendonly` has changed.
  mutating func switchLog() {
    let isEnabled = configuration.settings.persistence.logEnabled
    if isEnabled && appendLog.state == .off { turnLogOn() }
    if !isEnabled && (appendLog.state == .on || appendLog.state == .enabling) { turnLogOff() }
  }

  private mutating func turnLogOn() {
    // The directory may hold a log of earlier; its numbers are not used again.
    if let text = try? File.readAll(appendLog.directory.manifestPath),
      let manifest = try? LogManifest(parsing: String(decoding: text, as: UTF8.self))
    {
      appendLog.directory = LogDirectory(path: appendLog.directory.path, prefix: appendLog.directory.prefix, manifest: manifest)
    }
    log.notice("Enabling AOF: a base is written first.")
    abandonSave()
    guard snapshots.job == nil, snapshots.fileSwitch == .none, !snapshots.isChangingManifest else {
      appendLog.state = .enabling
      execution.pointee.effects.isRecording = true
      return
    }
    beginEnabling()
  }

  private mutating func turnLogOff() {
    execution.pointee.effects.isRecording = false
    if snapshots.isRewriting {
      // Redis's words: who waits for them shall not wait in vain.
      log.notice("Killing running AOF rewrite (no child process: a walk, and it ends here)")
      abandonSave()
    }
    snapshots.isRewriteScheduled = false
    appendLog.pipeline.demandSync()
    appendLog.state = .ending
  }

  /// The server stops: whatever was appended gets to disk, and the file is left as tools expect it.
  mutating func flushLogForExit() {
    appendLog.pipeline.isPaused = false
    appendLog.pipeline.demandSync()
  }
}
