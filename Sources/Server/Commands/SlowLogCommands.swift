// SlowLogCommands.swift — SLOWLOG, and COMMANDLOG which asks three logs the same questions.
import Bytes
import Commands
import Wire

enum SlowLogCommands {
  /// The logs by the names that COMMANDLOG knows them by.
  private enum Kind {
    case slow, largeRequest, largeReply

    init?(_ word: ByteView) {
      if word.equalsIgnoringCase("slow") {
        self = .slow
      } else if word.equalsIgnoringCase("large-request") {
        self = .largeRequest
      } else if word.equalsIgnoringCase("large-reply") {
        self = .largeReply
      } else {
        return nil
      }
    }

    func change<Result>(_ server: UnsafeMutablePointer<Server>, _ body: (inout CommandLog) -> Result) -> Result {
      switch self {
      case .slow: body(&server.pointee.slowLog)
      case .largeRequest: body(&server.pointee.largeRequests)
      case .largeReply: body(&server.pointee.largeReplies)
      }
    }
  }

  private static let flags: CommandFlags = [.admin, .loading, .stale]
  private static let unknownKind: StaticString =
    "ERR type should be one of the following: slow, large-request, large-reply"

  // MARK: SLOWLOG

  static var slowLog: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "slowlog", arity: -2, [], group: .server, since: "2.2.12", "Everything about the slow log.",
        complexity: "Depends on subcommand."),
      subcommands: [
        CommandDefinition(
          CommandFacts(
            "get", arity: -2, flags, tips: [Tip.allNodes, Tip.nondeterministic], group: .server, since: "2.2.12",
            "Shows the commands that were slow last.", complexity: "O(N) in the number of entries shown",
            history: [.init("4.0.0", "Address and name of the client.")], arguments: "[count:integer]")
        ) { execution in
          let words = execution.arguments
          guard words.count <= 3 else { return execution.reply.unknownSubcommand(words[1], of: "SLOWLOG") }
          guard let count = words.count == 3 ? limit(words[2], execution.reply) : 10 else { return }
          show(execution.server.pointee.slowLog, count, execution.reply)
        },
        CommandDefinition(
          CommandFacts(
            "len", arity: 2, flags, tips: [Tip.allNodes, Tip.sum, Tip.nondeterministic], group: .server,
            since: "2.2.12", "Counts the entries of the slow log.", complexity: "O(1)")
        ) { $0.reply.integer($0.server.pointee.slowLog.count) },
        CommandDefinition(
          CommandFacts(
            "reset", arity: 2, flags, tips: [Tip.allNodes, Tip.allSucceeded], group: .server, since: "2.2.12",
            "Empties the slow log.", complexity: "O(N) in the number of entries")
        ) { execution in
          execution.server.pointee.slowLog.reset()
          execution.reply.ok()
        },
        .help(
          of: "SLOWLOG", group: .server, since: "6.2.0",
          [
            "GET [<count>]",
            "    The newest entries (10 unless said otherwise, all for -1). An entry is made of:",
            "    id, time, microseconds, words, address of the client, name of the client",
            "LEN",
            "    How many entries there are.",
            "RESET",
            "    Forgets all entries.",
          ]),
      ]
    ) { $0.reply.error("ERR syntax error") }
  }

  // MARK: COMMANDLOG

  static var commandLog: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "commandlog", arity: -2, [], group: .server, since: "8.1.0",
        "Everything about the logs of slow commands, large requests and large replies.",
        complexity: "Depends on subcommand."),
      subcommands: [
        CommandDefinition(
          CommandFacts(
            "get", arity: 4, flags, tips: [Tip.allNodes, Tip.nondeterministic], group: .server, since: "8.1.0",
            "Shows the newest entries of a log.", complexity: "O(N) in the number of entries shown",
            arguments: "count:integer type(SLOW|LARGE-REQUEST|LARGE-REPLY)")
        ) { execution in
          let words = execution.arguments
          guard let kind = Kind(words[3]) else { return execution.reply.error(unknownKind) }
          guard let count = limit(words[2], execution.reply) else { return }
          show(kind.change(execution.server) { $0 }, count, execution.reply)
        },
        CommandDefinition(
          CommandFacts(
            "len", arity: 3, flags, tips: [Tip.allNodes, Tip.sum, Tip.nondeterministic], group: .server,
            since: "8.1.0", "Counts the entries of a log.", complexity: "O(1)",
            arguments: "type(SLOW|LARGE-REQUEST|LARGE-REPLY)")
        ) { execution in
          guard let kind = Kind(execution.arguments[2]) else { return execution.reply.error(unknownKind) }
          execution.reply.integer(kind.change(execution.server) { $0.count })
        },
        CommandDefinition(
          CommandFacts(
            "reset", arity: 3, flags, tips: [Tip.allNodes, Tip.allSucceeded], group: .server, since: "8.1.0",
            "Empties a log.", complexity: "O(N) in the number of entries",
            arguments: "type(SLOW|LARGE-REQUEST|LARGE-REPLY)")
        ) { execution in
          guard let kind = Kind(execution.arguments[2]) else { return execution.reply.error(unknownKind) }
          kind.change(execution.server) { $0.reset() }
          execution.reply.ok()
        },
        .help(
          of: "COMMANDLOG", group: .server, since: "8.1.0",
          [
            "GET <count> (SLOW|LARGE-REQUEST|LARGE-REPLY)",
            "    The newest entries of a log (all for -1). An entry is made of:",
            "    id, time, microseconds or bytes, words, address of the client, name of the client",
            "LEN (SLOW|LARGE-REQUEST|LARGE-REPLY)",
            "    How many entries there are.",
            "RESET (SLOW|LARGE-REQUEST|LARGE-REPLY)",
            "    Forgets all entries.",
          ]),
      ]
    ) { $0.reply.error("ERR syntax error") }
  }

  // MARK: both

  private static func limit(_ word: ByteView, _ reply: Reply) -> Int? {
    guard let count = word.int64, count >= -1 else {
      reply.error("ERR count should be greater than or equal to -1")
      return nil
    }
    return count == -1 ? .max : Int(count)
  }

  private static func show(_ log: CommandLog, _ limit: Int, _ reply: Reply) {
    reply.array(min(limit, log.count))
    for entry in log.newest(limit) {
      reply.array(6)
      reply.integer(Int64(clamping: entry.id))
      reply.integer(entry.wallSeconds)
      reply.integer(Int64(clamping: entry.amount))
      reply.array(entry.words.count)
      for word in entry.words { word.withUnsafeBytes { reply.bulk(ByteView($0)) } }
      reply.bulk(text: entry.clientAddress)
      reply.bulk(text: entry.clientName)
    }
  }
}
