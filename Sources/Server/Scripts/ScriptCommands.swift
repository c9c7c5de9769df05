// ScriptCommands.swift — EVAL and its like, and SCRIPT.
import Bytes
import Commands
import Scripting
import Wire

enum ScriptCommands {
  static var definitions: [CommandDefinition] {
    [
      evaluation("eval", since: "2.6.0", reads: false, "Runs a script.", "script"),
      evaluation("evalsha", since: "2.6.0", reads: false, "Runs a script that the server knows.", "sha1"),
      evaluation("eval_ro", since: "7.0.0", reads: true, "Runs a script that does not write.", "script"),
      evaluation("evalsha_ro", since: "7.0.0", reads: true, "Runs a script that the server knows and that does not write.", "sha1"),
      script,
    ]
  }

  /// The executor runs these itself; a body runs where there is no executor, in a replay, which refuses them.
  private static func evaluation(
    _ name: String, since: String, reads: Bool, _ summary: String, _ word: String
  ) -> CommandDefinition {
    let flags: CommandFlags = [.noscript, .stale, .skipMonitor, .noMandatoryKeys, .unbounded, .runsScript]
    return CommandDefinition(
      CommandFacts(
        name, arity: -3, reads ? flags.union(.readonly) : flags, .scripting,
        keys: [.counted(at: 2, reads ? [.readOnly, .access] : [.readWrite, .access, .update])], group: .scripting,
        since: since, summary, complexity: "Depends on the script that is executed.",
        arguments: "\(word) numkeys:integer [key...] [arg...]")
    ) { $0.reply.error("ERR a script cannot be run here") }
  }

  private static var script: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "script", arity: -2, [], group: .scripting, since: "2.6.0", "Scripts that the server knows.",
        complexity: "Depends on subcommand."),
      subcommands: [debug, exists, flush, help, kill, load, show]
    ) { $0.reply.error("ERR syntax error") }
  }

  private static func facts(
    _ name: String, arity: Int, _ flags: CommandFlags, since: String, tips: [String] = [], _ summary: String,
    complexity: String, history: [CommandFacts.Change] = [], arguments: String = ""
  ) -> CommandFacts {
    CommandFacts(
      name, arity: arity, flags, .scripting, tips: tips, group: .scripting, since: since, summary, complexity: complexity,
      history: history, arguments: arguments)
  }

  private static var debug: CommandDefinition {
    CommandDefinition(
      facts(
        "debug", arity: -3, .noscript, since: "3.2.0", "Whether scripts of this connection run in a debugger.",
        complexity: "O(1)", arguments: "mode(YES|SYNC|NO) [engine@9.1.0]")
    ) { execution in
      let mode = execution.arguments[2]
      if mode.equalsIgnoringCase("no") { return execution.reply.ok() }
      guard mode.equalsIgnoringCase("yes") || mode.equalsIgnoringCase("sync") else {
        return execution.reply.error("ERR Use SCRIPT DEBUG YES/SYNC/NO")
      }
      execution.reply.error("ERR There is no debugger for scripts in this server")
    }
  }

  private static var exists: CommandDefinition {
    CommandDefinition(
      facts(
        "exists", arity: -3, [.noscript, .stale], since: "2.6.0",
        tips: [Tip.allShards, "response_policy:agg_logical_and"], "Which scripts the server knows.",
        complexity: "O(N) with N being the number of scripts to check", arguments: "sha1...")
    ) { execution in
      execution.reply.array(execution.arguments.count - 2)
      for index in 2..<execution.arguments.count {
        let digest = ScriptDigest(digits: execution.arguments[index])
        let isKnown = digest.map { execution.server.pointee.scripts.machine.contains($0) } ?? false
        execution.reply.integer(isKnown ? 1 : 0)
      }
    }
  }

  private static var flush: CommandDefinition {
    CommandDefinition(
      facts(
        "flush", arity: -2, [.noscript, .stale], since: "2.6.0", tips: [Tip.allNodes, Tip.allSucceeded],
        "Forgets all scripts.", complexity: "O(N) with N being the number of scripts in cache",
        history: [.init("6.2.0", "ASYNC and SYNC.")], arguments: "[flush-type(ASYNC|SYNC)@6.2.0]")
    ) { execution in
      let words = execution.arguments
      let isWhole = words.count == 2
        || words.count == 3 && (words[2].equalsIgnoringCase("sync") || words[2].equalsIgnoringCase("async"))
      guard isWhole else { return execution.reply.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option") }
      execution.server.pointee.scripts.machine.flush()
      execution.reply.ok()
    }
  }

  private static var kill: CommandDefinition {
    CommandDefinition(
      facts(
        "kill", arity: 2, [.noscript, .allowBusy], since: "2.6.0", tips: [Tip.allShards, "response_policy:one_succeeded"],
        "Ends the script that runs, if it has not written yet.", complexity: "O(1)")
    ) { execution in
      let server = execution.server
      guard let run = server.pointee.scripts.run else {
        return execution.reply.error("NOTBUSY No scripts in execution right now.")
      }
      guard !run.hasWritten else {
        return execution.reply.error(
          """
          UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
          termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.
          """)
      }
      server.pointee.scripts.run?.isKilled = true
      execution.reply.ok()
    }
  }

  private static var load: CommandDefinition {
    CommandDefinition(
      facts(
        "load", arity: 3, [.noscript, .stale], since: "2.6.0", tips: [Tip.allNodes, Tip.allSucceeded],
        "Makes a script known.", complexity: "O(N) with N being the length in bytes of the script body.",
        arguments: "script")
    ) { execution in
      let server = execution.server
      let text = execution.arguments[2]
      let digest = ScriptDigest(of: text)
      do throws(ScriptRefusal) {
        _ = try server.pointee.scripts.machine.compile(text, digest, isLoaded: true)
        execution.reply.bulk(text: digest.text)
      } catch {
        server.pointee.answer(error)
      }
    }
  }

  private static var show: CommandDefinition {
    CommandDefinition(
      facts(
        "show", arity: 3, [.noscript, .stale], since: "8.0.0", "The text of a script.", complexity: "O(1).",
        arguments: "sha1")
    ) { execution in
      let digest = ScriptDigest(digits: execution.arguments[2])
      guard let text = digest.flatMap({ execution.server.pointee.scripts.machine.text(of: $0) }) else {
        return execution.reply.error("NOSCRIPT No matching script.")
      }
      let reply = execution.reply
      text.withUnsafeBytes { reply.bulk(ByteView($0)) }
    }
  }

  private static var help: CommandDefinition {
    .help(
      of: "SCRIPT", categories: .scripting, group: .scripting, since: "5.0.0",
      [
        "DEBUG (YES|SYNC|NO)",
        "    NO is the only mode there is: this server has no debugger for scripts.",
        "EXISTS <sha1> [<sha1> ...]",
        "    For each digest whether its script is known.",
        "FLUSH [ASYNC|SYNC]",
        "    Forgets all scripts.",
        "KILL",
        "    Ends the script that runs, unless it has written.",
        "LOAD <script>",
        "    Makes a script known without running it, and answers its digest.",
        "SHOW <sha1>",
        "    The text of a script.",
      ])
  }
}
