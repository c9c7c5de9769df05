// ClientCommands.swift — CLIENT: the list of its subcommands.
//
// What they do stands in Client+Identity (who am I), Client+Modes (how am I treated) and
// Client+Others (who else is there).
import Commands

enum ClientCommands {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "client", arity: -2, [], group: .connection, since: "2.4.0", "Everything about connections.",
        complexity: "Depends on subcommand."),
      subcommands: identity + modes + others + tracking + [help]
    ) { $0.reply.error("ERR syntax error") }
  }

  /// Facts of a subcommand; all are of the same category and group.
  static func facts(
    _ name: String, arity: Int, _ flags: CommandFlags, since: String, tips: [String] = [], _ summary: String,
    complexity: String = "O(1)", history: [CommandFacts.Change] = [], arguments: String = ""
  ) -> CommandFacts {
    CommandFacts(
      name, arity: arity, flags, .connection, tips: tips, group: .connection, since: since, summary,
      complexity: complexity, history: history, arguments: arguments)
  }

  private static var help: CommandDefinition {
    .help(
      of: "CLIENT", categories: .connection, group: .connection, since: "5.0.0",
      [
        "CACHING (YES|NO)",
        "    Whether the keys of the next command are tracked, in OPTIN and OPTOUT mode.",
        "CAPA <capability> [<capability> ...]",
        "    Says what the client can do. Known capabilities:",
        "    * REDIRECT",
        "      Follows redirections of a standalone primary or replica.",
        "GETREDIR",
        "    The ID of the client that tracking messages are redirected to.",
        "GETNAME",
        "    The name of this connection.",
        "ID",
        "    The ID of this connection.",
        "INFO",
        "    The line of this connection in CLIENT LIST.",
        "KILL <ip:port>",
        "    Ends the connection from this address.",
        "KILL <filter> <value> [<filter> <value> [...]]",
        "    Ends the connections that all filters match. SKIPME is yes unless said otherwise.",
        "LIST [<filter> <value> [...]]",
        "    A line for each connection that all filters match. SKIPME is no unless said otherwise.",
        "    Filters of KILL and LIST; those with a star also exist as NOT-<filter>:",
        "    * ID <client-id> [<client-id> ...] *",
        "    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB) *",
        "    * USER <username> *",
        "    * ADDR (<ip:port>|<unixsocket>:0) *",
        "    * LADDR (<ip:port>|<unixsocket>:0) *",
        "    * IP <ip> *",
        "    * NAME <client-name> *",
        "    * FLAGS <letters> *",
        "    * LIB-NAME <library-name> *",
        "    * LIB-VER <library-version> *",
        "    * DB <index> *",
        "    * CAPA <letters> *",
        "    * MAXAGE <seconds>",
        "      Connections that are at least so old.",
        "    * IDLE <seconds>",
        "      Connections that have been idle for at least so long.",
        "    * SKIPME (YES|NO)",
        "UNPAUSE",
        "    Ends CLIENT PAUSE.",
        "PAUSE <milliseconds> [WRITE|ALL]",
        "    Lets all clients, or those that write, wait.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether this connection is answered.",
        "SETNAME <name>",
        "    Names this connection.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Says what library the client uses.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    Ends the waiting of a client that is blocked.",
        "TRACKINGINFO",
        "    How this connection is told of changed keys.",
        "NO-EVICT (ON|OFF)",
        "    Spares this connection when clients take too much memory.",
        "NO-TOUCH (ON|OFF)",
        "    Whether commands of this connection leave access times as they are.",
        "IMPORT-SOURCE (ON|OFF)",
        "    Marks this connection as one that imports data, while the server is in import mode.",
      ])
  }
}
