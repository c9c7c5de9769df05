// Server+Events.swift — what happened to which key, told on two channels when the command has run.
//
//   SET k v in database 0 ─▶ __keyspace@0__:k   "set"       with K in notify-keyspace-events
//                         ─▶ __keyevent@0__:set  "k"        with E
//
// Commands note events while somebody listens to any channel; a transaction's are told one command after the other, so that
// they and what it publishes come in its order. With `appendfsync always` they wait for what the command wrote or saw.
import Bytes
import Commands
import Configuration
import Store

extension Server {
  /// What commands have to note.
  var eventsWanted: KeyspaceEvents.Classes {
    let events = configuration.settings.observation.keyspaceEvents
    guard !events.isDisjoint(with: [.keyspaceChannels, .keyeventChannels]), isAnyChannelHeard else { return [] }
    return Self.classes.reduce(into: []) { wanted, pair in if events.contains(pair.set) { wanted.insert(pair.noted) } }
  }

  private var isAnyChannelHeard: Bool {
    !pubsub.subscriptions(.channel).pointee.isEmpty || !pubsub.subscriptions(.pattern).pointee.isEmpty
  }

  private static let classes: [(set: NotifiedEvents, noted: KeyspaceEvents.Classes)] = [
    (.generic, .generic), (.string, .string), (.list, .list), (.set, .set), (.hash, .hash), (.sortedSet, .sortedSet),
    (.stream, .stream), (.expired, .expired), (.evicted, .evicted), (.keyMiss, .miss), (.newKey, .new),
  ]

  // MARK: after a command

  /// The command has run: its events are told, and they and its messages wait for what it wrote or saw.
  @inline(never) mutating func settleEvents(
    of command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>
  ) {
    if !pubsub.monitors.isEmpty && !execution.pointee.isRetry { tellMonitors(of: command, client) }
    if tracking.isOn {
      rememberCopies(command, client)
      endCaching(command, client)
    }
    settleEvents(until: execution.pointee.effects.isRecording ? dependence : 0)
    if tracking.isOn { limitCopies(atMost: Self.copiesForgottenPerCommand) }
  }

  private static var copiesForgottenPerCommand: Int { 100 }

  /// The same, where it is known for what they wait: batch `sequence` of the log, 0 for none. `busy`: the slot of a
  /// client that is in the middle of an answer.
  @inline(never) mutating func settleEvents(until sequence: UInt64, busy: UInt32 = Client.noSlot) {
    if execution.pointee.events.hasPending { tellEvents(busy: busy) }
    execution.pointee.events.isOpen = !pubsub.monitors.isEmpty || tracking.isOn
    if !tracking.broadcasts.isEmpty { tracking.broadcastUntil = max(tracking.broadcastUntil, sequence) }
    if !pubsub.told.isEmpty { holdTold(until: sequence) }
  }

  /// One command of a transaction, or of a script, has run.
  @inline(never) mutating func settleRequest(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, isOfScript: Bool = false
  ) {
    let slot = client.pointee.slot
    if execution.pointee.events.hasPending { tellEvents(busy: slot) }
    if !pubsub.monitors.isEmpty {
      if isOfScript {
        tellMonitors(database: client.pointee.session.database, source: "lua", execution.pointee.arguments, busy: slot)
      } else {
        tellMonitors(of: command, client, busy: slot)
      }
    }
    if tracking.isOn { rememberCopies(command, client) }
  }

  /// Tells the events that have been noted.
  @inline(never) mutating func tellEvents(busy: UInt32) {
    let events = execution.pointee.events.takeAll()
    guard isAnyChannelHeard else {
      execution.pointee.events.enabled = []
      return
    }
    let wanted = configuration.settings.observation.keyspaceEvents
    for event in events {
      event.key.withUnsafeBytes { bytes in
        let (key, word) = (ByteView(bytes), ByteView(event.word))
        if wanted.contains(.keyspaceChannels) { publish("__keyspace@", event.database, key, payload: word, busy) }
        if wanted.contains(.keyeventChannels) { publish("__keyevent@", event.database, word, payload: key, busy) }
      }
    }
  }

  /// `<prefix><database>__:<name>` is the channel.
  private mutating func publish(
    _ prefix: StaticString, _ database: Int, _ name: ByteView, payload: ByteView, _ busy: UInt32
  ) {
    pubsub.channelName.removeAll(keepingCapacity: true)
    pubsub.channelName.append(contentsOf: ByteView(prefix).buffer)
    DecimalText(Int64(database)).withView { pubsub.channelName.append(contentsOf: $0.buffer) }
    pubsub.channelName.append(contentsOf: ByteView("__:").buffer)
    pubsub.channelName.append(contentsOf: name.buffer)
    let channel = pubsub.channelName
    channel.withUnsafeBytes { _ = publish(ByteView($0), payload, busy: busy) }
  }
}
