// DebugPersistence.swift — DEBUG RELOAD, LOADAOF and the levers that hold answers back.
import Bytes
import Commands
import Configuration
import Persistence
import Ring
import Wire

enum DebugPersistence {
  /// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: out to the snapshot file and back.
  static func reload(_ execution: inout Execution) {
    let words = execution.arguments
    var saves = true
    var flushes = true
    for index in 2..<max(2, words.count) {
      if words[index].equalsIgnoringCase("nosave") {
        saves = false
      } else if words[index].equalsIgnoringCase("noflush") {
        flushes = false
      } else if !words[index].equalsIgnoringCase("merge") {
        return execution.reply.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
      }
    }
    guard mayReload(execution) else { return }
    let server = execution.server
    if saves, server.pointee.saveNow() != nil {
      return execution.reply.error("ERR Error trying to save the DB, can't exit.")
    }
    server.pointee.abandonSave()
    if flushes { empty(&execution) }
    server.pointee.log.notice("DB reloaded by DEBUG RELOAD")
    server.pointee.reload(server.pointee.snapshotSources(), for: execution.client)
  }

  /// DEBUG LOADAOF: what the log says, instead of what is in memory.
  static func loadLog(_ execution: inout Execution) {
    guard mayReload(execution) else { return }
    let server = execution.server
    let state = server.pointee.appendLog.state
    guard state == .on || state == .off else {
      return execution.reply.error("ERR Error trying to load the AOF files, check server logs.")
    }
    server.pointee.keepWaiting(execution.client)
    guard state == .on else { return server.pointee.reloadLog(for: execution.client) }
    server.pointee.appendLog.pipeline.isPaused = false
    server.pointee.appendLog.pipeline.demandSync()
    server.pointee.appendLog.reloading = (execution.client.pointee.slot, execution.client.pointee.generation)
  }

  /// Loading takes many turns of the loop, and nothing may come between the commands of a transaction.
  private static func mayReload(_ execution: borrowing Execution) -> Bool {
    if execution.isAtomic { execution.reply.error("ERR DEBUG RELOAD and LOADAOF do not run within a transaction") }
    return !execution.isAtomic
  }

  static func empty(_ execution: inout Execution) {
    execution.server.pointee.touchAllWatchers()
    let (databases, graveyard) = (execution.databases, execution.graveyard)
    for index in 0..<execution.databaseCount { databases[index].detachAll(into: &graveyard.pointee) }
  }

  /// DEBUG REPLY-BLOCKING-PAUSE and -RESUME aof: nothing more becomes durable until resumed.
  static func pauseLever(_ execution: inout Execution, isPaused: Bool) {
    guard execution.arguments[2].equalsIgnoringCase("aof") else {
      return execution.reply.error("ERR No such reply-blocking provider")
    }
    execution.server.pointee.appendLog.pipeline.isPaused = isPaused
    execution.reply.ok()
  }
}

extension Server {
  /// Loads files while the server runs; the client is answered at the end.
  mutating func reload(_ sources: [Recovery.Source], for client: UnsafeMutablePointer<Client>) {
    execution.pointee.effects.isRecording = false
    recovery.client = (client.pointee.slot, client.pointee.generation)
    recovery.begin(sources, now: Clock.monotonicNanoseconds(), wallSeconds: Clock.wallMicroseconds() / 1_000_000)
    keepWaiting(client)
    applyRestrictions()
  }

  /// DEBUG LOADAOF goes on as soon as the log is on disk to its end.
  mutating func reloadLogIfFlushed() {
    guard let waiting = appendLog.reloading, appendLog.pipeline.isIdle, snapshots.fileSwitch == .none,
      !snapshots.isChangingManifest, snapshots.job == nil
    else { return }
    appendLog.reloading = nil
    guard let client = clients.find(waiting.slot, generation: waiting.generation) else { return }
    reloadLog(for: client)
  }

  /// The data are what the log's files say.
  mutating func reloadLog(for client: UnsafeMutablePointer<Client>) {
    DebugPersistence.empty(&execution.pointee)
    guard let sources = logSources() else {
      return answerLater(client) { $0.error("ERR Error trying to load the AOF files, check server logs.") }
    }
    reload(sources, for: client)
  }

  /// The reload is over.
  mutating func finishReload() {
    execution.pointee.effects.isRecording = appendLog.state == .on || appendLog.state == .enabling
    guard let waiting = recovery.client else { return }
    recovery.client = nil
    if let client = clients.find(waiting.slot, generation: waiting.generation), client.pointee.isWaiting {
      answerLater(client) { $0.ok() }
    }
  }
}
