// Executor+Tick.swift — what each tick is for, where it needs the ring.
import Ring

extension Executor where Engine: ~Copyable {
  mutating func tick() {
    let now = server.pointee.clock.nanoseconds
    server.pointee.tick()
    server.pointee.endOverdue()
    server.pointee.answerSyncWaiters()
    if server.pointee.clientPause.hasEnded(now: server.pointee.clock.milliseconds) { server.pointee.wishes.unpause() }
    listen()
    server.pointee.grantWishes()
    server.pointee.timers.ticked(now)
  }
}
