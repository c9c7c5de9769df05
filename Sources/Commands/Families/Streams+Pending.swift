// Streams+Pending.swift — XPENDING: what was delivered and not acknowledged.
//
//     XPENDING key group                                           how many, the first, the last, how many of whom
//     XPENDING key group [IDLE ms] start end count [consumer]      each: identifier, whose, for how long, how often
import Bytes
import Store
import Wire

extension Streams {
  static func pending(_ execution: inout Execution) {
    let words = execution.arguments
    guard words.count == 3 || (6...9).contains(words.count) else { return execution.refuseSyntax() }
    guard words.count > 3 else {
      guard let group = group(&execution) else { return }
      return answerSummary(execution.reply, group)
    }
    var start = 3
    var idleMin: Int64 = 0
    if words[3].equalsIgnoringCase("idle") {
      guard let given = execution.integer(4) else { return }
      idleMin = given
      guard words.count >= 8 else { return execution.refuseSyntax() }
      start = 5
    }
    guard let most = execution.integer(start + 2) else { return }
    guard let lower = execution.streamBound(start, isLower: true) else { return }
    guard let upper = execution.streamBound(start + 1, isLower: false) else { return }
    guard let group = group(&execution) else { return }
    var consumer: StreamConsumerReference?
    if start + 3 < words.count {
      consumer = group.findConsumer(words[start + 3])
      guard consumer != nil else { return execution.reply.array(0) }
    }
    let now = execution.nowMilliseconds
    let reply = execution.reply
    let gap = reply.open()
    var count: Int64 = 0
    var next: StreamID? = lower
    while count < most, let from = next, let (id, pending) = group.pending(atLeast: from, of: consumer), id <= upper {
      next = id.next
      let idle = now.subtractingReportingOverflow(pending.delivered).partialValue
      guard idleMin == 0 || idle >= idleMin else { continue }
      count += 1
      reply.array(4)
      reply.streamID(id)
      reply.bulk(pending.consumer.name)
      reply.integer(max(0, idle))
      reply.integer(pending.deliveries)
    }
    reply.closeArray(gap, count: Int(count))
  }

  /// The group that words 1 and 2 name. Answers the error and nil.
  static func group(_ execution: inout Execution) -> StreamGroupReference? {
    let lookup = execution.read(execution.arguments[1], as: .stream)
    if case .refused = lookup { return nil }
    if case .found(let location) = lookup, let group = location.entry.stream?.findGroup(execution.arguments[2]) {
      return group
    }
    execution.reply.beginError()
    execution.reply.part("NOGROUP No such key '")
    execution.reply.part(execution.arguments[1])
    execution.reply.part("' or consumer group '")
    execution.reply.part(execution.arguments[2])
    execution.reply.part("'")
    execution.reply.end()
    return nil
  }

  private static func answerSummary(_ reply: Reply, _ group: StreamGroupReference) {
    reply.array(4)
    reply.integer(group.pendingCount)
    guard let (first, _) = group.pending(atLeast: .zero), let last = group.lastPendingID else {
      reply.null()
      reply.null()
      return reply.nullArray()
    }
    reply.streamID(first)
    reply.streamID(last)
    let gap = reply.open()
    var count = 0
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(index)
      guard consumer.pendingCount > 0 else { continue }
      reply.array(2)
      reply.bulk(consumer.name)
      reply.bulk(Int64(consumer.pendingCount))
      count += 1
    }
    reply.closeArray(gap, count: count)
  }
}
