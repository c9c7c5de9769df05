// Effects.swift — what a command leaves behind for the log, replicas and listeners.
//
// A command that changed something is recorded as it was sent, unless it says otherwise:
// whatever depends on the clock, on chance or on what was there before records the effect it
// had (EXPIRE becomes PEXPIREAT, INCRBYFLOAT becomes SET). Records are RESP arrays, ready to
// be appended. Nothing is built while nobody records.
import Bytes
import Store
import Wire

public struct Effects: ~Copyable {
  /// Somebody keeps records: the log, or a replica.
  public var isRecording = false
  /// Somebody waits for keys that others write, or watches them.
  public var isWatched = false
  /// Changes since the start, as INFO's rdb_changes_since_last_save counts them.
  public var changes: UInt64 = 0
  /// The command's own words are not the record: what `record` was given is (possibly nothing).
  public private(set) var isReplaced = false
  /// The records given so far by the command under way.
  public var records: OutputBuffer
  /// How many there are, those that go before it included.
  public private(set) var recordCount = 0
  /// Those of them that stand for what the command itself has done.
  public private(set) var ownRecordCount = 0
  /// Keys that the command looked at or changed besides those that its words name: the copy in another database.
  public private(set) var otherKeys: [KeyPlace] = []
  /// They were too many to be listed: it may have looked at any key.
  public private(set) var touchesAll = false
  /// Keys that were found expired and are gone. The command that came across one answers as if it had never been there.
  public private(set) var expiredKeys: [KeyPlace] = []

  /// Their names, if somebody wants to know them.
  public private(set) var expiredNames: [[UInt8]] = []
  public var keepsNames = false

  /// The keys that were changed, if the command says which: it names several, and may have changed only some of them.
  /// Empty where all that it names in order to write have changed, and where nobody waits for keys or watches them.
  public private(set) var changedKeys: [KeyPlace] = []

  /// A key, by its hash, in a database.
  public struct KeyPlace: BitwiseCopyable, Hashable, Sendable {
    public let hash: KeyHash
    public let database: Int

    @inlinable public init(hash: KeyHash, database: Int) {
      self.hash = hash
      self.database = database
    }
  }

  public init(pool: UnsafeMutablePointer<ChunkPool>) { records = OutputBuffer(pool: pool) }

  /// Before each command.
  @inlinable public mutating func begin() {
    if isReplaced || !records.isEmpty || hasPlaces { clear() }
  }

  public mutating func clear() {
    isReplaced = false
    recordCount = 0
    ownRecordCount = 0
    records.discardAll()
    guard hasPlaces else { return }
    hasPlaces = false
    touchesAll = false
    otherKeys.removeAll(keepingCapacity: true)
    expiredKeys.removeAll(keepingCapacity: true)
    expiredNames.removeAll()
    changedKeys.removeAll(keepingCapacity: true)
  }

  /// `otherKeys`, `expiredKeys` or `changedKeys` hold something.
  public private(set) var hasPlaces = false

  /// The command touches a key that its words do not name.
  public mutating func touches(_ key: ByteView, database: Int) {
    guard isRecording || isWatched else { return }
    hasPlaces = true
    guard otherKeys.count < Self.otherKeysMax else {
      touchesAll = true
      return
    }
    otherKeys.append(KeyPlace(hash: KeyHash(key), database: database))
  }

  /// The command has changed this key. Once it says so of one, it says so of all that it has changed.
  mutating func changes(_ key: ByteView, database: Int) {
    guard isWatched else { return }
    hasPlaces = true
    changedKeys.append(KeyPlace(hash: KeyHash(key), database: database))
  }

  /// Whoever looks at more, as SORT may, is taken to have looked at everything.
  private static var otherKeysMax: Int { 1_024 }

  // MARK: commands that pause

  /// Keys that a paused command has looked at, which of those that it names it says it changes, and how far its
  /// records are.
  public struct Looked {
    let keys: [KeyPlace]
    let all: Bool
    let changed: [KeyPlace]
    let isReplaced: Bool
    let ownRecordCount: Int
  }

  /// What the command has looked at so far; the rest of what it left behind has been recorded, or is kept elsewhere,
  /// and is forgotten.
  mutating func putAside() -> Looked {
    let looked = Looked(
      keys: otherKeys, all: touchesAll, changed: changedKeys, isReplaced: isReplaced, ownRecordCount: ownRecordCount)
    otherKeys = []
    changedKeys = []
    clear()
    return looked
  }

  /// The command goes on. `keepsRecords`: its records so far are given back to it.
  mutating func takeUp(_ looked: Looked, keepsRecords: Bool) {
    begin()
    if keepsRecords {
      isReplaced = looked.isReplaced
      recordCount = looked.ownRecordCount
      ownRecordCount = looked.ownRecordCount
    }
    guard !looked.keys.isEmpty || looked.all || !looked.changed.isEmpty else { return }
    hasPlaces = true
    otherKeys = looked.keys
    touchesAll = looked.all
    changedKeys = looked.changed
  }

  /// The records of a command that changes a value in many steps stay with it until it has ended.
  public mutating func exchangeRecords(_ other: inout OutputBuffer) { swap(&records, &other) }

  /// A key was found expired.
  mutating func expires(_ key: ByteView, database: Int) {
    guard isRecording || isWatched else { return }
    hasPlaces = true
    expiredKeys.append(KeyPlace(hash: KeyHash(key), database: database))
    if keepsNames { expiredNames.append(Array(key.buffer)) }
  }

  /// The command is recorded as nothing at all, whatever it changed.
  public mutating func recordNothing() { isReplaced = true }

  /// Records a command of `count` words instead of the one that was sent; the words follow by `word`.
  public mutating func beginRecord(words count: Int) {
    isReplaced = true
    guard isRecording else { return }
    recordCount += 1
    ownRecordCount += 1
    writeHeader(UInt8(ascii: "*"), count)
  }

  /// Records a command of `count` words that goes before the record of this one, whether or not this one
  /// changes anything: a key was found expired and is gone.
  public mutating func beginPrelude(words count: Int) {
    guard isRecording else { return }
    recordCount += 1
    writeHeader(UInt8(ascii: "*"), count)
  }

  public mutating func word(_ text: StaticString) { word(ByteView(text)) }

  public mutating func word(_ bytes: ByteView) {
    guard isRecording else { return }
    writeHeader(UInt8(ascii: "$"), bytes.count)
    records.append(bytes)
    records.append(ByteView("\r\n"))
  }

  public mutating func word(_ number: Int64) {
    guard isRecording else { return }
    let text = DecimalText(number)
    text.withView { word($0) }
  }

  private mutating func writeHeader(_ kind: UInt8, _ number: Int) {
    let out = records.reserve(Decimal.digitsMax + 3)
    out[0] = kind
    let end = 1 + Decimal.write(Int64(number), to: out + 1)
    out[end] = UInt8(ascii: "\r")
    out[end + 1] = UInt8(ascii: "\n")
    records.commit(end + 2)
  }
}
