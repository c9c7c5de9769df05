// Command.swift — one line of the command table, as the executor needs it.
//
// What a command *is* (arity, flags, keys, documentation) are its facts, written next to its
// siblings in Families/; what the executor asks on every request is copied from them into
// this small record when the table is built.
import Bytes
import Wire

/// Runs a command: reads `execution.arguments`, changes the store, writes `execution.reply`.
package typealias CommandBody = (inout Execution) -> Void

/// A command or a subcommand, at its place in the table.
package struct Command {
  /// Its facts, and the index of its statistics.
  package let index: Int
  package let flags: CommandFlags
  /// Redis's convention: n words exactly, or at least -n; the name counts.
  package let arity: Int
  package let body: CommandBody
  /// For a container (CLIENT, CONFIG, …): the table of its subcommands by name.
  package let subcommands: CommandNames?

  /// Whether a request of `count` words has the right length.
  @inlinable package func accepts(words count: Int) -> Bool { arity >= 0 ? count == arity : count >= -arity }
}

/// What a command may do and where; the names are those of COMMAND INFO.
package struct CommandFlags: OptionSet, Sendable {
  package let rawValue: UInt32
  @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let write = CommandFlags(rawValue: 1 << 0)
  package static let readonly = CommandFlags(rawValue: 1 << 1)
  package static let denyOOM = CommandFlags(rawValue: 1 << 2)
  package static let admin = CommandFlags(rawValue: 1 << 3)
  package static let pubsub = CommandFlags(rawValue: 1 << 4)
  package static let noscript = CommandFlags(rawValue: 1 << 5)
  package static let blocking = CommandFlags(rawValue: 1 << 6)
  package static let loading = CommandFlags(rawValue: 1 << 7)
  package static let stale = CommandFlags(rawValue: 1 << 8)
  package static let skipMonitor = CommandFlags(rawValue: 1 << 9)
  package static let skipSlowlog = CommandFlags(rawValue: 1 << 10)
  package static let asking = CommandFlags(rawValue: 1 << 11)
  package static let fast = CommandFlags(rawValue: 1 << 12)
  /// May be sent before authentication.
  package static let noAuth = CommandFlags(rawValue: 1 << 13)
  package static let mayReplicate = CommandFlags(rawValue: 1 << 14)
  package static let noMandatoryKeys = CommandFlags(rawValue: 1 << 15)
  package static let noMulti = CommandFlags(rawValue: 1 << 16)
  package static let movableKeys = CommandFlags(rawValue: 1 << 17)
  package static let allowBusy = CommandFlags(rawValue: 1 << 18)
  /// Changes TTLs of its keys or the like in a way that the client's own cache must hear of; internal.
  package static let protected = CommandFlags(rawValue: 1 << 19)
  package static let onlySentinel = CommandFlags(rawValue: 1 << 20)
  package static let noAsyncLoading = CommandFlags(rawValue: 1 << 21)
}
