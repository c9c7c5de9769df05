// Dialogue.swift — what one client says, and what it must hear, byte for byte.
//
//   said:   SET c1:k3 … │ GET c1:k3 │ INCR c1:n0 │ … │ QUIT        (all of it may be pipelined)
//   heard:  +OK         │ $12 …     │ :7         │ … │ +OK, end
//
// Each client has keys of its own, so its answers do not depend on when the others speak.

import Ring

/// One client's part in a play.
struct Dialogue {
  /// How the connection ends.
  enum Ending {
    /// The client ends its direction and hears the rest.
    case halfClose
    /// The server ends it after its last answer: QUIT, bytes that cannot be read, CLIENT KILL of oneself.
    case server
    /// The client goes away as soon as it has said everything.
    case close, reset
    /// Another client kills it, or comes too early to find it: then as `halfClose`.
    case killed
  }

  var said: [UInt8] = []
  var heard: [UInt8] = []
  /// What may come behind `heard`: one of these; nothing if there are none.
  var lastReplies: [[UInt8]] = []
  var ending = Ending.halfClose
  /// Bytes of one write at most.
  var portion = 1

  /// Whether `bytes` are what the client must have heard in the end.
  func isWhole(_ bytes: [UInt8]) -> Bool {
    lastReplies.isEmpty ? bytes == heard : lastReplies.contains { bytes == heard + $0 }
  }

  /// Whether `bytes` are what the client hears before a connection is cut.
  func isBeginning(_ bytes: [UInt8]) -> Bool {
    heard.starts(with: bytes) || lastReplies.contains { (heard + $0).starts(with: bytes) }
  }
}

extension Dialogue {
  /// The parts of a whole play: mostly independent clients, sometimes one that kills another.
  static func cast(_ random: inout SeededRandom, _ scale: DialogueScale) -> [Dialogue] {
    var parts: [Dialogue] = []
    for number in 0..<1 + random.below(scale.clientsMax) {
      var writer = DialogueWriter(client: "c\(number)", random: random, scale: scale)
      parts.append(writer.write())
      random = writer.random
    }
    if scale.meddles && parts.count > 1 && random.happens(300) {
      var killer = DialogueWriter(client: "killer", random: random, scale: scale)
      parts[0].ending = .killed
      parts.append(killer.writeKilling(parts[0], named: "c0"))
      random = killer.random
    }
    return parts
  }
}

/// How much is said in one play.
struct DialogueScale {
  var clientsMax = 4
  var requestsMax = 40
  /// Bytes of the longest value.
  var longest = 600
  /// Clients may say more after the request that ends their connection. (Real sockets answer with a reset,
  /// which may overtake the last reply.)
  var speaksAfterTheEnd = true
  /// Clients may go without waiting for their answers.
  var leavesEarly = true
  /// Clients may kill others and make them wait, so that when things happen decides what is heard, or how soon.
  var meddles = true
}
