// Info+Memory.swift — INFO memory.
import Bytes
import Configuration
import Ring

extension InfoReport {
  mutating func writeMemory() {
    let memory = MemoryFigures(server)
    let settings = server.pointee.configuration.settings.memory
    out.section("Memory")
    out.bytes("used_memory", memory.used)
    out.bytes("used_memory_rss", memory.resident)
    out.bytes("used_memory_peak", memory.peak)
    out.field("used_memory_peak_perc", Fixed.text(Fixed.percent(memory.used, of: memory.peak), digits: 2) + "%")
    out.field("used_memory_overhead", memory.overhead)
    out.field("used_memory_startup", memory.atStart)
    out.field("used_memory_dataset", memory.dataset)
    out.field("used_memory_dataset_perc", Fixed.text(Fixed.percent(memory.dataset, of: memory.net), digits: 2) + "%")
    out.field("allocator_allocated", memory.heap.allocated)
    out.field("allocator_active", memory.heap.active)
    out.field("allocator_resident", memory.heap.resident)
    out.zeros("allocator_muzzy")
    out.bytes("total_system_memory", Machine.memoryBytes)
    writeScripting()
    out.bytes("maxmemory", settings.limitBytes)
    out.field("maxmemory_policy", settings.policy.rawValue)
    writeFragmentation(memory)
    out.field("mem_not_counted_for_evict", memory.log)
    out.zeros(
      "mem_replication_backlog", "mem_total_replication_buffers", "mem_replicas_repl_buffer", "mem_clients_slaves")
    out.field("mem_clients_normal", memory.clients)
    out.zeros("mem_cluster_links", "mem_cluster_slot_import", "mem_cluster_slot_export")
    out.field("mem_aof_buffer", memory.log)
    out.field("mem_allocator", Heap.allocatorName)
    out.zeros("mem_overhead_db_hashtable_rehashing", "active_defrag_running")
    out.field("lazyfree_pending_objects", server.pointee.graveyard.pointee.pendingCount)
    out.field("lazyfreed_objects", server.pointee.graveyard.pointee.freedCount)
  }

  private mutating func writeScripting() {
    let machine = UInt64(server.pointee.scripts.machine.memoryBytes)
    let texts = UInt64(server.pointee.scripts.machine.scriptBytes)
    out.field("used_memory_vm_eval", machine)
    out.bytes("used_memory_lua", machine)
    out.field("used_memory_scripts_eval", texts)
    out.field("number_of_cached_scripts", server.pointee.scripts.machine.count)
    out.zeros("number_of_functions", "number_of_libraries", "used_memory_vm_functions")
    out.bytes("used_memory_vm_total", machine)
    out.zeros("used_memory_functions")
    out.bytes("used_memory_scripts", texts)
  }

  /// Each ratio compares a number with the one before it in the chain allocated ≤ active ≤ resident ≤ process.
  private mutating func writeFragmentation(_ memory: MemoryFigures) {
    let heap = memory.heap
    writeRatio("allocator_frag", heap.active, heap.allocated)
    writeRatio("allocator_rss", heap.resident, heap.active)
    writeRatio("rss_overhead", memory.resident, heap.resident)
    writeRatio("mem_fragmentation", memory.resident, memory.used)
  }

  private mutating func writeRatio(_ name: String, _ part: UInt64, _ whole: UInt64) {
    out.field(name + "_ratio", Fixed.ratio(part, whole), digits: 2)
    out.field(name + "_bytes", Int64(clamping: part) - Int64(clamping: whole))
  }
}
