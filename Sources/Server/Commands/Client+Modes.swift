// Client+Modes.swift — CLIENT REPLY, NO-EVICT, NO-TOUCH, CACHING, IMPORT-SOURCE: how a client is treated.
import Bytes
import Commands
import Wire

extension ClientCommands {
  static var modes: [CommandDefinition] {
    [
      CommandDefinition(
        facts(
          "reply", arity: 3, [.noscript, .loading, .stale, .noMulti, .allowBusy], since: "3.2.0",
          "Chooses whether the connection is answered.", arguments: "action(ON|OFF|SKIP)"),
        run: reply),

      CommandDefinition(
        facts(
          "no-evict", arity: 3, [.admin, .noscript, .loading, .stale, .allowBusy], since: "7.0.0",
          "Spares the connection when clients take too much memory.", arguments: "enabled(ON|OFF)")
      ) { $0.toggle(.noEvict) },

      CommandDefinition(
        facts(
          "no-touch", arity: 3, [.noscript, .loading, .stale, .allowBusy], since: "7.2.0",
          "Chooses whether commands of the connection move access times.", arguments: "enabled(ON|OFF)")
      ) { $0.toggle(.noTouch) },

      CommandDefinition(
        facts(
          "import-source", arity: 3, .anytime, since: "8.1.0", "Marks the connection as one that imports data.",
          arguments: "enabled(ON|OFF)")
      ) { execution in
        // OFF is always allowed: it is the state that the connection is in.
        guard execution.arguments[2].equalsIgnoringCase("off") else {
          return execution.reply.error("ERR Server is not in import mode")
        }
        execution.reply.ok()
      },
    ]
  }

  private static func reply(_ execution: inout Execution) {
    let mode = execution.arguments[2]
    let flags = execution.session.pointee.flags
    if mode.equalsIgnoringCase("on") {
      execution.session.pointee.flags.subtract([.replyOff, .replySkip, .replySkipNext])
      execution.speakAgain()
      execution.reply.ok()
    } else if mode.equalsIgnoringCase("off") {
      execution.session.pointee.flags.insert(.replyOff)
    } else if mode.equalsIgnoringCase("skip") {
      if !flags.contains(.replyOff) { execution.session.pointee.flags.insert(.replySkipNext) }
    } else {
      execution.reply.error("ERR syntax error")
    }
  }
}

extension Execution {
  /// ON or OFF in the third word sets or clears a flag of the session.
  fileprivate func toggle(_ flag: Session.Flags) {
    if arguments[2].equalsIgnoringCase("on") {
      session.pointee.flags.insert(flag)
    } else if arguments[2].equalsIgnoringCase("off") {
      session.pointee.flags.remove(flag)
    } else {
      return reply.error("ERR syntax error")
    }
    reply.ok()
  }
}
