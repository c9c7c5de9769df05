// SnapshotLoader.swift — a snapshot back into databases, as fast as the file comes.
//
//   feed(chunk) ─▶ reader ─▶ batch of 32: key, hash, value ─▶ flush: look up, insert
//                              └─ asks for the key's bucket         └─ by now it is here
//
// Inserting waits for memory, not for the processor; so keys are gathered and their buckets asked for
// before the first of them is put in. Chunks may end anywhere: what is unfinished is kept and completed.
import Bytes
import CAllocator
import Store

@safe package struct SnapshotLoader: ~Copyable {
  package struct Options: Sendable {
    /// Bytes of the whole snapshot, if they are known.
    package var totalBytes: UInt64?
    /// The time by which keys and fields of hashes have expired, in milliseconds since 1970; nil keeps them all, as the
    /// base of a log needs it: what follows may still refer to them.
    package var expiresAt: Milliseconds?
    package var verifiesChecksum = true
    /// Which of idle time and frequency counts, and since when.
    package var accessClock = AccessClock()
    /// Up to which sizes collections are packed.
    package var encodings = EncodingLimits()
    /// Passes over values of types that cannot be held instead of failing.
    package var skipsOthers = false
    package init() {}
  }

  /// What came of it so far.
  package struct Figures: BitwiseCopyable, Sendable {
    package var loaded: UInt64 = 0
    /// Keys that had expired and were left out.
    package var expired: UInt64 = 0
    /// Values of other types, function libraries and data of modules that were passed over.
    package var skipped: UInt64 = 0
    package var functions: UInt64 = 0
    package var moduleData: UInt64 = 0
    /// What the snapshot says it holds.
    package var announced: UInt64 = 0
  }

  /// A string whose key is on its way from memory.
  private struct Candidate {
    var key: ByteView
    var hash: KeyHash
    var value: RDBStringValue
    var expiry: Milliseconds?
    var stamp: UInt32?
  }

  /// A long string that comes in pieces.
  private struct Large: ~Copyable {
    let key: Blob
    let facts: RDBKey
    let count: Int
    var blob: Blob
  }

  private let options: Options
  private let databases: UnsafeMutablePointer<Keyspace>
  private var database: UnsafeMutablePointer<Keyspace>
  private var reader: RDBReader
  package private(set) var figures = Figures()

  private let batch: UnsafeMutablePointer<Candidate>
  private var batchCount = 0
  private static var batchMax: Int { 32 }
  /// The beginning of an item whose end has not come.
  private var carry = InputBuffer()
  private var large: Large?
  /// A collection whose parts come.
  private var building: Building?
  /// Parts of values since the reader settled.
  private var partCount = 0

  private struct Building: ~Copyable {
    let key: Blob
    let facts: RDBKey
    var builder: CollectionBuilder
  }

  /// A long string that expired: its pieces go nowhere.
  private var dropsPieces = false

  /// Loads into `databaseCount` databases at `databases`, which must hold none of the keys.
  package init(into databases: UnsafeMutablePointer<Keyspace>, databaseCount: Int, options: Options = Options()) {
    self.options = options
    unsafe self.databases = databases
    unsafe database = databases
    var reading = RDBReader.Options()
    reading.totalBytes = options.totalBytes
    reading.verifiesChecksum = options.verifiesChecksum
    reading.skipsOthers = options.skipsOthers
    reading.givesParts = true
    reading.databaseCount = databaseCount
    reader = RDBReader(options: reading)
    unsafe batch = .allocate(capacity: Self.batchMax)
  }

  deinit {
    var carry = carry
    carry.release()
    unsafe batch.deallocate()
  }

  /// Bytes of the snapshot that were read.
  package var offset: UInt64 { reader.offset }
  /// The end was read, and the checksum is right or absent.
  package var isComplete: Bool { reader.isAtEnd }
  package var version: RDBVersion { reader.version }

  /// There are no more chunks: an error unless the snapshot is complete.
  package func finish() throws(RDBFailure) { try reader.finish() }

  /// Loads what `chunk` completes; how many of its bytes belong to the snapshot, which are all but in the
  /// chunk with its end. What was loaded before a failure stays loaded.
  package mutating func feed(_ chunk: ByteView) throws(RDBFailure) -> Int {
    var taken = 0
    while taken < chunk.count && !reader.isAtEnd {
      if carry.count == 0 {
        let window = chunk[taken..<chunk.count]
        try load(window)
        taken += reader.leave(window)
        guard !reader.isAtEnd else { break }
        try keep(chunk[taken..<chunk.count])
        return chunk.count
      }
      // A little more than what is missing, so that the next item begins in the chunk itself.
      let old = carry.count
      let part = chunk[taken..<min(chunk.count, taken + max(reader.wantedBytes - old, 4096))]
      try keep(part)
      try load(carry.view)
      let left = reader.leave(carry.view)
      guard left >= old else {
        carry.drop(left)
        taken += part.count
        continue
      }
      taken += left - old
      carry.drop(carry.count)
    }
    return taken
  }

  private mutating func keep(_ bytes: ByteView) throws(RDBFailure) {
    // A length was compared with the bytes there are, if that is known.
    let room = options.totalBytes == nil ? 0 : reader.wantedBytes
    guard carry.reserve(room) && carry.append(bytes) else { throw RDBFailure(.memory, offset: offset) }
  }

  // MARK: items

  private mutating func load(_ window: ByteView) throws(RDBFailure) {
    while !reader.isAtEnd {
      if building != nil {
        guard try build(window) else { break }
        continue
      }
      guard let item = try reader.next(in: window) else { break }
      switch item {
      case .string(let key, let value):
        guard !isExpired(key) else { continue }
        add(key, value)
        guard batchCount == Self.batchMax else { continue }
        try flush()
        reader.settle(window)
      case .database(let index):
        try flush()
        unsafe database = databases + index
      case .sizes(let keys, _): figures.announced &+= keys
      case .stringBegins(let key, let count): begin(key, count)
      case .piece(let bytes): append(bytes)
      case .stringEnds: try endLarge()
      case .other(let key, let type):
        // One that is not asked for is passed over.
        if !type.isLoadable { figures.skipped += 1 } else if !isExpired(key) { try begin(key, type) }
      case .function: figures.functions += 1
      case .moduleAuxiliary: figures.moduleData += 1
      case .auxiliary, .slot, .slotImport, .end: break
      }
    }
    try flush()
  }

  private mutating func isExpired(_ key: RDBKey) -> Bool {
    guard let now = options.expiresAt, let expiry = key.expiry, expiry < now else { return false }
    figures.expired += 1
    return true
  }

  private mutating func add(_ key: RDBKey, _ value: RDBStringValue) {
    let hash = KeyHash(key.name)
    unsafe database.pointee.prefetchBucket(hash)
    unsafe batch[batchCount] = Candidate(
      key: key.name, hash: hash, value: value, expiry: key.expiry, stamp: stamp(key))
    batchCount += 1
  }

  /// Puts the gathered keys in. They must be new.
  private mutating func flush() throws(RDBFailure) {
    let count = batchCount
    batchCount = 0
    for index in 0..<count {
      let candidate = unsafe batch[index]
      guard unsafe database.pointee.find(candidate.key, candidate.hash) == nil else {
        throw unsafe RDBFailure(.duplicateKey, offset: offset, key: Array(candidate.key.buffer))
      }
      let location =
        switch candidate.value {
        case .bytes(let bytes):
          unsafe database.pointee.insert(candidate.key, candidate.hash, string: bytes, expiry: candidate.expiry)
        case .integer(let number):
          unsafe database.pointee.insert(candidate.key, candidate.hash, integer: number, expiry: candidate.expiry)
        }
      if let stamp = candidate.stamp { location.entry.accessStamp = stamp }
    }
    figures.loaded &+= UInt64(count)
  }

  /// The access stamp that the snapshot asks for; the memory policy decides whether idle time or frequency counts.
  private func stamp(_ key: RDBKey) -> UInt32? {
    switch options.accessClock.policy {
    case .leastRecentlyUsed:
      // The clock goes round in 24 bits; longer ago than that cannot be said.
      key.idleSeconds.map { options.accessClock.stamp(idleSeconds: Int(min($0, 0xFF_FFFF))) }
    case .leastFrequentlyUsed:
      key.frequency.map { options.accessClock.stamp(frequency: $0) }
    }
  }

  // MARK: collections

  /// So many parts may lie in the reader's memory.
  private static var unsettledPartsMax: Int { 64 }

  private mutating func begin(_ key: RDBKey, _ type: RDBType) throws(RDBFailure) {
    try flush()
    var facts = key
    facts.name = .empty
    let builder = CollectionBuilder(
      type, key: key.name, .init(limits: options.encodings, endedBefore: options.expiresAt))
    building = Building(key: Blob(copying: key.name), facts: facts, builder: builder)
  }

  /// Takes the next part of the value under way; false if the window must grow first.
  private mutating func build(_ window: ByteView) throws(RDBFailure) -> Bool {
    guard let part = try reader.part(in: window), var value = building.take() else { return false }
    guard case .datum(let datum) = part else {
      try put(value)
      return true
    }
    do throws(RDBStop) {
      try value.builder.take(datum)
    } catch {
      guard case .failed(let reason) = error else { throw reader.refusal(.packed) }
      throw reader.refusal(reason)
    }
    building = consume value
    partCount += 1
    if partCount >= Self.unsettledPartsMax {
      reader.settle(window)
      partCount = 0
    }
    return true
  }

  private mutating func put(_ value: consuming Building) throws(RDBFailure) {
    let facts = value.facts
    let key = Blob(copying: value.key.bytes)
    // Redis too passes over collections without elements.
    guard let entry = value.builder.finish() else {
      figures.skipped += 1
      return
    }
    let hash = KeyHash(key.bytes)
    guard unsafe database.pointee.find(key.bytes, hash) == nil else {
      throw unsafe RDBFailure(.duplicateKey, offset: offset, key: Array(key.bytes.buffer))
    }
    let location = unsafe database.pointee.put(entry, key.bytes, hash)
    if let expiry = facts.expiry { unsafe database.pointee.setExpiry(location, at: expiry) }
    location.entry.accessStamp = stamp(facts) ?? (unsafe database.pointee.stampOfNewEntry)
    figures.loaded += 1
  }

  // MARK: long strings

  /// A blob's first room if the snapshot's length is unknown: then it grows as the bytes come.
  private static var unknownBytesMax: UInt64 { 1 << 20 }

  private mutating func begin(_ key: RDBKey, _ count: UInt64) {
    dropsPieces = isExpired(key)
    guard !dropsPieces else { return }
    let room = options.totalBytes == nil ? min(count, Self.unknownBytesMax) : count
    var facts = key
    facts.name = .empty
    large = Large(
      key: Blob(copying: key.name), facts: facts, count: Int(clamping: count),
      blob: Blob(capacity: Int(clamping: room)))
  }

  private mutating func append(_ bytes: ByteView) {
    guard !dropsPieces, var string = large.take() else { return }
    let filled = string.blob.count
    if string.blob.capacity - filled < bytes.count {
      var grown = Blob(capacity: min(string.count, max(filled * 2, filled + bytes.count)))
      unsafe string.blob.bytes.copy(to: grown.start)
      grown.count = filled
      string.blob = grown
    }
    unsafe bytes.copy(to: string.blob.start + filled)
    string.blob.count = filled + bytes.count
    large = consume string
  }

  private mutating func endLarge() throws(RDBFailure) {
    guard !dropsPieces, let string = large.take() else { return }
    try flush()
    try insert(string)
  }

  private mutating func insert(_ string: consuming Large) throws(RDBFailure) {
    let key = string.key
    let facts = string.facts
    let hash = KeyHash(key.bytes)
    guard unsafe database.pointee.find(key.bytes, hash) == nil else {
      throw unsafe RDBFailure(.duplicateKey, offset: offset, key: Array(key.bytes.buffer))
    }
    let location = unsafe database.pointee.insert(key.bytes, hash, adopting: string.blob, expiry: facts.expiry)
    if let stamp = stamp(facts) { location.entry.accessStamp = stamp }
    figures.loaded += 1
  }
}
