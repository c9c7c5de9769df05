// Keys+Scan.swift — going through the keys: KEYS at once, SCAN some at a time, RANDOMKEY one.
//
// SCAN's cursor is a place in the order of the keys' hashes, so it says where to go on even
// after the table has grown or shrunk. Expired keys are not told; SCAN removes those that it
// comes across, once it has left their bucket.
import Bytes
import Store
import Wire

extension Keys {
  /// SCAN visits at most so many buckets for each key that it was asked for.
  private static let bucketsPerKey = 10
  /// Expired keys that one SCAN removes; the sweep between requests finds the others.
  private static let expiredMax = 64

  static func keys(_ execution: inout Execution) {
    let glob = Glob(execution.arguments[1])
    let reply = execution.reply
    let gap = reply.open()
    var found = 0
    var sweep = Sweep()
    let now = execution.nowMilliseconds
    // The table may be another between two buckets: what was there from the first to the last is told.
    while execution.mayGoOn(after: 4), let bucket = execution.database.pointee.visit(&sweep) {
      var entries = bucket
      while let location = entries.next() {
        let key = location.entry.key
        guard glob.isEverything || glob.matches(key), !location.entry.isExpired(now) else { continue }
        reply.bulk(key)
        found += 1
      }
    }
    reply.closeArray(gap, count: found)
  }

  private struct ScanOptions {
    var glob: Glob?
    var count = 10
    var type: ValueType?
  }

  static func scan(_ execution: inout Execution) {
    guard let cursor = execution.arguments[1].uint64 else { return execution.reply.error("ERR invalid cursor") }
    guard let options = scanOptions(&execution) else { return }
    let reply = execution.reply
    reply.array(2)
    let cursorGap = reply.open()
    let arrayGap = reply.open()
    var sweep = Sweep(cursor: cursor)
    var told = 0
    var visited = 0
    var expired: [[UInt8]] = []
    let now = execution.nowMilliseconds
    // A count beyond all keys takes one call; the product cannot overflow below that.
    let bucketsMax = min(options.count, Int.max / bucketsPerKey) * bucketsPerKey
    for _ in 0..<bucketsMax {
      guard visited < options.count, execution.mayGoOn(after: 4) else { break }
      guard let bucket = execution.database.pointee.visit(&sweep) else { break }
      var entries = bucket
      while let location = entries.next() {
        visited += 1
        let entry = location.entry
        if entry.isExpired(now) {
          if expired.count < expiredMax { expired.append(Array(entry.key.buffer)) }
          continue
        }
        if let type = options.type, entry.type != type { continue }
        if let glob = options.glob, !glob.matches(entry.key) { continue }
        reply.bulk(entry.key)
        told += 1
      }
    }
    reply.output.pointee.fill(cursorGap, bulk: sweep.cursor)
    reply.closeArray(arrayGap, count: told)
    guard !execution.pauses.isAbandoned else { return }
    for key in expired { key.withUnsafeBytes { expire(&execution, ByteView($0)) } }
  }

  private static func expire(_ execution: inout Execution, _ key: ByteView) {
    // Looking an expired key up is what removes it.
    _ = execution.locate(key, KeyHash(key))
  }

  /// Answers the error and nil.
  private static func scanOptions(_ execution: inout Execution) -> ScanOptions? {
    var options = ScanOptions()
    var index = 2
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      guard index + 1 < execution.arguments.count else { return refused(&execution) }
      let value = execution.arguments[index + 1]
      if word.equalsIgnoringCase("count") {
        guard let count = execution.integer(index + 1) else { return nil }
        guard count >= 1 else { return refused(&execution) }
        options.count = Int(count)
      } else if word.equalsIgnoringCase("match") {
        let glob = Glob(value)
        options.glob = glob.isEverything ? nil : glob
      } else if word.equalsIgnoringCase("type") {
        guard let type = ValueType.allCases.first(where: { value.equalsIgnoringCase($0.name) }) else {
          execution.reply.error("ERR unknown type name '", value.upToZeroByte, "'")
          return nil
        }
        options.type = type
      } else {
        return refused(&execution)
      }
      index += 2
    }
    return options
  }

  private static func refused(_ execution: inout Execution) -> ScanOptions? {
    execution.refuseSyntax()
    return nil
  }

  static func randomKey(_ execution: inout Execution) {
    while let location = execution.database.pointee.random(execution.random.next()) {
      guard location.entry.isExpired(execution.nowMilliseconds) else {
        return execution.reply.bulk(location.entry.key)
      }
      execution.expire(location, databaseIndex: Int(execution.session.pointee.database))
    }
    execution.reply.null()
  }
}
