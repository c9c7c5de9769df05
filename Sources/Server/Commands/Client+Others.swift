// Client+Others.swift — CLIENT LIST, KILL, PAUSE, UNPAUSE, UNBLOCK: what one client may do to the others.
import Bytes
import Commands
import Wire

extension ClientCommands {
  static var others: [CommandDefinition] {
    [
      CommandDefinition(
        facts(
          "list", arity: -2, .administration, since: "2.4.0", tips: [Tip.nondeterministic], "Lists the connections.",
          complexity: "O(N) in the number of connections", history: listHistory, arguments: listArguments),
        run: list),

      CommandDefinition(
        facts(
          "kill", arity: -3, .administration, since: "2.4.0", "Ends connections.",
          complexity: "O(N) in the number of connections", history: killHistory,
          arguments: "filter(old-format~'ip:port'|new-format(\(killArguments))...)"),
        run: kill),

      CommandDefinition(
        facts(
          "pause", arity: -3, .administration, since: "3.0.0", "Lets clients wait.",
          history: [.init("6.2.0", "WRITE, which lets only writers wait.")],
          arguments: "timeout:integer [mode(WRITE|ALL)@6.2.0]"),
        run: pause),

      CommandDefinition(
        facts(
          "unpause", arity: 2, .administration, since: "6.2.0", "Lets waiting clients go on.",
          complexity: "O(N) in the number of waiting clients")
      ) { execution in
        execution.server.pointee.clientPause.end()
        execution.server.pointee.wishes.unpause()
        execution.reply.ok()
      },

      CommandDefinition(
        facts(
          "unblock", arity: -3, .administration, since: "5.0.0", "Ends the waiting of a blocked client.",
          complexity: "O(log N) in the number of connections",
          arguments: "client-id:integer [unblock-type(TIMEOUT|ERROR)]"),
        run: unblock),
    ]
  }

  // MARK: list and kill

  private static func list(_ execution: inout Execution) {
    var filter = ClientFilter(isForList: true, databases: execution.databaseCount)
    if let refusal = filter.read(execution.arguments.dropFirst(2)) { return refusal.answer(execution.reply) }
    let server = execution.server
    let asking = execution.client
    let index = execution.commandIndex
    var lines: [(id: UInt64, text: String)] = []
    server.pointee.forEachClient { client in
      guard filter.matches(client, asking: asking, server) else { return }
      let text = server.pointee.describe(client, running: client == asking ? index : nil)
      lines.append((client.pointee.session.id, text))
    }
    lines.sort { $0.id < $1.id }
    execution.reply.verbatim("txt", text: lines.reduce(into: "") { $0 += $1.text + "\n" })
  }

  private static func kill(_ execution: inout Execution) {
    let words = execution.arguments
    let server = execution.server
    let asking = execution.client
    var filter = ClientFilter(isForList: false, databases: execution.databaseCount)
    let isOldForm = words.count == 3
    if isOldForm {
      filter.address.wanted = words[2].text
      filter.skipsAsking = false
    } else if let refusal = filter.read(words.dropFirst(2)) {
      return refusal.answer(execution.reply)
    }
    var doomed: [UnsafeMutablePointer<Client>] = []
    server.pointee.forEachClient { client in
      if filter.matches(client, asking: asking, server) { doomed.append(client) }
    }
    if !isOldForm {
      execution.reply.integer(doomed.count)
    } else if doomed.isEmpty {
      execution.reply.error("ERR No such client")
    } else {
      execution.reply.ok()
    }
    // Nothing is closed before this command is over, so the pointers are still good.
    for client in doomed { execution.end(client) }
  }

  // MARK: waiting

  private static func pause(_ execution: inout Execution) {
    let words = execution.arguments
    guard words.count <= 4 else { return execution.reply.unknownSubcommand(words[1], of: "CLIENT") }
    guard let milliseconds = words[2].int64 else {
      return execution.reply.error("ERR timeout is not an integer or out of range")
    }
    guard milliseconds >= 0 else { return execution.reply.error("ERR timeout is negative") }
    var kind = ClientPause.Kind.all
    if words.count == 4 {
      if words[3].equalsIgnoringCase("write") {
        kind = .writes
      } else if !words[3].equalsIgnoringCase("all") {
        return execution.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL")
      }
    }
    let now = execution.server.pointee.clock.milliseconds
    let (end, overflow) = now.addingReportingOverflow(milliseconds)
    guard !overflow else { return execution.reply.error("ERR timeout is out of range") }
    execution.server.pointee.clientPause.begin(kind, until: end, now: now)
    execution.server.pointee.timers.hurry(execution.server.pointee.clock.nanoseconds)
    execution.reply.ok()
  }

  private static func unblock(_ execution: inout Execution) {
    let words = execution.arguments
    guard words.count <= 4 else { return execution.reply.unknownSubcommand(words[1], of: "CLIENT") }
    if words.count == 4 {
      guard words[3].equalsIgnoringCase("timeout") || words[3].equalsIgnoringCase("error") else {
        return execution.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
      }
    }
    guard let id = words[2].int64 else { return execution.reply.error("ERR value is not an integer or out of range") }
    let isError = words.count == 4 && words[3].equalsIgnoringCase("error")
    let server = execution.server
    var found: UnsafeMutablePointer<Client>?
    server.pointee.forEachClient { if $0.pointee.session.id == UInt64(bitPattern: id) { found = $0 } }
    guard let found, found.pointee.blocked != nil else { return execution.reply.integer(0) }
    server.pointee.endWaiting(found, error: isError ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : nil)
    execution.reply.integer(1)
  }

  // MARK: facts

  private static let negativeArguments = """
    [NOT-TYPE not-client-type(NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB)@9.0.0]| \
    [NOT-ID not-client-id:integer...@9.0.0]|[NOT-USER not-username@9.0.0]|[NOT-ADDR not-addr~'ip:port'@9.0.0]| \
    [NOT-LADDR not-laddr~'ip:port'@9.0.0]|[NOT-NAME not-name@9.0.0]|[NOT-FLAGS not-flags@9.0.0]| \
    [NOT-LIB-NAME not-lib-name@9.0.0]|[NOT-LIB-VER not-lib-ver@9.0.0]|[NOT-DB not-db:integer@9.0.0]| \
    [NOT-CAPA not-capa@9.0.0]|[NOT-IP not-ip@9.0.0]
    """
  private static let killArguments = """
    [ID client-id:integer...@2.8.12]| \
    [TYPE client-type(NORMAL|MASTER@3.2.0|PRIMARY@8.0.0|SLAVE|REPLICA@5.0.0|PUBSUB)@2.8.12]|[USER username]| \
    [ADDR addr~'ip:port']|[LADDR laddr~'ip:port'@6.2.0]|[SKIPME skipme(YES|NO)]| \
    [MAXAGE maxage:integer@8.0.0]|[NAME name@9.0.0]| \
    [IDLE idle:integer@9.0.0]|[FLAGS flags@9.0.0]|[LIB-NAME lib-name@9.0.0]|[LIB-VER lib-ver@9.0.0]| \
    [DB db:integer@9.0.0]|[CAPA capa@9.0.0]|[IP ip@9.0.0]|\(negativeArguments)
    """
  private static let listArguments = """
    [TYPE client-type(NORMAL|MASTER|REPLICA|PUBSUB)@5.0.0] [ID client-id:integer...@6.2.0] [USER username@8.1.0] \
    [ADDR addr~'ip:port'@8.1.0] [LADDR laddr~'ip:port'@8.1.0] [SKIPME skipme(YES|NO)@8.1.0] \
    [MAXAGE maxage:integer@8.1.0] \
    [NAME name@9.0.0] [IDLE idle:integer@9.0.0] [FLAGS flags@9.0.0] [LIB-NAME lib-name@9.0.0] \
    [LIB-VER lib-ver@9.0.0] [DB db:integer@9.0.0] [CAPA capa@9.0.0] [IP ip@9.0.0] \
    [NOT-TYPE not-client-type(NORMAL|MASTER|REPLICA|PUBSUB)@9.0.0] [NOT-ID not-client-id:integer...@9.0.0] \
    [NOT-USER not-username@9.0.0] [NOT-ADDR not-addr~'ip:port'@9.0.0] [NOT-LADDR not-laddr~'ip:port'@9.0.0] \
    [NOT-NAME not-name@9.0.0] \
    [NOT-FLAGS not-flags@9.0.0] [NOT-LIB-NAME not-lib-name@9.0.0] [NOT-LIB-VER not-lib-ver@9.0.0] \
    [NOT-DB not-db:integer@9.0.0] [NOT-CAPA not-capa@9.0.0] [NOT-IP not-ip@9.0.0]
    """
  private static let listHistory: [CommandFacts.Change] = [
    .init("2.8.12", "The field `id`."),
    .init("5.0.0", "The filter TYPE."),
    .init("6.0.0", "The field `user`."),
    .init("6.2.0", "The fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and the filter ID."),
    .init("7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp`."),
    .init("7.0.3", "The field `ssub`."),
    .init("8.0.0", "The type `master` is called `primary`; the old word is still understood."),
    .init("8.1.0", "The filters USER, ADDR, LADDR, SKIPME and MAXAGE."),
    .init("9.0.0", "The filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, IP, and those that begin with NOT-."),
  ]
  private static let killHistory: [CommandFacts.Change] = [
    .init("2.8.12", "The form with filters."),
    .init("2.8.12", "The filter ID."),
    .init("3.2.0", "The type `master`."),
    .init("5.0.0", "The type `slave` is called `replica`; the old word is still understood."),
    .init("6.2.0", "The filter LADDR."),
    .init("8.0.0", "The filter MAXAGE."),
    .init("8.0.0", "The type `master` is called `primary`; the old word is still understood."),
    .init("8.1.0", "Several values of ID."),
    .init("9.0.0", "The filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, IP, and those that begin with NOT-."),
  ]
}

extension Server {
  /// Visits the connections that have not ended. `body` must not end any: that is for wishes.
  func forEachClient(_ body: (UnsafeMutablePointer<Client>) -> Void) {
    for slot in 0..<clients.slotCount where clients.isTaken(slot) {
      let client = clients[slot]
      if client.pointee.state == .open || client.pointee.state == .draining { body(client) }
    }
  }
}
