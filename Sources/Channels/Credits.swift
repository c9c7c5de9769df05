// Credits.swift — how much may be under way, so that a queue cannot overflow.
//
// One thread gives work out and takes the answers in: it spends a credit with each piece of work and gets it back
// with the answer. The outbox has cells for all credits (`addLane`), so an answer always finds room, and nobody has to
// say what a thread does whose answer does not fit.

/// A counter of what is in flight; belongs to one thread.
@frozen public struct Credits: ~Copyable {
  /// What may be in flight at most.
  public let limit: Int
  @usableFromInline var spent = 0

  @inlinable public init(limit: Int) {
    precondition(limit > 0, "without a credit nothing ever moves")
    self.limit = limit
  }

  /// What is under way.
  @inlinable public var inFlight: Int { spent }
  /// What may still be given out.
  @inlinable public var available: Int { limit - spent }

  /// Takes `count` credits, or none at all and returns false.
  @inlinable public mutating func spend(_ count: Int = 1) -> Bool {
    precondition(count > 0, "a piece of work costs something")
    guard count <= available else { return false }
    spent += count
    return true
  }

  /// Work came back.
  @inlinable public mutating func earn(_ count: Int = 1) {
    precondition(count > 0 && count <= spent, "more came back than was given out")
    spent -= count
  }
}
