// Server+Pushes.swift — what a client is told without having asked.
//
//   tell ─▶ the message is copied behind the client's output, and the client is ready to send
//        ─▶ deferred, if the client is in the middle of an answer, or a script tells it: it follows when that is complete
//
// While answers are held, so is what tells of the same change: who was told something is noted, and once it is known
// which batch of the log the command depends on, the copies wait for it like an answer.
import Bytes
import Commands
import Wire

extension Server {
  /// Tells the message under way to one client. Who then has too much waiting is ended by `endOverfull`.
  mutating func tell(_ client: UnsafeMutablePointer<Client>, isBusy: Bool) {
    guard client.pointee.state == .open else { return }
    // A script may be left in the middle, and what it waits for in the log is known at its end: so all of it follows then.
    let isInScript = scripts.job != nil
    if isInScript { pubsub.hasDeferredOfScript = true }
    let isDeferred = isBusy || isInScript || client.pointee.isAside || client.pointee.walk != nil
      || client.pointee.subscriber?.pointee.deferred.isEmpty == false
    let position = client.pointee.output.appended
    if isDeferred { deferMessage(client) } else { copyMessage(to: &client.pointee.output, client) }
    if appendLog.holdsReplies {
      pubsub.told.append(
        .init(slot: client.pointee.slot, generation: client.pointee.generation, position: isDeferred ? nil : position))
    }
    weigh(client)
    if unsentBytes(client) > outputBytesUnchecked && exceedsOutputLimit(client) {
      return pubsub.overfull.append((client.pointee.slot, client.pointee.generation))
    }
    if client.pointee.hasSendable { markReady(client) }
  }

  /// Clients that have too much waiting after a message. Whoever goes is taken out of the lists that are walked while
  /// a message is told, so this comes afterwards.
  mutating func endOverfull() {
    guard !pubsub.overfull.isEmpty else { return }
    for (slot, generation) in pubsub.overfull {
      guard let client = clients.find(slot, generation: generation), client.pointee.state == .open else { continue }
      guard client != execution.pointee.client else {
        // A command of it runs, and must end first.
        if client.pointee.session.flags.contains(.closeAfterReply) { continue }
        client.pointee.session.flags.insert(.closeAfterReply)
        closedForOutput(client)
        wishes.add(.end(slot: slot, generation: generation, afterOutput: false))
        continue
      }
      closedForOutput(client)
      close(client)
    }
    pubsub.overfull.removeAll(keepingCapacity: true)
  }

  /// The message is written as RESP3 has it: only its first byte is another one in RESP2.
  private func copyMessage(to output: inout OutputBuffer, _ client: UnsafeMutablePointer<Client>) {
    let message = pubsub.message
    let isAsWritten = !pubsub.isPush || client.pointee.session.flags.contains(.resp3)
    _ = message.pointee.stretches(upTo: message.pointee.appended, capacity: .max) { index, start, count in
      guard index == 0 && !isAsWritten else { return output.append(ByteView(start: start, count: count)) }
      output.append(ByteView("*"))
      output.append(ByteView(start: start + 1, count: count - 1))
    }
  }

  // MARK: messages that wait for the end of a command

  private mutating func deferMessage(_ client: UnsafeMutablePointer<Client>) {
    let subscriber = openSubscriber(client)
    if subscriber.pointee.deferred.isEmpty { pubsub.deferredCount += 1 }
    copyMessage(to: &subscriber.pointee.deferred, client)
  }

  /// A command of the client has run: what it was told meanwhile follows, and what others were told by a script.
  @inline(never) mutating func tellAfterwards(_ client: UnsafeMutablePointer<Client>) {
    guard !isScriptPaused else { return }
    tellDeferred(client)
    guard pubsub.hasDeferredOfScript else { return }
    pubsub.hasDeferredOfScript = false
    for slot in 0..<clients.slotCount where clients.isTaken(slot) { tellDeferred(clients[slot]) }
  }

  /// A command of the client has ended, its answer is complete: what it was told meanwhile follows.
  @inline(never) mutating func tellDeferred(_ client: UnsafeMutablePointer<Client>) {
    guard let subscriber = client.pointee.subscriber, client.pointee.walk == nil, client.pointee.state == .open,
      !client.pointee.isAside, !subscriber.pointee.deferred.isEmpty
    else { return }
    let position = client.pointee.output.appended
    let deferred = subscriber.pointee.deferred
    _ = deferred.stretches(upTo: deferred.appended, capacity: .max) { _, start, count in
      client.pointee.output.append(ByteView(start: start, count: count))
    }
    subscriber.pointee.deferred.discardAll()
    pubsub.deferredCount -= 1
    if subscriber.pointee.deferredUntil > appendLog.pipeline.syncedSequence {
      hold(client, from: position, until: subscriber.pointee.deferredUntil)
    }
    subscriber.pointee.deferredUntil = 0
    if client.pointee.hasSendable { markReady(client) }
  }

  // MARK: messages that wait for the log

  /// What clients were told by the command that has run, or by a transaction, waits for batch `sequence`; 0 for none.
  @inline(never) mutating func holdTold(until sequence: UInt64) {
    defer { pubsub.told.removeAll(keepingCapacity: true) }
    guard sequence > appendLog.pipeline.syncedSequence else { return }
    for told in pubsub.told {
      guard let client = clients.find(told.slot, generation: told.generation), client.pointee.state == .open else { continue }
      if let position = told.position {
        hold(client, from: position, until: sequence)
      } else if let subscriber = client.pointee.subscriber {
        subscriber.pointee.deferredUntil = max(subscriber.pointee.deferredUntil, sequence)
      }
    }
  }

  /// What waits to be sent to the client, messages included that are not in its output yet.
  @inline(__always)
  func unsentBytes(_ client: UnsafeMutablePointer<Client>) -> Int {
    client.pointee.output.pending + (client.pointee.subscriber?.pointee.deferred.pending ?? 0)
  }
}
