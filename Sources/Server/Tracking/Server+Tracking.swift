// Server+Tracking.swift — what clients may have copies of, and who hears that they are no good any more.
import Bytes
import Commands
import Store
import Wire

extension Server {
  // MARK: on and off

  /// Tracking is on for the client, with these modes. `prefixes` are for BCAST only, and come to those it has.
  mutating func beginTracking(
    _ client: UnsafeMutablePointer<Client>, _ modes: ClientTracking.Modes,
    redirection: UnsafeMutablePointer<Client>?, prefixes: [ByteView]
  ) {
    let subscriber = openSubscriber(client)
    if !subscriber.pointee.tracking.modes.contains(.on) { tracking.clientCount += 1 }
    subscriber.pointee.tracking.modes = modes.union(.on)
    subscriber.pointee.tracking.redirection = redirection?.pointee.session.id ?? 0
    subscriber.pointee.tracking.redirectionSlot = redirection?.pointee.slot ?? 0
    subscriber.pointee.tracking.redirectionGeneration = redirection?.pointee.generation ?? 0
    guard modes.contains(.broadcast) else { return }
    for prefix in prefixes.isEmpty ? [ByteView.empty] : prefixes {
      _ = tracking.prefixes.add(prefix, client: client.pointee.slot, &subscriber.pointee.tracking.prefixes)
    }
    tracking.notePrefixes()
  }

  /// Tracking is off for the client, or the client is gone.
  mutating func endTracking(_ client: UnsafeMutablePointer<Client>) {
    guard let subscriber = client.pointee.subscriber, subscriber.pointee.tracking.modes.contains(.on) else { return }
    tracking.clientCount -= 1
    while subscriber.pointee.tracking.copies.count > 0 {
      tracking.copies.remove(subscriber.pointee.tracking.copies.first, &subscriber.pointee.tracking.copies)
    }
    let hadPrefixes = subscriber.pointee.tracking.prefixes.count > 0
    while subscriber.pointee.tracking.prefixes.count > 0 {
      tracking.prefixes.remove(subscriber.pointee.tracking.prefixes.first, &subscriber.pointee.tracking.prefixes)
    }
    if hadPrefixes { tracking.notePrefixes() }
    subscriber.pointee.tracking = ClientTracking()
  }

  // MARK: reading

  /// The client has read the keys that the execution's words name, or is about to: it may have copies.
  mutating func rememberCopies(_ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>) {
    guard let subscriber = client.pointee.subscriber, command.pointee.flags.contains(.readonly),
      subscriber.pointee.tracking.remembers
    else { return }
    let index = command.pointee.index
    let arguments = execution.pointee.arguments
    gates[index].forEachKey(arguments, table.facts[index]) { position in
      _ = tracking.copies.add(
        arguments[position], client: client.pointee.slot, &subscriber.pointee.tracking.copies)
    }
  }

  /// CLIENT CACHING is for the next command, or the next transaction.
  mutating func endCaching(_ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>) {
    guard let subscriber = client.pointee.subscriber, subscriber.pointee.tracking.modes.contains(.caching),
      !client.pointee.session.flags.contains(.inTransaction), table.facts[command.pointee.index].container != "client"
    else { return }
    subscriber.pointee.tracking.modes.remove(.caching)
  }

  // MARK: changing

  /// These keys have changed. `changer`: the number of the client that did it, 0 for none; `busy`: the slot of one that is
  /// in the middle of an answer.
  @inline(never) mutating func invalidate(_ places: [Effects.KeyPlace], changer: UInt64, busy: UInt32) {
    if !tracking.prefixes.isEmpty { broadcastKeys(places, changer) }
    for place in places {
      while let number = tracking.copies.find(hash: place.hash.bits) { invalidate(number, changer: changer, busy: busy) }
    }
  }

  /// Nobody has a copy any more of the key with this number: those who had are told.
  mutating func invalidate(_ number: Int32, changer: UInt64, busy: UInt32) {
    let name = tracking.copies.names[Int(number)].bytes
    name.withUnsafeBytes { bytes in
      let key = ByteView(bytes)
      var place = tracking.copies.names[Int(number)].subscriptions.first
      while place != Subscriptions.none {
        let copy = tracking.copies.all[Int(place)]
        let client = clients[copy.client]
        if let subscriber = client.pointee.subscriber {
          tracking.copies.remove(place, &subscriber.pointee.tracking.copies)
          let isOwn = subscriber.pointee.tracking.modes.contains(.noLoop) && client.pointee.session.id == changer
          if !isOwn { tellInvalidation(client, subscriber, busy: busy) { $0.array(1); $0.bulk(key) } }
        }
        place = copy.nextOfName
      }
    }
    endOverfull()
  }

  /// All keys are gone: all copies are no good.
  @inline(never) mutating func invalidateAll(busy: UInt32) {
    guard tracking.isOn else { return }
    for slot in 0..<clients.slotCount where clients.isTaken(slot) {
      let client = clients[slot]
      guard let subscriber = client.pointee.subscriber, subscriber.pointee.tracking.modes.contains(.on) else { continue }
      while subscriber.pointee.tracking.copies.count > 0 {
        tracking.copies.remove(subscriber.pointee.tracking.copies.first, &subscriber.pointee.tracking.copies)
      }
      tellInvalidation(client, subscriber, busy: busy) { $0.null() }
    }
    endOverfull()
  }

  /// Forgets the oldest copies, as if their keys had changed, while there are more than may be remembered.
  mutating func limitCopies(atMost count: Int) {
    let limit = configuration.settings.clients.trackedKeysMax
    guard limit > 0, tracking.copies.nameCount > limit else { return }
    var left = min(tracking.copies.nameCount - limit, count)
    while left > 0, tracking.copies.firstName != Subscriptions.none {
      invalidate(tracking.copies.firstName, changer: 0, busy: Client.noSlot)
      left -= 1
    }
    // Nothing has changed: nobody waits for the disk.
    pubsub.told.removeAll(keepingCapacity: true)
  }

  // MARK: broadcasts

  /// Changed keys are known by their hashes; their names are words of the command, or of keys that were found expired.
  private mutating func broadcastKeys(_ places: [Effects.KeyPlace], _ changer: UInt64) {
    let changed = Set(places.map(\.hash))
    let arguments = execution.pointee.arguments
    for index in 0..<arguments.count where changed.contains(KeyHash(arguments[index])) {
      tracking.broadcast(arguments[index], changer: changer)
    }
    // A key that is among the words as well has been told already.
    for name in execution.pointee.effects.expiredNames {
      name.withUnsafeBytes { bytes in
        let key = ByteView(bytes)
        if changed.contains(KeyHash(key)) { tracking.broadcast(key, changer: 0) }
      }
    }
  }

  /// At the end of a turn: who wants to hear of prefixes is told which keys have changed.
  @inline(never) mutating func tellBroadcasts() {
    for (prefix, broadcast) in tracking.takeBroadcasts() {
      guard let number = prefix.withUnsafeBytes({ tracking.prefixes.find(ByteView($0)) }) else { continue }
      var slots: [UInt32] = []
      tracking.prefixes.forEachClient(of: number) { slots.append($0) }
      let keys = broadcast.keys.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      for slot in slots {
        let client = clients[slot]
        guard let subscriber = client.pointee.subscriber else { continue }
        let isSelective = subscriber.pointee.tracking.modes.contains(.noLoop)
        let id = client.pointee.session.id
        let count = isSelective ? keys.count { $0.changer != id } : keys.count
        guard count > 0 else { continue }
        tellInvalidation(client, subscriber, busy: Client.noSlot) { reply in
          reply.array(count)
          for entry in keys where !isSelective || entry.changer != id {
            entry.key.withUnsafeBytes { reply.bulk(ByteView($0)) }
          }
        }
      }
      endOverfull()
    }
    holdTold(until: tracking.broadcastUntil)
    tracking.broadcastUntil = 0
  }

  // MARK: the message

  /// Tells the client, or the one that it is redirected to, what `keys` writes.
  private mutating func tellInvalidation(
    _ client: UnsafeMutablePointer<Client>, _ subscriber: UnsafeMutablePointer<Subscriber>, busy: UInt32,
    _ keys: (Reply) -> Void
  ) {
    var target = client
    let isRedirected = subscriber.pointee.tracking.redirection != 0
    if isRedirected {
      guard let found = clients.find(
          subscriber.pointee.tracking.redirectionSlot, generation: subscriber.pointee.tracking.redirectionGeneration),
        found.pointee.state == .open
      else { return tellBroken(client, subscriber, busy: busy) }
      target = found
    }
    if target.pointee.session.flags.contains(.resp3) {
      keys(beginMessage(2, "invalidate"))
    } else if isRedirected && target.pointee.session.flags.contains(.subscribed) {
      var message = beginMessage(3, "message")
      message.bulk("__redis__:invalidate")
      message.isRESP3 = false
      keys(message)
    } else {
      return
    }
    tell(target, isBusy: target.pointee.slot == busy)
    pubsub.message.pointee.discardAll()
  }

  /// Nobody is there to be told: the client learns that, if it can.
  private mutating func tellBroken(
    _ client: UnsafeMutablePointer<Client>, _ subscriber: UnsafeMutablePointer<Subscriber>, busy: UInt32
  ) {
    subscriber.pointee.tracking.modes.insert(.broken)
    guard client.pointee.session.flags.contains(.resp3) else { return }
    let message = beginMessage(2, "tracking-redir-broken")
    message.integer(Int64(clamping: subscriber.pointee.tracking.redirection))
    tell(client, isBusy: client.pointee.slot == busy)
    pubsub.message.pointee.discardAll()
  }
}
