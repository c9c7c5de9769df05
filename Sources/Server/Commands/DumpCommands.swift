// DumpCommands.swift — DUMP and RESTORE: one value as bytes, and back.
//
// A payload comes from anywhere, so RESTORE believes nothing in it; the order in which its complaints come
// is that of Redis. What is recorded has the instant of expiry instead of a time from now.
import Bytes
import Commands
import Persistence
import Store
import Wire

enum DumpCommands {
  static var definitions: [CommandDefinition] {
    [
      CommandDefinition(
        "dump", arity: 2, [.readonly, .longIfLarge], .keyspace, keys: [.key(1, [.readOnly, .access])], tips: [Tip.nondeterministic],
        group: .generic, since: "2.6.0", "The value at a key as bytes that RESTORE takes.",
        complexity: "O(N), N being the size of the value", arguments: "key", run: dump),
      restore("restore", [.write, .denyOOM], group: .generic, since: "2.6.0", "Makes a key from what DUMP answered."),
      restore(
        "restore-asking", [.write, .denyOOM, .asking], group: .server, since: "3.0.0",
        "RESTORE for the moving of slots."),
    ]
  }

  private static func restore(
    _ name: String, _ flags: CommandFlags, group: CommandGroup, since: String, _ summary: String
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: -4, flags, [.keyspace, .dangerous], keys: [.key(1, [.overwrite, .update])], group: group,
      since: since, isSystemCommand: group == .server, summary, complexity: "O(N), N being the size of the value",
      history: [
        .init("3.0.0", "`REPLACE`."), .init("5.0.0", "`ABSTTL`."), .init("5.0.0", "`IDLETIME` and `FREQ`."),
      ],
      arguments: "key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] "
        + "[IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]",
      run: restore)
  }

  // MARK: DUMP

  private static func dump(_ execution: inout Execution) {
    guard let location = execution.read(execution.arguments[1]) else { return execution.reply.null() }
    let pool = execution.reply.output.pointee.pool
    let compresses = execution.server.pointee.configuration.settings.persistence.snapshotCompressed
    let reply = execution.reply
    guard location.entry.isLong else {
      // The length goes first: the payload is made aside.
      var payload = OutputBuffer(pool: pool)
      DumpPayload.append(location.entry, compresses: compresses, to: &payload)
      reply.header(UInt8(ascii: "$"), Int64(payload.pending))
      _ = payload.stretches(upTo: payload.appended, capacity: .max) { _, start, count in
        reply.output.pointee.append(ByteView(start: start, count: count))
      }
      reply.raw("\r\n")
      return payload.discardAll()
    }
    execution.pin(location, word: 1)
    var writer = DumpWriter(location.entry, compresses: compresses, pool: pool)
    var piece = OutputBuffer(pool: pool)
    // Its length is known last.
    let gap = reply.open()
    let begin = reply.output.pointee.appended
    while true {
      writer.advance(into: &reply.output.pointee, through: &piece, bytes: dumpedAtOnce)
      if writer.isDone { break }
      guard execution.mayGoOn(after: dumpedAtOnce / 64) else { return }
    }
    let bytes = Int64(reply.output.pointee.appended - begin)
    reply.output.pointee.fill(gap, kind: UInt8(ascii: "$"), number: bytes)
    reply.raw("\r\n")
  }

  /// Bytes of a payload that are written between two looks at the clock.
  private static let dumpedAtOnce = 32 << 10

  // MARK: RESTORE

  private struct Options {
    var replaces = false
    var isInstant = false
    var idleSeconds: Int64?
    var frequency: UInt8?
  }

  private static func restore(_ execution: inout Execution) {
    guard let options = options(&execution) else { return }
    let key = execution.arguments[1]
    let hash = execution.hash(of: key)
    let existing = execution.find(key, hash)
    if existing != nil && !options.replaces {
      return execution.reply.error("BUSYKEY Target key name already exists.")
    }
    guard let given = execution.integer(2) else { return }
    guard given >= 0, let instant = instant(given, options, execution.nowMilliseconds) else {
      return execution.reply.error("ERR Invalid TTL value, must be >= 0")
    }
    do throws(DumpPayload.Refusal) {
      let value = try DumpPayload.value(
        execution.arguments[3], execution.rules.encodings, verifiesChecksum: execution.rules.verifiesChecksums)
      put(value, key, hash, replacing: existing, expiry: given == 0 ? nil : instant, options, &execution)
    } catch {
      switch error {
      case .versionOrChecksum: execution.reply.error("ERR DUMP payload version or checksum are wrong")
      case .format:
        let form = form(execution.arguments[3])
        execution.server.pointee.log.warning("RESTORE of \(key.text.debugDescription): \(form) integrity check failed")
        execution.reply.error("ERR Bad data format")
      }
    }
  }

  /// What a payload says it holds, for the log.
  private static func form(_ payload: ByteView) -> String {
    switch payload.count > 0 ? RDBType(rawValue: payload[0]) : nil {
    case .hashZipmap: "Zipmap"
    case .listZiplist, .listQuicklist: "List ziplist"
    case .sortedSetZiplist: "Zset ziplist"
    case .hashZiplist: "Hash ziplist"
    case .listQuicklist2: "List listpack"
    case .hashListpack: "Hash listpack"
    case .sortedSetListpack: "Zset listpack"
    case .setListpack: "Set listpack"
    case .setIntset: "Intset"
    case .stream1, .stream2, .stream3: "Stream listpack"
    default: "Value"
    }
  }

  private static func put(
    _ value: consuming DumpPayload.Value, _ key: ByteView, _ hash: KeyHash, replacing existing: Location?,
    expiry: Milliseconds?, _ options: Options, _ execution: inout Execution
  ) {
    if let existing { execution.remove(existing) }
    execution.reply.ok()
    if let expiry, expiry <= execution.nowMilliseconds {
      // The value came too late: what is left of RESTORE is that the old one is gone.
      guard existing != nil else { return }
      execution.changed()
      execution.effects.beginRecord(words: 2)
      execution.effects.word("DEL")
      execution.effects.word(key)
      return execution.note(.generic, "del", key)
    }
    let location = execution.database.pointee.insert(key, hash, restored: value, expiry: expiry)
    setUse(location.entry, options, execution.accessClock)
    execution.changed()
    if let expiry, !options.isInstant { record(expiry, &execution) }
    execution.note(.new, "new", key)
    execution.note(.generic, "restore", key)
  }

  /// The memory policy decides which of the two counts.
  private static func setUse(_ entry: Entry, _ options: Options, _ clock: AccessClock) {
    switch clock.policy {
    case .leastRecentlyUsed:
      guard let idle = options.idleSeconds else { return }
      // The clock goes round in 24 bits; longer ago than that cannot be said.
      entry.accessStamp = clock.stamp(idleSeconds: Int(min(idle, 0xFF_FFFF)))
    case .leastFrequentlyUsed:
      guard let frequency = options.frequency else { return }
      entry.accessStamp = clock.stamp(frequency: frequency)
    }
  }

  /// The command as it was sent, with the instant in the place of the time to live.
  private static func record(_ instant: Milliseconds, _ execution: inout Execution) {
    let words = execution.arguments
    execution.effects.beginRecord(words: words.count + 1)
    for index in 0..<words.count {
      if index == 2 { execution.effects.word(instant) } else { execution.effects.word(words[index]) }
    }
    execution.effects.word("ABSTTL")
  }

  /// When the key expires if `given` is not 0; nil if no number says so.
  private static func instant(_ given: Int64, _ options: Options, _ now: Milliseconds) -> Milliseconds? {
    guard !options.isInstant else { return given }
    let (sum, overflow) = given.addingReportingOverflow(now)
    return overflow ? nil : sum
  }

  /// The words behind the payload. Answers the error and nil.
  private static func options(_ execution: inout Execution) -> Options? {
    var options = Options()
    var index = 4
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      let hasNext = index + 1 < execution.arguments.count
      if word.equalsIgnoringCase("replace") {
        options.replaces = true
      } else if word.equalsIgnoringCase("absttl") {
        options.isInstant = true
      } else if word.equalsIgnoringCase("idletime") && hasNext && options.frequency == nil {
        guard let seconds = execution.integer(index + 1) else { return nil }
        guard seconds >= 0 else {
          execution.reply.error("ERR Invalid IDLETIME value, must be >= 0")
          return nil
        }
        options.idleSeconds = seconds
        index += 1
      } else if word.equalsIgnoringCase("freq") && hasNext && options.idleSeconds == nil {
        guard let given = execution.integer(index + 1) else { return nil }
        guard let frequency = UInt8(exactly: given) else {
          execution.reply.error("ERR Invalid FREQ value, must be >= 0 and <= 255")
          return nil
        }
        options.frequency = frequency
        index += 1
      } else {
        execution.refuseSyntax()
        return nil
      }
      index += 1
    }
    return options
  }
}
