// Execution.swift — everything a command may touch.
//
// One value lives as long as the executor; for each request the executor points it at the
// words and at the client, calls the command's body, and looks at what changed. A body gets
// it `inout` and nothing else: no globals, no clock of its own, no socket.
import Bytes
import Stacks
import Store
import Wire

public struct Execution: ~Copyable {
  // MARK: this request

  /// The request's words; the first is the command's name.
  public var arguments: Arguments = .none
  /// Words that came in memory of their own; nil when there are none, which is nearly always.
  public var largeWords: UnsafeMutablePointer<LargeWords>?
  /// A key of the request whose hash is known, and the hash.
  public var hintedKey = ByteView.empty
  public var hintedHash = KeyHash(bits: 0)
  /// Where the answer goes.
  public var reply: Reply
  /// The client that asked.
  public var session: UnsafeMutablePointer<Session>
  /// The command that runs; for a subcommand, the subcommand's.
  public var commandIndex = 0

  /// Wall clock at the start of this command. Time does not pass within a command, a script or a transaction.
  public var nowMicroseconds: Int64 = 0
  @inlinable public var nowMilliseconds: Int64 { nowMicroseconds / 1_000 }

  // MARK: the data

  /// All databases, `databaseCount` of them.
  public let databases: UnsafeMutablePointer<Keyspace>
  public let databaseCount: Int
  /// Tables and values that were cut loose and are freed in slices.
  public let graveyard: UnsafeMutablePointer<Graveyard>

  /// How far each database has been searched for expired keys.
  var expirySweeps: [ExpirySweep]
  /// When keys were last used, or how often.
  public var accessClock: AccessClock
  /// Beginning of the second that `accessClock` and the databases' stamps stand at.
  @usableFromInline var accessSecondMicroseconds: Int64 = 0
  public var random: RandomNumbers

  /// The client's database. `mutating`: a getter would be handed all of this record as a value, and the thread
  /// sanitizer's marks on that value do not get through the compiler (6.3.1).
  @inlinable public var database: UnsafeMutablePointer<Keyspace> {
    mutating get { databases + Int(session.pointee.database) }
  }

  // MARK: what it leaves behind

  public var effects: Effects
  /// What the command waits for that has just run: looked at after commands that may wait, and no others.
  public var waiting: Waiting?
  /// SORT came across a field whose time has come: what it stores cannot be had by running it again.
  var hasMetEndedField = false
  /// The command runs again, after it has waited.
  public var isRetry = false
  /// Where the command may let others run in between: see Execution+Pauses.swift.
  public var pauses = Pauses()
  /// Keys whose values paused commands, or the one that runs, are changing: see Execution+Locks.swift.
  public internal(set) var locks: [Effects.KeyPlace] = []
  /// EXEC runs: nothing may come between its commands, so none of them may wait.
  public var isAtomic = false
  /// Keyspace events of this command, for whoever listens.
  public var events = KeyspaceEvents()
  /// Counters that INFO prints.
  public var tallies = Tallies()
  /// Values of directives that commands obey.
  public var rules = Rules()
  public let table: CommandTable
  /// The server, for the commands that the Server module adds; nil in tests of the data commands.
  public var host: UnsafeMutableRawPointer?

  public init(
    reply: Reply, session: UnsafeMutablePointer<Session>, databases: UnsafeMutablePointer<Keyspace>,
    databaseCount: Int, graveyard: UnsafeMutablePointer<Graveyard>, pool: UnsafeMutablePointer<ChunkPool>,
    table: CommandTable, accessClock: AccessClock = AccessClock()
  ) {
    self.reply = reply
    self.session = session
    self.databases = databases
    self.databaseCount = databaseCount
    self.graveyard = graveyard
    self.table = table
    expirySweeps = Array(repeating: ExpirySweep(), count: databaseCount)
    var seed = SystemRandomNumberGenerator()
    random = RandomNumbers(seed: seed.next())
    self.accessClock = accessClock
    effects = Effects(pool: pool)
  }

  /// The memory of word `index`, if it came in memory of its own and may be kept: SET need not copy it.
  @inlinable public func takeBlob(_ index: Int) -> Blob? {
    guard let largeWords else { return nil }
    return largeWords.pointee.take(arguments[index])
  }

  /// The look-ahead has hashed a key of the request already. Say so before each request, with an empty key if not:
  /// an address means something for one request only.
  @inlinable public mutating func hint(_ key: ByteView, _ hash: KeyHash) {
    hintedKey = key
    hintedHash = hash
  }

  /// Of the keys that it names the command has changed this one, and those of which it says the same.
  public mutating func changed(key: ByteView) {
    effects.changes(key, database: Int(session.pointee.database))
  }

  /// The command changed `count` things: it will be recorded.
  @inlinable public mutating func changed(_ count: Int = 1) {
    effects.changes &+= UInt64(truncatingIfNeeded: count)
  }
}

/// Counters of the data commands since the start (or CONFIG RESETSTAT).
public struct Tallies: BitwiseCopyable, Sendable {
  public var keyspaceHits: UInt64 = 0
  public var keyspaceMisses: UInt64 = 0
  public var expiredKeys: UInt64 = 0
  /// Fields of hashes that have ended.
  public var expiredFields: UInt64 = 0
  public var expiredStalePercentage: Double = 0
  public var expireCycleTimeCapReached: UInt64 = 0
  public var evictedKeys: UInt64 = 0
  public var lazyFreedObjects: UInt64 = 0
  public init() {}
}

/// Directives that commands obey, in the form in which they ask for them.
public struct Rules: BitwiseCopyable, Sendable {
  /// proto-max-bulk-len in bytes: no string grows beyond it.
  public var bulkBytesMax: Int64 = 512 << 20
  /// hll-sparse-max-bytes: where a HyperLogLog becomes dense.
  public var hyperLogLogSparseBytesMax = 3_000
  /// stream-node-max-bytes and stream-node-max-entries.
  public var streamLimits = StreamLimits()
  public var lazyFreeOnDelete = true
  public var lazyFreeOnOverwrite = true
  public var lazyFreeOnFlush = true
  /// DEBUG SET-ACTIVE-EXPIRE.
  public var activeExpire = true
  /// DEBUG SET-SKIP-CHECKSUM-VALIDATION: RESTORE looks at the checksum.
  public var verifiesChecksums = true
  /// Up to which sizes collections are packed.
  public var encodings = EncodingLimits()
  /// encoding-names: small lists and small sets of texts are called `listpack`, which Redis 7.0 did not have for them.
  public var reportsListpackLists = false
  public var reportsListpackSets = false
  public init() {}
}
