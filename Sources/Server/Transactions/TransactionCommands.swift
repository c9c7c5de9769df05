// TransactionCommands.swift — MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//
// What they do when a transaction is open is the executor's: Server+Transactions queues requests and runs them. The
// bodies here are for everything else.
import Bytes
import Commands
import Store
import Wire

enum TransactionCommands {
  static var definitions: [CommandDefinition] { [multi, exec, discard, watch, unwatch] }

  private static var multi: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "multi", arity: 1, [.noscript, .loading, .stale, .fast, .allowBusy], .transaction, group: .transactions,
        since: "1.2.0", "Begins a transaction: requests are queued until EXEC.", complexity: "O(1)")
    ) { execution in
      guard !execution.session.pointee.flags.contains(.inTransaction) else {
        return execution.reply.error("ERR MULTI calls can not be nested")
      }
      _ = execution.client.pointee.openTransaction()
      execution.session.pointee.flags.insert(.inTransaction)
      execution.reply.ok()
    }
  }

  private static var exec: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "exec", arity: 1, [.noscript, .loading, .stale, .skipSlowlog], .transaction, group: .transactions, since: "1.2.0",
        "Runs the requests of the transaction, with nothing between them.",
        complexity: "Depends on commands in the transaction")
    ) { $0.reply.error("ERR EXEC without MULTI") }
  }

  private static var discard: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "discard", arity: 1, [.noscript, .loading, .stale, .fast, .allowBusy], .transaction, group: .transactions,
        since: "2.0.0", "Ends the transaction without running it.",
        complexity: "O(N), N being the number of queued requests")
    ) { execution in
      guard execution.session.pointee.flags.contains(.inTransaction) else {
        return execution.reply.error("ERR DISCARD without MULTI")
      }
      execution.server.pointee.endTransaction(execution.client)
      execution.reply.ok()
    }
  }

  private static var watch: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "watch", arity: -2, [.noscript, .loading, .stale, .fast, .allowBusy], .transaction,
        keys: [.keys(from: 1, [.readOnly])], group: .transactions, since: "2.2.0",
        "Has the next EXEC run nothing if one of the keys changes before.", complexity: "O(1) for every key.",
        arguments: "key..."),
      run: watch)
  }

  private static func watch(_ execution: inout Execution) {
    let client = execution.client
    guard !execution.session.pointee.flags.contains(.inTransaction) else {
      return execution.reply.error("ERR WATCH inside MULTI is not allowed")
    }
    execution.reply.ok()
    // Nothing can save the next EXEC any more.
    guard client.pointee.transaction?.pointee.isStale != true else { return }
    let server = execution.server
    let database = Int(execution.session.pointee.database)
    for index in 1..<execution.arguments.count {
      let key = execution.arguments[index]
      let place = Effects.KeyPlace(hash: execution.hash(of: key), database: database)
      server.pointee.watch(client, key, place, now: execution.nowMilliseconds)
    }
    execution.effects.isWatched = true
  }

  private static var unwatch: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "unwatch", arity: 1, [.noscript, .loading, .stale, .fast, .allowBusy], .transaction, group: .transactions,
        since: "2.2.0", "Forgets all watched keys.", complexity: "O(1)")
    ) { execution in
      // Within EXEC there is nothing left to forget.
      if !execution.isAtomic { execution.server.pointee.endTransaction(execution.client) }
      execution.reply.ok()
    }
  }
}

extension Client {
  /// What the client has between WATCH or MULTI and EXEC; made if it has nothing yet.
  mutating func openTransaction() -> UnsafeMutablePointer<Transaction> {
    if let transaction { return transaction }
    let made = UnsafeMutablePointer<Transaction>.allocate(capacity: 1)
    made.initialize(to: Transaction())
    transaction = made
    return made
  }
}
