// DirectiveTable.swift — the table: all topics, and finding a line by any of its names.

/// All directives.
package enum DirectiveTable {
  /// The topics in the order of the sample file.
  package static let topics: [(title: String, directives: [Directive])] = [
    ("Network", Directive.network),
    ("Clients", Directive.clients),
    ("General", Directive.general),
    ("Threads", Directive.threads),
    ("Security", Directive.security),
    ("TLS", Directive.tls),
    ("Memory", Directive.memory),
    ("Snapshots", Directive.snapshots),
    ("Log", Directive.log),
    ("Replication", Directive.replication),
    ("Cluster", Directive.cluster),
    ("Scripting", Directive.scripting),
    ("Observation", Directive.observation),
    ("Encodings", Directive.encodings),
    ("System", Directive.system),
  ]

  /// Every line, topic after topic.
  package static let all: [Directive] = topics.flatMap(\.directives)

  /// The line with this name or alias; letters in either case.
  package static func find(_ name: String) -> Directive? {
    position(of: name.lowercased()).map { all[$0] }
  }

  /// The line that an environment variable stands for, given in lower case: underscores are dashes, or themselves.
  static func find(variable: String) -> Directive? {
    guard let directive = variables[variable].map({ all[$0] }), !directive.isFileOnly else { return nil }
    return directive
  }

  static func position(of lowercasedName: String) -> Int? { index[lowercasedName] }

  /// Names and aliases, in order, with the position of their line in `all`.
  static let names: [(name: String, position: Int)] = all.enumerated()
    .flatMap { position, directive in ([directive.name] + directive.aliases).map { ($0, position) } }
    .sorted { $0.0 < $1.0 }

  private static let index = Dictionary(names.map { ($0.name, $0.position) }) { first, _ in first }

  private static let variables = Dictionary(
    names.map { (String($0.name.map { $0 == "-" ? "_" : $0 }), $0.position) }
  ) { first, _ in first }

  /// Names of long ago that files may still carry; they are read and passed over.
  static let retired: Set<String> = ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"]
}
