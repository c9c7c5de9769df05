// Memory.swift — how much memory, what happens when it is full, and how it is given back.

/// Memory limit, eviction, freeing, defragmentation. Each field is described by its line in the table below.
package struct MemorySettings: Sendable, Equatable {
  /// Bytes; 0 is no limit.
  package var limitBytes: UInt64 = 0
  package var policy = EvictionPolicy.noeviction
  package var samples = 0
  package var evictionTenacity = 0
  package var lfuLogFactor = 0
  package var lfuDecayMinutes = 0
  package var lazyEviction = true
  package var lazyExpire = true
  package var lazyServerDelete = true
  package var lazyUserDelete = true
  package var lazyUserFlush = true
  package var activeExpireEffort = 0
  package var activeRehashing = true
  package var lazyExpireNested = true
  package var allocatorBackgroundThread = true
  package var activeDefragmentation = false
  package var defragmentationIgnoreBytes = 0
  package var defragmentationThresholdLower = 0
  package var defragmentationThresholdUpper = 0
  package var defragmentationCycleMin = 0
  package var defragmentationCycleMax = 0
  package var defragmentationCycleMicroseconds = 0
  package var defragmentationScanFieldsMax = 0
  package var hashSeed = ""
}

/// Which keys make room when the memory limit is reached.
package enum EvictionPolicy: String, CaseIterable, Sendable {
  case volatileLRU = "volatile-lru"
  case volatileLFU = "volatile-lfu"
  case volatileRandom = "volatile-random"
  case volatileTTL = "volatile-ttl"
  case allkeysLRU = "allkeys-lru"
  case allkeysLFU = "allkeys-lfu"
  case allkeysRandom = "allkeys-random"
  case noeviction
}

extension Directive {
  static let memory: [Directive] = [
    .memory64(
      "maxmemory", \.memory.limitBytes, default: 0,
      "Memory for data, after which 'maxmemory-policy' decides; 0 is no limit."
    ).later(.eviction),
    .choice(
      "maxmemory-policy", \.memory.policy, default: .noeviction,
      "Which keys make room when 'maxmemory' is reached; 'noeviction' refuses writes instead."
    ).later(.eviction),
    .integer(
      "maxmemory-samples", \.memory.samples, .positive32, default: 5,
      "Keys compared to find one to evict: more is more exact and slower."
    ).later(.eviction),
    .integer(
      "maxmemory-eviction-tenacity", \.memory.evictionTenacity, 0...100, default: 10,
      "How long eviction may hold up a request: 0 hardly, 100 until there is room."
    ).later(.eviction),
    .integer(
      "lfu-log-factor", \.memory.lfuLogFactor, .nonNegative32, default: 10,
      "How many more uses each step of a key's frequency counter takes."
    ).later(.eviction),
    .integer(
      "lfu-decay-time", \.memory.lfuDecayMinutes, .nonNegative32, default: 1,
      "Minutes without use after which a key's frequency counter goes down."
    ).later(.eviction),
    .flag(
      "lazyfree-lazy-eviction", \.memory.lazyEviction, default: true,
      "Frees the memory of evicted keys in the background."
    ).later(.eviction),
    .flag(
      "lazyfree-lazy-expire", \.memory.lazyExpire, default: true,
      "Frees the memory of expired keys in the background."),
    .flag(
      "lazyfree-lazy-server-del", \.memory.lazyServerDelete, default: true,
      "Frees in the background what a command deletes in passing, such as the old value of SET."),
    .flag("lazyfree-lazy-user-del", \.memory.lazyUserDelete, default: true, "Lets DEL work as UNLINK."),
    .flag(
      "lazyfree-lazy-user-flush", \.memory.lazyUserFlush, default: true,
      "Lets FLUSHALL, FLUSHDB and the like work as if ASYNC was given."),
    .integer(
      "active-expire-effort", \.memory.activeExpireEffort, 1...10, default: 1,
      "How much time goes into finding expired keys that nobody asks for."),
    .flag(
      "activerehashing", \.memory.activeRehashing, default: true,
      "Goes on resizing tables while the server is idle."),
    .flag(
      "lazyexpire-nested-arbitrary-keys", \.memory.lazyExpireNested, default: true,
      "Deletes expired keys that a script or transaction meets without having declared them."
    ).hidden().later(.scripting),
    .flag(
      "jemalloc-bg-thread", \.memory.allocatorBackgroundThread, default: true,
      "A thread of the allocator that gives freed pages back to the system."
    ).accepted(),
    .flag("activedefrag", \.memory.activeDefragmentation, default: false, "Moves data to close gaps in memory.")
      .accepted(),
    .memory(
      "active-defrag-ignore-bytes", \.memory.defragmentationIgnoreBytes, 1...Int.max, default: 104_857_600,
      "Waste below which defragmentation does not start."
    ).accepted(),
    .integer(
      "active-defrag-threshold-lower", \.memory.defragmentationThresholdLower, 0...1000, default: 10,
      "Percentage of waste at which defragmentation starts."
    ).accepted(),
    .integer(
      "active-defrag-threshold-upper", \.memory.defragmentationThresholdUpper, 0...1000, default: 100,
      "Percentage of waste at which defragmentation works hardest."
    ).accepted(),
    .integer(
      "active-defrag-cycle-min", \.memory.defragmentationCycleMin, 1...99, default: 1,
      "Least share of processor time for defragmentation, in percent."
    ).accepted(),
    .integer(
      "active-defrag-cycle-max", \.memory.defragmentationCycleMax, 1...99, default: 25,
      "Largest share of processor time for defragmentation, in percent."
    ).accepted(),
    .integer(
      "active-defrag-cycle-us", \.memory.defragmentationCycleMicroseconds, 0...100_000, default: 500,
      "Microseconds of one step of defragmentation."
    ).accepted(),
    .integer(
      "active-defrag-max-scan-fields", \.memory.defragmentationScanFieldsMax, 1...Int.max, default: 1000,
      "Elements from which a collection is defragmented in steps."
    ).accepted(),
    .text(
      "hash-seed", \.memory.hashSeed, changes: .atStart,
      "Seed of the hash function, for the same SCAN order on several servers; empty draws one at start."
    ).sensitive().accepted(),
  ]
}
