// Help.swift — the HELP subcommand of every container.
//
// A list of simple lines: the usage, then each subcommand followed by indented sentences, and
// HELP itself at the end. Clients print it as it is; some look for the first line.
import Bytes
import Commands
import Wire

extension CommandDefinition {
  /// The HELP subcommand of `container`.
  static func help(
    of container: StaticString, categories: CommandCategories = [], group: CommandGroup, since: String,
    _ lines: [StaticString]
  ) -> CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "help", arity: 2, [.loading, .stale], categories, group: group, since: since,
        "Lists the subcommands and what they do.", complexity: "O(1)")
    ) { $0.reply.help(container, lines) }
  }
}

extension Reply {
  /// For containers that are one command and look at their own words.
  func unknownSubcommand(_ word: ByteView, of container: StaticString) {
    beginError()
    part("ERR unknown subcommand or wrong number of arguments for '")
    part(word.prefix(128))
    part("'. Try ")
    part(container)
    part(" HELP.")
    end()
  }
}
