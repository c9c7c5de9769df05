// ClientPause.swift — CLIENT PAUSE: requests wait, connections do not.
import Commands

struct ClientPause {
  enum Kind { case writes, all }

  private(set) var kind = Kind.writes
  /// Monotonic milliseconds; 0 when nothing is paused.
  private(set) var endMilliseconds: Int64 = 0

  @inline(__always) var isActive: Bool { endMilliseconds != 0 }

  /// A second pause never shortens or weakens the first.
  mutating func begin(_ kind: Kind, until end: Int64, now: Int64) {
    if !isActive || endMilliseconds <= now {
      self.kind = kind
      endMilliseconds = end
      return
    }
    if kind == .all { self.kind = .all }
    endMilliseconds = max(endMilliseconds, end)
  }

  mutating func end() { endMilliseconds = 0 }

  /// Whether a command with these flags must wait.
  func holds(_ flags: CommandFlags, now: Int64) -> Bool {
    guard endMilliseconds > now else { return false }
    switch kind {
    // What would lift the pause must get through it.
    case .all: return !flags.contains(.admin) || !flags.contains(.noAuth)
    case .writes: return !flags.isDisjoint(with: [.write, .mayReplicate])
    }
  }

  mutating func hasEnded(now: Int64) -> Bool {
    guard isActive && endMilliseconds <= now else { return false }
    endMilliseconds = 0
    return true
  }
}
