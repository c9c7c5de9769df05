// CommandFacts.swift — all that there is to say about a command.
//
// A family lists its commands as definitions, one after the other; each carries its facts
// and the function that runs it. Everything else is derived: what the executor checks on
// every request, what COMMAND, ACL categories and redis-cli's hints tell, and where the
// keys of a request stand. Nothing about a command is written down twice.

/// What COMMAND INFO and COMMAND DOCS tell about one command or subcommand.
package struct CommandFacts: Sendable {
  /// Lower case; for a subcommand its own word only.
  package let name: String
  /// The container's name, for a subcommand.
  package var container: String?
  /// Redis's convention: n words exactly, or at least -n; the name counts.
  package let arity: Int
  /// As written; `movablekeys` is added to what the key specifications imply.
  package let flags: CommandFlags
  package let categories: CommandCategories
  package let keys: [KeySpecification]
  /// Hints for cluster-aware clients and proxies, in COMMAND's spelling.
  package let tips: [String]
  package let group: CommandGroup
  /// The version of Redis (up to 7.2) or Valkey that first had it.
  package let since: String
  package let summary: String
  package let complexity: String
  package let deprecation: Deprecation?
  /// Meant for servers among themselves, not for applications.
  package let isSystemCommand: Bool
  package let history: [Change]
  /// The arguments in the notation of ArgumentSyntax.swift; parsed when somebody asks.
  package let arguments: String
  /// Key flags that depend on the words, where a specification is marked `.variableFlags`,
  /// and keys that no specification can find. Nil where the specifications say it all.
  package let findKeys: KeyFinder?

  /// A version in which the command gained something, and what.
  package struct Change: Sendable {
    package let version: String
    package let text: String

    package init(_ version: String, _ text: String) {
      self.version = version
      self.text = text
    }
  }

  /// Since when a command should not be used, and what should.
  package struct Deprecation: Sendable {
    package let since: String
    package let replacement: String

    package init(since: String, use replacement: String) {
      self.since = since
      self.replacement = replacement
    }
  }

  package init(
    _ name: String, arity: Int, _ flags: CommandFlags, _ categories: CommandCategories = [],
    keys: [KeySpecification] = [], findKeys: KeyFinder? = nil, tips: [String] = [], group: CommandGroup, since: String,
    deprecated: Deprecation? = nil, isSystemCommand: Bool = false, _ summary: String, complexity: String,
    history: [Change] = [], arguments: String = ""
  ) {
    self.name = name
    self.arity = arity
    self.flags = keys.allSatisfy(\.isPositional) ? flags : flags.union(.movableKeys)
    self.categories = categories
    self.keys = keys
    self.findKeys = findKeys
    self.tips = tips
    self.group = group
    self.since = since
    self.summary = summary
    self.complexity = complexity
    deprecation = deprecated
    self.isSystemCommand = isSystemCommand
    self.history = history
    self.arguments = arguments
  }

  /// `get`, `config|set`: how COMMAND spells it.
  package var fullName: String {
    guard let container else { return name }
    return "\(container)|\(name)"
  }

  /// The categories as ACL sees them: those written down and those that the flags imply.
  package var allCategories: CommandCategories {
    var all = categories
    if flags.contains(.write) { all.insert(.write) }
    // A script may do anything, so a command that only reads is not `read` when it runs scripts.
    if flags.contains(.readonly) && !categories.contains(.scripting) { all.insert(.read) }
    if flags.contains(.admin) { all.formUnion([.admin, .dangerous]) }
    if flags.contains(.pubsub) { all.insert(.pubsub) }
    if flags.contains(.blocking) { all.insert(.blocking) }
    all.insert(flags.contains(.fast) ? .fast : .slow)
    return all
  }
}

/// The chapter of the reference that a command stands in.
package enum CommandGroup: String, Sendable {
  case generic, string, list, set, hash, pubsub, transactions, connection, server, scripting, hyperloglog, cluster
  case sentinel, geo, stream, bitmap, module
  case sortedSet = "sorted-set"
}

/// ACL categories; `names` spells them.
package struct CommandCategories: OptionSet, Sendable {
  package let rawValue: UInt32
  @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let keyspace = CommandCategories(rawValue: 1 << 0)
  package static let read = CommandCategories(rawValue: 1 << 1)
  package static let write = CommandCategories(rawValue: 1 << 2)
  package static let set = CommandCategories(rawValue: 1 << 3)
  package static let sortedSet = CommandCategories(rawValue: 1 << 4)
  package static let list = CommandCategories(rawValue: 1 << 5)
  package static let hash = CommandCategories(rawValue: 1 << 6)
  package static let string = CommandCategories(rawValue: 1 << 7)
  package static let bitmap = CommandCategories(rawValue: 1 << 8)
  package static let hyperloglog = CommandCategories(rawValue: 1 << 9)
  package static let geo = CommandCategories(rawValue: 1 << 10)
  package static let stream = CommandCategories(rawValue: 1 << 11)
  package static let pubsub = CommandCategories(rawValue: 1 << 12)
  package static let admin = CommandCategories(rawValue: 1 << 13)
  package static let fast = CommandCategories(rawValue: 1 << 14)
  package static let slow = CommandCategories(rawValue: 1 << 15)
  package static let blocking = CommandCategories(rawValue: 1 << 16)
  package static let dangerous = CommandCategories(rawValue: 1 << 17)
  package static let connection = CommandCategories(rawValue: 1 << 18)
  package static let transaction = CommandCategories(rawValue: 1 << 19)
  package static let scripting = CommandCategories(rawValue: 1 << 20)

  /// By bit; the order of ACL CAT.
  package static let names: [StaticString] = [
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
    "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
  ]
}

extension CommandFlags {
  /// The flags that COMMAND shows, with its spelling.
  package static let names: [(flag: CommandFlags, name: StaticString)] = [
    (.write, "write"), (.readonly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"), (.pubsub, "pubsub"),
    (.noscript, "noscript"), (.blocking, "blocking"), (.loading, "loading"), (.stale, "stale"),
    (.skipMonitor, "skip_monitor"), (.skipSlowlog, "skip_commandlog"), (.asking, "asking"), (.fast, "fast"),
    (.noAuth, "no_auth"), (.mayReplicate, "may_replicate"), (.noMandatoryKeys, "no_mandatory_keys"),
    (.noMulti, "no_multi"), (.movableKeys, "movablekeys"), (.allowBusy, "allow_busy"),
    (.noAsyncLoading, "no_async_loading"),
  ]
}

extension CommandDefinition {
  /// A command with its facts and its body in one line of a family's list.
  package init(
    _ name: String, arity: Int, _ flags: CommandFlags, _ categories: CommandCategories = [],
    keys: [KeySpecification] = [], findKeys: KeyFinder? = nil, tips: [String] = [], group: CommandGroup, since: String,
    deprecated: CommandFacts.Deprecation? = nil, isSystemCommand: Bool = false, _ summary: String, complexity: String,
    history: [CommandFacts.Change] = [], arguments: String = "", subcommands: [CommandDefinition] = [],
    run body: @escaping CommandBody
  ) {
    let facts = CommandFacts(
      name, arity: arity, flags, categories, keys: keys, findKeys: findKeys, tips: tips, group: group, since: since,
      deprecated: deprecated, isSystemCommand: isSystemCommand, summary, complexity: complexity, history: history,
      arguments: arguments)
    self.init(facts, subcommands: subcommands, run: body)
  }
}
