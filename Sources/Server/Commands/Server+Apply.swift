// Server+Apply.swift — what new settings set in motion.
//
//   parse all ─▶ prepare: what may refuse (descriptors, directory, listeners) ─▶ take over ─▶ apply: what cannot
//
// A refusal undoes what was prepared before it, so the server is as it was.
import Commands
import Configuration
import Ring

extension Server {
  /// Carries out what may fail. May put a value into its final form.
  mutating func prepare(_ old: Settings, _ new: inout Settings, _ names: [String]) throws(Refusal) {
    if new.clients.clientsMax > old.clients.clientsMax { try makeRoom(forClients: new.clients.clientsMax) }
    let directory = try names.contains("dir") ? changeDirectory(&new) : nil
    guard new.network.port != old.network.port || new.network.bind != old.network.bind else { return }
    do {
      try relisten(old.network, new.network)
    } catch {
      if let directory { try? File.changeDirectory(directory) }
      throw error
    }
  }

  /// Settings are in effect: everybody who keeps something derived from them is told.
  mutating func apply(from old: Settings) {
    log.apply(settings.general)
    slowLog.entriesMax = settings.observation.slowlogEntriesMax
    largeRequests.entriesMax = settings.observation.largeRequestEntriesMax
    largeReplies.entriesMax = settings.observation.largeReplyEntriesMax
    if settings.security.password.isEmpty && !old.security.password.isEmpty { authenticateAll() }
    applyRules()
    timers.hurry(clock.nanoseconds)
  }

  /// Nobody has to give a password any more.
  private mutating func authenticateAll() {
    for slot in 0..<connections.slotCount where connections.isTaken(slot) {
      connections[slot].pointee.session.flags.insert(.authenticated)
    }
  }

  /// Each client takes a descriptor, and the server some of its own.
  private func makeRoom(forClients count: Int) throws(Refusal) {
    let wanted = UInt64(count) + UInt64(Limits.ownDescriptors)
    let got = ProcessFacts.raiseFileLimit(to: wanted)
    guard got < wanted else { return }
    let possible = got > UInt64(Limits.ownDescriptors) ? got - UInt64(Limits.ownDescriptors) : 0
    throw Refusal(
      "The operating system is not able to handle the specified number of clients, try with \(possible)",
      parameter: "maxclients")
  }

  /// Goes to the new directory and writes down its absolute name. Returns the old one.
  private func changeDirectory(_ new: inout Settings) throws(Refusal) -> String? {
    do throws(Errno) {
      let old = try File.currentDirectory()
      try File.changeDirectory(new.general.directory)
      new.general.directory = try File.currentDirectory()
      return old
    } catch {
      throw Refusal(error.text, parameter: "dir")
    }
  }

  // MARK: listeners

  /// Listens where `new` says. Addresses that stay keep their listener; the others are given up first, because
  /// "*" and one address of it cannot be listened on at the same time.
  private mutating func relisten(_ old: NetworkSettings, _ new: NetworkSettings) throws(Refusal) {
    let isNewPort = new.port != old.port
    let staying = isNewPort ? [] : new.bind.map(\.host)
    let before = listeners.count
    if isNewPort {
      // The old port goes on until the new one is there.
      try open(new, on: new.bind, undo: before, parameter: "port", refusal: unableToListen)
      retireTCP(upTo: before, except: [])
    } else {
      retireTCP(upTo: before, except: staying)
      let added = new.bind.filter { address in !listeners.contains { $0.serves(address.host) } }
      do {
        try open(new, on: added, undo: before, parameter: "bind", refusal: "Failed to bind to specified addresses.")
      } catch {
        let lost = old.bind.filter { address in !listeners.contains { $0.serves(address.host) } }
        try? open(old, on: lost, undo: listeners.count, parameter: "bind", refusal: "")
        throw error
      }
    }
    wishes.add(.listen)
  }

  private var unableToListen: String { "Unable to listen on this port. Check server logs." }

  private mutating func open(
    _ network: NetworkSettings, on addresses: [BindAddress], undo count: Int, parameter: String, refusal: String
  ) throws(Refusal) {
    guard network.port != 0 else { return }
    do throws(StartError) {
      for address in addresses { try openTCP(address, network) }
    } catch {
      for listener in listeners[count...] { Socket.close(listener.descriptor) }
      listeners.removeLast(listeners.count - count)
      throw Refusal(refusal, parameter: parameter)
    }
  }

  /// Stops listening at once; the accept in flight ends with the next turn, and with it the descriptor.
  private mutating func retireTCP(upTo count: Int, except hosts: [String]) {
    for index in 0..<count
    where listeners[index].kind == .tcp && !listeners[index].isClosing && !hosts.contains(listeners[index].name) {
      listeners[index].isClosing = true
      try? Socket.shutdown(listeners[index].descriptor)
    }
  }

  // MARK: other commands about the settings

  /// Writes the file anew; the reason if it could not.
  func rewriteConfiguration(complete: Bool) -> String? {
    guard let file = configuration.file else { return "no such file" }
    do throws(Errno) {
      let old = File.exists(file) ? try File.readAll(file) : []
      let new = configuration.rewritten(old, complete: complete)
      try File.replace(file, with: new)
      return nil
    } catch {
      return error.text
    }
  }

  /// CONFIG RESETSTAT: what INFO counts begins again.
  mutating func resetStatistics() {
    statistics.reset()
    errors.reset()
    for index in 0..<table.count { commandStatistics[index] = CommandStatistics() }
  }
}

extension Listener {
  fileprivate func serves(_ host: String) -> Bool { kind == .tcp && !isClosing && name == host }
}
