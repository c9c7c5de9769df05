// Server+Locks.swift — who waits while a paused command is in the middle of changing a value (Commands/Execution+Locks).
//
//   names the locked key ───────────────────▶ its client is parked, and the command gets all of the time
//   may touch any key (FLUSHALL, a script) ─▶ the same
//   image of all data ──────────────────────▶ begins later
//   SIGTERM ────────────────────────────────▶ is heeded later
//   served from a queue (BLMOVE) ───────────▶ stays in the queue
import Bytes
import Commands
import Store
import Wire

extension Server {
  /// Whether the request has to wait for a command that is changing a value.
  @inline(never)
  mutating func waitsForLock(_ arguments: Arguments, _ index: Int) -> Bool {
    var waits = false
    if gates[index].mayTouchAnything && !isLever(arguments) {
      waits = true
    } else {
      // A key of the same name in another database may be meant: COPY and MOVE.
      gates[index].forEachKey(arguments, table.facts[index]) { position in
        let hash = KeyHash(arguments[position])
        if execution.pointee.locks.contains(where: { $0.hash == hash }) { waits = true }
      }
    }
    if waits { hurryLocks() }
    return waits
  }

  /// DEBUG's orders about slices themselves.
  private func isLever(_ arguments: Arguments) -> Bool {
    arguments.count > 1 && (arguments[1].equalsIgnoringCase("pause-long") || arguments[1].equalsIgnoringCase("set-slice"))
  }

  /// Somebody waits for what paused commands are changing.
  mutating func hurryLocks() {
    for walk in walks.paused where walk.pointee.lock != nil { hurry(walk) }
  }

  /// Whether an image of all data may begin: nobody is in the middle of a change.
  mutating func mayBeginImage() -> Bool {
    guard !isScriptPaused else { return false }
    guard !execution.pointee.locks.isEmpty else { return true }
    hurryLocks()
    return false
  }

  /// A command has finished its change: what was put off for it.
  mutating func lockHasEnded() {
    blocked.signalPostponed()
    guard execution.pointee.locks.isEmpty else { return }
    timers.hurry(clock.nanoseconds)
    guard let postponed = postponedSignal else { return }
    postponedSignal = nil
    received(postponed.signal, from: postponed.sender)
  }
}
