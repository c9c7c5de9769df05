// Families.swift — the lists of all families, which the table is built from.

extension CommandTable {
  /// Every command of this module that is complete by itself. MEMORY is not among them: the server builds
  /// it by `Memory.definition(adding:)`, since some of its subcommands ask the server.
  public static var dataCommands: [CommandDefinition] {
    // Each statement alone: one sum of so many lists takes the type checker long.
    var all = Strings.definitions + Bits.definitions + HyperLogLog.definitions
    all += Lists.definitions + Sets.definitions + Hashes.definitions
    all += SortedSets.definitions + Sort.definitions + Streams.definitions + Geo.definitions
    all += Keys.definitions + Databases.definitions
    return all + [Introspection.definition]
  }
}
