// SnapshotFuzz.swift — any bytes as a snapshot, as a payload of DUMP, and as a log.
//
//   byte 0   0 to 2 modulo 3: snapshot, payload, log; then bit 2: the length of the whole is known,
//            bit 3: packed values are looked into, bit 4: the magic is Valkey's, bits 5 to 7: the version
//   byte 1   seeds where the bytes are cut into windows
//   byte 2…  what follows the magic; what stands before version and checksum; the log
//
// What is read must not depend on the cuts; what can be loaded must be written and loaded again to
// the same; a payload that is taken must come back. Magic and checksum are put there, not guessed.
import Bytes
import Persistence
import Store

/// The same input is always cut alike.
struct Cuts {
  var state: UInt64

  mutating func next() -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    let range: [UInt64] = [1, 2, 7, 40, 5000]
    return 1 + Int(state % range[Int((state >> 32) % 5)])
  }
}

// MARK: - Snapshots

func facts(_ key: RDBKey) -> String {
  "\(Array(key.name.buffer)) \(key.expiry ?? -1) \(key.idleSeconds.map { "\($0)" } ?? "-") \(key.frequency ?? 0)"
}

/// Everything that was read, as text, and how it ended.
func reading(_ file: [UInt8], _ options: RDBReader.Options, cut: () -> Int) -> String {
  var reader = RDBReader(options: options)
  var text = ""
  func add(_ item: RDBItem) {
    switch item {
    case .stringBegins(let key, let count): text += "long \(facts(key)) \(count)\n"
    case .string(let key, let value):
      text += "\(facts(key)) "
      switch value {
      case .integer(let number): text += "\(number)\n"
      case .bytes(let bytes): text += "\(bytes.count) \(Checksum(of: bytes).value)\n"
      }
    case .piece, .stringEnds: break
    case .auxiliary(let name, let value): text += "aux \(Checksum(of: name).value) \(Checksum(of: value).value)\n"
    case .function(let code): text += "function \(Checksum(of: code).value)\n"
    case .slotImport(let name): text += "import \(Checksum(of: name).value)\n"
    case .other(let key, let type): text += "\(type) \(Checksum(of: key.name).value)\n"
    case .database(let index): text += "database \(index)\n"
    case .sizes(let keys, let volatile): text += "sizes \(keys) \(volatile)\n"
    case .slot(let slot, let keys, let volatile): text += "slot \(slot) \(keys) \(volatile)\n"
    case .moduleAuxiliary(let number): text += "module \(number)\n"
    case .end: text += "end\n"
    }
  }
  var begin = 0
  var end = 0
  do throws(RDBFailure) {
    while !reader.isAtEnd {
      if end == file.count {
        try reader.finish()
        break
      }
      end = min(file.count, max(end + max(1, cut()), begin + min(reader.wantedBytes, file.count)))
      begin += try copied(file[begin..<end]) { (window) throws(RDBFailure) -> Int in
        while !reader.isAtEnd, let item = try reader.next(in: window) { add(item) }
        return reader.leave(window)
      }
    }
  } catch {
    // A length that cannot be is only known to be one when the whole length is.
    text += error.reason == .truncated || error.reason == .length ? "short\n" : "\(error.reason) at \(error.offset)\n"
  }
  return text
}

extension Databases {
  func load(_ file: [UInt8], cut: () -> Int) -> Bool {
    var options = SnapshotLoader.Options()
    options.skipsOthers = true
    var loader = SnapshotLoader(into: keyspaces, databaseCount: 16, options: options)
    var begin = 0
    do throws(RDBFailure) {
      while begin < file.count && !loader.isComplete {
        let end = min(file.count, begin + max(1, cut()))
        let taken = try copied(file[begin..<end]) { (chunk) throws(RDBFailure) -> Int in try loader.feed(chunk) }
        demand(taken == end - begin || loader.isComplete, "bytes were left over before the end")
        begin = end
      }
      try loader.finish()
      return true
    } catch {
      return false
    }
  }

  func snapshot() -> [UInt8] {
    // As a walk chooses it: only Valkey's version has fields that end.
    var options = RDBWriter.Options()
    if (0..<16).contains(where: { keyspaces[$0].volatileHashCount > 0 }) { options.version = .valkey9 }
    var writer = RDBWriter(pool: pool, options: options)
    var file: [UInt8] = []
    writer.header()
    for index in 0..<16 where !keyspaces[index].isEmpty {
      writer.begin(database: index, keys: keyspaces[index].count, volatile: keyspaces[index].volatileCount)
      var sweep = Sweep()
      while var bucket = keyspaces[index].visit(&sweep) {
        while let location = bucket.next() {
          writer.entry(location.entry, database: index)
          while writer.isBusy { writer.advance(bytes: 10_000) }
        }
      }
    }
    writer.end()
    _ = writer.output.stretches(upTo: writer.output.appended, capacity: .max) { _, start, count in
      file += UnsafeRawBufferPointer(start: start, count: count)
    }
    writer.release(file.count)
    return file
  }
}

func checkSnapshot(_ input: ArraySlice<UInt8>, flags: UInt8, cuts: inout Cuts) {
  let isValkey = flags & 16 != 0
  let versions = ["0001", "0005", "0009", "0010", "0011", "0012", "0002", "0007"]
  let file = Array((isValkey ? "VALKEY080" : "REDIS\(versions[Int(flags >> 5)])").utf8) + input
  var options = RDBReader.Options()
  options.totalBytes = flags & 4 != 0 ? UInt64(file.count) : nil
  options.verifiesPacked = flags & 8 != 0
  options.skipsOthers = true
  // The inputs' checksums cannot be right; that they are looked at, the tests show.
  options.verifiesChecksum = false
  let whole = reading(file, options) { file.count }
  let pieces = reading(file, options) { cuts.next() }
  demand(whole == pieces, "cuts change what is read:\n\(whole)---\n\(pieces)")

  let databases = Databases()
  guard databases.load(file, cut: { cuts.next() }) else { return }
  let again = Databases()
  demand(again.load(databases.snapshot()) { cuts.next() }, "what was written cannot be loaded")
  for index in 0..<16 {
    demand(databases.keyspaces[index].count == again.keyspaces[index].count, "keys were lost")
    demand(databases.keyspaces[index].volatileCount == again.keyspaces[index].volatileCount, "expiries were lost")
  }
}

// MARK: - Payloads

func checkPayload(_ input: ArraySlice<UInt8>) {
  var payload = Array(input) + [9, 0]
  let sum = copied(payload[...]) { Checksum(of: $0).value }
  payload += (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
  let databases = Databases()
  let name = ByteView("key")
  let isTaken = copied(payload[...]) { bytes in
    do throws(DumpPayload.Refusal) {
      let value = try DumpPayload.value(bytes)
      databases.keyspaces[0].insert(name, KeyHash(name), restored: value, expiry: nil)
      return true
    } catch {
      demand(error == .format, "a sealed payload has a wrong checksum")
      return false
    }
  }
  guard isTaken, let entry = databases.keyspaces[0].find(name, KeyHash(name))?.entry else { return }
  var output = OutputBuffer(pool: databases.pool)
  DumpPayload.append(entry, compresses: true, to: &output)
  var dumped: [UInt8] = []
  _ = output.stretches(upTo: output.appended, capacity: .max) { _, start, count in
    dumped += UnsafeRawBufferPointer(start: start, count: count)
  }
  output.discardAll()
  let copy = ByteView("copy")
  copied(dumped[...]) { bytes in
    guard let value = try? DumpPayload.value(bytes) else { return demand(false, "our own payload is refused") }
    databases.keyspaces[0].insert(copy, KeyHash(copy), restored: value, expiry: nil)
  }
  guard let first = databases.keyspaces[0].find(name, KeyHash(name))?.entry,
    let second = databases.keyspaces[0].find(copy, KeyHash(copy))?.entry
  else { return demand(false, "a key was lost") }
  demand(first.type == second.type && first.encoding == second.encoding, "the payload is of another kind")
  guard first.isString else {
    databases.keyspaces[0].checkInvariants()
    return demand(first.items().count == second.items().count, "the payload is of another length")
  }
  demand(first.isInteger == second.isInteger, "the payload is of another kind")
  demand(first.stringCount == second.stringCount, "the payload is of another length")
  if !first.isInteger { demand(first.bytes == second.bytes, "the payload is another string") }
}

// MARK: - Logs

func scan(_ log: ArraySlice<UInt8>, cut: () -> Int) -> LogScanner {
  var scanner = LogScanner()
  var begin = log.startIndex
  var end = begin
  while end < log.endIndex && scanner.problem == nil {
    end = min(log.endIndex, end + max(1, cut()))
    let taken = copied(log[begin..<end]) { scanner.scan($0) }
    demand(taken >= 0 && taken <= end - begin, "more was read than there was")
    begin += taken
  }
  scanner.finish(at: UInt64(log.count))
  return scanner
}

func checkLog(_ log: ArraySlice<UInt8>, cuts: inout Cuts) {
  let whole = scan(log) { log.count }
  let pieces = scan(log) { cuts.next() }
  demand(whole.goodOffset == pieces.goodOffset && whole.problem == pieces.problem, "cuts change where the log ends")
  demand(whole.figures == pieces.figures && whole.corruptions == pieces.corruptions, "cuts change what is found")
  // What is said to be good is good.
  let good = scan(log.prefix(Int(whole.goodOffset))) { log.count }
  demand(good.problem == nil && good.goodOffset == whole.goodOffset, "the good part of a log is not good")
}

// MARK: - The target

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  secret
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  var cuts = Cuts(state: UInt64(input[1]) &* 0x9E37_79B9_7F4A_7C15 | 1)
  switch input[0] % 3 {
  case 0: checkSnapshot(input[2...], flags: input[0], cuts: &cuts)
  case 1: checkPayload(input[2...])
  default: checkLog(input[2...], cuts: &cuts)
  }
  return 0
}
