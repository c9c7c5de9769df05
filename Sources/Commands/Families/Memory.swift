// Memory.swift — the subcommands of MEMORY that need nothing but the execution.
import Bytes
import CAllocator
import Store
import Wire

public enum Memory {
  /// MEMORY with USAGE, PURGE, MALLOC-STATS and HELP, and with what the server adds (STATS, DOCTOR).
  public static func definition(adding others: [CommandDefinition] = []) -> CommandDefinition {
    CommandDefinition(
      "memory", arity: -2, [], group: .server, since: "4.0.0", "Where memory goes.",
      complexity: "Depends on the subcommand.", subcommands: subcommands + others, run: { $0.refuseArity() })
  }

  private static let allShards = ["request_policy:all_shards", "response_policy:all_succeeded"]

  private static var subcommands: [CommandDefinition] {
    [
      CommandDefinition(
        "usage", arity: -3, [.readonly], keys: [.key(2, .readOnly)], group: .server, since: "4.0.0",
        "Bytes that a key and its value take.", complexity: "O(N), N being the number of samples",
        arguments: "key [SAMPLES count:integer]", run: usage),
      CommandDefinition(
        "purge", arity: 2, [.loading], tips: allShards, group: .server, since: "4.0.0",
        "Gives memory that is not used back to the system.", complexity: "Depends on how much there is.", run: purge),
      CommandDefinition(
        "malloc-stats", arity: 2, [.loading],
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"], group: .server,
        since: "4.0.0", "The allocator's own report.", complexity: "Depends on how much there is.",
        run: allocatorReport),
      CommandDefinition(
        "help", arity: 2, [.loading, .stale], group: .server, since: "4.0.0", "Tells the subcommands.",
        complexity: "O(1)", run: help),
    ]
  }

  static func usage(_ execution: inout Execution) {
    var index = 3
    while index < execution.arguments.count {
      guard execution.arguments[index].equalsIgnoringCase("samples"), index + 1 < execution.arguments.count else {
        return execution.refuseSyntax()
      }
      guard let samples = execution.integer(index + 1) else { return }
      guard samples >= 0 else { return execution.refuseSyntax() }
      index += 2
    }
    let key = execution.arguments[2]
    guard let location = execution.locate(key, KeyHash(key)) else { return execution.reply.null() }
    execution.reply.integer(execution.database.pointee.memoryBytes(location))
  }

  static func purge(_ execution: inout Execution) {
    martlet_heap_purge()
    execution.reply.ok()
  }

  static func allocatorReport(_ execution: inout Execution) {
    guard let report = martlet_heap_report() else {
      return execution.reply.error("ERR no memory for the allocator's report")
    }
    defer { free(report) }
    execution.reply.verbatim("txt", ByteView(start: report, count: strlen(report)))
  }

  static func help(_ execution: inout Execution) {
    execution.reply.help(
      "MEMORY",
      [
        "DOCTOR", "    What is unusual about the memory in use.",
        "MALLOC-STATS", "    The allocator's own report.",
        "PURGE", "    Gives memory that is not used back to the system.",
        "STATS", "    Where memory goes, in numbers.",
        "USAGE <key> [SAMPLES <count>]", "    Bytes that <key> and its value take. Of nested values <count> are",
        "    looked at (5 unless told, 0: all).",
      ])
  }
}
