// Support.swift — what the tests of snapshots share: databases to write, bytes to read.
import Bytes
import CHash
import Store

@testable import Persistence

/// The hash needs a secret before the first key; a fixed one makes every run the same.
let seeded: Void = unsafe [UInt8](repeating: 7, count: 32).withUnsafeBytes {
  unsafe martlet_hash_seed($0.baseAddress, $0.count)
}

/// SplitMix64: one number replays a test.
struct Dice: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) {
    state = seed
    // Or neighbouring seeds would draw the same numbers, one place apart.
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
  /// Text that compresses: few letters, much repeated.
  mutating func text(_ count: Int) -> [UInt8] {
    let word = bytes(3 + below(20))
    return (0..<count).map { below(30) == 0 ? UInt8(below(256)) : word[$0 % word.count] }
  }
}

extension ByteView {
  var array: [UInt8] { unsafe [UInt8](buffer) }
}

extension Array<UInt8> {
  /// Calls `body` with a view of the bytes.
  func viewed<R, E: Error>(_ body: (ByteView) throws(E) -> R) throws(E) -> R {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { unsafe copy.deallocate() }
    unsafe copy.copyBytes(from: self)
    return try body(unsafe ByteView(start: UnsafeRawPointer(copy.baseAddress!), count: count))
  }

  /// Bytes written as hexadecimal digits; blanks do not count.
  init(hex: String) {
    let digits = hex.filter { !$0.isWhitespace }.map { UInt8(String($0), radix: 16)! }
    self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}

/// A key as a test thinks of it.
struct Record: Equatable, CustomStringConvertible {
  var key: [UInt8]
  var value: [UInt8]
  var expiry: Milliseconds?

  init(_ key: String, _ value: String, expiry: Milliseconds? = nil) {
    self.init(Array(key.utf8), Array(value.utf8), expiry: expiry)
  }

  init(_ key: [UInt8], _ value: [UInt8], expiry: Milliseconds? = nil) {
    self.key = key
    self.value = value
    self.expiry = expiry
  }

  var description: String {
    let name = String(decoding: key, as: UTF8.self)
    let beginning = String(decoding: value.prefix(40), as: UTF8.self)
    return "\(name) = \(beginning) (\(value.count)) \(expiry ?? -1)"
  }
}

/// Some databases and a pool, alive for one test.
final class Databases {
  let keyspaces: UnsafeMutablePointer<Keyspace>
  let pool: UnsafeMutablePointer<ChunkPool>
  let count: Int

  init(_ count: Int = 16) {
    seeded
    self.count = count
    unsafe keyspaces = .allocate(capacity: count)
    for index in 0..<count { unsafe (keyspaces + index).initialize(to: Keyspace()) }
    unsafe pool = .allocate(capacity: 1)
    unsafe pool.initialize(to: ChunkPool())
  }

  deinit {
    unsafe keyspaces.deinitialize(count: count)
    unsafe keyspaces.deallocate()
    unsafe pool.deinitialize(count: 1)
    unsafe pool.deallocate()
  }

  func set(_ record: Record, in database: Int = 0) {
    record.key.viewed { key in
      record.value.viewed { value in
        _ = unsafe keyspaces[database].set(
          key, KeyHash(key), string: value, expiry: record.expiry.map { .at($0) } ?? .clear)
      }
    }
  }

  func entry(_ key: String, in database: Int = 0) -> Entry? {
    Array(key.utf8).viewed { key in unsafe keyspaces[database].find(key, KeyHash(key))?.entry }
  }

  /// All keys of a database in the order of their bytes.
  func records(in database: Int = 0) -> [Record] {
    var records: [Record] = []
    var sweep = Sweep()
    while var bucket = unsafe keyspaces[database].visit(&sweep) {
      while let location = bucket.next() {
        let entry = location.entry
        var scratch = [UInt8](repeating: 0, count: Decimal.digitsMax)
        let value =
          entry.isString
          ? scratch.withUnsafeMutableBufferPointer { unsafe entry.bytes(scratch: $0.baseAddress!).array }
          : elements(entry)
        records.append(Record(entry.key.array, value, expiry: entry.expiry))
      }
    }
    return records.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  /// A value of many elements as bytes that are the same for equal values.
  private func elements(_ entry: Entry) -> [UInt8] {
    var all: [[UInt8]] = []
    var items = entry.items()
    while let item = items.next() {
      let score = entry.type == .sortedSet ? Array("=\(item.score)".utf8) : []
      let end = item.expiry.map { Array("until \($0)".utf8) } ?? []
      all.append(item.name.withView { $0.array } + [0, 1] + item.value.withView { $0.array } + score + end + [0, 2])
    }
    if entry.type == .set || entry.type == .hash { all.sort { $0.lexicographicallyPrecedes($1) } }
    return Array("\(entry.type) ".utf8) + all.flatMap(\.self)
  }

  /// The whole snapshot as bytes, written out in slices of `slice` bytes.
  func snapshot(_ options: RDBWriter.Options = .init(), slice: Int = 10_000) -> [UInt8] {
    var writer = unsafe RDBWriter(pool: pool, options: options)
    var file: [UInt8] = []
    writer.header()
    for index in 0..<count where unsafe !keyspaces[index].isEmpty {
      unsafe writer.begin(database: index, keys: keyspaces[index].count, volatile: keyspaces[index].volatileCount)
      var sweep = Sweep()
      while var bucket = unsafe keyspaces[index].visit(&sweep) {
        while let location = bucket.next() {
          writer.entry(location.entry, database: index)
          while writer.isBusy {
            writer.advance(bytes: slice)
            drain(&writer, slice, into: &file)
          }
        }
        if writer.output.pending > slice { drain(&writer, slice, into: &file) }
      }
    }
    writer.end()
    drain(&writer, .max, into: &file)
    return file
  }
}

/// Moves what is pending, at most `bytes`, to the end of `file`.
func drain(_ writer: inout RDBWriter, _ bytes: Int, into file: inout [UInt8]) {
  let limit = writer.output.sent + UInt64(min(bytes, writer.output.pending))
  var taken = 0
  _ = unsafe writer.output.stretches(upTo: limit, capacity: .max) { _, start, count in
    unsafe file += UnsafeRawBufferPointer(start: start, count: count)
    taken += count
  }
  writer.release(taken)
}

/// What a snapshot was read as.
struct Reading {
  var records: [Int: [Record]] = [:]
  var auxiliaries: [String: String] = [:]
  var sizes: [Int: [UInt64]] = [:]
  var uses: [[UInt8]: [UInt64?]] = [:]
  var others: [(key: [UInt8], type: RDBType)] = []
  var functions: [[UInt8]] = []
  var slots: [UInt64] = []
  var confirmation: RDBConfirmation?
  var consumed = 0

  var all: [Record] { records.values.flatMap { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) } }

  /// Reads `file` as it would come in windows: `window` bytes more each time.
  static func read(
    _ file: [UInt8], window: Int = .max, _ options: RDBReader.Options = .init()
  ) throws(RDBFailure) -> Reading {
    var reading = Reading()
    var reader = RDBReader(options: options)
    var database = 0
    var long: Record?
    var begin = 0
    var end = min(window, file.count)
    while true {
      // A copy of exactly this size: one byte too far is a report of AddressSanitizer.
      begin += try Array(file[begin..<end]).viewed { (bytes) throws(RDBFailure) -> Int in
        while !reader.isAtEnd, let item = try reader.next(in: bytes) {
          reading.take(item, &database, &long)
        }
        return reader.leave(bytes)
      }
      if reader.isAtEnd { break }
      guard end < file.count else {
        try reader.finish()
        break
      }
      end = min(file.count, max(end + min(window, file.count), begin + min(reader.wantedBytes, file.count)))
    }
    reading.consumed = begin
    return reading
  }

  private mutating func take(_ item: RDBItem, _ database: inout Int, _ long: inout Record?) {
    switch item {
    case .auxiliary(let name, let value): auxiliaries[name.text] = value.text
    case .database(let index): database = index
    case .sizes(let keys, let volatile): sizes[database] = [keys, volatile]
    case .slot(let slot, _, _): slots.append(slot)
    case .slotImport, .moduleAuxiliary: break
    case .function(let code): functions.append(code.array)
    case .string(let key, .bytes(let bytes)): add(key, bytes.array, database)
    case .string(let key, .integer(let value)): add(key, Array(String(value).utf8), database)
    case .stringBegins(let key, _): long = Record(key.name.array, [], expiry: key.expiry)
    case .piece(let bytes): long?.value += bytes.array
    case .stringEnds: records[database, default: []].append(long!)
    case .other(let key, let type): others.append((key.name.array, type))
    case .end(let confirmation): self.confirmation = confirmation
    }
  }

  private mutating func add(_ key: RDBKey, _ value: [UInt8], _ database: Int) {
    records[database, default: []].append(Record(key.name.array, value, expiry: key.expiry))
    if key.idleSeconds != nil || key.frequency != nil {
      uses[key.name.array] = [key.idleSeconds, key.frequency.map(UInt64.init)]
    }
  }
}
