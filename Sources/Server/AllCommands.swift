// AllCommands.swift — the families side by side: the whole command table.
import Commands

enum AllCommands {
  static var list: [CommandDefinition] { CommandTable.dataCommands + ServerCommands.definitions + DumpCommands.definitions }
}
