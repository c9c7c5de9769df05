// Server+Apply.swift — what new settings set in motion.
//
//   parse ─▶ prepare: what may refuse (descriptors, directory, listeners) ─▶ take over ─▶ apply: what cannot
//
// A refusal undoes what was prepared before it, so the server is as it was.
import Bytes
import Commands
import Configuration
import Ring
import Store

extension Server {
  /// Carries out what may fail. May put a value into its final form.
  mutating func prepare(_ old: Settings, _ new: inout Settings, _ names: [String]) throws(Refusal) {
    if new.clients.clientsMax > old.clients.clientsMax { try makeRoom(forClients: new.clients.clientsMax) }
    if new.threads.ioThreads != old.threads.ioThreads { try changeThreads(from: old, to: new.threads.ioThreads) }
    let directory = try names.contains("dir") ? changeDirectory(&new) : nil
    guard new.network.port != old.network.port || new.network.bind != old.network.bind else { return }
    do {
      try relisten(old.network, new.network)
    } catch {
      if let directory { try? File.changeDirectory(directory) }
      throw error
    }
  }

  /// Settings are in effect: everybody who keeps something derived from them is told. Also at start. `execution` is
  /// the server's; while a command runs, it is the command's to lend.
  mutating func apply(to execution: inout Execution) {
    let settings = configuration.settings
    log.apply(settings.general)
    if settings.security.password.isEmpty { authenticateAll() }
    applyRules(to: &execution)
    obey(settings.memory, &execution)
    settings.encodings.apply(to: &execution.rules.encodings)
    execution.rules.reportsListpackLists = configuration.reportsListpackLists
    execution.rules.reportsListpackSets = configuration.reportsListpackSets
    obey(settings.persistence)
    watch(settings.observation)
    execution.events.enabled = eventsWanted
    limitClientMemory()
    timers.hurry(clock.nanoseconds)
  }

  /// How keys are freed, and how their use is remembered.
  private func obey(_ settings: MemorySettings, _ execution: inout Execution) {
    execution.rules.lazyFreeOnDelete = settings.lazyUserDelete
    execution.rules.lazyFreeOnOverwrite = settings.lazyServerDelete
    execution.rules.lazyFreeOnFlush = settings.lazyUserFlush
    let isFrequency = settings.policy == .allkeysLFU || settings.policy == .volatileLFU
    execution.accessClock.policy = isFrequency ? .leastFrequentlyUsed : .leastRecentlyUsed
    execution.accessClock.logFactor = UInt32(clamping: settings.lfuLogFactor)
    execution.accessClock.decayMinutes = UInt32(clamping: settings.lfuDecayMinutes)
  }

  /// From where on a command stands out, in the units in which the executor measures.
  private mutating func watch(_ settings: ObservationSettings) {
    slowLog.entriesMax = settings.slowlogEntriesMax
    largeRequests.entriesMax = settings.largeRequestEntriesMax
    largeReplies.entriesMax = settings.largeReplyEntriesMax
    statistics.largeRequestBytes = settings.largeRequestBytes < 0 ? .max : settings.largeRequestBytes
    statistics.largeReplyBytes = UInt64(exactly: settings.largeReplyBytes) ?? .max
    let slow = UInt64(exactly: settings.slowlogMicroseconds) ?? .max
    let late = UInt64(settings.latencyThresholdMilliseconds).multipliedReportingOverflow(by: 1_000)
    let latest = late.overflow || late.partialValue == 0 ? .max : late.partialValue
    statistics.slowTicks = Clock.ticks(microseconds: min(slow, latest))
  }

  /// Nobody has to give a password any more.
  private mutating func authenticateAll() {
    for slot in 0..<clients.slotCount where clients.isTaken(slot) {
      let client = clients[slot]
      client.pointee.session.flags.insert(.authenticated)
      if client.pointee.state == .open { order(.trust, client) }
    }
  }

  /// Listeners, log, ring, signals, files being written.
  private static var ownDescriptors: UInt64 { 32 }

  /// A thread that cannot be had is the command's error, and those that are there stay.
  private mutating func changeThreads(from old: Settings, to wanted: Int) throws(Refusal) {
    do throws(Errno) { try changeThreads(to: wanted) } catch {
      throw Refusal("Unable to start the threads: \(error.text)", parameter: "io-threads")
    }
  }

  /// Each client takes a descriptor, and the server some of its own.
  private func makeRoom(forClients count: Int) throws(Refusal) {
    let wanted = UInt64(count) + Self.ownDescriptors
    let got = ProcessFacts.raiseFileLimit(to: wanted)
    guard got < wanted else { return }
    let possible = got > Self.ownDescriptors ? got - Self.ownDescriptors : 0
    throw Refusal(
      "The operating system is not able to handle the specified number of clients, try with \(possible)",
      parameter: "maxclients")
  }

  /// Goes to the new directory and writes down its absolute name. Returns the old one.
  private func changeDirectory(_ new: inout Settings) throws(Refusal) -> String? {
    do throws(Errno) {
      // The old one may be gone, which is a reason to leave it.
      let old = try? File.currentDirectory()
      try File.changeDirectory(new.general.directory)
      new.general.directory = try File.currentDirectory()
      return old
    } catch {
      throw Refusal(error.text, parameter: "dir")
    }
  }

  // MARK: what else is about the settings

  /// Writes the file anew; the reason if it could not.
  func rewriteConfiguration(complete: Bool) -> String? {
    let file = identity.configurationFile
    guard !file.isEmpty else { return "no such file" }
    do throws(Errno) {
      let exists = File.exists(file)
      let old = exists ? try File.readAll(file) : []
      // The file may hold a password: who could not read it before must not be able to afterwards.
      let permissions = exists ? try File.status(file).permissions : 0o644
      var failure: Errno?
      configuration.rewritten(old, complete: complete).withUnsafeBytes { text in
        do throws(Errno) {
          try File.replace(file, with: ByteView(text), permissions: permissions)
        } catch {
          failure = error
        }
      }
      return failure?.text
    } catch {
      return error.text
    }
  }

  /// CONFIG RESETSTAT: what INFO counts begins again.
  mutating func resetStatistics() {
    statistics.reset()
    traffic.reset()
    errors.reset()
    graveyard.pointee.resetFreedCount()
    walks.resetFigures()
    for index in 0..<table.count { commandStatistics[index] = CommandStatistics() }
  }
}

extension EncodingSettings {
  /// As the store asks for them.
  func apply(to limits: inout EncodingLimits) {
    limits.hashListpackEntries = hashListpackEntriesMax
    limits.hashListpackValueBytes = hashListpackValueBytesMax
    limits.listListpackSize = listListpackSizeMax
    limits.setIntsetEntries = setIntsetEntriesMax
    limits.setListpackEntries = setListpackEntriesMax
    limits.setListpackValueBytes = setListpackValueBytesMax
    limits.sortedSetListpackEntries = sortedSetListpackEntriesMax
    limits.sortedSetListpackValueBytes = sortedSetListpackValueBytesMax
  }
}
