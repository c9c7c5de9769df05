// Keyspace+Figures.swift: the table's inner figures, for whoever debugs it.

extension Keyspace {
  /// What DEBUG HTSTATS tells about a table.
  public struct Figures: Sendable {
    /// Buckets that hashes lead to, and further ones that hang on them.
    public let buckets: Int
    public let children: Int
    /// How many chains hold 0, 1, 2, … entries.
    public let chainLengths: [Int]
  }

  /// Entries that fit into one bucket.
  public static var entriesPerBucket: Int { 7 }

  /// Walks the whole table: not for the request path.
  public func figures() -> Figures {
    var lengths: [Int] = []
    var sweep = Sweep()
    while let bucket = visit(&sweep) {
      var entries = bucket
      var length = 0
      while entries.next() != nil { length += 1 }
      while lengths.count <= length { lengths.append(0) }
      lengths[length] += 1
    }
    return Figures(buckets: table.bucketCount, children: table.childCount, chainLengths: lengths)
  }
}
