// RDBReader.swift — a snapshot read from whatever bytes there are so far.
//
//   window:    ░░░ settled ░░░│▒▒▒ read ▒▒▒│ to be read …
//   (caller's)                 settled      used
//
//   repeat { reader.next(in: window) … ; now and then reader.settle(window) } until it answers nil;
//   then drop the first `reader.leave(window)` bytes, add more behind them, at least to `wantedBytes`.
//
// Items are found, nothing is kept: what is not here as a whole is begun again with more bytes, except
// long strings and passed-over values, which go on where the window ended. Every length is compared with what
// the snapshot can still hold before anything waits for it, and no memory is taken from a length.
import Bytes
import Store

package struct RDBReader: ~Copyable {
  package struct Options: Sendable {
    /// Bytes of the whole snapshot, if they are known: a length beyond them is an error at once.
    package var totalBytes: UInt64?
    /// Passes over values that cannot be loaded instead of failing with their type's name.
    package var skipsOthers = false
    /// Announces values that can be held by `other`, whose parts `part` then gives.
    package var givesParts = false
    /// Looks into the packed values that it passes over.
    package var verifiesPacked = false
    /// `rdbchecksum no` also means not to verify.
    package var verifiesChecksum = true
    package var databaseCount = Int(Int32.max)
    package init() {}
  }

  enum Stage {
    case magic, items, end
    /// So many bytes of a long string are to come.
    case string(UInt64)
    case structure
  }

  let options: Options
  var stage = Stage.magic
  package internal(set) var version = RDBVersion(0)

  /// Bytes of the snapshot before the window.
  private var windowOffset: UInt64 = 0
  /// Bytes of the window that were read, and those of them that are in the checksum.
  var used = 0
  private var settled = 0
  private var checksum = Checksum()
  /// How far the window must reach before reading can go on: an offset in it.
  package private(set) var wantedBytes = 0

  /// Said about the next key.
  var pending = RDBKey()
  /// The key of the value under way, for the report of a failure.
  var keyUnderWay: [UInt8] = []
  var walker = StructureWalker()
  var decoded = DecodedStrings(blockBytes: 64 << 10)

  package init(options: Options = Options()) { self.options = options }

  /// Bytes of the snapshot that were read.
  package var offset: UInt64 { windowOffset + UInt64(used) }
  package var isAtEnd: Bool { if case .end = stage { true } else { false } }

  /// The next item, or nil if the window must grow to `wantedBytes` first. `window` begins with the bytes
  /// that the last `leave` did not take.
  package mutating func next(in window: ByteView) throws(RDBFailure) -> RDBItem? {
    var cursor = RDBCursor(window: window, position: used, limit: limit)
    do throws(RDBStop) {
      return try item(&cursor)
    } catch {
      switch error {
      case .needs(let count):
        // Beyond what memory can hold it is the caller who will run out of bytes first.
        wantedBytes = Int(clamping: count)
        return nil
      case .failed(let reason):
        throw RDBFailure(reason, offset: windowOffset + UInt64(cursor.position), key: keyUnderWay)
      }
    }
  }

  /// Takes what was read into the checksum and ends the views of all items.
  package mutating func settle(_ window: ByteView) {
    if options.verifiesChecksum { checksum.add(window[settled..<used]) }
    settled = used
    decoded.forget()
  }

  /// Settles, and gives up the part of the window that was read: its length in bytes. The next window
  /// begins behind it.
  package mutating func leave(_ window: ByteView) -> Int {
    settle(window)
    let left = used
    windowOffset += UInt64(left)
    used = 0
    settled = 0
    wantedBytes = max(0, wantedBytes - left)
    return left
  }

  /// There are no more bytes: an error unless the snapshot is complete.
  package func finish() throws(RDBFailure) {
    guard isAtEnd else { throw RDBFailure(.truncated, offset: offset, key: keyUnderWay) }
  }

  private var limit: UInt64 {
    guard let total = options.totalBytes else { return .max }
    return total > windowOffset ? total - windowOffset : 0
  }

  // MARK: what can stand where

  private mutating func item(_ cursor: inout RDBCursor) throws(RDBStop) -> RDBItem? {
    switch stage {
    case .magic:
      try magic(&cursor)
      return try nextItem(&cursor)
    case .items:
      return try nextItem(&cursor)
    case .string(let left):
      return try piece(&cursor, left)
    case .structure:
      try walkStructure(&cursor)
      return try nextItem(&cursor)
    case .end:
      preconditionFailure("the snapshot was read to its end")
    }
  }

  /// After `other`: the next part of its value, or nil if the window must grow to `wantedBytes` first. Who asks once
  /// asks until the end of the value has come.
  package mutating func part(in window: ByteView) throws(RDBFailure) -> RDBPart? {
    guard case .structure = stage else { preconditionFailure("no value is under way") }
    var cursor = RDBCursor(window: window, position: used, limit: limit)
    do throws(RDBStop) {
      let datum = try walker.datum(&cursor, &decoded)
      used = cursor.position
      if let datum { return .datum(datum) }
      keyUnderWay.removeAll(keepingCapacity: true)
      stage = .items
      return .end
    } catch {
      switch error {
      case .needs(let count):
        used = cursor.position
        wantedBytes = Int(clamping: count)
        return nil
      case .failed(let reason):
        throw RDBFailure(reason, offset: windowOffset + UInt64(cursor.position), key: keyUnderWay)
      }
    }
  }

  /// What was given as parts is no value of its type.
  package func refusal(_ reason: RDBFailure.Reason) -> RDBFailure {
    RDBFailure(reason, offset: offset, key: keyUnderWay)
  }

  private mutating func magic(_ cursor: inout RDBCursor) throws(RDBStop) {
    let bytes = try cursor.bytes(9)
    let isValkey = bytes[0..<6] == ByteView("VALKEY")
    guard isValkey || bytes[0..<5] == ByteView("REDIS") else {
      cursor.position = 0
      throw .failed(.notASnapshot)
    }
    // The old loaders take the digits with atoi; ours are digits.
    guard let number = bytes[(isValkey ? 6 : 5)..<9].uint64, let version = UInt16(exactly: number) else {
      throw .failed(.notASnapshot)
    }
    guard RDBVersion(version).isReadable && RDBVersion(version).isValkey == isValkey else {
      throw .failed(.version(version))
    }
    self.version = RDBVersion(version)
    used = cursor.position
    stage = .items
  }

  private mutating func walkStructure(_ cursor: inout RDBCursor) throws(RDBStop) {
    defer { used = cursor.position }
    try walker.walk(&cursor)
    keyUnderWay.removeAll(keepingCapacity: true)
    stage = .items
  }

  private mutating func piece(_ cursor: inout RDBCursor, _ left: UInt64) throws(RDBStop) -> RDBItem? {
    guard left > 0 else {
      stage = .items
      return .stringEnds
    }
    guard cursor.available > 0 else { throw cursor.missing(1) }
    let piece = try cursor.bytes(min(left, UInt64(cursor.available)))
    used = cursor.position
    stage = .string(left - UInt64(piece.count))
    return .piece(piece)
  }

  /// The end was read; what stands behind it.
  mutating func confirm(_ cursor: inout RDBCursor) throws(RDBStop) -> RDBItem {
    var confirmation = RDBConfirmation.none
    if version.hasChecksum {
      let beginning = cursor.position
      let stored = try cursor.littleEndian(UInt64.self)
      var sum = checksum
      sum.add(cursor.window[settled..<beginning])
      if stored != 0 && options.verifiesChecksum {
        guard stored == sum.value else {
          cursor.position = beginning
          throw .failed(.checksum(stored: stored, computed: sum.value))
        }
        confirmation = .checksum
      }
    }
    used = cursor.position
    stage = .end
    return .end(confirmation)
  }
}
