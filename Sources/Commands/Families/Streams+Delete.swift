// Streams+Delete.swift — XDEL, and Redis 8.2's XDELEX and XACKDEL, which ask the groups too.
//
//     XDELEX  key        [KEEPREF | DELREF | ACKED]  IDS n id …     -1 no such entry, 1 deleted, 2 kept: not every
//     XACKDEL key group  [KEEPREF | DELREF | ACKED]  IDS n id …     group has read and acknowledged it
import Bytes
import Store
import Wire

extension StreamReference {
  /// Whether a group has an entry still to read or to acknowledge.
  func isReferenced(_ id: StreamID) -> Bool {
    groups.contains { $0.lastID < id || $0.pending(id) != nil }
  }

  /// No group has the entry pending any more; whether one had.
  @discardableResult
  func forget(_ id: StreamID) -> Bool {
    var wasPending = false
    for group in groups where acknowledge(id, in: group) { wasPending = true }
    return wasPending
  }

  /// Trims entry by entry, asking the groups; how many went.
  func trim(_ trim: StreamTrim, _ references: StreamReferences) -> Int {
    // An approximate trim may keep more than it has to: this one is never approximate in what it takes.
    var removed = 0
    var next: StreamID? = .zero
    while let from = next {
      var cursor = cursor(from: from, through: .greatest)
      guard let id = cursor.next()?.id else { break }
      switch trim.bound {
      case .count(let left): guard count > left else { return removed }
      case .before(let bound): guard id < bound else { return removed }
      }
      if trim.entriesMax > 0 && removed >= trim.entriesMax { return removed }
      next = id.next
      if references == .acknowledged && isReferenced(id) { continue }
      let deletedBefore = deletedIDMax
      _ = delete(id)
      // Trimming is not remembered as deleting is.
      remember(last: lastID, deleted: deletedBefore)
      if references == .delete { forget(id) }
      removed += 1
    }
    return removed
  }
}

extension Streams {
  static func delete(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard case .found(let location) = find(&execution, key) else { return }
    guard execution.areStreamIDs(from: 2) else { return }
    let arguments = execution.arguments
    let deleted = execution.database.pointee.changeStream(location) { stream in
      var deleted = 0
      for index in 2..<arguments.count {
        if let id = StreamID(arguments[index]), stream.delete(id) { deleted += 1 }
      }
      return deleted
    }
    if deleted > 0 {
      execution.changed(deleted)
      execution.note(.stream, "xdel", key)
    }
    execution.reply.integer(deleted)
  }

  /// What follows the key, or the group: the condition and where the identifiers stand, in either order.
  private struct Request {
    var references: StreamReferences?
    var ids: Range<Int>?
  }

  /// Answers the error and nil.
  private static func request(_ execution: inout Execution, from start: Int) -> (references: StreamReferences, ids: Range<Int>)? {
    var request = Request()
    var index = start
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      if request.references == nil, let references = StreamReferences(word) {
        request.references = references
        index += 1
      } else if word.equalsIgnoringCase("ids"), index + 1 < execution.arguments.count {
        guard let count = execution.arguments[index + 1].int64, count > 0 else {
          execution.reply.error("ERR Number of IDs must be a positive integer")
          return nil
        }
        guard count <= Int64(execution.arguments.count - index - 2) else {
          execution.reply.error("ERR The `numids` parameter must match the number of arguments")
          return nil
        }
        let ids = index + 2..<index + 2 + Int(count)
        request.ids = ids
        index = ids.upperBound
      } else {
        execution.refuseSyntax()
        return nil
      }
    }
    guard let ids = request.ids else {
      execution.reply.error("ERR IDS option is required")
      return nil
    }
    guard execution.areStreamIDs(in: ids) else { return nil }
    return (request.references ?? .keep, ids)
  }

  static func deleteExtended(_ execution: inout Execution) { delete(&execution, acknowledges: false) }

  static func acknowledgeAndDelete(_ execution: inout Execution) { delete(&execution, acknowledges: true) }

  private static func delete(_ execution: inout Execution, acknowledges: Bool) {
    let key = execution.arguments[1]
    let location = execution.find(key)
    if let location { guard location.entry.type == .stream else { return execution.refuseType() } }
    guard let request = request(&execution, from: acknowledges ? 3 : 2) else { return }
    let reply = execution.reply
    reply.array(request.ids.count)
    let group = acknowledges ? location?.entry.stream?.findGroup(execution.arguments[2]) : nil
    guard let location, !acknowledges || group != nil else {
      for _ in request.ids { reply.integer(-1) }
      return
    }
    let arguments = execution.arguments
    let changes = execution.database.pointee.changeStream(location) { stream in
      // The stream may be a copy by now, with groups of its own.
      let group = acknowledges ? stream.findGroup(arguments[2]) : nil
      var changes = (deleted: 0, acknowledged: 0)
      for index in request.ids {
        guard let id = StreamID(arguments[index]) else { continue }
        if let group {
          guard stream.acknowledge(id, in: group) else {
            reply.integer(-1)
            continue
          }
          changes.acknowledged += 1
        }
        let isKept = request.references == .acknowledged && stream.isReferenced(id)
        if isKept && stream.entry(id) != nil {
          reply.integer(2)
          continue
        }
        let isDeleted = stream.delete(id)
        // What groups have pending of entries that are gone goes, too.
        if request.references == .delete && stream.forget(id) { changes.acknowledged += 1 }
        if isDeleted { changes.deleted += 1 }
        reply.integer(isDeleted || acknowledges ? 1 : -1)
      }
      return changes
    }
    guard changes.deleted + changes.acknowledged > 0 else { return }
    execution.changed(changes.deleted + changes.acknowledged)
    if changes.deleted > 0 { execution.note(.stream, "xdel", key) }
  }
}
