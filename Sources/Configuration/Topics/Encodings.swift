// Encodings.swift — up to which size a collection keeps its compact form.

/// Limits of the compact encodings. Each field is described by its line in the table below.
package struct EncodingSettings: Sendable, Equatable {
  package var hashListpackEntriesMax = 0
  package var hashListpackValueBytesMax = 0
  /// Positive: entries of a node. Negative: -1 is 4 KiB, -2 8 KiB … -5 64 KiB.
  package var listListpackSizeMax = 0
  package var listCompressDepth = 0
  package var setIntsetEntriesMax = 0
  package var setListpackEntriesMax = 0
  package var setListpackValueBytesMax = 0
  package var sortedSetListpackEntriesMax = 0
  package var sortedSetListpackValueBytesMax = 0
  package var hyperLogLogSparseBytesMax = 0
  package var streamNodeBytesMax = 0
  package var streamNodeEntriesMax = 0
  package var names = EncodingNames.automatic
}

/// Which Redis's names OBJECT ENCODING answers for small lists and sets, which are listpacks here in any case.
/// Redis 7.0 called every list `quicklist` and every set of texts `hashtable`; 7.2 was the first to have listpacks for them.
package enum EncodingNames: String, Sendable, CaseIterable {
  case automatic = "auto"
  case redis70 = "7.0"
  case redis72 = "7.2"
}

extension Configuration {
  /// Small lists are called `listpack`: by directive, or because somebody who knows Redis 7.2 has set their limit.
  /// Redis 7.0 has the same limit, under an older name that 7.2 understands too.
  package var reportsListpackLists: Bool {
    reports(settings.encodings.names, because: ["list-max-listpack-size"])
  }

  /// Small sets of texts are called `listpack`: by directive, or because a limit was set that Redis 7.0 does not have.
  package var reportsListpackSets: Bool {
    reports(settings.encodings.names, because: ["set-max-listpack-entries", "set-max-listpack-value"])
  }

  private func reports(_ names: EncodingNames, because signs: Set<String>) -> Bool {
    switch names {
    case .redis70: false
    case .redis72: true
    case .automatic: !namesGiven.isDisjoint(with: signs)
    }
  }
}

extension Directive {
  static let encodings: [Directive] = [
    .integer(
      "hash-max-listpack-entries", \.encodings.hashListpackEntriesMax, .nonNegative, default: 512,
      also: ["hash-max-ziplist-entries"], "Fields up to which a hash stays a listpack."),
    .memory(
      "hash-max-listpack-value", \.encodings.hashListpackValueBytesMax, default: 64, also: ["hash-max-ziplist-value"],
      "Bytes of its longest field or value up to which a hash stays a listpack."),
    .integer(
      "list-max-listpack-size", \.encodings.listListpackSizeMax, .any32, default: -2, also: ["list-max-ziplist-size"],
      "Size of a list's nodes: entries if positive, -1 to -5 for 4, 8, 16, 32, 64 KiB."),
    .integer(
      "list-compress-depth", \.encodings.listCompressDepth, .nonNegative32, default: 0,
      "Nodes at each end of a list that are never compressed; here none is."
    ).accepted(),
    .integer(
      "set-max-intset-entries", \.encodings.setIntsetEntriesMax, .nonNegative, default: 512,
      "Members up to which a set of integers stays an intset."),
    .integer(
      "set-max-listpack-entries", \.encodings.setListpackEntriesMax, .nonNegative, default: 128,
      "Members up to which a set stays a listpack."),
    .integer(
      "set-max-listpack-value", \.encodings.setListpackValueBytesMax, .nonNegative, default: 64,
      "Bytes of its longest member up to which a set stays a listpack."),
    .integer(
      "zset-max-listpack-entries", \.encodings.sortedSetListpackEntriesMax, .nonNegative, default: 128,
      also: ["zset-max-ziplist-entries"], "Members up to which a sorted set stays a listpack."),
    .memory(
      "zset-max-listpack-value", \.encodings.sortedSetListpackValueBytesMax, default: 64,
      also: ["zset-max-ziplist-value"], "Bytes of its longest member up to which a sorted set stays a listpack."),
    .memory(
      "hll-sparse-max-bytes", \.encodings.hyperLogLogSparseBytesMax, default: 3000,
      "Bytes up to which a HyperLogLog stays in its sparse form."),
    .memory(
      "stream-node-max-bytes", \.encodings.streamNodeBytesMax, default: 4096,
      "Bytes of one node of a stream; 0 is no limit."),
    .integer(
      "stream-node-max-entries", \.encodings.streamNodeEntriesMax, .nonNegative, default: 100,
      "Entries of one node of a stream; 0 is no limit."),
    .choice(
      "encoding-names", \.encodings.names, default: .automatic,
      """
      What OBJECT ENCODING calls small lists and small sets of texts: quicklist and hashtable as Redis 7.0, or listpack \
      as Redis 7.2 and Valkey. auto: as 7.2 once their limit was given by a name that only 7.2 has \
      (list-max-listpack-size; set-max-listpack-entries or -value), else as 7.0.
      """),
  ]
}
