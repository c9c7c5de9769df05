// DebugValues.swift — DEBUG OBJECT, POPULATE and HTSTATS: values and tables from the inside.
import Bytes
import Commands
import Store
import Wire

enum DebugValues {
  // MARK: objects

  static func object(_ execution: inout Execution) {
    let words = execution.arguments
    let isFast = words.count == 4
    guard !isFast || words[3].equalsIgnoringCase("fast") else {
      return execution.reply.unknownSubcommand(words[1], of: "DEBUG")
    }
    guard let location = execution.locate(words[2], KeyHash(words[2])) else {
      return execution.reply.error("ERR no such key")
    }
    let entry = location.entry
    let address = String(UInt(bitPattern: entry.key.buffer.baseAddress), radix: 16)
    var text = "Value at:0x\(address) refcount:1 encoding:\(execution.rules.encodingName(entry))"
    if !isFast { text += " serializedlength:\(serializedBytes(entry))" }
    text += " lru:\(entry.accessStamp) lru_seconds_idle:\(execution.accessClock.idleSeconds(entry))"
    execution.reply.simple(text: text)
  }

  /// Bytes that a snapshot would spend on the value, without compression.
  private static func serializedBytes(_ entry: Entry) -> Int {
    if entry.isInteger {
      switch entry.integer {
      case -0x80..<0x80: return 2
      case -0x8000..<0x8000: return 3
      case -0x8000_0000..<0x8000_0000: return 5
      default: break
      }
    }
    guard entry.isString else { return entry.packed?.count ?? entry.items().count }
    let count = entry.stringCount
    return count + (count < 64 ? 1 : count < 16_384 ? 2 : count <= Int(UInt32.max) ? 5 : 9)
  }

  // MARK: populate

  static func populate(_ execution: inout Execution) {
    let words = execution.arguments
    guard let count = words[2].int64, count >= 0, let size = words.count < 5 ? 0 : words[4].int64, size >= 0,
      size <= execution.rules.bulkBytesMax
    else { return execution.reply.error("ERR value is out of range, must be positive") }
    let prefix = words.count > 3 ? Array(words[3].buffer) : Array("key".utf8)
    for number in 0..<count {
      let key = prefix + Array(":\(number)".utf8)
      var value = Array("value:\(number)".utf8)
      if size > 0 {
        if value.count > Int(size) { value.removeLast(value.count - Int(size)) }
        value += [UInt8](repeating: 0, count: Int(size) - value.count)
      }
      key.withUnsafeBytes { key in value.withUnsafeBytes { add(ByteView(key), ByteView($0), &execution) } }
    }
    execution.reply.ok()
  }

  private static func add(_ key: ByteView, _ value: ByteView, _ execution: inout Execution) {
    let hash = KeyHash(key)
    guard execution.locate(key, hash) == nil else { return }
    execution.database.pointee.insert(key, hash, string: value)
  }

  // MARK: tables

  static func tableStatistics(_ execution: inout Execution) {
    guard let index = execution.arguments[2].int64 else {
      return execution.reply.error("ERR value is not an integer or out of range")
    }
    guard index >= 0 && index < Int64(execution.databaseCount) else {
      return execution.reply.error("ERR Out of range database")
    }
    let database = execution.databases + Int(index)
    var text = "[Dictionary HT]\nHash table 0 stats (main hash table):\n"
    text += describe(database)
    // An expiry stands in the entry of its key: there is no second table.
    text += "[Expires HT]\nHash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n"
    execution.reply.verbatim("txt", text: text)
  }

  private static func describe(_ database: UnsafeMutablePointer<Keyspace>) -> String {
    guard !database.pointee.isEmpty else { return "No stats available for empty dictionaries\n" }
    return describe(database.pointee.figures(), count: database.pointee.count)
  }

  private static func describe(_ figures: Keyspace.Figures, count: Int) -> String {
    let chains = figures.chainLengths.reduce(0, +)
    let usedChains = chains - (figures.chainLengths.first ?? 0)
    let average = usedChains == 0 ? 0 : Double(count) / Double(usedChains)
    var text = " table size: \((figures.buckets + figures.children) * Keyspace.entriesPerBucket)\n"
    text += " number of elements: \(count)\n"
    text += " top-level buckets: \(figures.buckets)\n"
    text += " child buckets: \(figures.children)\n"
    text += " different slots: \(usedChains)\n"
    text += " max chain length: \(figures.chainLengths.count - 1)\n"
    text += " avg chain length (counted): \(Fixed.text(average, digits: 2))\n"
    text += " avg chain length (computed): \(Fixed.text(average, digits: 2))\n"
    text += " Chain length distribution:\n"
    for (length, number) in figures.chainLengths.enumerated() where number > 0 {
      let share = Fixed.percent(UInt64(number), of: UInt64(chains))
      text += "   \(length): \(number) (\(Fixed.text(share, digits: 2))%)\n"
    }
    return text
  }

  static func tableStatisticsOfKey(_ execution: inout Execution) {
    guard let location = execution.locate(execution.arguments[2], KeyHash(execution.arguments[2])) else {
      return execution.reply.error("ERR no such key")
    }
    if let collection = location.entry.collection {
      return execution.reply.verbatim("txt", text: describe(collection.figures(), count: collection.count))
    }
    execution.reply.error("ERR The value stored at the specified key is not represented using an hash table")
  }
}

extension Reply {
  /// A simple line put together with String.
  func simple(text: String) {
    var text = text
    text.withUTF8 { simple(ByteView(UnsafeRawBufferPointer($0))) }
  }
}
