// WaitAOF.swift — WAITAOF: until what this connection wrote is on disk here, and on so many replicas.
//
// There are no replicas yet, so their count is 0; asking for more than are there waits for the timeout.
import Bytes
import Commands
import Wire

enum WaitAOF {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "waitaof", arity: 4, [.blocking, .noscript], [.slow, .blocking, .connection], tips: ["request_policy:all_shards", "response_policy:agg_min"],
        group: .generic, since: "7.2.0",
        "Waits until the connection's writes are on disk, here and on replicas.", complexity: "O(1)",
        arguments: "numlocal:integer numreplicas:integer timeout:integer"),
      run: run)
  }

  private static func run(_ execution: inout Execution) {
    guard let local = execution.integer(1) else { return }
    guard local >= 0 && local <= 1 else { return execution.reply.error("ERR value is out of range, value must between 0 and 1") }
    guard let replicas = execution.arguments[2].int64, replicas >= 0 && replicas <= Int64(Int32.max) else { return execution.reply.error("ERR value is out of range, must be positive") }
    guard let timeout = execution.arguments[3].int64 else {
      return execution.reply.error("ERR timeout is not an integer or out of range")
    }
    guard timeout >= 0 else { return execution.reply.error("ERR timeout is negative") }
    let server = execution.server
    guard local == 0 || server.pointee.appendLog.isRecording else {
      return execution.reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    }
    let client = execution.client
    let sequence = client.pointee.lastWriteSequence
    let isDurable = sequence <= server.pointee.appendLog.pipeline.syncedSequence && server.pointee.appendLog.state == .on
    if (isDurable || local == 0) && replicas == 0 || execution.isAtomic {
      return answer(execution.reply, isDurable: isDurable)
    }
    server.pointee.waitForSync(client, sequence: sequence, isLocal: local == 1, replicas: Int(replicas), timeoutMilliseconds: timeout)
  }

  static func answer(_ reply: Reply, isDurable: Bool) {
    reply.array(2)
    reply.integer(isDurable ? 1 : 0)
    reply.integer(0)
  }
}

/// A client in WAITAOF.
struct SyncWaiter {
  let slot: UInt32
  let generation: UInt32
  /// The batch it waits for.
  let sequence: UInt64
  /// It also waits for replicas, of which there are none: only time ends that.
  let wantsReplicas: Bool
  let isLocal: Bool
  /// Monotonic milliseconds; `.max` for ever.
  let deadlineMilliseconds: Int64
}

extension Server {
  /// The client gets its answer later and no other request of it runs before.
  mutating func waitForSync(
    _ client: UnsafeMutablePointer<Client>, sequence: UInt64, isLocal: Bool, replicas: Int, timeoutMilliseconds: Int64
  ) {
    if isLocal {
      // Under `everysec` nobody else may be in a hurry.
      appendLog.pipeline.demandSync()
    }
    let (sum, overflow) = clock.milliseconds.addingReportingOverflow(timeoutMilliseconds)
    appendLog.waiters.append(
      SyncWaiter(
        slot: client.pointee.slot, generation: client.pointee.generation, sequence: sequence, wantsReplicas: replicas > 0,
        isLocal: isLocal, deadlineMilliseconds: timeoutMilliseconds == 0 || overflow ? .max : sum))
    keepWaiting(client)
  }

  /// Answers those whose time or batch has come.
  mutating func answerSyncWaiters() {
    guard !appendLog.waiters.isEmpty else { return }
    let synced = appendLog.pipeline.syncedSequence
    var left: [SyncWaiter] = []
    for waiter in appendLog.waiters {
      guard let client = clients.find(waiter.slot, generation: waiter.generation), client.pointee.isWaiting else { continue }
      let isDurable = waiter.sequence <= synced && appendLog.state == .on
      let isLate = waiter.deadlineMilliseconds <= clock.milliseconds
      let isRefused = waiter.isLocal && !appendLog.isRecording
      guard isLate || isRefused || (isDurable || !waiter.isLocal) && !waiter.wantsReplicas else {
        left.append(waiter)
        continue
      }
      answerLater(client) { reply in
        if isRefused {
          reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
        } else {
          WaitAOF.answer(reply, isDurable: isDurable)
        }
      }
    }
    appendLog.waiters = left
  }
}
