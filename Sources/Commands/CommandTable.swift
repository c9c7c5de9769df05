// CommandTable.swift — all commands there are, found by name.
//
// Built once at start from the families' lists (and the server's own), with rename-command
// applied. Subcommands stand in the same list behind their container, so that an index names
// either; a container is looked up twice, by its own word and by the next.
import Bytes
import Wire

/// Immutable after `init`, and alive as long as the process.
public struct CommandTable {
  public let commands: UnsafeMutablePointer<Command>
  /// Commands and subcommands together.
  public let count: Int
  @usableFromInline let names: CommandNames
  /// The same without rename-command: what a log calls them.
  private let originalNames: CommandNames
  /// What COMMAND tells about each, by index.
  public let facts: UnsafeMutablePointer<CommandFacts>
  /// Indices of the commands that can be called, without subcommands, in the order of their definitions.
  public let callable: [Int]

  /// - Parameter renamed: rename-command lines; an empty new name removes the command.
  public init(_ definitions: [CommandDefinition], renamed: [(from: String, to: String)] = []) {
    // Bodies stay within their definitions: a function in a tuple in an array is wrapped in another one.
    var all: [CommandDefinition] = []
    var children: [Int: [(name: String, index: Int)]] = [:]
    var top: [(name: String, index: Int)] = []
    var original: [(name: String, index: Int)] = []
    for definition in definitions {
      let index = all.count
      all.append(definition)
      for child in definition.subcommands {
        children[index, default: []].append((child.facts.name, all.count))
        all.append(child)
      }
      var name: String? = definition.facts.name
      for rule in renamed where rule.from.lowercased() == definition.facts.name {
        name = rule.to.isEmpty ? nil : rule.to.lowercased()
      }
      if let name { top.append((name, index)) }
      original.append((definition.facts.name, index))
    }
    count = all.count
    commands = .allocate(capacity: max(all.count, 1))
    facts = .allocate(capacity: max(all.count, 1))
    for (index, entry) in all.enumerated() {
      (facts + index).initialize(to: entry.facts)
      (commands + index).initialize(
        to: Command(
          index: index, flags: entry.facts.flags, arity: entry.facts.arity, body: entry.body,
          firstKey: KeyRange(entry.facts.keys).first,
          subcommands: children[index].map { CommandNames($0) }))
    }
    names = CommandNames(top)
    originalNames = renamed.isEmpty ? names : CommandNames(original)
    callable = top.map(\.index)
  }

  /// The command that the first word names, not looking at subcommands.
  @inlinable public func find(_ name: ByteView) -> UnsafePointer<Command>? {
    guard let index = names.find(name) else { return nil }
    return UnsafePointer(commands + index)
  }

  /// The indices of a container's subcommands, which stand directly behind it; empty for any other command.
  public func subcommands(of index: Int) -> Range<Int> {
    let container = facts[index].name
    var end = index + 1
    while end < count, facts[end].container == container { end += 1 }
    return index + 1..<end
  }

  /// The command or subcommand of a request that begins with these words; nil if there is none.
  public func resolve(_ name: ByteView, _ second: ByteView?) -> UnsafePointer<Command>? {
    guard let command = find(name) else { return nil }
    guard let subcommands = command.pointee.subcommands, let second else { return command }
    return subcommands.find(second).map { UnsafePointer(commands + $0) }
  }

  /// The command or subcommand of a record of a log, which knows nothing of rename-command; nil if there is none.
  public func resolveRecord(_ arguments: Arguments) -> UnsafePointer<Command>? {
    guard let index = originalNames.find(arguments[0]) ?? names.find(arguments[0]) else { return nil }
    guard let subcommands = commands[index].subcommands, arguments.count > 1 else { return UnsafePointer(commands + index) }
    return subcommands.find(arguments[1]).map { UnsafePointer(commands + $0) }
  }

  /// What became of looking a request up.
  public enum Resolution {
    case command(UnsafePointer<Command>)
    case unknown
    case unknownSubcommand(of: UnsafePointer<Command>)
  }

  /// The command or subcommand that a request names.
  @inlinable public func resolve(_ arguments: Arguments) -> Resolution {
    guard let command = find(arguments[0]) else { return .unknown }
    guard let subcommands = command.pointee.subcommands, arguments.count > 1 else { return .command(command) }
    guard let index = subcommands.find(arguments[1]) else { return .unknownSubcommand(of: command) }
    return .command(UnsafePointer(commands + index))
  }
}

/// One line of a family's list: the facts, what runs, and, for a container, its subcommands.
public struct CommandDefinition {
  public private(set) var facts: CommandFacts
  public let body: CommandBody
  public let subcommands: [CommandDefinition]

  public init(_ facts: CommandFacts, subcommands: [CommandDefinition] = [], run body: @escaping CommandBody) {
    self.facts = facts
    self.body = body
    self.subcommands = subcommands.map { $0.inside(facts.name) }
  }

  /// The same as a subcommand of `container`.
  private func inside(_ container: String) -> CommandDefinition {
    var copy = self
    copy.facts.container = container
    return copy
  }
}
