// CommandFacts.swift — all that there is to say about a command.
//
// A family lists its commands as definitions, one after the other; each carries its facts
// and the function that runs it. Everything else is derived: what the executor checks on
// every request, what COMMAND, ACL categories and redis-cli's hints tell, and where the
// keys of a request stand. Nothing about a command is written down twice.

/// What COMMAND INFO and COMMAND DOCS tell about one command or subcommand.
public struct CommandFacts: Sendable {
  /// Lower case; for a subcommand its own word only.
  public let name: String
  /// The container's name, for a subcommand.
  public var container: String?
  /// Redis's convention: n words exactly, or at least -n; the name counts.
  public let arity: Int
  /// As written; `movablekeys` is added to what the key specifications imply.
  public let flags: CommandFlags
  public let categories: CommandCategories
  public let keys: [KeySpecification]
  /// Hints for cluster-aware clients and proxies, in COMMAND's spelling.
  public let tips: [String]
  public let group: CommandGroup
  /// The version of Redis (up to 7.2) or Valkey that first had it.
  public let since: String
  public let summary: String
  public let complexity: String
  public let deprecation: Deprecation?
  /// Meant for servers among themselves, not for applications.
  public let isSystemCommand: Bool
  public let history: [Change]
  /// The arguments in the notation of ArgumentSyntax.swift; parsed when somebody asks.
  public let arguments: String
  /// Key flags that depend on the words, where a specification is marked `.variableFlags`,
  /// and keys that no specification can find. Nil where the specifications say it all.
  public let findKeys: KeyFinder?

  /// A version in which the command gained something, and what.
  public struct Change: Sendable {
    public let version: String
    public let text: String

    public init(_ version: String, _ text: String) {
      self.version = version
      self.text = text
    }
  }

  /// Since when a command should not be used, and what should.
  public struct Deprecation: Sendable {
    public let since: String
    public let replacement: String

    public init(since: String, use replacement: String) {
      self.since = since
      self.replacement = replacement
    }
  }

  public init(
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
  public var fullName: String {
    guard let container else { return name }
    return "\(container)|\(name)"
  }

  /// The categories as ACL sees them: those written down and those that the flags imply.
  public var allCategories: CommandCategories {
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
public enum CommandGroup: String, Sendable {
  case generic, string, list, set, hash, pubsub, transactions, connection, server, scripting, hyperloglog, cluster
  case sentinel, geo, stream, bitmap, module
  case sortedSet = "sorted-set"
}

/// ACL categories; `names` spells them.
public struct CommandCategories: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let keyspace = CommandCategories(rawValue: 1 << 0)
  public static let read = CommandCategories(rawValue: 1 << 1)
  public static let write = CommandCategories(rawValue: 1 << 2)
  public static let set = CommandCategories(rawValue: 1 << 3)
  public static let sortedSet = CommandCategories(rawValue: 1 << 4)
  public static let list = CommandCategories(rawValue: 1 << 5)
  public static let hash = CommandCategories(rawValue: 1 << 6)
  public static let string = CommandCategories(rawValue: 1 << 7)
  public static let bitmap = CommandCategories(rawValue: 1 << 8)
  public static let hyperloglog = CommandCategories(rawValue: 1 << 9)
  public static let geo = CommandCategories(rawValue: 1 << 10)
  public static let stream = CommandCategories(rawValue: 1 << 11)
  public static let pubsub = CommandCategories(rawValue: 1 << 12)
  public static let admin = CommandCategories(rawValue: 1 << 13)
  public static let fast = CommandCategories(rawValue: 1 << 14)
  public static let slow = CommandCategories(rawValue: 1 << 15)
  public static let blocking = CommandCategories(rawValue: 1 << 16)
  public static let dangerous = CommandCategories(rawValue: 1 << 17)
  public static let connection = CommandCategories(rawValue: 1 << 18)
  public static let transaction = CommandCategories(rawValue: 1 << 19)
  public static let scripting = CommandCategories(rawValue: 1 << 20)

  /// By bit; the order of ACL CAT.
  public static let names: [StaticString] = [
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
    "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
  ]
}

extension CommandFlags {
  /// The flags that COMMAND shows, with its spelling.
  public static let names: [(flag: CommandFlags, name: StaticString)] = [
    (.write, "write"), (.readonly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"), (.pubsub, "pubsub"),
    (.noscript, "noscript"), (.blocking, "blocking"), (.loading, "loading"), (.stale, "stale"),
    (.skipMonitor, "skip_monitor"), (.skipSlowlog, "skip_commandlog"), (.asking, "asking"), (.fast, "fast"),
    (.noAuth, "no_auth"), (.noMandatoryKeys, "no_mandatory_keys"),
    (.noMulti, "no_multi"), (.movableKeys, "movablekeys"), (.allowBusy, "allow_busy"),
    (.noAsyncLoading, "no_async_loading"),
  ]
}

extension CommandDefinition {
  /// A command with its facts and its body in one line of a family's list.
  public init(
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
