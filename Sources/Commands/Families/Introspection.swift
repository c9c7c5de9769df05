// Introspection.swift — COMMAND: what the server says about its own commands.
//
// Everything comes from the one table: the facts as they stand, and for GETKEYS the request
// behind it, looked up and judged as if it had been sent.
import Bytes
import Store
import Wire

public enum Introspection {
  public static var definition: CommandDefinition {
    CommandDefinition(
      "command", arity: -1, [.loading, .stale], .connection, tips: ["nondeterministic_output_order"],
      group: .server, since: "2.8.13", "What there is to know about all commands.",
      complexity: "O(N), N being the number of commands", subcommands: subcommands, run: all)
  }

  private static let disorder = ["nondeterministic_output_order"]

  private static var subcommands: [CommandDefinition] {
    [
      subcommand("count", arity: 2, since: "2.8.13", "How many commands there are.", "O(1)", count),
      subcommand(
        "docs", arity: -2, tips: disorder, since: "7.0.0", "The documentation of some commands or of all.",
        "O(N), N being the number of commands asked for", arguments: "[command-name...]", documentation),
      subcommand(
        "info", arity: -2, tips: disorder, since: "2.8.13", "The facts of some commands or of all.",
        "O(N), N being the number of commands asked for",
        history: [.init("7.0.0", "Without a name: all commands.")], arguments: "[command-name...]", info),
      subcommand(
        "list", arity: -2, tips: disorder, since: "7.0.0", "The names of the commands.",
        "O(N), N being the number of commands",
        arguments: "[FILTERBY filterby(MODULE module-name|ACLCAT category|PATTERN pattern:pattern)]", list),
      subcommand(
        "getkeys", arity: -3, since: "2.8.13", "The keys of a request.", "O(N), N being the number of its words",
        arguments: "command [arg...]", keys),
      subcommand(
        "getkeysandflags", arity: -3, since: "7.0.0", "The keys of a request and what it does with each.",
        "O(N), N being the number of its words", arguments: "command [arg...]", keysAndFlags),
      subcommand("help", arity: 2, since: "5.0.0", "Tells the subcommands.", "O(1)", help),
    ]
  }

  private static func subcommand(
    _ name: String, arity: Int, tips: [String] = [], since: String, _ summary: String, _ complexity: String,
    history: [CommandFacts.Change] = [], arguments: String = "", _ body: @escaping CommandBody
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: arity, [.loading, .stale], .connection, tips: tips, group: .server, since: since, summary,
      complexity: complexity, history: history, arguments: arguments, run: body)
  }

  // MARK: facts

  static func all(_ execution: inout Execution) {
    let table = execution.table
    execution.reply.array(table.callable.count)
    for index in table.callable { table.writeInfo(index, to: execution.reply) }
  }

  static func info(_ execution: inout Execution) {
    guard execution.arguments.count > 2 else { return all(&execution) }
    execution.reply.array(execution.arguments.count - 2)
    for word in 2..<execution.arguments.count {
      if let index = execution.table.index(fullName: execution.arguments[word]) {
        execution.table.writeInfo(index, to: execution.reply)
      } else {
        execution.reply.nullArray()
      }
    }
  }

  static func documentation(_ execution: inout Execution) {
    let table = execution.table
    var found = table.callable
    if execution.arguments.count > 2 {
      let words = execution.arguments
      found = (2..<words.count).compactMap { table.index(fullName: words[$0]) }
    }
    execution.reply.map(found.count)
    for index in found { table.writeDocumentation(index, to: execution.reply) }
  }

  static func count(_ execution: inout Execution) { execution.reply.integer(execution.table.callable.count) }

  static func list(_ execution: inout Execution) {
    let table = execution.table
    let words = execution.arguments
    guard words.count == 2 || words.count == 5 && words[2].equalsIgnoringCase("filterby") else {
      return execution.refuseSyntax()
    }
    var names: [String] = []
    let everything = table.callable.flatMap { [$0] + table.subcommands(of: $0) }
    if words.count == 2 {
      names = everything.map { table.facts[$0].fullName }
    } else if words[3].equalsIgnoringCase("aclcat") {
      let category = CommandCategories(name: words[4])
      names = everything.map { table.facts[$0] }
        .filter { category.map($0.allCategories.isSuperset) ?? false }.map(\.fullName)
    } else if words[3].equalsIgnoringCase("pattern") {
      let glob = Glob(words[4], ignoringCase: true)
      names = everything.map { table.facts[$0].fullName }
        .filter { name in
          var name = name
          return name.withUTF8 { glob.matches(ByteView(UnsafeRawBufferPointer($0))) }
        }
    } else if !words[3].equalsIgnoringCase("module") {
      // No command comes from a module.
      return execution.refuseSyntax()
    }
    execution.reply.array(names.count)
    for name in names { execution.reply.bulk(text: name) }
  }

  // MARK: keys

  static func keys(_ execution: inout Execution) {
    guard let found = keys(of: execution.arguments.dropFirst(2), &execution) else { return }
    execution.reply.array(found.count)
    for key in found { execution.reply.bulk(execution.arguments[key.position + 2]) }
  }

  static func keysAndFlags(_ execution: inout Execution) {
    guard let found = keys(of: execution.arguments.dropFirst(2), &execution) else { return }
    execution.reply.array(found.count)
    for key in found {
      execution.reply.array(2)
      execution.reply.bulk(execution.arguments[key.position + 2])
      KeyFlags.write(key.flags, to: execution.reply)
    }
  }

  /// Answers the error and nil.
  private static func keys(of request: Arguments, _ execution: inout Execution) -> [KeyReference]? {
    guard case .command(let command) = execution.table.resolve(request) else {
      execution.reply.error("ERR Invalid command specified")
      return nil
    }
    let facts = execution.table.facts[command.pointee.index]
    guard facts.hasKeys else {
      execution.reply.error("ERR The command has no key arguments")
      return nil
    }
    guard command.pointee.accepts(words: request.count) else {
      execution.reply.error("ERR Invalid number of arguments specified for command")
      return nil
    }
    if let found = facts.keys(of: request) { return found }
    if facts.flags.contains(.noMandatoryKeys) { return [] }
    execution.reply.error("ERR Invalid arguments specified for command")
    return nil
  }

  static func help(_ execution: inout Execution) {
    execution.reply.help(
      "COMMAND",
      [
        "(no subcommand)", "    The facts of all commands.",
        "COUNT", "    How many commands there are.",
        "LIST [FILTERBY MODULE <module>|ACLCAT <category>|PATTERN <pattern>]", "    The names of the commands.",
        "INFO [<command-name> ...]", "    The facts of these commands, or of all.",
        "DOCS [<command-name> ...]", "    The documentation of these commands, or of all.",
        "GETKEYS <full-command>", "    The keys of a request.",
        "GETKEYSANDFLAGS <full-command>", "    The keys of a request and what it does with each.",
      ])
  }
}

extension CommandTable {
  /// The index of `get` or `config|set`.
  public func index(fullName: ByteView) -> Int? {
    guard let bar = (0..<fullName.count).first(where: { fullName[$0] == UInt8(ascii: "|") }) else {
      return find(fullName)?.pointee.index
    }
    guard let container = find(fullName[0..<bar]), let children = container.pointee.subcommands else { return nil }
    return children.find(fullName[bar + 1..<fullName.count])
  }
}
