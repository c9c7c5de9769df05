// Streams+Trim.swift — how much of a stream is kept: the options of XADD and XTRIM.
//
//     MAXLEN [= | ~] count | MINID [= | ~] id   [LIMIT count]   [KEEPREF | DELREF | ACKED]
//
// With ~ only whole blocks go, as many as hold LIMIT entries (100 blocks by default). That depends on where blocks
// end, so it is recorded as an exact trim to what is left.
import Bytes
import Store
import Wire

/// What becomes of an entry's place in the pending lists of groups when it is deleted.
enum StreamReferences {
  /// It stays.
  case keep
  /// It goes too.
  case delete
  /// Only entries go that every group has read and acknowledged.
  case acknowledged

  init?(_ word: ByteView) {
    if word.equalsIgnoringCase("keepref") {
      self = .keep
    } else if word.equalsIgnoringCase("delref") {
      self = .delete
    } else if word.equalsIgnoringCase("acked") {
      self = .acknowledged
    } else {
      return nil
    }
  }

  var word: StaticString {
    switch self {
    case .keep: "KEEPREF"
    case .delete: "DELREF"
    case .acknowledged: "ACKED"
    }
  }
}

struct TrimOptions {
  enum Strategy { case count(Int), before(StreamID) }

  private(set) var strategy: Strategy?
  private(set) var isApproximate = false
  private var limit: Int?
  private var references: StreamReferences?
  /// NOMKSTREAM: nothing is added where no stream is.
  private(set) var needsStream = false
  /// The word behind the options: XADD's identifier.
  private(set) var end = 0

  /// Reads the options from word `start` on; XTRIM's go to the end. Answers the error and nil.
  init?(_ execution: inout Execution, from start: Int, adds: Bool) {
    var index = start
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      let hasMore = index + 1 < execution.arguments.count
      if adds && word == ByteView("*") { break }
      if hasMore && (word.equalsIgnoringCase("maxlen") || word.equalsIgnoringCase("minid")) {
        guard let next = takeStrategy(&execution, index) else { return nil }
        index = next
      } else if hasMore && word.equalsIgnoringCase("limit") {
        guard let given = execution.integer(index + 1) else { return nil }
        guard given >= 0 else {
          execution.reply.error("ERR The LIMIT argument must be >= 0.")
          return nil
        }
        limit = Int(given)
        index += 2
      } else if adds && word.equalsIgnoringCase("nomkstream") {
        needsStream = true
        index += 1
      } else if references == nil, let given = StreamReferences(word) {
        references = given
        index += 1
      } else if adds {
        break
      } else {
        execution.refuseSyntax()
        return nil
      }
    }
    end = index
    guard adds || strategy != nil else {
      guard limit ?? 0 == 0 else {
        execution.reply.error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
        return nil
      }
      execution.reply.error("ERR syntax error, XTRIM must be called with a trimming strategy")
      return nil
    }
    guard limit ?? 0 == 0 || strategy != nil else {
      execution.reply.error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
      return nil
    }
    guard limit == nil || isApproximate else {
      execution.reply.error("ERR syntax error, LIMIT cannot be used without the special ~ option")
      return nil
    }
    guard !adds || end < execution.arguments.count else {
      execution.refuseArity()
      return nil
    }
  }

  /// Reads `MAXLEN ~ 10`; the word behind it. Answers the error and nil.
  private mutating func takeStrategy(_ execution: inout Execution, _ start: Int) -> Int? {
    guard strategy == nil else {
      execution.reply.error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
      return nil
    }
    var index = start + 1
    isApproximate = false
    if index + 1 < execution.arguments.count {
      let sign = execution.arguments[index]
      isApproximate = sign == ByteView("~")
      if isApproximate || sign == ByteView("=") { index += 1 }
    }
    if execution.arguments[start].equalsIgnoringCase("maxlen") {
      guard let count = execution.integer(index) else { return nil }
      guard count >= 0 else {
        execution.reply.error("ERR The MAXLEN argument must be >= 0.")
        return nil
      }
      strategy = .count(Int(count))
    } else {
      guard let id = execution.streamID(index) else { return nil }
      strategy = .before(id)
    }
    return index + 1
  }

  // MARK: doing it

  /// Trims the stream at `location`; how many entries went. Nil: nobody wants to know any more.
  func trim(_ execution: inout Execution, _ key: ByteView, _ location: Location) -> Int? {
    guard let strategy else { return 0 }
    let bound: StreamTrim.Bound =
      switch strategy {
      case .count(let count): .count(count)
      case .before(let id): .before(id)
      }
    let blockEntries = execution.rules.streamLimits.blockEntries
    // As many as a hundred blocks have, and no more than a million.
    let usual = blockEntries > 0 ? min(blockEntries, 10_000) * 100 : 10_000
    let most = isApproximate ? limit ?? usual : 0
    let trim = StreamTrim(bound, isApproximate: isApproximate, entriesMax: most)
    let references = references ?? .keep
    guard references == .keep else {
      return execution.database.pointee.changeStream(location) { $0.trim(trim, references) }
    }
    guard execution.pauses.door != nil else {
      return execution.database.pointee.changeStream(location) { $0.trim(trim) }
    }
    return Self.trim(&execution, key, location, trim)
  }

  /// Whole blocks first, some at a time.
  private static func trim(
    _ execution: inout Execution, _ key: ByteView, _ location: Location, _ trim: StreamTrim
  ) -> Int? {
    let most = trim.entriesMax > 0 ? trim.entriesMax : Int.max
    var location = location
    var removed = 0
    var part = 0
    repeat {
      let blocks = StreamTrim(trim.bound, isApproximate: true, entriesMax: min(most - removed, trimmedAtOnceMax))
      guard blocks.entriesMax > 0 else { return removed }
      part = execution.database.pointee.changeStream(location) { $0.trim(blocks) }
      removed += part
      guard execution.mayGoOnChanging(after: 1 + part / 4) else { return nil }
      location = execution.located(key, location)
    } while part > 0
    // The block of which some entries stay, and one that is larger than a part.
    let rest = StreamTrim(trim.bound, isApproximate: trim.isApproximate, entriesMax: most == .max ? 0 : most - removed)
    return removed + execution.database.pointee.changeStream(location) { $0.trim(rest) }
  }

  /// Entries that go between two looks at the clock.
  private static var trimmedAtOnceMax: Int { 4096 }

  // MARK: recording it

  /// The words that were sent say all there is to say.
  var isAsWritten: Bool { !isApproximate }

  var referenceWords: Int { references == nil ? 0 : 1 }

  /// The options as an exact trim to what is left.
  func record(_ execution: inout Execution, _ stream: StreamReference) {
    if let references { execution.effects.word(references.word) }
    guard let strategy else { return }
    switch strategy {
    case .count(let count):
      execution.effects.word("MAXLEN")
      execution.effects.word("=")
      execution.effects.word(Int64(isApproximate ? stream.count : count))
    case .before(let id):
      execution.effects.word("MINID")
      execution.effects.word("=")
      // Nothing is left before any identifier where nothing is left.
      let first = stream.count > 0 ? stream.firstID : .greatest
      execution.effects.word(isApproximate ? first : id)
    }
  }
}

extension Streams {
  static func trim(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let options = TrimOptions(&execution, from: 2, adds: false) else { return }
    guard case .found(let location) = find(&execution, key) else { return }
    execution.lock(key, location)
    guard let removed = options.trim(&execution, key, location) else { return }
    execution.reply.integer(removed)
    guard removed > 0 else { return }
    execution.changed(removed)
    execution.note(.stream, "xtrim", key)
    guard !options.isAsWritten, let stream = location.entry.stream else { return }
    execution.effects.beginRecord(words: 5 + options.referenceWords)
    execution.effects.word("XTRIM")
    execution.effects.word(key)
    options.record(&execution, stream)
  }

  /// The stream at `key` for changing it; one that is not there is answered with 0.
  static func find(_ execution: inout Execution, _ key: ByteView) -> Lookup {
    let lookup = execution.find(key, as: .stream)
    if case .absent = lookup { execution.reply.integer(0) }
    return lookup
  }
}
