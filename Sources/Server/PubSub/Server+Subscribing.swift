// Server+Subscribing.swift — clients begin and cease to listen.
import Bytes
import Commands
import Wire

extension Server {
  /// The client listens to `name`, if it did not already.
  mutating func subscribe(_ client: UnsafeMutablePointer<Client>, _ kind: SubscriptionKind, _ name: ByteView) {
    let subscriber = openSubscriber(client)
    _ = pubsub.subscriptions(kind).pointee.add(name, client: client.pointee.slot, &subscriber.pointee[kind])
    guard !client.pointee.session.flags.contains(.subscribed) else { return }
    client.pointee.session.flags.insert(.subscribed)
    pubsub.clientCount += 1
  }

  /// The client does not listen to `name` any more.
  mutating func unsubscribe(_ client: UnsafeMutablePointer<Client>, _ kind: SubscriptionKind, _ name: ByteView) {
    guard let subscriber = client.pointee.subscriber else { return }
    _ = pubsub.subscriptions(kind).pointee.remove(name, client: client.pointee.slot, &subscriber.pointee[kind])
    noteListening(client, subscriber)
  }

  /// The same for everything of one kind; `body` is called with each name once it is gone.
  mutating func unsubscribeAll(
    _ client: UnsafeMutablePointer<Client>, _ kind: SubscriptionKind, _ body: (ByteView) -> Void
  ) {
    guard let subscriber = client.pointee.subscriber else { return }
    let subscriptions = pubsub.subscriptions(kind)
    while subscriber.pointee[kind].count > 0 {
      let place = subscriber.pointee[kind].first
      let name = subscriptions.pointee.name(of: place)
      subscriptions.pointee.remove(place, &subscriber.pointee[kind])
      name.withUnsafeBytes { body(ByteView($0)) }
    }
    noteListening(client, subscriber)
  }

  private mutating func noteListening(
    _ client: UnsafeMutablePointer<Client>, _ subscriber: UnsafeMutablePointer<Subscriber>
  ) {
    guard subscriber.pointee.total == 0, client.pointee.session.flags.contains(.subscribed) else { return }
    client.pointee.session.flags.remove(.subscribed)
    pubsub.clientCount -= 1
  }

  /// How many names the client listens to, as the confirmation of one of this kind says.
  func subscriptionCount(_ client: UnsafeMutablePointer<Client>, besides kind: SubscriptionKind) -> Int {
    client.pointee.subscriber?.pointee.count(besides: kind) ?? 0
  }

  /// The client listens to nothing any more, without a word about it: RESET.
  mutating func endSubscriptions(_ client: UnsafeMutablePointer<Client>) {
    for kind in SubscriptionKind.allCases { unsubscribeAll(client, kind) { _ in } }
  }

  /// The client is gone.
  mutating func endSubscriber(_ client: UnsafeMutablePointer<Client>) {
    guard let subscriber = client.pointee.subscriber else { return }
    endSubscriptions(client)
    endTracking(client)
    if !subscriber.pointee.deferred.isEmpty {
      subscriber.pointee.deferred.discardAll()
      pubsub.deferredCount -= 1
    }
    client.pointee.subscriber = nil
    subscriber.deallocate()
  }

  /// What the client listens to; made if it has listened to nothing yet.
  mutating func openSubscriber(_ client: UnsafeMutablePointer<Client>) -> UnsafeMutablePointer<Subscriber> {
    if let subscriber = client.pointee.subscriber { return subscriber }
    let made = UnsafeMutablePointer<Subscriber>.allocate(capacity: 1)
    made.initialize(to: Subscriber(pool: pool))
    client.pointee.subscriber = made
    return made
  }

  // MARK: what a client may send while it listens

  /// In RESP2 nothing but confirmations can be told from messages: few commands are left to who listens.
  func mayRunSubscribed(_ command: UnsafePointer<Command>) -> Bool {
    let facts = table.facts[command.pointee.index]
    return facts.container == nil && Self.whileSubscribed.contains(facts.name)
  }

  private static let whileSubscribed: Set<String> = [
    "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe", "ping", "quit", "reset",
  ]
}
