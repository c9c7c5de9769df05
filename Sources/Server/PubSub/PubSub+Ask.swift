// PubSub+Ask.swift — PUBSUB: who listens to what.
import Bytes
import Commands
import Wire

extension PubSubCommands {
  static var container: CommandDefinition {
    CommandDefinition(
      "pubsub", arity: -2, [], group: .pubsub, since: "2.8.0", "Tells who listens to what.",
      complexity: "Depends on subcommand.",
      subcommands: [
        names("channels", .channel, since: "2.8.0", "Lists the channels that somebody listens to."),
        ask(
          "numpat", arity: 2, since: "2.8.0", "Counts the patterns that somebody listens to.", complexity: "O(1)"
        ) { execution in
          execution.reply.integer(execution.server.pointee.pubsub.subscriptions(.pattern).pointee.nameCount)
        },
        counts("numsub", .channel, since: "2.8.0", "Counts those who listen to channels.", arguments: "[channel...]"),
        names("shardchannels", .shardChannel, since: "7.0.0", "Lists the shard channels that somebody listens to."),
        counts(
          "shardnumsub", .shardChannel, since: "7.0.0", "Counts those who listen to shard channels.",
          arguments: "[shardchannel...]"),
        .help(
          of: "PUBSUB", group: .pubsub, since: "6.2.0",
          [
            "CHANNELS [<pattern>]",
            "    The channels that somebody listens to and that fit the pattern.",
            "NUMPAT",
            "    How many patterns somebody listens to.",
            "NUMSUB [<channel> ...]",
            "    How many listen to each of the channels themselves.",
            "SHARDCHANNELS [<pattern>]",
            "    The shard channels that somebody listens to and that fit the pattern.",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    How many listen to each of the shard channels.",
          ]),
      ]
    ) { $0.reply.unknownSubcommand($0.arguments[1], of: "PUBSUB") }
  }

  private static func ask(
    _ name: String, arity: Int, since: String, _ summary: String, complexity: String, arguments: String = "",
    run body: @escaping CommandBody
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: arity, [.pubsub, .loading, .stale], group: .pubsub, since: since, summary, complexity: complexity,
      arguments: arguments, run: body)
  }

  /// The names that somebody listens to, all or those that fit a pattern.
  private static func names(
    _ name: String, _ kind: SubscriptionKind, since: String, _ summary: String
  ) -> CommandDefinition {
    ask(
      name, arity: -2, since: since, summary, complexity: "O(N) in the number of channels",
      arguments: "[pattern:pattern]"
    ) { execution in
      guard execution.arguments.count <= 3 else {
        return execution.reply.unknownSubcommand(execution.arguments[1], of: "PUBSUB")
      }
      let subscriptions = execution.server.pointee.pubsub.subscriptions(kind)
      let reply = execution.reply
      guard execution.arguments.count == 3, !Glob(execution.arguments[2]).isEverything else {
        reply.array(subscriptions.pointee.nameCount)
        return subscriptions.pointee.forEachName { reply.bulk($0) }
      }
      let glob = Glob(execution.arguments[2])
      let list = reply.open()
      var count = 0
      subscriptions.pointee.forEachName { name in
        guard glob.matches(name) else { return }
        reply.bulk(name)
        count += 1
      }
      reply.closeArray(list, count: count)
    }
  }

  /// Each of the names with the number of those who listen to it.
  private static func counts(
    _ name: String, _ kind: SubscriptionKind, since: String, _ summary: String, arguments: String
  ) -> CommandDefinition {
    ask(
      name, arity: -2, since: since, summary, complexity: "O(N) in the number of channels named", arguments: arguments
    ) { execution in
      let subscriptions = execution.server.pointee.pubsub.subscriptions(kind)
      execution.reply.array(2 * (execution.arguments.count - 2))
      for index in 2..<execution.arguments.count {
        execution.reply.bulk(execution.arguments[index])
        execution.reply.integer(subscriptions.pointee.count(of: execution.arguments[index]))
      }
    }
  }
}
