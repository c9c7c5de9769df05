// AllCommands.swift — the families side by side: the whole command table.
import Commands

enum AllCommands {
  static var list: [CommandDefinition] { dataCommands + ServerCommands.definitions + DumpCommands.definitions + ScriptCommands.definitions }

  /// The families' commands; FLUSHALL has something to do with files besides.
  private static var dataCommands: [CommandDefinition] {
    CommandTable.dataCommands.map { definition in
      guard definition.facts.name == "flushall" else { return definition }
      return CommandDefinition(definition.facts, run: PersistenceCommands.flushAll)
    }
  }
}
