// DebugCommand.swift — DEBUG: a look inside, and switches for tests.
//
// Off unless enable-debug-command says otherwise. It is one command that looks at its second
// word itself: tools expect its particular error for what it does not know.
import Bytes
import Commands
import Configuration
import Ring
import Store
import Wire

enum DebugCommand {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "debug", arity: -2, [.admin, .noscript, .loading, .stale, .protected], group: .server, since: "1.0.0",
        isSystemCommand: true, "Looks inside the server, for its developers and tests.",
        complexity: "Depends on subcommand."),
      run: run)
  }

  /// A subcommand: how many words it takes with the two of its name, and what it does.
  private struct Subcommand: Sendable {
    let name: StaticString
    let words: ClosedRange<Int>
    let run: @Sendable (inout Execution) -> Void

    init(_ name: StaticString, _ words: ClosedRange<Int>, _ run: @escaping @Sendable (inout Execution) -> Void) {
      self.name = name
      self.words = words
      self.run = run
    }
  }

  private static let subcommands: [Subcommand] = [
    Subcommand("sleep", 3...3, sleep),
    Subcommand("reload", 2...5, DebugPersistence.reload),
    Subcommand("loadaof", 2...2, DebugPersistence.loadLog),
    Subcommand("aof-flush-sleep", 3...3) {
      $0.server.pointee.appendLog.flushSleepMicroseconds = UInt32(clamping: leadingInteger($0.arguments[2]))
      $0.reply.ok()
    },
    Subcommand("reply-blocking-pause", 3...3) { DebugPersistence.pauseLever(&$0, isPaused: true) },
    Subcommand("reply-blocking-resume", 3...3) { DebugPersistence.pauseLever(&$0, isPaused: false) },
    Subcommand("set-active-expire", 3...3) {
      $0.rules.activeExpire = leadingInteger($0.arguments[2]) != 0
      $0.reply.ok()
    },
    Subcommand("set-slice", 3...3) {
      let steps = leadingInteger($0.arguments[2])
      $0.server.pointee.walks.stepsPerSlice = Int(clamping: max(0, steps))
      $0.server.pointee.walks.isOff = steps < 0
      $0.reply.ok()
    },
    Subcommand("set-skip-checksum-validation", 3...3) {
      $0.rules.verifiesChecksums = leadingInteger($0.arguments[2]) == 0
      $0.reply.ok()
    },
    Subcommand("pause-cron", 3...3) {
      $0.server.pointee.isTickPaused = leadingInteger($0.arguments[2]) != 0
      $0.reply.ok()
    },
    Subcommand("pause-long", 3...3) {
      $0.server.pointee.walks.isHalted = leadingInteger($0.arguments[2]) != 0
      $0.reply.ok()
    },
    Subcommand("quicklist-packed-threshold", 3...3, setListPackedBytes),
    // Chunks of output come and go with the replies: there is nothing whose resizing could be stopped.
    Subcommand("replybuffer", 4...4) {
      let lever = $0.arguments[2]
      let isKnown = lever.equalsIgnoringCase("resizing") || lever.equalsIgnoringCase("peak-reset-time")
      if isKnown { $0.reply.ok() } else { $0.reply.unknownSubcommand($0.arguments[1], of: "DEBUG") }
    },
    Subcommand("log", 3...3) {
      $0.server.pointee.log.warning("DEBUG LOG: \($0.arguments[2].text)")
      $0.reply.ok()
    },
    Subcommand("error", 3...3) { $0.reply.error($0.arguments[2]) },
    Subcommand("protocol", 3...3, DebugProtocol.run),
    Subcommand("object", 3...4, DebugValues.object),
    Subcommand("digest", 2...2, DebugValues.digest),
    Subcommand("digest-value", 2...Int.max, DebugValues.digestValues),
    Subcommand("populate", 3...5, DebugValues.populate),
    Subcommand("htstats", 3...4, DebugValues.tableStatistics),
    Subcommand("htstats-key", 3...4, DebugValues.tableStatisticsOfKey),
    Subcommand("config-rewrite-force-all", 2...2, rewriteAll),
    Subcommand("segfault", 2...2) { _ in ProcessFacts.raiseSegmentationFault() },
    Subcommand("panic", 2...2) { die("Panic requested by DEBUG PANIC", &$0) },
    Subcommand("assert", 2...2) { die("Assertion failure requested by DEBUG ASSERT", &$0) },
    Subcommand("help", 2...2, help),
  ]

  private static func run(_ execution: inout Execution) {
    let words = execution.arguments
    for subcommand in subcommands
    where words[1].equalsIgnoringCase(subcommand.name) && subcommand.words.contains(words.count) {
      return subcommand.run(&execution)
    }
    execution.reply.unknownSubcommand(words[1], of: "DEBUG")
  }

  // MARK: bodies

  /// Stops the whole server, as a long command would.
  private static func sleep(_ execution: inout Execution) {
    let seconds = Double(execution.arguments[2].text) ?? 0
    if seconds > 0 && seconds < 1e9 { Clock.sleep(nanoseconds: UInt64(seconds * 1_000_000_000)) }
    execution.reply.ok()
  }

  private static func rewriteAll(_ execution: inout Execution) {
    guard let failure = execution.server.pointee.rewriteConfiguration(complete: true) else {
      return execution.reply.ok()
    }
    execution.reply.error(text: "ERR CONFIG-REWRITE-FORCE-ALL failed: " + failure)
  }

  /// 0 is the usual size.
  private static func setListPackedBytes(_ execution: inout Execution) {
    let sizeMax: UInt64 = 1 << 32 - 1 << 20
    guard let size = try? Values.memory(execution.arguments[2].text), size <= sizeMax else {
      return execution.reply.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
    }
    execution.rules.encodings.listPackedBytes = size == 0 ? EncodingLimits.listPackedBytesUsual : Int(size)
    execution.reply.ok()
  }

  private static func die(_ reason: String, _ execution: inout Execution) {
    execution.server.pointee.log.warning("=== \(reason) ===")
    ProcessFacts.raiseAbort()
  }

  /// The number that a word begins with, 0 if it begins with none: how switches are read.
  private static func leadingInteger(_ word: ByteView) -> Int64 {
    var end = 0
    if word.count > 0 && (word[0] == UInt8(ascii: "-") || word[0] == UInt8(ascii: "+")) { end = 1 }
    while end < word.count && word[end] >= UInt8(ascii: "0") && word[end] <= UInt8(ascii: "9") { end += 1 }
    return Int64(word.prefix(end).text) ?? 0
  }

  private static func help(_ execution: inout Execution) {
    execution.reply.help(
      "DEBUG",
      [
        "ASSERT",
        "    Crashes as a failed check does.",
        "CONFIG-REWRITE-FORCE-ALL",
        "    CONFIG REWRITE with every parameter, also those that have their built-in value.",
        "DIGEST",
        "    A hash of all data; the same data give the same hash.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    A hash of each value.",
        "ERROR <text>",
        "    Answers the text as an error.",
        "HTSTATS <db> [full]",
        "    Figures of a database's table.",
        "HTSTATS-KEY <key> [full]",
        "    Figures of the table inside a value.",
        "LOG <text>",
        "    Writes the text to the log.",
        "OBJECT <key> [fast]",
        "    Where and how a value is kept.",
        "PANIC",
        "    Crashes as an unforeseen state does.",
        "PAUSE-CRON <0|1>",
        "    Stops what is done periodically, or lets it go on.",
        "PAUSE-LONG <0|1>",
        "    Leaves long commands that have let others run where they are, or lets them go on.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Makes so many strings named <prefix>:<number> (prefix: key).",
        "PROTOCOL <type>",
        "    Answers with a value of a type: string, integer, double, bignum, null, array, set, map, attrib, push,",
        "    verbatim, true, false.",
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "    Elements of lists that are as long stand in nodes of their own; 0 is the built-in size.",
        "REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>",
        "    Nothing here: output is kept in chunks, which are not resized.",
        "SEGFAULT",
        "    Crashes with a segmentation fault.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Whether expired keys are looked for that nobody asks for.",
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "    Whether RESTORE passes over a wrong checksum, for tests of what comes behind it.",
        "SET-SLICE <steps>",
        "    Long commands let others run after so many steps; 0 is the built-in time, -1: never.",
        "SLEEP <seconds>",
        "    Stops the server for so long.",
      ])
  }
}
