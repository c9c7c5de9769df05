// Keys+Object.swift — OBJECT: how a value is kept and when it was used.
import Bytes
import Store
import Wire

extension Keys {
  static func objectEncoding(_ execution: inout Execution) {
    guard let location = execution.inspect(execution.arguments[2]) else { return execution.reply.null() }
    execution.reply.bulk(execution.rules.encodingName(location.entry))
  }

  /// One, except that Redis keeps the integers up to this once for all keys, which clients can see here.
  private static let sharedIntegers: Range<Int64> = 0..<10_000

  static func objectReferenceCount(_ execution: inout Execution) {
    guard let location = execution.inspect(execution.arguments[2]) else { return execution.reply.null() }
    let isShared = location.entry.isInteger && sharedIntegers.contains(location.entry.integer)
    execution.reply.integer(isShared ? Int(Int32.max) : 1)
  }

  static func objectIdleTime(_ execution: inout Execution) {
    guard let location = execution.inspect(execution.arguments[2]) else { return execution.reply.null() }
    guard execution.accessClock.policy == .leastRecentlyUsed else {
      return execution.reply.error(
        """
        ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
        policies at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    execution.reply.integer(execution.accessClock.idleSeconds(location.entry))
  }

  static func objectFrequency(_ execution: inout Execution) {
    guard let location = execution.inspect(execution.arguments[2]) else { return execution.reply.null() }
    guard execution.accessClock.policy == .leastFrequentlyUsed else {
      return execution.reply.error(
        """
        ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
        between policies at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    execution.reply.integer(Int(execution.accessClock.frequency(location.entry)))
  }

  static func objectHelp(_ execution: inout Execution) {
    execution.reply.help(
      "OBJECT",
      [
        "ENCODING <key>", "    How the value at <key> is kept.",
        "FREQ <key>", "    How often <key> was used: a logarithmic counter from 0 to 255.",
        "IDLETIME <key>", "    Seconds since <key> was used.",
        "REFCOUNT <key>", "    How many owners the value at <key> has.",
      ])
  }
}

extension Rules {
  /// What OBJECT ENCODING calls the way in which a value is kept.
  public func encodingName(_ entry: Entry) -> StaticString {
    switch (entry.type, entry.encoding) {
    case (.list, .listpack) where !reportsListpackLists: Encoding.quicklist.name
    case (.set, .listpack) where !reportsListpackSets: Encoding.hashtable.name
    default: entry.encoding.name
    }
  }
}
