// RingToken.swift: the tokens that a ring submits for itself.
//
//   63      56 55                    32 31                             0
//  ┌──────────┬────────────────────────┬────────────────────────────────┐
//  │    0     │          kind          │            argument            │
//  └──────────┴────────────────────────┴────────────────────────────────┘
//
// Operation 0 cannot be a caller's, so `next` tells them apart by one shift.

/// What a completion under operation 0 is about.
enum RingToken: UInt32 {
  /// Nothing to do: a cancel, the first half of a close.
  case silent = 0
  /// Another thread woke us.
  case woken
  /// A wake that we sent failed; the argument is the other ring's descriptor.
  case posted
  /// Registering a descriptor failed; the argument is the descriptor.
  case registered

  @inline(__always)
  func bits(_ argument: UInt32 = 0) -> UInt64 { UInt64(rawValue) << 32 | UInt64(argument) }
}

extension Token {
  @inline(__always)
  var isRings: Bool { bits >> 56 == 0 }
}

extension Completion {
  /// What `next` brings after a wake: never the end of anything, and nobody's operation.
  static var wake: Completion {
    Completion(token: Token(.wake, slot: 0, generation: 0), result: 1, flags: Flag.more)
  }
}
