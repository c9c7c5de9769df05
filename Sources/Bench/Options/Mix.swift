// Mix.swift: which commands, in what proportion.

/// Kinds of request with weights: "get:9,set:1".
struct Mix: Sendable {
  enum Kind: String, CaseIterable, Sendable { case get, set, incr, ping }

  let parts: [(kind: Kind, weight: UInt64)]
  static let get = Mix(parts: [(.get, 1)])

  init(parts: [(kind: Kind, weight: UInt64)]) { self.parts = parts }

  init(_ text: String) throws(Complaint) {
    var parts: [(kind: Kind, weight: UInt64)] = []
    for part in text.split(separator: ",") {
      let pair = part.split(separator: ":", maxSplits: 1)
      guard let name = pair.first, let kind = Kind(rawValue: name.lowercased()) else {
        let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint("mix \(text): \(part) is not one of \(known)")
      }
      guard let weight = pair.count == 2 ? UInt64(pair[1]) : 1, (1...1_000_000).contains(weight) else {
        throw Complaint("mix \(text): a weight is a number from 1 to 1000000")
      }
      parts.append((kind, weight))
    }
    guard !parts.isEmpty else { throw Complaint("an empty mix") }
    self.parts = parts
  }

  var text: String {
    parts.count == 1
      ? parts[0].kind.rawValue : parts.map { "\($0.kind.rawValue):\($0.weight)" }.joined(separator: ",")
  }
}

extension Mix.Kind {
  /// The words of the request, with the places of Template.
  var words: [String] {
    switch self {
    case .get: ["GET", Template.keyPlace]
    case .set: ["SET", Template.keyPlace, Template.valuePlace]
    // Its own names: INCR on a value that SET wrote would answer errors.
    case .incr: ["INCR", "counter:" + Template.digitsPlace]
    case .ping: ["PING"]
    }
  }
}
