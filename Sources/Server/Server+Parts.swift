// Server+Parts.swift — the parts of the server that have memory of their own, as if they were its fields.
import Bytes
import Commands
import Configuration
import Ring

extension Server {
  var configuration: Configuration {
    unsafeAddress { UnsafePointer(configurationPart.memory) }
    nonmutating unsafeMutableAddress { configurationPart.memory }
  }

  var staff: StaffingRecord {
    unsafeAddress { UnsafePointer(staffPart.memory) }
    nonmutating unsafeMutableAddress { staffPart.memory }
  }

  var statistics: Statistics {
    unsafeAddress { UnsafePointer(statisticsPart.memory) }
    nonmutating unsafeMutableAddress { statisticsPart.memory }
  }

  var errors: ErrorLedger {
    unsafeAddress { UnsafePointer(errorsPart.memory) }
    nonmutating unsafeMutableAddress { errorsPart.memory }
  }

  var slowLog: CommandLog {
    unsafeAddress { UnsafePointer(slowLogPart.memory) }
    nonmutating unsafeMutableAddress { slowLogPart.memory }
  }

  var largeRequests: CommandLog {
    unsafeAddress { UnsafePointer(largeRequestsPart.memory) }
    nonmutating unsafeMutableAddress { largeRequestsPart.memory }
  }

  var largeReplies: CommandLog {
    unsafeAddress { UnsafePointer(largeRepliesPart.memory) }
    nonmutating unsafeMutableAddress { largeRepliesPart.memory }
  }

  var latency: LatencyMonitor {
    unsafeAddress { UnsafePointer(latencyPart.memory) }
    nonmutating unsafeMutableAddress { latencyPart.memory }
  }

  var traffic: Traffic {
    unsafeAddress { UnsafePointer(trafficPart.memory) }
    nonmutating unsafeMutableAddress { trafficPart.memory }
  }

  var crew: Crew {
    unsafeAddress { UnsafePointer(crewPart.memory) }
    nonmutating unsafeMutableAddress { crewPart.memory }
  }

  var appendLog: AppendLog {
    unsafeAddress { UnsafePointer(appendLogPart.memory) }
    nonmutating unsafeMutableAddress { appendLogPart.memory }
  }

  var recovery: Recovery {
    unsafeAddress { UnsafePointer(recoveryPart.memory) }
    nonmutating unsafeMutableAddress { recoveryPart.memory }
  }

  var snapshots: Snapshots {
    unsafeAddress { UnsafePointer(snapshotsPart.memory) }
    nonmutating unsafeMutableAddress { snapshotsPart.memory }
  }

  var walks: Walks {
    unsafeAddress { UnsafePointer(walksPart.memory) }
    nonmutating unsafeMutableAddress { walksPart.memory }
  }

  var scripts: Scripts {
    unsafeAddress { UnsafePointer(madeScripts) }
    nonmutating unsafeMutableAddress { madeScripts }
  }

  private var madeScripts: UnsafeMutablePointer<Scripts> {
    guard let scriptsMemory else { preconditionFailure("a script before the server was attached") }
    return scriptsMemory
  }

  var errands: FileErrands {
    unsafeAddress { UnsafePointer(errandsPart.memory) }
    nonmutating unsafeMutableAddress { errandsPart.memory }
  }

  var blocked: BlockedClients {
    unsafeAddress { UnsafePointer(blockedPart.memory) }
    nonmutating unsafeMutableAddress { blockedPart.memory }
  }

  var watched: WatchedKeys {
    unsafeAddress { UnsafePointer(watchedPart.memory) }
    nonmutating unsafeMutableAddress { watchedPart.memory }
  }

  package var engine: EngineReport {
    unsafeAddress { UnsafePointer(enginePart.memory) }
    nonmutating unsafeMutableAddress { enginePart.memory }
  }

  var identity: Identity {
    unsafeAddress { UnsafePointer(identityPart.memory) }
    nonmutating unsafeMutableAddress { identityPart.memory }
  }

  var clients: Slab<Client> {
    unsafeAddress { UnsafePointer(clientsPart.memory) }
    nonmutating unsafeMutableAddress { clientsPart.memory }
  }

  var log: Log {
    unsafeAddress { UnsafePointer(logPart.memory) }
    nonmutating unsafeMutableAddress { logPart.memory }
  }
}
