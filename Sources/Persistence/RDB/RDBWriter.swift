// RDBWriter.swift — a snapshot as a stream of bytes, to be written out while it grows.
//
//   header ▸ auxiliary* ▸ { database ▸ entry* }* ▸ end
//
//   output:   ░░ released ░░│ checked in: pending, the caller's to write out │ ◀─ appended
//   behind:   entries that came while a large value was under way; they follow it
//
// The caller walks the tables. It writes out what `output` lists, says `release` when the disk has it, and
// comes back with the next entries; the checksum is taken of what is released. A string of over 64 KiB and a
// collection that is not packed leave in pieces: while `isBusy`, `advance` appends some more of it. Entries may come at any time and from any
// database in turn, so that one that is about to change can be written first.
import Bytes
import Store

package struct RDBWriter: ~Copyable {
  /// What an entry says about its last use.
  package enum Use: Sendable {
    /// Nothing: unless the memory policy looks at it.
    case none
    /// Seconds since then, by this clock: for the LRU policies.
    case idle(AccessClock)
    /// The counter: for the LFU policies.
    case frequency(AccessClock)
  }

  package struct Options: Sendable {
    package var version = RDBVersion.standard
    /// `rdbcompression`.
    package var compresses = true
    /// `rdbchecksum`: without it the checksum is written as 0, which readers take for none.
    package var checksums = true
    package var use = Use.none

    package init() {}
  }

  /// A string beyond this many bytes leaves in pieces.
  package static var wholeBytesMax: Int { 64 << 10 }

  package let options: Options
  /// What waits to be written out. Read it with `stretches`, then call `release`.
  package private(set) var output: OutputBuffer
  /// Of everything released.
  private var checksum = Checksum()
  /// The database of the entry that came last.
  private var database: Int?
  /// Entries that have been given so far.
  package private(set) var entryCount: UInt64 = 0

  private var large: LargeValue?
  private var behind: OutputBuffer
  /// Large values among what is behind, each with the position in `behind` at which it stands.
  private var waiting: [(position: UInt64, value: LargeValue)] = []

  package init(pool: UnsafeMutablePointer<ChunkPool>, options: Options = Options()) {
    precondition(options.version.isWritable, "no snapshot is written in this version")
    self.options = options
    unsafe output = OutputBuffer(pool: pool)
    unsafe behind = OutputBuffer(pool: pool)
  }

  deinit {
    large?.drop()
    for value in waiting { value.value.drop() }
    var output = output
    var behind = behind
    output.discardAll()
    behind.discardAll()
  }

  // MARK: the beginning

  /// The magic. Comes first.
  package mutating func header() {
    precondition(output.appended == 0, "a snapshot has one header")
    var number = Int(options.version.number)
    output.append(options.version.isValkey ? "VALKEY" : "REDIS")
    let digits = options.version.isValkey ? 3 : 4
    let out = unsafe output.reserve(digits)
    for place in stride(from: digits - 1, through: 0, by: -1) {
      unsafe out[place] = UInt8(ascii: "0") + UInt8(number % 10)
      number /= 10
    }
    output.commit(digits)
  }

  /// A fact about the snapshot that readers may ignore: name and text.
  package mutating func auxiliary(_ name: StaticString, _ value: ByteView) {
    output.putByte(RDBOpcode.auxiliary)
    output.putString(ByteView(name))
    output.putString(value)
  }

  package mutating func auxiliary(_ name: StaticString, _ value: Int64) {
    output.putByte(RDBOpcode.auxiliary)
    output.putString(ByteView(name))
    output.putInteger(value)
  }

  /// The facts that Redis and Valkey write, in their order: which server, how wide its words are, when in seconds
  /// since 1970, its memory in bytes, and whether this is the base of an append-only log.
  package mutating func usualAuxiliaries(
    serverVersion: ByteView, nowSeconds: Int64, usedMemoryBytes: Int64, isLogBase: Bool
  ) {
    auxiliary(options.version.isValkey ? "valkey-ver" : "redis-ver", serverVersion)
    auxiliary("redis-bits", 64)
    auxiliary("ctime", nowSeconds)
    auxiliary("used-mem", usedMemoryBytes)
    auxiliary("aof-base", isLogBase ? 1 : 0)
  }

  // MARK: databases and their entries

  /// The entries to come are of database `index`, which has about so many keys and keys with an expiry.
  package mutating func begin(database index: Int, keys: Int, volatile: Int) {
    withTail { output in
      output.putByte(RDBOpcode.database)
      output.putLength(UInt64(index))
      output.putByte(RDBOpcode.sizes)
      output.putLength(UInt64(keys))
      output.putLength(UInt64(volatile))
    }
    database = index
  }

  /// Appends a key with its value, expiry and use. A large value begins only: see `isBusy`.
  package mutating func entry(_ entry: Entry, database index: Int) {
    if index != database {
      withTail { output in
        output.putByte(RDBOpcode.database)
        output.putLength(UInt64(index))
      }
      database = index
    }
    entryCount += 1
    let options = options
    let form = EntryForm(entry, options.version)
    precondition(
      form.type.oldestVersion.number <= options.version.number,
      "an entry in a snapshot whose version does not know its type")
    if let value = unsafe form.large(entry, compresses: options.compresses, pool: output.pool) {
      return beginLarge(entry, form, value)
    }
    withTail { RDBWriter.append(entry, as: form, to: &$0, options) }
  }

  // MARK: large values

  /// A large value is under way: `advance` until it is not. Entries may come meanwhile.
  package var isBusy: Bool { large != nil }

  /// Handles about `bytes` of the large value under way; does nothing when there is none.
  package mutating func advance(bytes: Int) {
    guard var value = large else { return }
    let isDone = value.advance(into: &output, bytes: bytes)
    large = value
    guard isDone else { return }
    value.drop()
    large = nil
    // What came meanwhile, up to the next large value.
    guard let next = waiting.first else {
      _ = output.move(from: &behind, upTo: behind.pending)
      return
    }
    _ = output.move(from: &behind, upTo: Int(next.position - behind.sent))
    large = next.value
    waiting.removeFirst()
  }

  private mutating func beginLarge(_ entry: Entry, _ form: EntryForm, _ value: LargeValue) {
    let options = options
    let isFirst = large == nil
    withTail { RDBWriter.appendUpToValue(entry, as: form, to: &$0, options) }
    if isFirst { large = value } else { waiting.append((behind.appended, value)) }
  }

  /// Lends the stream's end, wherever that is at the moment.
  private mutating func withTail(_ body: (inout OutputBuffer) -> Void) {
    if large == nil { body(&output) } else { body(&behind) }
  }

  // MARK: the end

  /// Appends the mark of the end and the checksum of everything.
  package mutating func end() {
    precondition(large == nil, "the snapshot ends within a value")
    output.putByte(RDBOpcode.end)
    var sum = checksum
    _ = unsafe output.stretches(upTo: output.appended, capacity: .max) {
      unsafe sum.add(ByteView(start: $1, count: $2))
    }
    output.putLittleEndian(options.checksums ? sum.value : 0)
  }

  /// The first `bytes` of what was pending have been written out.
  package mutating func release(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= output.pending, "more written out than was pending")
    if options.checksums {
      var sum = checksum
      _ = unsafe output.stretches(upTo: output.sent + UInt64(bytes), capacity: .max) {
        unsafe sum.add(ByteView(start: $1, count: $2))
      }
      checksum = sum
    }
    output.release(bytes)
  }
}

extension OutputBuffer {
  fileprivate mutating func append(_ text: StaticString) { append(ByteView(text)) }
}
