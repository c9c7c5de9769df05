// Command.swift — one line of the command table, as the executor needs it.
//
// What a command *is* (arity, flags, keys, documentation) are its facts, written next to its
// siblings in Families/; what the executor asks on every request is copied from them into
// this small record when the table is built.
import Bytes
import Wire

/// Runs a command: reads `execution.arguments`, changes the store, writes `execution.reply`.
public typealias CommandBody = (inout Execution) -> Void

/// A command or a subcommand, at its place in the table.
public struct Command {
  /// Its facts, and the index of its statistics.
  public let index: Int
  public let flags: CommandFlags
  /// Redis's convention: n words exactly, or at least -n; the name counts.
  public let arity: Int
  public let body: CommandBody
  /// Where the first key stands, if that is at a fixed place; 0 if not: a hint for prefetching.
  public let firstKey: Int
  /// For a container (CLIENT, CONFIG, …): the table of its subcommands by name.
  public let subcommands: CommandNames?

  /// Whether a request of `count` words has the right length.
  @inlinable public func accepts(words count: Int) -> Bool { arity >= 0 ? count == arity : count >= -arity }
}

/// What a command may do and where; the names are those of COMMAND INFO.
public struct CommandFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable public static var write: CommandFlags { CommandFlags(rawValue: 1 << 0) }
  @inlinable public static var readonly: CommandFlags { CommandFlags(rawValue: 1 << 1) }
  @inlinable public static var denyOOM: CommandFlags { CommandFlags(rawValue: 1 << 2) }
  @inlinable public static var admin: CommandFlags { CommandFlags(rawValue: 1 << 3) }
  @inlinable public static var pubsub: CommandFlags { CommandFlags(rawValue: 1 << 4) }
  @inlinable public static var noscript: CommandFlags { CommandFlags(rawValue: 1 << 5) }
  @inlinable public static var blocking: CommandFlags { CommandFlags(rawValue: 1 << 6) }
  @inlinable public static var loading: CommandFlags { CommandFlags(rawValue: 1 << 7) }
  @inlinable public static var stale: CommandFlags { CommandFlags(rawValue: 1 << 8) }
  @inlinable public static var skipMonitor: CommandFlags { CommandFlags(rawValue: 1 << 9) }
  @inlinable public static var skipSlowlog: CommandFlags { CommandFlags(rawValue: 1 << 10) }
  @inlinable public static var asking: CommandFlags { CommandFlags(rawValue: 1 << 11) }
  @inlinable public static var fast: CommandFlags { CommandFlags(rawValue: 1 << 12) }
  /// May be sent before authentication.
  @inlinable public static var noAuth: CommandFlags { CommandFlags(rawValue: 1 << 13) }
  @inlinable public static var mayReplicate: CommandFlags { CommandFlags(rawValue: 1 << 14) }
  @inlinable public static var noMandatoryKeys: CommandFlags { CommandFlags(rawValue: 1 << 15) }
  @inlinable public static var noMulti: CommandFlags { CommandFlags(rawValue: 1 << 16) }
  @inlinable public static var movableKeys: CommandFlags { CommandFlags(rawValue: 1 << 17) }
  @inlinable public static var allowBusy: CommandFlags { CommandFlags(rawValue: 1 << 18) }
  /// Changes TTLs of its keys or the like in a way that the client's own cache must hear of; internal.
  @inlinable public static var protected: CommandFlags { CommandFlags(rawValue: 1 << 19) }
  @inlinable public static var onlySentinel: CommandFlags { CommandFlags(rawValue: 1 << 20) }
  @inlinable public static var noAsyncLoading: CommandFlags { CommandFlags(rawValue: 1 << 21) }
  // How long it may take: what may take long runs on a stack of its own, and others run in between; internal.

  /// Its cost has no bound that could be told beforehand.
  @inlinable public static var unbounded: CommandFlags { CommandFlags(rawValue: 1 << 24) }
  /// It runs a script: the executor runs it itself, not by its body; internal.
  @inlinable public static var runsScript: CommandFlags { CommandFlags(rawValue: 1 << 29) }
  /// It is bounded by the value of its first key.
  @inlinable public static var longIfLarge: CommandFlags { CommandFlags(rawValue: 1 << 25) }
  /// Only with a third word: LPOP key count.
  @inlinable public static var longIfCounted: CommandFlags { CommandFlags(rawValue: 1 << 26) }
  /// Its words 2 and 3, if it has no more, are indices of a range, which bounds it as well.
  @inlinable public static var longByRange: CommandFlags { CommandFlags(rawValue: 1 << 27) }
  /// It is bounded by the number of its words.
  @inlinable public static var longIfMany: CommandFlags { CommandFlags(rawValue: 1 << 28) }
  @inlinable public static var long: CommandFlags { [.unbounded, .longIfLarge, .longIfCounted, .longByRange, .longIfMany] }
}
