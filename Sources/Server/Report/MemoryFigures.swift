// MemoryFigures.swift — where memory goes, counted once for INFO memory and MEMORY STATS.
import Bytes
import Ring
import Store

struct MemoryFigures {
  /// Handed out by the allocator and not freed.
  let used: UInt64
  let peak: UInt64
  /// When the first client was let in.
  let atStart: UInt64
  let resident: UInt64
  let heap: Heap.Totals
  /// Connections with their buffers.
  let clients: UInt64
  /// Tables of all databases, without the entries in them.
  let tables: UInt64
  /// Records on their way to disk; 0 while there is no log.
  let log: UInt64
  /// What is not data: the program itself, clients, tables, the log's records.
  let overhead: UInt64
  let keys: UInt64

  init(_ server: UnsafeMutablePointer<Server>) {
    heap = Heap.totals
    used = heap.allocated
    peak = max(server.pointee.statistics.peakMemoryBytes, used)
    atStart = server.pointee.identity.memoryAtStart
    resident = ProcessFacts.residentBytes
    var clientBytes = 0
    server.pointee.forEachClient { clientBytes += server.pointee.memoryBytes(of: $0) }
    clients = UInt64(clientBytes)
    var tableBytes = 0
    var keyCount = 0
    for index in 0..<server.pointee.configuration.settings.general.databases {
      tableBytes += server.pointee.databases[index].memoryBytes - server.pointee.databases[index].valueBytes
      keyCount += server.pointee.databases[index].count
    }
    tables = UInt64(max(0, tableBytes))
    keys = UInt64(keyCount)
    let isLogging = server.pointee.appendLog.isRecording
    log = isLogging ? UInt64(max(0, server.pointee.appendLog.pipeline.memoryBytes)) : 0
    overhead = min(used, atStart + clients + tables + log)
  }

  var dataset: UInt64 { used - overhead }
  /// What has come since the start.
  var net: UInt64 { used > atStart ? used - atStart : 0 }
}
