// ServerCommands.swift — the commands that need the server: connections, configuration, reports.
//
// They stand in the same table as the data commands and get the same `Execution`. What they
// want beyond it they reach through `server` and `client`; what needs the ring they wish for.
import Bytes
import Commands
import Wire

/// Everything the Server module adds to the command table.
package enum ServerCommands {
  package static var definitions: [CommandDefinition] {
    connection + [config, info, shutdown, debug, memory, slowLog, commandLog, latency, lolwut, WaitAOF.definition]
      + instance + PubSubCommands.definitions + TransactionCommands.definitions + PersistenceCommands.definitions
  }

  private static var connection: [CommandDefinition] {
    [Authentication.auth, Handshake.hello, Handshake.quit, Handshake.reset, ClientCommands.definition]
  }

  private static var config: CommandDefinition { ConfigCommands.definition }
  private static var info: CommandDefinition { InfoCommand.definition }
  private static var shutdown: CommandDefinition { ShutdownCommand.definition }
  private static var debug: CommandDefinition { DebugCommand.definition }
  private static var memory: CommandDefinition { MemoryCommands.definition }
  private static var slowLog: CommandDefinition { SlowLogCommands.slowLog }
  private static var commandLog: CommandDefinition { SlowLogCommands.commandLog }
  private static var latency: CommandDefinition { LatencyCommands.definition }
  private static var lolwut: CommandDefinition { LolwutCommand.definition }
  private static var instance: [CommandDefinition] { InstanceCommands.definitions }
}

extension Execution {
  /// The server that runs this command. `mutating` for the reason that `database` is.
  var server: UnsafeMutablePointer<Server> {
    mutating get {
      guard let host else { preconditionFailure("a command of the server ran without one") }
      return host.assumingMemoryBound(to: Server.self)
    }
  }

  /// The connection that asks: the session is a part of it.
  var client: UnsafeMutablePointer<Client> {
    UnsafeMutableRawPointer(session).advanced(by: -Client.sessionOffset).assumingMemoryBound(to: Client.self)
  }
}

extension CommandFlags {
  /// May be sent at any time, but not by scripts: most of what is about connections and the server.
  static let anytime: CommandFlags = [.noscript, .loading, .stale]
  /// The same, for administrators.
  static let administration: CommandFlags = [.admin, .noscript, .loading, .stale]
}

/// Tips that several commands share.
enum Tip {
  static let nondeterministic = "nondeterministic_output"
  static let allNodes = "request_policy:all_nodes"
  static let allShards = "request_policy:all_shards"
  static let allSucceeded = "response_policy:all_succeeded"
  static let sum = "response_policy:agg_sum"
  static let special = "response_policy:special"
}
