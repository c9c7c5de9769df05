// Streams+Claim.swift — XCLAIM and XAUTOCLAIM: pending entries change their owner.
//
// Both are recorded as one XCLAIM for each entry, with what is said of it from now on. An entry that is not in the
// stream any more is pending no more either, which the same record says: where it runs the entry is gone as well.
import Bytes
import Store
import Wire

extension Streams {
  private struct ClaimOptions {
    var idleMin: Int64 = 0
    /// When the entries count as delivered; nil: now.
    var delivered: Int64?
    var deliveries: Int64?
    var isForced = false
    /// Only identifiers are answered, and nothing counts as delivered once more.
    var isBrief = false
    var lastID = StreamID.zero
  }

  static func claim(_ execution: inout Execution) {
    guard group(&execution) != nil else { return }
    guard var options = idle(&execution, "XCLAIM") else { return }
    var index = 5
    while index < execution.arguments.count, StreamID(execution.arguments[index]) != nil { index += 1 }
    let ids = 5..<index
    while index < execution.arguments.count {
      guard let taken = claimOption(&execution, index, &options) else { return }
      index += taken
    }
    let now = execution.nowMilliseconds
    if let given = options.delivered, given < 0 || given > now { options.delivered = now }
    claim(&execution, ids, options)
  }

  /// Answers the error and nil.
  private static func idle(_ execution: inout Execution, _ name: StaticString) -> ClaimOptions? {
    guard let given = execution.arguments[4].int64 else {
      execution.reply.error("ERR Invalid min-idle-time argument for ", ByteView(name))
      return nil
    }
    var options = ClaimOptions()
    options.idleMin = max(0, given)
    return options
  }

  /// Reads the option at word `index`; how many words it has. Answers the error and nil.
  private static func claimOption(_ execution: inout Execution, _ index: Int, _ options: inout ClaimOptions) -> Int? {
    let word = execution.arguments[index]
    if word.equalsIgnoringCase("force") {
      options.isForced = true
      return 1
    }
    if word.equalsIgnoringCase("justid") {
      options.isBrief = true
      return 1
    }
    guard index + 1 < execution.arguments.count else { return refuseClaimOption(&execution, word) }
    if word.equalsIgnoringCase("lastid") {
      guard let id = execution.streamID(index + 1) else { return nil }
      options.lastID = id
      return 2
    }
    let number = execution.arguments[index + 1].int64
    if word.equalsIgnoringCase("idle") {
      guard let number else { return refuseClaimNumber(&execution, "IDLE") }
      let (instant, overflow) = execution.nowMilliseconds.subtractingReportingOverflow(number)
      options.delivered = overflow ? -1 : instant
    } else if word.equalsIgnoringCase("time") {
      guard let number else { return refuseClaimNumber(&execution, "TIME") }
      options.delivered = number
    } else if word.equalsIgnoringCase("retrycount") {
      guard let number else { return refuseClaimNumber(&execution, "RETRYCOUNT") }
      options.deliveries = number < 0 ? nil : number
    } else {
      return refuseClaimOption(&execution, word)
    }
    return 2
  }

  private static func refuseClaimOption(_ execution: inout Execution, _ word: ByteView) -> Int? {
    execution.reply.error("ERR Unrecognized XCLAIM option '", word, "'")
    return nil
  }

  private static func refuseClaimNumber(_ execution: inout Execution, _ name: StaticString) -> Int? {
    execution.reply.error("ERR Invalid ", ByteView(name), " option argument for XCLAIM")
    return nil
  }

  private static func claim(_ execution: inout Execution, _ ids: Range<Int>, _ options: ClaimOptions) {
    let words = execution.arguments
    let (key, groupName, name) = (words[1], words[2], words[3])
    guard let location = execution.find(key) else { return }
    execution.effects.recordNothing()
    let now = execution.nowMilliseconds
    let reply = execution.reply
    let isAhead = location.entry.stream?.findGroup(groupName).map { options.lastID > $0.lastID } ?? false
    if isAhead {
      execution.database.pointee.changeStream(location) { $0.findGroup(groupName)?.lastID = options.lastID }
    }
    makeConsumer(&execution, 2, key, location)
    let database = execution.database
    let changes = database.pointee.changeStream(location) { stream -> Int in
      guard let group = stream.findGroup(groupName), let consumer = group.findConsumer(name) else { return 0 }
      let gap = reply.open()
      var count = 0
      var changes = 0
      for index in ids {
        guard let id = StreamID(words[index]) else { continue }
        let old = group.pending(id)
        guard let entry = stream.entry(id) else {
          guard old != nil else { continue }
          execution.recordClaim(key, group, id)
          _ = stream.acknowledge(id, in: group)
          changes += 1
          continue
        }
        guard old != nil || options.isForced else { continue }
        if let old, options.idleMin > 0 {
          guard now.subtractingReportingOverflow(old.delivered).partialValue >= options.idleMin else { continue }
        }
        let before = old?.deliveries ?? 1
        stream.assign(
          id, to: consumer, in: group, delivered: options.delivered ?? now,
          deliveries: options.deliveries ?? (options.isBrief ? before : before &+ 1))
        consumer.active = now
        if options.isBrief { reply.streamID(id) } else { reply.streamEntry(entry) }
        execution.recordClaim(key, group, id)
        count += 1
        changes += 1
      }
      if isAhead && changes == 0 { execution.recordGroupID(key, group) }
      reply.closeArray(gap, count: count)
      return changes
    }
    if changes > 0 || isAhead { execution.changed(max(1, changes)) }
  }

  // MARK: XAUTOCLAIM

  static func claimAutomatically(_ execution: inout Execution) {
    guard var options = idle(&execution, "XAUTOCLAIM") else { return }
    guard let start = execution.streamBound(5, isLower: true) else { return }
    var most = 100
    var index = 6
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      if word.equalsIgnoringCase("count") && index + 1 < execution.arguments.count {
        // Ten entries are looked at for each that is wanted.
        guard let given = execution.arguments[index + 1].int64, given > 0, given <= .max / 16 else {
          return execution.reply.error("ERR COUNT must be > 0")
        }
        most = Int(given)
        index += 2
      } else if word.equalsIgnoringCase("justid") {
        options.isBrief = true
        index += 1
      } else {
        return execution.refuseSyntax()
      }
    }
    guard let group = group(&execution) else { return }
    let end = endOfClaim(&execution, group, start, most, options.idleMin)
    claim(&execution, start, end, options)
  }

  /// Where claiming stops: the first entry that is not looked at any more; nil if all are.
  private static func endOfClaim(
    _ execution: inout Execution, _ group: StreamGroupReference, _ start: StreamID, _ most: Int, _ idleMin: Int64
  ) -> StreamID? {
    guard let stream = execution.locate(execution.arguments[1], KeyHash(execution.arguments[1]))?.entry.stream else {
      return nil
    }
    let now = execution.nowMilliseconds
    var left = most
    var attempts = most * 10
    var next: StreamID? = start
    while let from = next, let (id, pending) = group.pending(atLeast: from) {
      guard left > 0 && attempts > 0 else { return id }
      attempts -= 1
      next = id.next
      let idle = now.subtractingReportingOverflow(pending.delivered).partialValue
      if idle >= idleMin || idleMin == 0 || stream.entry(id) == nil { left -= 1 }
    }
    return nil
  }

  /// Claims what is pending from `start` to before `end`.
  private static func claim(_ execution: inout Execution, _ start: StreamID, _ end: StreamID?, _ options: ClaimOptions) {
    let words = execution.arguments
    let (key, groupName, name) = (words[1], words[2], words[3])
    guard let location = execution.find(key) else { return }
    execution.effects.recordNothing()
    let now = execution.nowMilliseconds
    let reply = execution.reply
    makeConsumer(&execution, 2, key, location)
    let database = execution.database
    let changes = database.pointee.changeStream(location) { stream -> Int in
      guard let group = stream.findGroup(groupName), let consumer = group.findConsumer(name) else { return 0 }
      reply.array(3)
      reply.streamID(end ?? .zero)
      let gap = reply.open()
      var count = 0
      var gone: [StreamID] = []
      var next: StreamID? = start
      while let from = next, let (id, pending) = group.pending(atLeast: from), end.map({ id < $0 }) ?? true {
        next = id.next
        guard let entry = stream.entry(id) else {
          execution.recordClaim(key, group, id)
          _ = stream.acknowledge(id, in: group)
          gone.append(id)
          continue
        }
        let idle = now.subtractingReportingOverflow(pending.delivered).partialValue
        guard options.idleMin == 0 || idle >= options.idleMin else { continue }
        stream.assign(
          id, to: consumer, in: group, delivered: now,
          deliveries: options.isBrief ? pending.deliveries : pending.deliveries &+ 1)
        consumer.active = now
        if options.isBrief { reply.streamID(id) } else { reply.streamEntry(entry) }
        execution.recordClaim(key, group, id)
        count += 1
      }
      reply.closeArray(gap, count: count)
      reply.array(gone.count)
      for id in gone { reply.streamID(id) }
      return count + gone.count
    }
    if changes > 0 { execution.changed(changes) }
  }
}
