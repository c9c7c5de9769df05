// PersistenceCommands.swift — SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.
//
// All of them begin a walk and return; SAVE keeps its own client waiting until the file is there,
// and nobody else.
import Bytes
import Commands
import Wire

enum PersistenceCommands {
  static var definitions: [CommandDefinition] { [save, backgroundSave, rewrite, lastSave] }

  private static let alreadySaving: StaticString = "ERR Background save already in progress"
  private static let otherActive: StaticString = """
    ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE \
    whenever possible.
    """

  private static var save: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "save", arity: 1, [.admin, .noAsyncLoading, .noMulti, .noscript], [.admin, .dangerous], group: .server,
        since: "1.0.0", "Writes a snapshot and waits for it.", complexity: "O(N) in the number of keys")
    ) { execution in
      let server = execution.server
      guard server.pointee.snapshots.job == nil else {
        return execution.reply.error(server.pointee.snapshots.isSaving ? alreadySaving : otherActive)
      }
      let client = execution.client
      server.pointee.beginSave()
      server.pointee.snapshots.job?.pointee.waiting = (client.pointee.slot, client.pointee.generation)
      server.pointee.keepWaiting(client)
    }
  }

  private static var backgroundSave: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "bgsave", arity: -1, [.admin, .noAsyncLoading, .noscript], [.admin, .dangerous], group: .server, since: "1.0.0",
        "Begins to write a snapshot.", complexity: "O(1)",
        history: [.init("3.2.2", "SCHEDULE."), .init("8.1.0", "CANCEL.")],
        arguments: "[operation(SCHEDULE@3.2.2|CANCEL@8.1.0)]"),
      run: backgroundSave)
  }

  private static func backgroundSave(_ execution: inout Execution) {
    let server = execution.server
    let words = execution.arguments
    var isScheduling = false
    if words.count > 1 {
      if words.count == 2 && words[1].equalsIgnoringCase("schedule") {
        isScheduling = true
      } else if words.count == 2 && words[1].equalsIgnoringCase("cancel") {
        return cancel(&execution)
      } else {
        return execution.reply.error("ERR syntax error")
      }
    }
    let isFree = server.pointee.snapshots.job == nil && server.pointee.snapshots.fileSwitch == .none
    // An image is of the state between two transactions.
    guard !isFree || execution.isAtomic else {
      server.pointee.beginSave()
      return execution.reply.simple("Background saving started")
    }
    if server.pointee.snapshots.isSaving { return execution.reply.error(alreadySaving) }
    guard isScheduling || execution.isAtomic else { return execution.reply.error(otherActive) }
    server.pointee.snapshots.isSaveScheduled = true
    execution.reply.simple("Background saving scheduled")
  }

  private static func cancel(_ execution: inout Execution) {
    let server = execution.server
    if server.pointee.snapshots.isSaving {
      server.pointee.abandonSave()
      execution.reply.simple("Background saving cancelled")
    } else if server.pointee.snapshots.isSaveScheduled {
      server.pointee.snapshots.isSaveScheduled = false
      execution.reply.simple("Scheduled background saving cancelled")
    } else {
      execution.reply.error("ERR Background saving is currently not in progress or scheduled")
    }
  }

  private static var rewrite: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "bgrewriteaof", arity: 1, [.admin, .noAsyncLoading, .noscript], [.admin, .dangerous], group: .server,
        since: "1.0.0", "Begins to write a new base of the log.", complexity: "O(1)")
    ) { execution in
      let server = execution.server
      if server.pointee.snapshots.isRewriting {
        return execution.reply.error("ERR Background append only file rewriting already in progress")
      }
      if execution.isAtomic {
        server.pointee.snapshots.isRewriteScheduled = true
        return execution.reply.simple("Background append only file rewriting scheduled")
      }
      if server.pointee.enableAgain() {
        return execution.reply.simple("Background append only file rewriting started")
      }
      guard server.pointee.canRewrite || server.pointee.appendLog.state == .off && server.pointee.snapshots.job == nil else {
        server.pointee.snapshots.isRewriteScheduled = true
        return execution.reply.simple("Background append only file rewriting scheduled")
      }
      if server.pointee.appendLog.state != .off { server.pointee.beginRewrite() } else { server.pointee.beginLooseBase() }
      execution.reply.simple("Background append only file rewriting started")
    }
  }

  /// FLUSHALL: nobody wants the snapshot that is being made, nor, where snapshots are kept, the last one.
  static func flushAll(_ execution: inout Execution) {
    let before = execution.effects.changes
    Databases.flushAll(&execution)
    let server = execution.server
    guard execution.effects.changes != before, !server.pointee.recovery.isLoading else { return }
    if server.pointee.snapshots.isSaving { server.pointee.abandonSave() }
    guard !server.pointee.configuration.settings.persistence.savePoints.isEmpty else { return }
    // A base under way gives way to it and begins anew.
    if server.pointee.snapshots.isRewriting { server.pointee.snapshots.isRewriteScheduled = true }
    // What is saved is a state between two transactions.
    guard !execution.isAtomic else { return server.pointee.snapshots.isSaveScheduled = true }
    _ = server.pointee.saveNow()
  }

  private static var lastSave: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "lastsave", arity: 1, [.loading, .stale, .fast], [.admin, .dangerous], tips: [Tip.nondeterministic],
        group: .server, since: "1.0.0", "Tells when the data were last saved.", complexity: "O(1)")
    ) { $0.reply.integer($0.server.pointee.snapshots.lastSaveSeconds) }
  }
}
