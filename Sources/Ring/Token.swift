// Token.swift: what the kernel carries for us and gives back.
//
//   63      56 55                    32 31                             0
//  ┌──────────┬────────────────────────┬────────────────────────────────┐
//  │operation │       generation       │              slot              │
//  └──────────┴────────────────────────┴────────────────────────────────┘
//
// The token is the continuation: no closure and no pointer waits in the kernel. A slot is
// reused while the kernel may still drain the connection that had it before; the
// generation lets such a late completion be recognised and dropped.

/// Sixty-four bits under which an operation is submitted and its completions return.
public struct Token: BitwiseCopyable, Equatable, Sendable {
  public let bits: UInt64

  /// What was asked for. The raw value 0 is the ring's own: such completions never leave it.
  public enum Operation: UInt8, Sendable, CaseIterable {
    case accept = 1, receive, receiveInto, send, cancel, close, wake, read, write, sync, connect, poll
  }

  @inlinable public init(_ operation: Operation, slot: UInt32, generation: UInt32) {
    bits = UInt64(operation.rawValue) << 56 | UInt64(generation & Token.generationMask) << 32 | UInt64(slot)
  }

  @inlinable public init(bits: UInt64) { self.bits = bits }

  /// Nil for a token that the ring itself submitted.
  @inlinable public var operation: Operation? { Operation(rawValue: UInt8(truncatingIfNeeded: bits >> 56)) }
  @inlinable public var slot: UInt32 { UInt32(truncatingIfNeeded: bits) }
  @inlinable public var generation: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) & Token.generationMask }

  /// Generations wrap here.
  @inlinable public static var generationMask: UInt32 { 0xFF_FFFF }
}
