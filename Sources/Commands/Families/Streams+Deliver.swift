// Streams+Deliver.swift — entries handed to a consumer of a group.
//
// What XREADGROUP does is recorded as what came of it, entry by entry:
//
//     XCLAIM key group consumer 0 <id> TIME <ms> RETRYCOUNT 1 FORCE JUSTID LASTID <id>
//     XGROUP SETID key group <id> ENTRIESREAD <n>
import Bytes
import Store
import Wire

extension Streams {
  /// The consumer that the words behind `groupIndex` name asks now; it is made if it is not there.
  static func makeConsumer(_ execution: inout Execution, _ groupIndex: Int, _ key: ByteView, _ location: Location) {
    let groupName = execution.arguments[groupIndex]
    let name = execution.arguments[groupIndex + 1]
    let now = execution.nowMilliseconds
    let isNew = execution.database.pointee.changeStream(location) { stream -> Bool in
      guard let group = stream.findGroup(groupName) else { return false }
      if let consumer = group.findConsumer(name) {
        consumer.seen = now
        return false
      }
      return stream.makeConsumer(name, in: group, now: now) != nil
    }
    guard isNew else { return }
    execution.changed()
    execution.note(.stream, "xgroup-createconsumer", key)
    execution.effects.beginRecord(words: 5)
    execution.effects.word("XGROUP")
    execution.effects.word("CREATECONSUMER")
    execution.effects.word(key)
    execution.effects.word(groupName)
    execution.effects.word(name)
  }

  /// Hands what nobody of the group has got to the consumer.
  static func deliver(_ execution: inout Execution, _ options: ReadOptions, _ key: ByteView, _ location: Location) {
    guard let groupIndex = options.group else { return }
    let groupName = execution.arguments[groupIndex]
    let name = execution.arguments[groupIndex + 1]
    let reply = execution.reply
    let now = execution.nowMilliseconds
    let database = execution.database
    database.pointee.changeStream(location) { stream in
      let gap = reply.open()
      var count = 0
      defer { reply.closeArray(gap, count: count) }
      guard let group = stream.findGroup(groupName), let consumer = group.findConsumer(name) else { return }
      guard let first = group.lastID.next else { return }
      var cursor = stream.cursor(from: first, through: .greatest)
      while count < options.entriesMax, let entry = cursor.next() {
        stream.advance(group, to: entry.id)
        reply.streamEntry(entry)
        count += 1
        guard !options.isAcknowledged else { continue }
        stream.assign(entry.id, to: consumer, in: group, delivered: now, deliveries: 1)
        consumer.active = now
        execution.recordClaim(key, group, entry.id)
      }
      guard count > 0 else { return }
      consumer.active = now
      execution.recordGroupID(key, group)
    }
    execution.changed()
  }

  /// Answers what the consumer has pending behind `id`, and counts it as delivered once more.
  static func answerPending(
    _ execution: inout Execution, _ options: ReadOptions, _ id: StreamID, _ location: Location
  ) {
    guard let groupIndex = options.group else { return }
    let groupName = execution.arguments[groupIndex]
    let name = execution.arguments[groupIndex + 1]
    let reply = execution.reply
    let now = execution.nowMilliseconds
    execution.database.pointee.changeStream(location) { stream in
      let gap = reply.open()
      var count = 0
      defer { reply.closeArray(gap, count: count) }
      guard let group = stream.findGroup(groupName), let consumer = group.findConsumer(name) else { return }
      var next = id.next
      while count < options.entriesMax, let from = next,
        let (id, pending) = group.pending(atLeast: from, of: consumer)
      {
        if let entry = stream.entry(id) {
          reply.streamEntry(entry)
          group.update(id, delivered: now, deliveries: pending.deliveries &+ 1)
        } else {
          // Pending, but deleted meanwhile: its owner should know.
          reply.array(2)
          reply.streamID(id)
          reply.nullArray()
        }
        count += 1
        next = id.next
      }
    }
    execution.changed()
  }
}

extension Execution {
  /// Who has an entry pending, since when and how often it was delivered.
  mutating func recordClaim(_ key: ByteView, _ group: StreamGroupReference, _ id: StreamID) {
    guard let pending = group.pending(id) else { return }
    effects.beginRecord(words: 14)
    effects.word("XCLAIM")
    effects.word(key)
    effects.word(group.name)
    effects.word(pending.consumer.name)
    effects.word("0")
    effects.word(id)
    effects.word("TIME")
    effects.word(pending.delivered)
    effects.word("RETRYCOUNT")
    effects.word(pending.deliveries)
    effects.word("FORCE")
    effects.word("JUSTID")
    effects.word("LASTID")
    effects.word(group.lastID)
  }

  /// How far a group has read.
  mutating func recordGroupID(_ key: ByteView, _ group: StreamGroupReference) {
    effects.beginRecord(words: 7)
    effects.word("XGROUP")
    effects.word("SETID")
    effects.word(key)
    effects.word(group.name)
    effects.word(group.lastID)
    effects.word("ENTRIESREAD")
    effects.word(group.entriesRead ?? -1)
  }
}
