// ShutdownCommand.swift — SHUTDOWN: the last command.
//
// There is no answer when it works: the connection ends.
import Bytes
import Commands
import Wire

enum ShutdownCommand {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "shutdown", arity: -1, [.admin, .noscript, .loading, .stale, .noMulti, .allowBusy], group: .server,
        since: "1.0.0", "Stops the server.",
        complexity: "O(N) in the number of keys when saving, else O(1)",
        history: [
          .init("7.0.0", "NOW, FORCE and ABORT."), .init("9.0.0", "SAFE and FAILOVER."),
        ],
        arguments: """
          [abort-selector(save-selector-block{[save-selector(NOSAVE|SAVE)] [NOW@7.0.0] [FORCE@7.0.0] [SAFE@9.0.0] \
          [FAILOVER@9.0.0]}|ABORT@7.0.0)]
          """),
      run: run)
  }

  private static func run(_ execution: inout Execution) {
    let words = execution.arguments
    var isSaving = false
    var isNotSaving = false
    var isForced = false
    for i in 1..<max(words.count, 1) {
      let word = words[i]
      if word.equalsIgnoringCase("abort") {
        guard words.count == 2 else { return execution.reply.error("ERR syntax error") }
        return execution.reply.error("ERR No shutdown in progress.")
      } else if word.equalsIgnoringCase("save") {
        isSaving = true
      } else if word.equalsIgnoringCase("nosave") {
        isNotSaving = true
      } else if word.equalsIgnoringCase("force") {
        isForced = true
      } else if !word.equalsIgnoringCase("now") && !word.equalsIgnoringCase("safe")
        && !word.equalsIgnoringCase("failover")
      {
        // NOW, SAFE and FAILOVER are about replicas and slots: there are none to wait for.
        return execution.reply.error("ERR syntax error")
      }
    }
    guard !(isSaving && isNotSaving) else { return execution.reply.error("ERR syntax error") }
    let server = execution.server
    guard isNotSaving || !server.pointee.isScriptPaused else { return execution.refuseBusy() }
    let saving = isSaving ? true : isNotSaving ? false : nil
    if server.pointee.isScriptPaused { server.pointee.discardScript() }
    guard server.pointee.shutDown(saving: saving, isForced: isForced) else {
      return execution.reply.error("ERR Errors trying to SHUTDOWN. Check logs.")
    }
  }
}
