// SnapshotCheck.swift — a snapshot read from end to end, every value of it followed.
import Bytes
import Persistence
import Ring

struct SnapshotCheck {
  private var counts: [RDBType: UInt64] = [:]
  private var databases: Set<Int> = []
  private var database = 0
  private var volatile: UInt64 = 0
  private var expired: UInt64 = 0
  private var functions: UInt64 = 0
  private var moduleData: UInt64 = 0
  private var producer = ""
  private var confirmation = RDBConfirmation.none
  private let nowMilliseconds: Int64

  init(nowMilliseconds: Int64) { self.nowMilliseconds = nowMilliseconds }

  /// Reads the snapshot at the file's beginning and says what it holds. Returns where it ends, nil if it is damaged.
  mutating func run(_ path: String, _ file: inout WindowedFile, _ report: inout Report) throws(Errno) -> UInt64? {
    var options = RDBReader.Options()
    options.totalBytes = file.bytesTotal
    options.skipsOthers = true
    options.verifiesPacked = true
    var reader = RDBReader(options: options)
    do throws(RDBFailure) {
      try read(&reader, &file)
    } catch {
      report.say(path, "snapshot, \(describe(reader.version)), read as far as byte \(error.offset)")
      report.note(summary)
      report.damage(error.text)
      return nil
    }
    let size = counted(reader.offset, "byte")
    report.say(path, "snapshot, \(describe(reader.version)), \(size), \(seal(reader.version))")
    report.note(summary)
    return reader.offset
  }

  private mutating func read(_ reader: inout RDBReader, _ file: inout WindowedFile) throws(RDBFailure) {
    while true {
      do throws(Errno) {
        try file.fill(wanted: reader.wantedBytes)
      } catch {
        throw RDBFailure(.unreadable, offset: reader.offset)
      }
      while !reader.isAtEnd, let item = try reader.next(in: file.window) {
        take(item)
        // What was unpacked for this item is not needed any more.
        reader.settle(file.window)
      }
      let atEnd = file.isAtEnd
      file.drop(reader.leave(file.window))
      if reader.isAtEnd { return }
      // What the window needs is not in the file, or the reader would have said so before.
      if atEnd && reader.wantedBytes > file.window.count { return try reader.finish() }
    }
  }

  private mutating func take(_ item: RDBItem) {
    switch item {
    case .auxiliary(let name, let value):
      if name == ByteView("redis-ver") { producer = "Redis \(value.text)" }
      if name == ByteView("valkey-ver") { producer = "Valkey \(value.text)" }
    case .database(let index): database = index
    case .string(let key, _), .stringBegins(let key, _): count(key, .string)
    case .other(let key, let type): count(key, type)
    case .function: functions += 1
    case .moduleAuxiliary: moduleData += 1
    case .end(let confirmation): self.confirmation = confirmation
    case .sizes, .slot, .slotImport, .piece, .stringEnds: break
    }
  }

  private mutating func count(_ key: RDBKey, _ type: RDBType) {
    databases.insert(database)
    counts[type, default: 0] += 1
    guard let expiry = key.expiry else { return }
    volatile += 1
    if expiry < nowMilliseconds { expired += 1 }
  }

  // MARK: words

  private func describe(_ version: RDBVersion) -> String {
    producer.isEmpty ? "version \(version.number)" : "version \(version.number) as \(producer) writes it"
  }

  private func seal(_ version: RDBVersion) -> String {
    if !version.hasChecksum { return "of a version without checksum" }
    switch confirmation {
    case .checksum: return "the checksum is right"
    case .none: return "saved without checksum"
    }
  }

  private var summary: String {
    let keys = counts.values.reduce(0, +)
    var parts = [
      "\(counted(keys, "key")) in \(counted(databases.count, "database"))", "\(volatile) with an expiry",
      "\(expired) expired",
    ]
    var types: [String: UInt64] = [:]
    for (type, count) in counts { types["\(type.name)", default: 0] += count }
    for (name, count) in types.sorted(by: { $0.key < $1.key }) { parts.append("\(name) \(count)") }
    if functions > 0 { parts.append(counted(functions, "function library").replacingEnd) }
    if moduleData > 0 { parts.append("module data \(moduleData)") }
    return parts.joined(separator: ", ")
  }
}

extension String {
  /// "2 function libraries".
  fileprivate var replacingEnd: String { hasSuffix("librarys") ? String(dropLast(2)) + "ies" : self }
}
