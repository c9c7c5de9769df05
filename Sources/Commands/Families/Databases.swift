// Databases.swift — the commands on whole databases, and the few of the server and connection
// groups that need nothing but the execution.
import Bytes
import CAllocator
import Store
import Wire

/// DBSIZE, FLUSHALL, SELECT, MEMORY, TIME, PING and their like.
public enum Databases {
  public static var definitions: [CommandDefinition] { whole + connection + trifles }

  private static let allShards = ["request_policy:all_shards", "response_policy:all_succeeded"]

  private static var whole: [CommandDefinition] {
    [
      CommandDefinition(
        "dbsize", arity: 1, [.readonly, .fast], .keyspace,
        tips: ["request_policy:all_shards", "response_policy:agg_sum"], group: .server, since: "1.0.0",
        "How many keys the database has.", complexity: "O(1)", run: size),
      flush("flushall", "Removes all keys of all databases.", flushAll),
      flush("flushdb", "Removes all keys of the database.", flushOne),
      CommandDefinition(
        "swapdb", arity: 3, [.write, .fast], [.keyspace, .dangerous], group: .server, since: "4.0.0",
        "Exchanges two databases.",
        complexity: "O(N), N being the number of clients that watch or wait for keys in them",
        arguments: "index1:integer index2:integer", run: swap),
    ]
  }

  private static func flush(_ name: String, _ summary: String, _ body: @escaping CommandBody) -> CommandDefinition {
    CommandDefinition(
      name, arity: -1, [.write], [.keyspace, .dangerous], tips: allShards, group: .server, since: "1.0.0", summary,
      complexity: "O(1); the keys are freed later",
      history: [.init("4.0.0", "`ASYNC`."), .init("6.2.0", "`SYNC`.")],
      arguments: "[flush-type(ASYNC@4.0.0|SYNC@6.2.0)]", run: body)
  }

  private static var connection: [CommandDefinition] {
    [
      CommandDefinition(
        "select", arity: 2, [.loading, .stale, .fast, .allowBusy], .connection, group: .connection, since: "1.0.0",
        "Chooses the connection's database.", complexity: "O(1)", arguments: "index:integer", run: select),
      CommandDefinition(
        "ping", arity: -1, [.fast], .connection, tips: allShards, group: .connection, since: "1.0.0",
        "Answers PONG, or the message.", complexity: "O(1)", arguments: "[message]", run: ping),
      CommandDefinition(
        "echo", arity: 2, [.loading, .stale, .fast], .connection, group: .connection, since: "1.0.0",
        "Answers the message.", complexity: "O(1)", arguments: "message", run: echo),
    ]
  }

  private static var trifles: [CommandDefinition] {
    [
      CommandDefinition(
        "time", arity: 1, [.loading, .stale, .fast], tips: ["nondeterministic_output"], group: .server,
        since: "2.6.0", "The server's clock: seconds since 1970 and the microseconds within.", complexity: "O(1)",
        run: time),
    ]
  }

  // MARK: databases

  static func size(_ execution: inout Execution) { execution.reply.integer(execution.database.pointee.count) }

  public static func flushAll(_ execution: inout Execution) {
    guard mayFlush(&execution) else { return }
    for index in 0..<execution.databaseCount { empty(&execution, index) }
    // Recorded even if there was nothing: a copy may have had something.
    execution.changed()
    execution.reply.ok()
  }

  static func flushOne(_ execution: inout Execution) {
    guard mayFlush(&execution) else { return }
    empty(&execution, Int(execution.session.pointee.database))
    execution.changed()
    execution.reply.ok()
  }

  /// Both ways are the same here: a database is cut loose at once and freed in slices. With SYNC the client
  /// is told when the keys are gone, which they are.
  private static func mayFlush(_ execution: inout Execution) -> Bool {
    guard execution.arguments.count > 1 else { return true }
    let word = execution.arguments[1]
    let isMode = word.equalsIgnoringCase("async") || word.equalsIgnoringCase("sync")
    guard execution.arguments.count == 2 && isMode else {
      execution.refuseSyntax()
      return false
    }
    return true
  }

  private static func empty(_ execution: inout Execution, _ index: Int) {
    let database = execution.databases + index
    let graveyard = execution.graveyard
    execution.changed(database.pointee.count)
    database.pointee.detachAll(into: &graveyard.pointee)
  }

  static func swap(_ execution: inout Execution) {
    guard let first = execution.arguments[1].int64, Int32(exactly: first) != nil else {
      return execution.reply.error("ERR invalid first DB index")
    }
    guard let second = execution.arguments[2].int64, Int32(exactly: second) != nil else {
      return execution.reply.error("ERR invalid second DB index")
    }
    let range = 0..<Int64(execution.databaseCount)
    guard range.contains(first) && range.contains(second) else {
      return execution.reply.error("ERR DB index is out of range")
    }
    execution.swapDatabases(Int(first), Int(second))
    execution.changed()
    execution.reply.ok()
  }

  static func select(_ execution: inout Execution) {
    guard let index = execution.databaseIndex(1) else { return }
    execution.session.pointee.database = Int32(index)
    execution.reply.ok()
  }

  // MARK: trifles

  static func ping(_ execution: inout Execution) {
    let flags = execution.session.pointee.flags
    if flags.contains(.subscribed) && !flags.contains(.resp3) && execution.arguments.count <= 2 {
      // Its reader expects messages: this looks like one.
      execution.reply.array(2)
      execution.reply.bulk("pong")
      return execution.reply.bulk(execution.arguments.count == 2 ? execution.arguments[1] : .empty)
    }
    switch execution.arguments.count {
    case 1: execution.reply.simple("PONG")
    case 2: execution.reply.bulk(execution.arguments[1])
    default: execution.refuseArity()
    }
  }

  static func echo(_ execution: inout Execution) { execution.reply.bulk(execution.arguments[1]) }

  static func time(_ execution: inout Execution) {
    execution.reply.array(2)
    execution.reply.bulk(execution.nowMicroseconds / 1_000_000)
    execution.reply.bulk(execution.nowMicroseconds % 1_000_000)
  }
}

extension Execution {
  /// Exchanges two databases with all that belongs to them.
  mutating func swapDatabases(_ a: Int, _ b: Int) {
    guard a != b else { return }
    let first = (databases + a).move()
    (databases + a).moveInitialize(from: databases + b, count: 1)
    (databases + b).initialize(to: first)
    expirySweeps.swapAt(a, b)
  }
}
