// PubSubCommands.swift — SUBSCRIBE, UNSUBSCRIBE, PUBLISH and their relatives for patterns and shards.
//
// A confirmation is a message like any other: it is heard although the client asked for silence, and counts what the
// client listens to from then on. PUBSUB, which asks who listens, stands in PubSub+Ask.swift.
import Bytes
import Commands
import Wire

enum PubSubCommands {
  static var definitions: [CommandDefinition] { subscribing + publishing + [container, monitor] }

  // MARK: listening

  private static var subscribing: [CommandDefinition] {
    [
      subscribe(
        "subscribe", .channel, since: "2.0.0", "Listens to channels.",
        complexity: "O(N) in the number of channels", arguments: "channel..."),
      unsubscribe(
        "unsubscribe", .channel, since: "2.0.0", "Ceases to listen to channels, or to all.",
        complexity: "O(N) in the number of channels", arguments: "[channel...]"),
      subscribe(
        "psubscribe", .pattern, since: "2.0.0", "Listens to the channels whose names fit patterns.",
        complexity: "O(N) in the number of patterns", arguments: "pattern:pattern..."),
      unsubscribe(
        "punsubscribe", .pattern, since: "2.0.0", "Ceases to listen to patterns, or to all.",
        complexity: "O(N) in the number of patterns", arguments: "[pattern:pattern...]"),
      subscribe(
        "ssubscribe", .shardChannel, since: "7.0.0", "Listens to shard channels.",
        complexity: "O(N) in the number of shard channels", arguments: "shardchannel..."),
      unsubscribe(
        "sunsubscribe", .shardChannel, since: "7.0.0", "Ceases to listen to shard channels, or to all.",
        complexity: "O(N) in the number of shard channels", arguments: "[shardchannel...]"),
    ]
  }

  private static func keys(_ kind: SubscriptionKind) -> [KeySpecification] {
    kind == .shardChannel ? [.keys(from: 1, [.notKey])] : []
  }

  private static func subscribe(
    _ name: String, _ kind: SubscriptionKind, since: String, _ summary: String, complexity: String, arguments: String
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: -2, [.pubsub, .noscript, .loading, .stale], keys: keys(kind), group: .pubsub, since: since, summary,
      complexity: complexity, arguments: arguments
    ) { execution in
      let server = execution.server
      let client = execution.client
      execution.speakAgain()
      for index in 1..<execution.arguments.count {
        let name = execution.arguments[index]
        server.pointee.subscribe(client, kind, name)
        execution.events.enabled = server.pointee.eventsWanted
        execution.reply.push(3)
        execution.reply.bulk(kind.subscribed)
        execution.reply.bulk(name)
        execution.reply.integer(server.pointee.subscriptionCount(client, besides: kind))
      }
    }
  }

  private static func unsubscribe(
    _ name: String, _ kind: SubscriptionKind, since: String, _ summary: String, complexity: String, arguments: String
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: -1, [.pubsub, .noscript, .loading, .stale], keys: keys(kind), group: .pubsub, since: since, summary,
      complexity: complexity, arguments: arguments
    ) { execution in
      let server = execution.server
      let client = execution.client
      execution.speakAgain()
      let reply = execution.reply
      func confirm(_ name: ByteView?) {
        reply.push(3)
        reply.bulk(kind.unsubscribed)
        if let name { reply.bulk(name) } else { reply.null() }
        reply.integer(server.pointee.subscriptionCount(client, besides: kind))
      }
      guard execution.arguments.count == 1 else {
        for index in 1..<execution.arguments.count {
          server.pointee.unsubscribe(client, kind, execution.arguments[index])
          confirm(execution.arguments[index])
        }
        return
      }
      var hasListened = false
      server.pointee.unsubscribeAll(client, kind) { name in
        hasListened = true
        confirm(name)
      }
      if !hasListened { confirm(nil) }
    }
  }

  // MARK: telling

  private static var publishing: [CommandDefinition] {
    [
      CommandDefinition(
        "publish", arity: 3, [.pubsub, .loading, .stale, .fast, .mayReplicate], group: .pubsub, since: "2.0.0",
        "Sends a message to those who listen to a channel.",
        complexity: "O(N+M), N being the clients that listen to the channel and M all patterns",
        arguments: "channel message"
      ) { execution in
        let (channel, message) = (execution.arguments[1], execution.arguments[2])
        let slot = execution.client.pointee.slot
        execution.answerCopies(execution.server.pointee.publish(channel, message, busy: slot))
      },

      CommandDefinition(
        "spublish", arity: 3, [.pubsub, .loading, .stale, .fast, .mayReplicate], keys: [.key(1, [.notKey])],
        group: .pubsub, since: "7.0.0",
        "Sends a message to those who listen to a shard channel.",
        complexity: "O(N) in the number of clients that listen to the shard channel", arguments: "shardchannel message"
      ) { execution in
        let (channel, message) = (execution.arguments[1], execution.arguments[2])
        let slot = execution.client.pointee.slot
        execution.answerCopies(execution.server.pointee.publish(channel, message, .shardChannel, busy: slot))
      },
    ]
  }

  private static var monitor: CommandDefinition {
    CommandDefinition(
      "monitor", arity: 1, .administration, group: .server, since: "1.0.0", "Tells every request that runs.",
      complexity: "O(1), and a line for each request from then on"
    ) { execution in
      guard !execution.isAtomic else {
        return execution.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client")
      }
      // Who watches already is not answered, as in Redis.
      guard !execution.session.pointee.flags.contains(.monitor) else { return }
      execution.server.pointee.beginMonitoring(execution.client)
      execution.events.isOpen = true
      execution.reply.ok()
    }
  }
}

extension Execution {
  /// A message has been told to so many.
  fileprivate mutating func answerCopies(_ count: Int) {
    if !server.pointee.pubsub.told.isEmpty { events.isOpen = true }
    reply.integer(count)
  }
}
