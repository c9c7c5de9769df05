// Streams+Read.swift — XREAD and XREADGROUP: what is behind given entries, of several streams.
//
//     XREAD       …  STREAMS a b  5-0 $        $ nothing but what is still to come   + the last entry
//     XREADGROUP  …  STREAMS a b  > 0          > what nobody of the group has got    else: one's own pending entries
//
// All words are read and all groups are looked up before the first stream is served. Nothing to serve is answered
// with null; with BLOCK the client waits, and what `$` and `+` mean is what they meant when it began to.
import Bytes
import Store
import Wire

extension Streams {
  struct ReadOptions {
    var entriesMax = Int.max
    /// BLOCK: how long to wait, 0 for ever; nil not to wait.
    var timeoutMilliseconds: Int64?
    /// NOACK: what is delivered is not pending.
    var isAcknowledged = false
    /// The word with the group's name; the consumer's is behind it.
    var group: Int?
    /// The first stream's key.
    var keys = 0
    var count = 0
  }

  static func read(_ execution: inout Execution) {
    guard let options = readOptions(&execution, isGroup: false) else { return }
    serve(&execution, options)
  }

  static func readGroup(_ execution: inout Execution) {
    guard let options = readOptions(&execution, isGroup: true) else { return }
    // Whatever it does is recorded step by step, and never as this command.
    execution.effects.recordNothing()
    serve(&execution, options)
  }

  /// Answers the error and nil.
  private static func readOptions(_ execution: inout Execution, isGroup: Bool) -> ReadOptions? {
    var options = ReadOptions()
    var index = 1
    let words = execution.arguments
    while index < words.count && options.keys == 0 {
      let word = words[index]
      let hasMore = index + 1 < words.count
      if hasMore && word.equalsIgnoringCase("block") {
        guard let timeout = timeout(&execution, index + 1) else { return nil }
        options.timeoutMilliseconds = timeout
        index += 2
      } else if hasMore && word.equalsIgnoringCase("count") {
        guard let given = execution.integer(index + 1) else { return nil }
        options.entriesMax = given > 0 ? Int(given) : .max
        index += 2
      } else if hasMore && word.equalsIgnoringCase("streams") {
        options.keys = index + 1
      } else if index + 2 < words.count && word.equalsIgnoringCase("group") {
        guard isGroup else { return refuseGroupOption(&execution, "GROUP") }
        options.group = index + 1
        index += 3
      } else if word.equalsIgnoringCase("noack") {
        guard isGroup else { return refuseGroupOption(&execution, "NOACK") }
        options.isAcknowledged = true
        index += 1
      } else {
        execution.refuseSyntax()
        return nil
      }
    }
    guard options.keys > 0 else {
      execution.refuseSyntax()
      return nil
    }
    guard (words.count - options.keys) % 2 == 0 else {
      execution.reply.error(
        isGroup
          ? """
          ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID, '+', '$', or '>' must be specified.
          """
          : "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified.")
      return nil
    }
    options.count = (words.count - options.keys) / 2
    guard !isGroup || options.group != nil else {
      execution.reply.error("ERR Missing GROUP option for XREADGROUP")
      return nil
    }
    return options
  }

  /// Milliseconds to wait, 0 for ever. Answers the error and nil.
  private static func timeout(_ execution: inout Execution, _ index: Int) -> Int64? {
    guard let given = execution.arguments[index].int64 else {
      execution.reply.error("ERR timeout is not an integer or out of range")
      return nil
    }
    guard given >= 0 else {
      execution.reply.error("ERR timeout is negative")
      return nil
    }
    guard !given.addingReportingOverflow(execution.nowMilliseconds).overflow else {
      execution.reply.error("ERR timeout is out of range")
      return nil
    }
    return given
  }

  private static func refuseGroupOption(_ execution: inout Execution, _ name: StaticString) -> ReadOptions? {
    execution.reply.error(
      "ERR The ", ByteView(name), " option is only supported by XREADGROUP. You called XREAD instead.")
    return nil
  }

  // MARK: serving

  /// Whether a stream can be asked for what its word says. Answers the error if not.
  private static func isServable(_ execution: inout Execution, _ options: ReadOptions, _ number: Int) -> Bool {
    let key = execution.arguments[options.keys + number]
    let word = execution.arguments[options.keys + options.count + number]
    if execution.isRetry, options.group == nil, let location = execution.locate(key, KeyHash(key)),
      location.entry.type != .stream
    {
      return true
    }
    let lookup = execution.read(key, as: .stream)
    if case .refused = lookup { return false }
    var stream: StreamReference?
    if case .found(let location) = lookup { stream = location.entry.stream }
    if let group = options.group {
      guard stream?.findGroup(execution.arguments[group]) != nil else {
        execution.reply.beginError()
        execution.reply.part("NOGROUP No such key '")
        execution.reply.part(key)
        execution.reply.part("' or consumer group '")
        execution.reply.part(execution.arguments[group])
        execution.reply.part("' in XREADGROUP with GROUP option")
        execution.reply.end()
        return false
      }
    }
    if word == ByteView("$") {
      guard options.group == nil else {
        execution.reply.error(
          """
          ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer \
          by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result \
          set.
          """)
        return false
      }
      return true
    }
    if word == ByteView("+") {
      guard options.group == nil else {
        execution.reply.error(
          """
          ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer \
          by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result \
          set.
          """)
        return false
      }
      return true
    }
    if word == ByteView(">") {
      guard options.group != nil else {
        execution.reply.error(
          "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.")
        return false
      }
      return true
    }
    return execution.streamID(options.keys + options.count + number) != nil
  }

  private static func serve(_ execution: inout Execution, _ options: ReadOptions) {
    for number in 0..<options.count { guard isServable(&execution, options, number) else { return } }
    if options.group == nil {
      // All of them as they are now, though telling of one may take long.
      for number in 0..<options.count {
        let key = execution.arguments[options.keys + number]
        if let location = execution.locate(key, KeyHash(key)) {
          execution.pin(location, word: options.keys + number)
        }
      }
      return tell(&execution, options)
    }
    let reply = execution.reply
    var gap: OutputBuffer.Gap?
    var served = 0
    for number in 0..<options.count {
      // Looked up again: looking for the others may have moved it.
      let key = execution.arguments[options.keys + number]
      let word = execution.arguments[options.keys + options.count + number]
      guard let location = execution.locate(key, KeyHash(key)), let stream = location.entry.stream else { continue }
      guard let group = options.group else { return }
      makeConsumer(&execution, group, key, location)
      guard !isNew(word) || hasNews(stream, execution.arguments[group]) else { continue }
      if gap == nil { gap = reply.open() }
      served += 1
      if !reply.isRESP3 { reply.array(2) }
      reply.bulk(key)
      if isNew(word) {
        deliver(&execution, options, key, location)
      } else {
        answerPending(&execution, options, StreamID(word) ?? .zero, location)
      }
    }
    guard let gap else { return wait(&execution, options) }
    if reply.isRESP3 { reply.closeMap(gap, pairs: served) } else { reply.closeArray(gap, count: served) }
  }

  /// `>`, which is also the identifier behind which nothing can be.
  private static func isNew(_ word: ByteView) -> Bool { word == ByteView(">") || StreamID(word) == .greatest }

  /// Nothing was there: the client is told so, or waits.
  private static func wait(_ execution: inout Execution, _ options: ReadOptions) {
    guard let timeout = options.timeoutMilliseconds else { return execution.reply.nullArray() }
    var waiting = Waiting(keys: options.keys..<options.keys + options.count, timeoutMilliseconds: timeout)
    for number in 0..<options.count {
      let index = options.keys + options.count + number
      let word = execution.arguments[index]
      guard word == ByteView("$") || word == ByteView("+") else { continue }
      let key = execution.arguments[options.keys + number]
      let last = execution.locate(key, KeyHash(key))?.entry.stream?.lastID ?? .zero
      StreamIDText(last).withView { waiting.substitutes.append((index, Array($0.buffer))) }
    }
    execution.waiting = waiting
  }

  /// Whether XREAD has something to answer for a stream.
  private static func hasBehind(_ word: ByteView, _ stream: StreamReference) -> Bool {
    guard stream.count > 0, word != ByteView("$") else { return false }
    guard word != ByteView("+"), let last = stream.edge(isLast: true)?.id else { return true }
    return last > StreamID(word) ?? .greatest
  }

  private static func hasNews(_ stream: StreamReference, _ groupName: ByteView) -> Bool {
    guard let group = stream.findGroup(groupName), let last = stream.edge(isLast: true) else { return false }
    return last.id > group.lastID
  }

  /// XREAD of streams that are there as what they must be.
  private static func tell(_ execution: inout Execution, _ options: ReadOptions) {
    // The streams are pinned, and their keys may be gone before they are told.
    var found: [(number: Int, stream: StreamReference)] = []
    for number in 0..<options.count {
      let key = execution.arguments[options.keys + number]
      let word = execution.arguments[options.keys + options.count + number]
      guard let stream = execution.locate(key, KeyHash(key))?.entry.stream, hasBehind(word, stream) else { continue }
      found.append((number, stream))
    }
    guard !found.isEmpty else { return wait(&execution, options) }
    let reply = execution.reply
    if reply.isRESP3 { reply.map(found.count) } else { reply.array(found.count) }
    for (number, stream) in found {
      if !reply.isRESP3 { reply.array(2) }
      reply.bulk(execution.arguments[options.keys + number])
      answer(&execution, execution.arguments[options.keys + options.count + number], stream, options.entriesMax)
    }
  }

  private static func answer(
    _ execution: inout Execution, _ word: ByteView, _ stream: StreamReference, _ entriesMax: Int
  ) {
    let reply = execution.reply
    if word == ByteView("+") {
      reply.array(1)
      if let last = stream.edge(isLast: true) { reply.streamEntry(last) }
      return
    }
    let gap = reply.open()
    var count = 0
    if let first = (StreamID(word) ?? .greatest).next {
      var cursor = stream.cursor(from: first, through: .greatest)
      while count < entriesMax, execution.mayGoOn(after: 2), let entry = cursor.next() {
        reply.streamEntry(entry)
        count += 1
      }
    }
    reply.closeArray(gap, count: count)
  }
}
