// ConfigCommands.swift — CONFIG GET, SET, REWRITE and RESETSTAT.
//
// The table of directives parses and prints; what a new value sets in motion is in
// Server+Apply.swift. CONFIG SET is all or nothing: the settings change only after everything
// that can refuse has agreed.
import Bytes
import Commands
import Configuration
import Ring
import Wire

enum ConfigCommands {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "config", arity: -2, [], group: .server, since: "2.0.0", "Everything about the configuration.",
        complexity: "Depends on subcommand."),
      subcommands: [get, set, rewrite, resetStatistics, help]
    ) { $0.reply.error("ERR syntax error") }
  }

  // MARK: get

  private static var get: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "get", arity: -3, .administration, group: .server, since: "2.0.0",
        "Tells the values of all parameters whose names match.", complexity: "O(N) in the number of patterns",
        history: [.init("7.0.0", "Several patterns in one call.")], arguments: "parameter...")
    ) { execution in
      var patterns: [String] = []
      for i in 2..<execution.arguments.count { patterns.append(execution.arguments[i].text) }
      let found = execution.server.pointee.configuration.get(patterns)
      execution.reply.map(found.count)
      for (name, value) in found {
        execution.reply.bulk(text: name)
        execution.reply.bulk(text: value)
      }
    }
  }

  // MARK: set

  private static var set: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "set", arity: -4, .administration, tips: [Tip.allNodes, Tip.allSucceeded], group: .server, since: "2.0.0",
        "Gives parameters new values, all or none.", complexity: "O(N) in the number of parameters",
        history: [.init("7.0.0", "Several parameters in one call.")], arguments: "data{parameter value}..."),
      run: set)
  }

  private static func set(_ execution: inout Execution) {
    let words = execution.arguments
    guard words.count % 2 == 0 else { return execution.reply.error("ERR syntax error") }
    var pairs: [(name: String, value: String)] = []
    for i in stride(from: 2, to: words.count, by: 2) {
      guard let value = String(validating: words[i + 1].buffer, as: UTF8.self) else {
        return execution.reply.error(
          "ERR CONFIG SET failed (possibly related to argument '", words[i], "') - argument must be valid UTF-8")
      }
      pairs.append((words[i].text, value))
    }
    let server = execution.server
    // A copy is changed, so that everybody who looks while it is being applied sees the old values.
    var configuration = server.pointee.configuration
    do throws(SetError) {
      try configuration.set(pairs, localClient: execution.session.pointee.flags.contains(.local)) {
        (old, new, names) throws(Refusal) in try server.pointee.prepare(old, &new, names)
      }
    } catch {
      return execution.reply.error(text: "ERR " + error.text)
    }
    server.pointee.configuration = configuration
    server.pointee.apply(to: &execution)
    execution.reply.ok()
  }

  // MARK: the rest

  private static var rewrite: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "rewrite", arity: 2, .administration, tips: [Tip.allNodes, Tip.allSucceeded], group: .server, since: "2.8.0",
        "Writes the values in effect into the configuration file.", complexity: "O(1)")
    ) { execution in
      guard execution.server.pointee.configuration.file != nil else {
        return execution.reply.error("ERR The server is running without a config file")
      }
      guard let failure = execution.server.pointee.rewriteConfiguration(complete: false) else {
        return execution.reply.ok()
      }
      execution.server.pointee.log.warning("CONFIG REWRITE failed: \(failure)")
      execution.reply.error(text: "ERR Rewriting config file: " + failure)
    }
  }

  private static var resetStatistics: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "resetstat", arity: 2, .administration, tips: [Tip.allNodes, Tip.allSucceeded], group: .server, since: "2.0.0",
        "Sets the counters of INFO to zero.", complexity: "O(1)")
    ) { execution in
      execution.tallies = Tallies()
      execution.server.pointee.resetStatistics()
      execution.reply.ok()
    }
  }

  private static var help: CommandDefinition {
    .help(
      of: "CONFIG", group: .server, since: "5.0.0",
      [
        "GET <pattern> [<pattern> ...]",
        "    Names and values of the parameters that match.",
        "SET <parameter> <value> [<parameter> <value> ...]",
        "    Gives parameters new values, all or none of them.",
        "RESETSTAT",
        "    Sets the counters of INFO to zero.",
        "REWRITE",
        "    Writes the values in effect into the configuration file.",
      ])
  }
}

extension Reply {
  /// An error put together with String.
  func error(text: String) {
    var text = text
    text.withUTF8 { error(ByteView(UnsafeRawBufferPointer($0))) }
  }
}
