// Executor+Log.swift — the log's operations go out with the turn, and their results let answers leave.
//
//   turn:  commands append ─▶ commit: write ─link▶ fdatasync ─┐         one enter for all of it
//          completions      ◀───────────────────────────────-─┘
//          watermark moves ─▶ holds end ─▶ clients are ready to send, in this turn
import Bytes
import Persistence
import Ring

/// Slots of file operations: each has at most one operation in flight.
enum FileSlot {
  static let log: UInt32 = 1
  static let logSync: UInt32 = 2
  static let snapshot: UInt32 = 3
}

extension Executor where Engine: ~Copyable {
  /// Submits what the log should do next. Before the sends of the turn, so that both leave together.
  @inline(__always)
  mutating func commitLog() {
    guard server.pointee.appendLog.state != .off else { return }
    submitLog()
  }

  private mutating func submitLog() {
    let now = server.pointee.clock.nanoseconds
    while let operation = server.pointee.nextLogOperation(now) {
      if server.pointee.appendLog.flushSleepMicroseconds > 0 {
        Clock.sleep(nanoseconds: UInt64(server.pointee.appendLog.flushSleepMicroseconds) * 1_000)
      }
      switch operation {
      case .write(let descriptor, let memory, let count, let offset):
        guard server.pointee.mayWriteAtOnce(count) else {
          reactor.ring.write(descriptor, memory, count: count, offset: offset, Token(.write, slot: FileSlot.log, generation: 0))
          continue
        }
        server.pointee.wroteAtOnce(reactor.ring.writeAtOnce(descriptor, memory, count: count, offset: offset), since: now)
      case .writeThenSync(let descriptor, let memory, let count, let offset):
        server.pointee.appendLog.figures.chainBeganAt = now
        reactor.ring.writeThenSync(
          descriptor, memory, count: count, offset: offset,
          write: Token(.write, slot: FileSlot.log, generation: 0), sync: Token(.sync, slot: FileSlot.log, generation: 0))
      case .writeDurably(let descriptor, let memory, let count, let offset):
        server.pointee.appendLog.figures.chainBeganAt = now
        reactor.ring.writeDurably(
          descriptor, memory, count: count, offset: offset, Token(.write, slot: FileSlot.log, generation: 0))
      case .sync(let descriptor, let isChain):
        server.pointee.appendLog.figures.syncBeganAt = now
        reactor.ring.sync(descriptor, Token(.sync, slot: isChain ? FileSlot.log : FileSlot.logSync, generation: 0))
      }
    }
    server.pointee.advanceLogState()
  }

  /// Submits what the image under way should do next.
  @inline(__always)
  mutating func submitSnapshot() {
    guard let operation = server.pointee.nextSnapshotOperation() else { return }
    switch operation {
    case .write(let descriptor, let memory, let count, let offset):
      reactor.ring.write(descriptor, memory, count: count, offset: offset, Token(.write, slot: FileSlot.snapshot, generation: 0))
    case .sync(let descriptor):
      reactor.ring.sync(descriptor, Token(.sync, slot: FileSlot.snapshot, generation: 0))
    }
  }

  mutating func wroteFile(_ done: Completion) {
    switch done.token.slot {
    case FileSlot.log: server.pointee.logWritten(done.result)
    default: server.pointee.snapshotWritten(done.result)
    }
    if done.token.slot == FileSlot.log { server.pointee.releaseHolds() }
  }

  mutating func syncedFile(_ done: Completion) {
    switch done.token.slot {
    case FileSlot.log: server.pointee.logSynced(done.result, isChain: true)
    case FileSlot.logSync: server.pointee.logSynced(done.result, isChain: false)
    default: return server.pointee.snapshotSynced(done.result)
    }
    server.pointee.releaseHolds()
  }
}
