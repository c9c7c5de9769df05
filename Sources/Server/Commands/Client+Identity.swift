// Client+Identity.swift — CLIENT ID, GETNAME, SETNAME, SETINFO, CAPA, INFO and what tracking there is.
import Bytes
import Commands
import Wire

extension ClientCommands {
  static var identity: [CommandDefinition] {
    [
      CommandDefinition(
        facts(
          "id", arity: 2, [.noscript, .loading, .stale, .allowBusy], since: "5.0.0", "Tells the connection's ID.")
      ) { $0.reply.integer(Int64(clamping: $0.session.pointee.id)) },

      CommandDefinition(
        facts(
          "getname", arity: 2, [.noscript, .loading, .stale, .allowBusy], since: "2.6.9",
          "Tells the connection's name.")
      ) { execution in
        let name = execution.client.pointee.details.pointee.name
        if name.isEmpty { execution.reply.null() } else { execution.reply.bulk(text: name) }
      },

      CommandDefinition(
        facts(
          "setname", arity: 3, [.noscript, .loading, .stale, .allowBusy], since: "2.6.9",
          tips: [Tip.allNodes, Tip.allSucceeded], "Names the connection.", arguments: "connection-name")
      ) { execution in
        guard ClientName.isValid(execution.arguments[2]) else { return execution.reply.error(ClientName.refusal) }
        execution.client.pointee.details.pointee.name = execution.arguments[2].text
        execution.reply.ok()
      },

      CommandDefinition(
        facts(
          "setinfo", arity: 4, [.noscript, .loading, .stale, .allowBusy], since: "7.2.0",
          tips: [Tip.allNodes, Tip.allSucceeded], "Says which library the client uses.",
          arguments: "attr(LIB-NAME libname|LIB-VER libver)"),
        run: setInfo),

      CommandDefinition(
        facts("info", arity: 2, .anytime, since: "6.2.0", tips: [Tip.nondeterministic], "Describes the connection.")
      ) { execution in
        let line = execution.server.pointee.describe(execution.client, running: execution.commandIndex)
        execution.reply.verbatim("txt", text: line + "\n")
      },

      CommandDefinition(
        facts(
          "capa", arity: -3, [.noscript, .loading, .stale, .allowBusy], since: "8.0.0",
          "Says what the client can do.", arguments: "capability...")
      ) { execution in
        for i in 2..<execution.arguments.count where execution.arguments[i].equalsIgnoringCase("redirect") {
          execution.session.pointee.flags.insert(.redirectCapable)
        }
        execution.reply.ok()
      },
    ]
  }

  private static func setInfo(_ execution: inout Execution) {
    let option = execution.arguments[2]
    let value = execution.arguments[3]
    let isName = option.equalsIgnoringCase("lib-name")
    guard isName || option.equalsIgnoringCase("lib-ver") else {
      return execution.reply.error("ERR Unrecognized option '", option.prefix(128), "'")
    }
    guard ClientName.isValid(value) else {
      return execution.reply.error("ERR ", option, " cannot contain spaces, newlines or special characters.")
    }
    if isName {
      execution.client.pointee.details.pointee.libraryName = value.text
    } else {
      execution.client.pointee.details.pointee.libraryVersion = value.text
    }
    execution.reply.ok()
  }
}

/// What may stand in a line of CLIENT LIST: one word of visible ASCII, or nothing.
enum ClientName {
  static let refusal: StaticString = "ERR Client names cannot contain spaces, newlines or special characters."

  static func isValid(_ name: ByteView) -> Bool {
    for i in 0..<name.count where name[i] < UInt8(ascii: "!") || name[i] > UInt8(ascii: "~") { return false }
    return true
  }
}
