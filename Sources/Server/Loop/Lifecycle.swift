// Lifecycle.swift — from the first signal to the last turn.
//
//   running ─▶ stopping (answers leave, clients close) ─▶ stopped
//
// Stopping is bounded: clients that do not take their last answers are cut off.

struct Lifecycle {
  private(set) var isClosingClients = false
  private(set) var hasStopped = false
  /// Exit code of the process.
  private(set) var exitCode: Int32 = 0
  private var deadline: UInt64 = .max

  /// How long clients have to take their last answers.
  private static let graceNanoseconds: UInt64 = 500_000_000

  mutating func closeClients(remaining: Int, now: UInt64) {
    isClosingClients = true
    deadline = now + Self.graceNanoseconds
    if remaining == 0 { hasStopped = true }
  }

  mutating func allClientsClosed() { hasStopped = true }

  /// Called on each tick.
  mutating func checkDeadline(now: UInt64) {
    if isClosingClients && now >= deadline { hasStopped = true }
  }

  mutating func stopNow(exitCode: Int32) {
    self.exitCode = exitCode
    hasStopped = true
  }
}
