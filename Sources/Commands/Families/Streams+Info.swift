// Streams+Info.swift — XINFO: what streams, groups and consumers remember.
import Bytes
import Store
import Wire

extension Streams {
  /// The stream at word 2. Answers the error and nil.
  private static func inspected(_ execution: inout Execution) -> StreamReference? {
    switch execution.read(execution.arguments[2], as: .stream) {
    case .refused: return nil
    case .found(let location): return location.entry.stream
    case .absent:
      execution.reply.error("ERR no such key")
      return nil
    }
  }

  static func streamInfo(_ execution: inout Execution) {
    let words = execution.arguments
    guard let stream = inspected(&execution) else { return }
    guard words.count > 3 else { return answer(execution.reply, stream) }
    guard words[3].equalsIgnoringCase("full"), words.count == 4 || words.count == 6 else {
      return refuseInfo(&execution)
    }
    var most = 10
    if words.count == 6 {
      guard words[4].equalsIgnoringCase("count") else { return refuseInfo(&execution) }
      guard let given = execution.integer(5) else { return }
      most = given > 0 ? Int(given) : given == 0 ? .max : 10
    }
    answerFull(execution.reply, stream, most)
  }

  private static func refuseInfo(_ execution: inout Execution) {
    execution.reply.beginError()
    execution.reply.part("ERR unknown subcommand or wrong number of arguments for '")
    execution.reply.part(execution.arguments[1].prefix(128))
    execution.reply.part("'. Try XINFO HELP.")
    execution.reply.end()
  }

  /// What both forms of XINFO STREAM begin with: seven fields.
  private static func answerFigures(_ reply: Reply, _ stream: StreamReference) {
    reply.bulk("length")
    reply.integer(stream.count)
    // Blocks stand in for the nodes of a radix tree, with one for its root.
    reply.bulk("radix-tree-keys")
    reply.integer(stream.blockCount)
    reply.bulk("radix-tree-nodes")
    reply.integer(stream.blockCount + 1)
    reply.bulk("last-generated-id")
    reply.streamID(stream.lastID)
    reply.bulk("max-deleted-entry-id")
    reply.streamID(stream.deletedIDMax)
    reply.bulk("entries-added")
    reply.integer(Int64(clamping: stream.entriesAdded))
    reply.bulk("recorded-first-entry-id")
    reply.streamID(stream.firstID)
  }

  private static func answer(_ reply: Reply, _ stream: StreamReference) {
    reply.map(10)
    answerFigures(reply, stream)
    reply.bulk("groups")
    reply.integer(stream.groups.count)
    for isLast in [false, true] {
      reply.bulk(isLast ? "last-entry" : "first-entry")
      if let entry = stream.edge(isLast: isLast) { reply.streamEntry(entry) } else { reply.null() }
    }
  }

  // MARK: everything

  private static func answerFull(_ reply: Reply, _ stream: StreamReference, _ most: Int) {
    reply.map(9)
    answerFigures(reply, stream)
    reply.bulk("entries")
    let gap = reply.open()
    var cursor = stream.cursor(from: .zero, through: .greatest)
    var count = 0
    while count < most, let entry = cursor.next() {
      reply.streamEntry(entry)
      count += 1
    }
    reply.closeArray(gap, count: count)
    reply.bulk("groups")
    reply.array(stream.groups.count)
    for group in stream.groups {
      reply.map(7)
      reply.bulk("name")
      reply.bulk(group.name)
      answerProgress(reply, stream, group)
      reply.bulk("pel-count")
      reply.integer(group.pendingCount)
      reply.bulk("pending")
      answerPending(reply, group, nil, most)
      reply.bulk("consumers")
      reply.array(group.consumerCount)
      for index in 0..<group.consumerCount {
        let consumer = group.consumer(index)
        reply.map(5)
        reply.bulk("name")
        reply.bulk(consumer.name)
        reply.bulk("seen-time")
        reply.integer(consumer.seen)
        reply.bulk("active-time")
        reply.integer(consumer.active)
        reply.bulk("pel-count")
        reply.integer(consumer.pendingCount)
        reply.bulk("pending")
        answerPending(reply, group, consumer, most)
      }
    }
  }

  /// At most `most` pending entries of a group, with their owner, or of one consumer.
  private static func answerPending(
    _ reply: Reply, _ group: StreamGroupReference, _ consumer: StreamConsumerReference?, _ most: Int
  ) {
    let gap = reply.open()
    var count = 0
    var next: StreamID? = .zero
    while count < most, let from = next, let (id, pending) = group.pending(atLeast: from, of: consumer) {
      reply.array(consumer == nil ? 4 : 3)
      reply.streamID(id)
      if consumer == nil { reply.bulk(pending.consumer.name) }
      reply.integer(pending.delivered)
      reply.integer(pending.deliveries)
      count += 1
      next = id.next
    }
    reply.closeArray(gap, count: count)
  }

  /// Last delivered, read and lag: three fields.
  private static func answerProgress(_ reply: Reply, _ stream: StreamReference, _ group: StreamGroupReference) {
    reply.bulk("last-delivered-id")
    reply.streamID(group.lastID)
    reply.bulk("entries-read")
    if let read = group.entriesRead { reply.integer(read) } else { reply.null() }
    reply.bulk("lag")
    if let lag = stream.lag(group) { reply.integer(lag) } else { reply.null() }
  }

  // MARK: groups and consumers

  static func groupsInfo(_ execution: inout Execution) {
    guard let stream = inspected(&execution) else { return }
    let reply = execution.reply
    reply.array(stream.groups.count)
    for group in stream.groups {
      reply.map(6)
      reply.bulk("name")
      reply.bulk(group.name)
      reply.bulk("consumers")
      reply.integer(group.consumerCount)
      reply.bulk("pending")
      reply.integer(group.pendingCount)
      answerProgress(reply, stream, group)
    }
  }

  static func consumersInfo(_ execution: inout Execution) {
    guard let stream = inspected(&execution) else { return }
    let reply = execution.reply
    guard let group = stream.findGroup(execution.arguments[3]) else {
      reply.beginError()
      reply.part("NOGROUP No such consumer group '")
      reply.part(execution.arguments[3])
      reply.part("' for key name '")
      reply.part(execution.arguments[2])
      reply.part("'")
      return reply.end()
    }
    let now = execution.nowMilliseconds
    reply.array(group.consumerCount)
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(index)
      reply.map(4)
      reply.bulk("name")
      reply.bulk(consumer.name)
      reply.bulk("pending")
      reply.integer(consumer.pendingCount)
      reply.bulk("idle")
      reply.integer(max(0, now.subtractingReportingOverflow(consumer.seen).partialValue))
      reply.bulk("inactive")
      let inactive = now.subtractingReportingOverflow(consumer.active).partialValue
      reply.integer(consumer.active < 0 ? -1 : max(0, inactive))
    }
  }

  static func infoHelp(_ execution: inout Execution) {
    execution.reply.help(
      "XINFO",
      [
        "CONSUMERS <key> <groupname>", "    The consumers of <groupname>.",
        "GROUPS <key>", "    The groups of the stream.",
        "STREAM <key> [FULL [COUNT <count>]", "    What the stream remembers.",
      ])
  }
}
