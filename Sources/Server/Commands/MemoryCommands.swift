// MemoryCommands.swift — MEMORY STATS and DOCTOR; the other subcommands need no server.
import Bytes
import Commands
import Wire

enum MemoryCommands {
  private static let tips = [Tip.nondeterministic, Tip.allShards, Tip.special]

  static var definition: CommandDefinition {
    Memory.definition(adding: [
      CommandDefinition(
        CommandFacts(
          "stats", arity: 2, [], tips: tips, group: .server, since: "4.0.0", "Tells in numbers where memory goes.",
          complexity: "O(1)"),
        run: stats),
      CommandDefinition(
        CommandFacts(
          "doctor", arity: 2, [], tips: tips, group: .server, since: "4.0.0", "Tells in words what is unusual.",
          complexity: "O(1)")
      ) { $0.reply.verbatim("txt", text: MemoryDoctor.report(MemoryFigures($0.server))) },
    ])
  }

  private static func stats(_ execution: inout Execution) {
    let memory = MemoryFigures(execution.server)
    let used = (0..<execution.databaseCount).filter { !execution.databases[$0].isEmpty }
    var map = FigureMap(execution.reply)
    map.add("peak.allocated", memory.peak)
    map.add("total.allocated", memory.used)
    map.add("startup.allocated", memory.atStart)
    map.add("replication.backlog", 0)
    map.add("replicas.repl.buffer", 0)
    map.add("clients.slaves", 0)
    map.add("clients.normal", memory.clients)
    map.add("cluster.links", 0)
    map.add("cluster.slot_import", 0)
    map.add("cluster.slot_export", 0)
    map.add("aof.buffer", memory.log)
    map.add("lua.caches", 0)
    map.add("functions.caches", 0)
    for index in used { map.add(database: index, execution.databases) }
    map.add("overhead.db.hashtable.lut", memory.tables)
    map.add("overhead.db.hashtable.rehashing", 0)
    map.add("overhead.total", memory.overhead)
    map.add("db.dict.rehashing.count", 0)
    map.add("keys.count", memory.keys)
    map.add("keys.bytes-per-key", memory.keys == 0 ? 0 : memory.net / memory.keys)
    map.add("dataset.bytes", memory.dataset)
    map.add("dataset.percentage", fraction: Fixed.percent(memory.dataset, of: memory.net))
    map.add("peak.percentage", fraction: Fixed.percent(memory.used, of: memory.peak))
    map.add("allocator.allocated", memory.heap.allocated)
    map.add("allocator.active", memory.heap.active)
    map.add("allocator.resident", memory.heap.resident)
    map.add("allocator.muzzy", 0)
    map.addRatio("allocator-fragmentation", memory.heap.active, memory.heap.allocated)
    map.addRatio("allocator-rss", memory.heap.resident, memory.heap.active)
    map.addRatio("rss-overhead", memory.resident, memory.heap.resident)
    map.add("fragmentation", fraction: Fixed.ratio(memory.resident, memory.used))
    map.add("fragmentation.bytes", signed: Int64(clamping: memory.resident) - Int64(clamping: memory.used))
    map.finish()
  }
}
