// Balance.swift — when one reactor has much more to do than another, some of its clients move.
//
//   once a second:  busiest ≥ half a processor, and over twice as busy as the least
//                   ──▶ its clients are counted for a second ──▶ still so: those move that make both alike
//
// Equal numbers of clients are not equal work: a few may do most of it. A client that alone is more than the half of
// the difference stays, for moving it would only turn the difference round; others leave it, and no longer wait for it.
//
// A pure decision: the caller counts.

enum Balance {
  static let lookNanoseconds: UInt64 = 1_000_000_000

  /// Whether something should move from a reactor that was busy for so much of the time to another, both in nanoseconds.
  static func isUneven(busiest: UInt64, least: UInt64, of nanoseconds: UInt64) -> Bool {
    busiest >= nanoseconds / 2 && busiest / 2 > least
  }

  /// Work of a client: requests, and bytes in the measure of what moving them costs beside a request.
  static func work(commands: UInt64, bytes: UInt64) -> UInt64 { commands &+ bytes / 1_024 }

  /// Which of the busiest reactor's clients move, as indices into `work`: heavy ones first, together at most half of the
  /// difference.
  static func chosen(from work: [UInt64], busiest: UInt64, least: UInt64) -> [Int] {
    guard busiest > least else { return [] }
    let total = work.reduce(0, &+)
    var left = UInt64(Double(total) * Double(busiest - least) / (2 * Double(busiest)))
    var chosen: [Int] = []
    for index in work.indices.sorted(by: { work[$0] > work[$1] }) where work[index] > 0 && work[index] <= left {
      left -= work[index]
      chosen.append(index)
    }
    return chosen
  }
}
