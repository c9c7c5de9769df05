// InstanceCommands.swift — ROLE, LASTSAVE, MODULE and ACL WHOAMI: what a lone server answers about itself.
import Bytes
import Commands
import Wire

enum InstanceCommands {
  static var definitions: [CommandDefinition] { [role, module, accessControl] }

  private static var role: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "role", arity: 1, [.noscript, .loading, .stale, .fast], [.admin, .dangerous], group: .server, since: "2.8.12",
        "Tells whether the server is a primary or a replica.", complexity: "O(1)")
    ) { execution in
      execution.reply.array(3)
      execution.reply.bulk("master")
      execution.reply.integer(0)
      execution.reply.array(0)
    }
  }

  private static var module: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "module", arity: -2, [], group: .server, since: "4.0.0", "Everything about modules.",
        complexity: "Depends on subcommand."),
      subcommands: [
        CommandDefinition(
          CommandFacts(
            "list", arity: 2, [.admin, .noscript], tips: ["nondeterministic_output_order"], group: .server,
            since: "4.0.0", "Lists the modules.", complexity: "O(N) in the number of modules")
        ) { $0.reply.array(0) },
        .help(of: "MODULE", group: .server, since: "5.0.0", ["LIST", "    The modules that are loaded: none."]),
      ]
    ) { $0.reply.error("ERR syntax error") }
  }

  private static var accessControl: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "acl", arity: -2, [], group: .server, since: "6.0.0", "Everything about users.",
        complexity: "Depends on subcommand."),
      subcommands: [
        CommandDefinition(
          CommandFacts(
            "whoami", arity: 2, .anytime, group: .server, since: "6.0.0", "Tells the connection's user.",
            complexity: "O(1)")
        ) { $0.reply.bulk(Authentication.defaultUser) },
        .help(of: "ACL", group: .server, since: "6.0.0", ["WHOAMI", "    The user of this connection."]),
      ]
    ) { $0.reply.error("ERR syntax error") }
  }
}
