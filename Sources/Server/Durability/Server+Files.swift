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
  /// Takes whatever step has become possible. Called after each turn with a log.
  mutating func advanceFiles() {
    if appendLog.state == .ending && appendLog.pipeline.isIdle { endLog() }
  }

  /// `appendonly no`: the log has its last sync.
  private mutating func endLog() {
    if let file = appendLog.pipeline.file {
      appendLog.pipeline.closeFile()
      _ = errands.give([.close(file.descriptor)])
    }
    appendLog.state = .off
    log.notice("AOF disabled.")
  }

  mutating func collectErrands() {
    for result in errands.collect() { finished(result) }
  }

  private mutating func finished(_ result: FileErrands.Result) {
  }

  /// The bytes of a base without data.
  var emptyBase: [UInt8] { [] }
  var baseIsSnapshot: Bool { false }

  mutating func beginEnabling() -> Bool { false }

  // MARK: settings

  /// `appendonly` or `appendfsync` may have changed.
  mutating func obey(_ settings: PersistenceSettings) {
    let policy = CommitPipeline.Policy(settings.logSync)
    let old = appendLog.pipeline.policy
    if policy != old && appendLog.state == .on {
      // Either way a last sync decides: what is held is let go by it, or what was free until now becomes a promise.
      appendLog.pipeline.demandSync()
      if policy == .always { appendLog.barrierSequence = appendLog.pipeline.appendedSequence }
      if old == .always { appendLog.commandBarrier = appendLog.pipeline.appendedSequence }
    }
    appendLog.pipeline.policy = policy
    applyRestrictions()
  }

  /// The server stops: whatever was appended gets to disk, and the file is left as tools expect it.
  mutating func flushLogForExit() {
    appendLog.pipeline.isPaused = false
    appendLog.pipeline.demandSync()
  }
}
