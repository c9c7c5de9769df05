// ConformanceScript.swift: one script for all engines.
//
// Clients talk to the echo server; the script checks that every byte comes back in order, that every
// connection ends, and that nothing is left over. It returns what the clients heard, so that engines
// can be compared with each other.
import TestClients
import Testing

@testable import Ring

/// What each client says, in which portions, and how it leaves.
struct Saying {
  enum Farewell { case end, close, reset }

  var bytes: [UInt8]
  var portion: Int
  var farewell = Farewell.end

  /// Bytes that show any loss, repetition or swap.
  static func pattern(_ count: Int, seed: Int) -> [UInt8] {
    var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 1)
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }
}

struct Outcome: Equatable {
  /// What each client heard, and whether its connection ended properly.
  var heard: [[UInt8]]
  var ended: [Bool]
}

/// How far a client has come.
private struct State {
  var number: Int
  var written = 0
  var hasEnded = false
  var isDone = false
  var isStuck = false
}

/// Plays all sayings at once. With `readsWhileWriting` false the clients read nothing before they have
/// written everything that goes out, so that the server's sends fill up.
func play<Ring: CompletionRing & ~Copyable>(
  _ ring: inout Ring, _ clients: any Clients, _ server: inout EchoServer, _ sayings: [Saying],
  readsWhileWriting: Bool = true, turnsMax: Int = 200_000, timeout: UInt64? = 1_000_000
) throws -> Outcome {
  var states = sayings.map { _ in State(number: clients.connect()) }
  var outcome = Outcome(heard: sayings.map { _ in [] }, ended: sayings.map { _ in false })

  for _ in 0..<turnsMax {
    try server.turn(&ring, timeout: timeout)
    var remaining = 0
    for i in states.indices where !states[i].isDone {
      remaining += 1
      let saying = sayings[i]
      if states[i].written < saying.bytes.count {
        let end = min(saying.bytes.count, states[i].written + saying.portion)
        let count = clients.write(states[i].number, saying.bytes[states[i].written..<end])
        states[i].written += count
        states[i].isStuck = count == 0
      }
      if readsWhileWriting || states[i].written == saying.bytes.count || states[i].isStuck {
        reading: while true {
          switch clients.read(states[i].number) {
          case .nothing: break reading
          case .bytes(let bytes): outcome.heard[i] += bytes
          case .end:
            outcome.ended[i] = true
            states[i].isDone = true
            break reading
          case .reset:
            states[i].isDone = true
            break reading
          }
        }
      }
      guard states[i].written == saying.bytes.count, !states[i].isDone else { continue }
      switch saying.farewell {
      case .end:
        if !states[i].hasEnded {
          states[i].hasEnded = true
          clients.endWriting(states[i].number)
        }
      case .close where outcome.heard[i].count == saying.bytes.count:
        clients.close(states[i].number)
        states[i].isDone = true
      case .reset:
        clients.reset(states[i].number)
        states[i].isDone = true
      default: break
      }
    }
    if remaining == 0 { break }
  }

  for _ in 0..<turnsMax where !(server.accepted >= sayings.count && server.isIdle) {
    try server.turn(&ring, timeout: timeout)
  }
  server.stop(&ring)
  for _ in 0..<1000 where !server.hasStopped { try server.turn(&ring, timeout: timeout) }
  return outcome
}

/// What must hold after every script without faults.
func expectWhole(_ outcome: Outcome, _ sayings: [Saying], _ server: EchoServer, _ name: String) {
  for i in sayings.indices {
    switch sayings[i].farewell {
    case .end:
      #expect(outcome.ended[i], "\(name): client \(i) did not hear the end")
      #expect(outcome.heard[i] == sayings[i].bytes, "\(name): client \(i) heard other bytes than it said")
    case .close:
      #expect(outcome.heard[i] == sayings[i].bytes, "\(name): client \(i) heard other bytes than it said")
    case .reset:
      #expect(sayings[i].bytes.starts(with: outcome.heard[i]), "\(name): client \(i) heard wrong bytes")
    }
  }
  #expect(server.surprises.isEmpty, "\(name): \(server.surprises.prefix(3))")
  #expect(server.hasStopped, "\(name): something is still in flight: \(server.connections.prefix(3))")
  #expect(server.closed == server.accepted && server.accepted == sayings.count, "\(name): connections")
}
