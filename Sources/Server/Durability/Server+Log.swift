// Server+Log.swift — the log's operations, their results, and the states between on and off.
import Bytes
import Configuration
import Persistence
import Ring

extension Server {
  // MARK: operations

  /// What to submit now, or nil.
  mutating func nextLogOperation(_ now: UInt64) -> CommitPipeline.Operation? {
    var number = appendLog.sealNumber
    let durable = appendLog.pipeline.durableSeal
    let operation = appendLog.pipeline.next(nowNanoseconds: now) { batch in
      number += 1
      batch.seal(number: number, durable: durable)
    }
    appendLog.sealNumber = number
    return operation
  }

  /// The batch has reached its size: the next record begins another one.
  mutating func closeFullBatch() {
    var number = appendLog.sealNumber
    let durable = appendLog.pipeline.durableSeal
    appendLog.pipeline.closeIfFull { batch in
      number += 1
      batch.seal(number: number, durable: durable)
    }
    appendLog.sealNumber = number
  }


  mutating func logWritten(_ result: Int32) {
    let before = appendLog.pipeline.health
    let isSingle = appendLog.pipeline.isWritingAsOne
    let now = isSingle ? Clock.monotonicNanoseconds() : clock.nanoseconds
    appendLog.pipeline.wrote(result, nowNanoseconds: now)
    if isSingle && result > 0 {
      noteSync(nanoseconds: now &- appendLog.figures.chainBeganAt, event: "aof-fsync-always")
      appendLog.figures.singleCommits += 1
      committed(now)
    }
    healthChanged(from: before)
  }

  private mutating func committed(_ now: UInt64) {
    appendLog.figures.commits += 1
    appendLog.reserve.committed(nowNanoseconds: now)
  }

  private mutating func noteSync(nanoseconds: UInt64, event: String) {
    let spent = nanoseconds / 1_000
    appendLog.figures.syncs += 1
    appendLog.figures.syncMicroseconds.add(spent)
    if spent >= Self.delayedSyncMicroseconds { appendLog.figures.delayedSyncs += 1 }
    noteLatency(event, microseconds: spent)
  }

  /// Under `everysec` and `no` a record is in the page cache before its answer leaves: what was answered survives the end
  /// of the process. Not while a sync is under way, which would make the loop wait for the disk, nor soon after a
  /// write that has taken long.
  func mayWriteAtOnce(_ count: Int) -> Bool {
    count <= Self.bytesAtOnceMax && !appendLog.pipeline.isSyncing
      && clock.nanoseconds >= appendLog.writesAtOnceAgainNanoseconds
  }

  mutating func wroteAtOnce(_ result: Int32, since began: UInt64) {
    let spent = Clock.monotonicNanoseconds() &- began
    if spent > Self.slowWriteNanoseconds {
      appendLog.writesAtOnceAgainNanoseconds = clock.nanoseconds + Self.slowWritePauseNanoseconds
      noteLatency("aof-write", microseconds: spent / 1_000)
    }
    logWritten(result)
  }

  private static let bytesAtOnceMax = 1 << 20
  private static let slowWriteNanoseconds: UInt64 = 5_000_000
  private static let slowWritePauseNanoseconds: UInt64 = 1_000_000_000

  mutating func logSynced(_ result: Int32, isChain: Bool) {
    let before = appendLog.pipeline.health
    let began = isChain ? max(appendLog.figures.chainBeganAt, appendLog.figures.syncBeganAt) : appendLog.figures.syncBeganAt
    let now = Clock.monotonicNanoseconds()
    if result == 0 {
      noteSync(nanoseconds: now > began ? now - began : 0, event: isChain ? "aof-fsync-always" : "aof-fsync")
    }
    if isChain { committed(now) }
    appendLog.pipeline.synced(result, isChain: isChain, nowNanoseconds: now)
    healthChanged(from: before)
  }

  /// A sync that took this long is what Redis counts as delayed.
  private static let delayedSyncMicroseconds: UInt64 = 2_000_000

  func isSlow(microseconds: UInt64) -> Bool {
    let threshold = configuration.settings.observation.latencyThresholdMilliseconds
    return threshold > 0 && microseconds >= UInt64(threshold) * 1_000
  }

  mutating func noteLatency(_ event: String, microseconds: UInt64) {
    guard isSlow(microseconds: microseconds) else { return }
    latency.add(event, milliseconds: microseconds / 1_000, wallSeconds: Clock.wallMicroseconds() / 1_000_000)
  }

  // MARK: failures

  private mutating func healthChanged(from before: CommitPipeline.Health) {
    let health = appendLog.pipeline.health
    guard health != before else { return }
    switch health {
    case .healthy:
      log.notice("AOF write error looks solved. The server can write again.")
    case .stalled(let code):
      appendLog.figures.failures += 1
      log.warning("Error writing to the AOF file: \(Errno(code).text)")
      exitIfAsked("writing")
    case .poisoned(let code):
      appendLog.figures.failures += 1
      log.warning(
        "Forcing the AOF file to disk failed: \(Errno(code).text). What the disk has of it is unknown, so nothing more "
          + "is proven by it: a new base will be written from memory.")
      exitIfAsked("syncing")
    }
    applyRestrictions()
  }

  private mutating func exitIfAsked(_ what: String) {
    guard configuration.settings.persistence.logErrorPolicy == .exit else { return }
    log.warning("Can't recover from an error \(what) the AOF file, and aof-error-policy is 'exit'. Exiting...")
    lifecycle.stopNow(exitCode: 1)
  }

  /// Why writes are refused now, as the answer; nil if they are not.
  var writeRefusal: String? {
    switch appendLog.pipeline.health {
    case .healthy: break
    case .stalled(let code), .poisoned(let code):
      guard appendLog.state != .off else { break }
      return "MISCONF Errors writing to the AOF file: \(Errno(code).text)"
    }
    if unsyncedLimitReached {
      return "MISCONF The log waits for the disk with \(appendLog.pipeline.unsyncedBytes) bytes, which is the limit "
        + "(aof-unsynced-hard-limit): writes are refused until some of them are durable."
    }
    guard snapshots.lastFailed, configuration.settings.persistence.snapshotFailureStopsWrites,
      !configuration.settings.persistence.savePoints.isEmpty
    else { return nil }
    return """
      MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
      modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
      snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.
      """
  }

  private var unsyncedLimitReached: Bool {
    let limit = configuration.settings.persistence.unsyncedBytesMax
    return limit > 0 && appendLog.state == .on && appendLog.pipeline.unsyncedBytes >= UInt64(limit)
  }

  /// Brings the one flag that requests look at in line with all reasons to refuse some of them.
  mutating func applyRestrictions() { isRestricted = mustRestrict }

  private var mustRestrict: Bool { recovery.isLoading || isScriptBusy || writeRefusal != nil }

  // MARK: levels

  /// After each turn with a log: whether writers must wait, and whether some step can be taken.
  mutating func advanceLogState() {
    let unsynced = appendLog.pipeline.unsyncedBytes
    let high = UInt64(clamping: configuration.settings.persistence.unsyncedBytesHigh)
    if isThrottlingWrites {
      if unsynced <= high / 2 {
        isThrottlingWrites = false
        wishes.unpause()
      }
    } else if high > 0 && unsynced > high && appendLog.pipeline.policy == .always {
      isThrottlingWrites = true
      appendLog.figures.throttled += 1
    }
    if isRestricted != mustRestrict { applyRestrictions() }
    if !isScriptPaused { advanceFiles() }
    keepReserve()
    if appendLog.reloading != nil { reloadLogIfFlushed() }
  }

  /// The watermark may have moved: answers that waited for it may leave.
  mutating func releaseHolds() {
    let synced = appendLog.pipeline.syncedSequence
    guard synced > appendLog.releasedSequence else { return }
    appendLog.releasedSequence = synced
    let nowMicroseconds = UInt32(truncatingIfNeeded: Clock.monotonicNanoseconds() / 1_000)
    var slot = appendLog.holds.head
    while slot != HoldTable.none {
      let state = appendLog.holds.states[slot]
      slot = state.pointee.next
      guard state.pointee.first.sequence <= synced else { continue }
      let client = clients[state.pointee.client]
      release(client, upTo: synced, nowMicroseconds: nowMicroseconds)
      if client.pointee.hasSendable { markReady(client) }
    }
    answerSyncWaiters()
  }

  /// Takes off the holds of a client that the watermark has passed.
  mutating func release(_ client: UnsafeMutablePointer<Client>, upTo sequence: UInt64, nowMicroseconds: UInt32) {
    var waited = UInt32(0)
    let limit = appendLog.holds.pass(sequence, state: &client.pointee.holdState) { hold in
      waited = max(waited, nowMicroseconds &- hold.beganAtMicroseconds)
    }
    client.pointee.sendLimit = sendLimit(client, holds: limit)
    appendLog.figures.holdMicroseconds.add(UInt64(waited))
  }
}
