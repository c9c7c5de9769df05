// Server+Publish.swift — a message goes to everybody who listens.
import Bytes
import Commands
import Wire

extension Server {
  /// Tells all who listen to the channel itself or to a pattern that it fits. Returns how many copies there were.
  /// `busy`: the slot of a client that is in the middle of an answer, if there is one.
  mutating func publish(_ channel: ByteView, _ payload: ByteView, busy: UInt32 = Client.noSlot) -> Int {
    let copies = publish(channel, payload, .channel, busy: busy)
    guard !pubsub.subscriptions(.pattern).pointee.isEmpty else { return copies }
    return copies + publishToPatterns(channel, payload, busy: busy)
  }

  /// The same to those who listen to the name itself: a channel or a shard channel.
  mutating func publish(_ channel: ByteView, _ payload: ByteView, _ kind: SubscriptionKind, busy: UInt32) -> Int {
    guard let number = pubsub.subscriptions(kind).pointee.find(channel) else { return 0 }
    let message = beginMessage(3, kind == .channel ? "message" : "smessage")
    message.bulk(channel)
    message.bulk(payload)
    return tellAll(kind, number, busy: busy)
  }

  private mutating func publishToPatterns(_ channel: ByteView, _ payload: ByteView, busy: UInt32) -> Int {
    let patterns = pubsub.subscriptions(.pattern)
    var copies = 0
    var number = patterns.pointee.firstName
    while number != Subscriptions.none {
      let next = patterns.pointee.names[Int(number)].next
      let pattern = patterns.pointee.names[Int(number)].bytes
      pattern.withUnsafeBytes { bytes in
        guard Glob(ByteView(bytes)).matches(channel) else { return }
        let message = beginMessage(4, "pmessage")
        message.bulk(ByteView(bytes))
        message.bulk(channel)
        message.bulk(payload)
        copies += tellAll(.pattern, number, busy: busy)
      }
      number = next
    }
    endOverfull()
    return copies
  }

  /// A message of so many words begins with this one; the others are the caller's to write.
  func beginMessage(_ words: Int, _ kind: StaticString) -> Reply {
    let reply = Reply(output: pubsub.message, isRESP3: true)
    pubsub.message.pointee.discardAll()
    reply.push(words)
    reply.bulk(kind)
    return reply
  }

  /// Tells the message to all who listen to a name; how many these are.
  private mutating func tellAll(_ kind: SubscriptionKind, _ number: Int32, busy: UInt32) -> Int {
    let subscriptions = pubsub.subscriptions(kind)
    subscriptions.pointee.forEachClient(of: number) { slot in tell(clients[slot], isBusy: slot == busy) }
    pubsub.message.pointee.discardAll()
    let count = Int(subscriptions.pointee.names[Int(number)].subscriptions.count)
    if kind != .pattern { endOverfull() }
    return count
  }
}
