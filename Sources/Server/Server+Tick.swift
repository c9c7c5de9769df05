// Server+Tick.swift — what is looked after although nobody asks.
//
// All of it in bounded slices: keys and fields that have expired, memory that was cut loose, rates for
// INFO. A tick that found nothing to do lets the next one come later.
import Bytes
import Commands
import Ring
import Store

extension Server {
  mutating func tick() {
    let now = clock.nanoseconds
    lifecycle.checkDeadline(now: now)
    guard !isTickPaused && !isScriptPaused else { return }
    sampleRates(now)
    beginDueJobs()
    var busy = clients.count > 0 && configuration.settings.clients.timeoutSeconds > 0
    let expiryBegan = Clock.ticks()
    busy = expireKeys() || busy
    busy = expireFields() || busy
    statistics.expiryTicks &+= Clock.ticks() &- expiryBegan
    isFreeing = isFreeing || !graveyard.pointee.isEmpty
    continueFreeing()
    if tracking.isOn { limitCopies(atMost: Slice.copiesForgotten) }
    busy = isFreeing || busy
    busy = drainingClients > 0 || clientPause.isActive || lifecycle.isClosingClients || busy
    busy = busy || snapshots.job != nil || !appendLog.waiters.isEmpty || appendLog.state == .enabling || appendLog.state == .ending
    timers.isBusy = busy || statistics.commandRate.perSecond > 0
    timers.ticksPerSecond = UInt64(configuration.settings.general.timerFrequency)
  }

  var mayFree: Bool { isIdleTurn || Clock.ticks() &- freedAtTicks >= Slice.freeingPauseTicks }

  /// Frees a little of what was cut loose, in turns in which nobody asks anything, and a fifth of the time in others.
  mutating func continueFreeing() {
    let began = Clock.ticks()
    repeat {
      isFreeing = graveyard.pointee.free(upTo: Slice.freedPerLook) > 0
    } while isFreeing && Clock.ticks() &- began < Slice.freeingTicks
    freedAtTicks = Clock.ticks()
  }

  private mutating func sampleRates(_ now: UInt64) {
    refreshTraffic()
    statistics.commandRate.sample(total: statistics.commands, nanoseconds: now)
    statistics.inputRate.sample(total: traffic.total.bytesReceived, nanoseconds: now)
    statistics.outputRate.sample(total: traffic.total.bytesSent, nanoseconds: now)
    statistics.cycleRate.sample(total: engine.statistics.enters, nanoseconds: now)
    statistics.processorRate.sample(total: OwnThread.ownProcessorNanoseconds, nanoseconds: now)
    statistics.peakMemoryBytes = max(statistics.peakMemoryBytes, Heap.usedBytes)
  }

  /// Sweeps for keys that have expired. Whether there are any keys that will.
  private mutating func expireKeys() -> Bool {
    guard execution.pointee.rules.activeExpire, !recovery.isLoading else { return false }
    // A value that somebody is in the middle of changing could be among them.
    guard execution.pointee.locks.isEmpty else { return true }
    var isNeeded = false
    let wallMilliseconds = Clock.wallMicroseconds() / 1_000
    let deadline = Clock.monotonicNanoseconds() + Slice.expiryNanoseconds
    for index in 0..<Int(configuration.settings.general.databases) where databases[index].volatileCount > 0 {
      isNeeded = true
      while Clock.monotonicNanoseconds() < deadline {
        execution.pointee.effects.begin()
        let slice = execution.pointee.expireSlice(
          database: index, now: wallMilliseconds, examinedMax: Slice.examinedPerStep)
        if slice.expired > 0 { recordPreludes(database: index) }
        // As long as much of what is seen has expired it pays to look at more, now.
        if slice.examined == 0 || slice.expired * 10 < slice.examined { break }
      }
    }
    noteExpiryDeadline(deadline, isNeeded)
    return isNeeded
  }

  /// The same for fields of hashes: goes on as long as any are due, time permitting.
  private mutating func expireFields() -> Bool {
    guard execution.pointee.rules.activeExpire, !recovery.isLoading else { return false }
    guard execution.pointee.locks.isEmpty else { return true }
    var isNeeded = false
    let wallMilliseconds = Clock.wallMicroseconds() / 1_000
    let deadline = Clock.monotonicNanoseconds() + Slice.expiryNanoseconds
    for index in 0..<Int(configuration.settings.general.databases) where databases[index].volatileHashCount > 0 {
      isNeeded = true
      while Clock.monotonicNanoseconds() < deadline {
        execution.pointee.effects.begin()
        let slice = execution.pointee.expireFieldSlice(
          database: index, now: wallMilliseconds, examinedMax: Slice.examinedPerStep)
        if slice.expired > 0 { recordPreludes(database: index) }
        if slice.examined == 0 { break }
      }
    }
    noteExpiryDeadline(deadline, isNeeded)
    return isNeeded
  }

  /// Counts the sweeps that ended because their time was up.
  private mutating func noteExpiryDeadline(_ deadline: UInt64, _ hasSwept: Bool) {
    guard hasSwept && Clock.monotonicNanoseconds() >= deadline else { return }
    execution.pointee.tallies.expireCycleTimeCapReached &+= 1
  }
}

/// Bounds of the work done between requests.
enum Slice {
  static let freedPerLook = 64
  static let freeingTicks = Clock.ticks(microseconds: 100)
  static let freeingPauseTicks = Clock.ticks(microseconds: 400)
  /// Keys of tracking clients, over `tracking-table-max-keys`.
  static let copiesForgotten = 10_000
  static let examinedPerStep = 200
  static let expiryNanoseconds: UInt64 = 1_000_000
}
