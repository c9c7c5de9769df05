// Streams+Add.swift — XADD, XLEN and XSETID.
//
// An entry's identifier may depend on the clock and on what was there before, an approximate trim on where blocks
// end. What is recorded depends on neither: the identifier that was given, and how much is left.
import Bytes
import Store
import Wire

extension Streams {
  /// What an entry is to be known by.
  private enum Identity {
    case automatic
    /// The next one of that time.
    case time(UInt64)
    case given(StreamID)
  }

  static func add(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let options = TrimOptions(&execution, from: 2, adds: true) else { return }
    let index = options.end
    guard let identity = identity(execution.arguments[index], &execution) else { return }
    let content = execution.arguments.dropFirst(index + 1)
    guard content.count >= 2, content.count % 2 == 0 else { return execution.refuseArity() }
    if case .given(.zero) = identity {
      return execution.reply.error("ERR The ID specified in XADD must be greater than 0-0")
    }
    let hash = execution.hash(of: key)
    var location = execution.find(key, hash)
    if let location { guard location.entry.type == .stream else { return execution.refuseType() } }
    if location == nil && options.needsStream { return execution.reply.null() }
    guard let id = id(identity, after: location?.entry.stream?.lastID ?? .zero, &execution) else { return }
    let words = content.buffer
    guard StreamReference.fits(words) else { return execution.reply.error("ERR Elements are too large to be stored") }
    if location == nil {
      location = execution.database.pointee.insertStream(key, hash)
      execution.note(.new, "new", key)
    }
    guard let location else { return }
    let limits = execution.rules.streamLimits
    execution.database.pointee.changeStream(location) { $0.append(id, words, limits) }
    execution.changed()
    execution.note(.stream, "xadd", key)
    execution.reply.streamID(id)
    if options.strategy != nil, options.trim(&execution, key, location) ?? 0 > 0 { execution.note(.stream, "xtrim", key) }
    record(&execution, options, identity, id, location)
  }

  /// Answers the error and nil.
  private static func identity(_ word: ByteView, _ execution: inout Execution) -> Identity? {
    if word == ByteView("*") { return .automatic }
    if let time = StreamID.time(word) { return .time(time) }
    guard let id = StreamID(word) else {
      execution.refuseStreamID()
      return nil
    }
    return .given(id)
  }

  /// The identifier of an entry behind `last`. Answers the error and nil.
  private static func id(_ identity: Identity, after last: StreamID, _ execution: inout Execution) -> StreamID? {
    guard last != .greatest else {
      execution.reply.error("ERR The stream has exhausted the last possible ID, unable to add more items")
      return nil
    }
    let id: StreamID? =
      switch identity {
      case .automatic:
        max(StreamID(UInt64(clamping: execution.nowMilliseconds), 0), last.next ?? last)
      case .time(let milliseconds):
        milliseconds == last.milliseconds
          ? (last.sequence == .max ? nil : last.next) : StreamID(milliseconds, 0)
      case .given(let id): id
      }
    guard let id, id > last else {
      execution.reply.error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
      return nil
    }
    return id
  }

  /// With the identifier that was given, and the trim as it turned out.
  private static func record(
    _ execution: inout Execution, _ options: TrimOptions, _ identity: Identity, _ id: StreamID, _ location: Location
  ) {
    if case .given = identity, options.isAsWritten { return }
    guard let stream = location.entry.stream else { return }
    let content = options.end + 1..<execution.arguments.count
    let trims = options.strategy != nil
    execution.effects.beginRecord(
      words: 3 + content.count + (options.needsStream ? 1 : 0) + (trims ? 3 : 0) + options.referenceWords)
    execution.effects.word("XADD")
    execution.effects.word(execution.arguments[1])
    if options.needsStream { execution.effects.word("NOMKSTREAM") }
    options.record(&execution, stream)
    execution.effects.word(id)
    for index in content { execution.effects.word(execution.arguments[index]) }
  }

  static func length(_ execution: inout Execution) {
    switch execution.read(execution.arguments[1], as: .stream) {
    case .refused: break
    case .absent: execution.reply.integer(0)
    case .found(let location): execution.reply.integer(location.entry.stream?.count ?? 0)
    }
  }

  static func setID(_ execution: inout Execution) {
    guard let last = execution.streamID(2) else { return }
    var added: UInt64?
    var deleted: StreamID?
    var index = 3
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      guard index + 1 < execution.arguments.count else { return execution.refuseSyntax() }
      if word.equalsIgnoringCase("entriesadded") {
        guard let given = execution.integer(index + 1) else { return }
        guard given >= 0 else { return execution.reply.error("ERR entries_added must be positive") }
        added = UInt64(given)
      } else if word.equalsIgnoringCase("maxdeletedid") {
        guard let given = execution.streamID(index + 1) else { return }
        guard last >= given else {
          return execution.reply.error(
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
        }
        deleted = given == .zero ? nil : given
      } else {
        return execution.refuseSyntax()
      }
      index += 2
    }
    let key = execution.arguments[1]
    guard let location = execution.find(key) else { return execution.reply.error("ERR no such key") }
    guard let stream = location.entry.stream else { return execution.refuseType() }
    guard last >= stream.deletedIDMax else {
      return execution.reply.error("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
    }
    if let newest = stream.edge(isLast: true) {
      guard last >= newest.id else {
        return execution.reply.error("ERR The ID specified in XSETID is smaller than the target stream top item")
      }
      guard added ?? .max >= UInt64(stream.count) else {
        return execution.reply.error(
          "ERR The entries_added specified in XSETID is smaller than the target stream length")
      }
    }
    execution.database.pointee.changeStream(location) { $0.remember(last: last, added: added, deleted: deleted) }
    execution.changed()
    execution.note(.stream, "xsetid", key)
    execution.reply.ok()
  }
}
