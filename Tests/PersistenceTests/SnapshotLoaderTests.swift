// SnapshotLoaderTests.swift — what was written comes back, in chunks of any size.
import Bytes
import Store
import Testing

@testable import Persistence

/// Loads files of servers and of ours; the databases hold what was saved, and the figures say what was left out.
struct SnapshotLoaderTests {
  /// Loads `file` in chunks of `chunk` bytes.
  @discardableResult
  func load(
    _ file: [UInt8], into databases: Databases, chunk: Int = .max, _ options: SnapshotLoader.Options = .init()
  ) throws(RDBFailure) -> SnapshotLoader.Figures {
    var loader = unsafe SnapshotLoader(into: databases.keyspaces, databaseCount: databases.count, options: options)
    var begin = 0
    while begin < file.count {
      let part = Array(file[begin..<min(file.count, begin + min(chunk, file.count))])
      let taken = try part.viewed { (bytes) throws(RDBFailure) -> Int in try loader.feed(bytes) }
      #expect(taken == part.count || loader.isComplete)
      begin += part.count
    }
    try loader.finish()
    return loader.figures
  }

  @Test(arguments: [1, 2, 5, 33, 200, 5000]) func filesOfServers(chunk: Int) throws {
    for file in [ServerFiles.redis70, ServerFiles.valkey9] {
      let databases = Databases()
      let figures = try load(file, into: databases, chunk: chunk)
      #expect(databases.records() == ServerFiles.records.sorted { $0.key.lexicographicallyPrecedes($1.key) })
      #expect(databases.records(in: 3) == [ServerFiles.recordOfDatabase3])
      #expect(figures.loaded == 12)
      #expect(figures.announced == 12)
      #expect(unsafe databases.keyspaces[0].volatileCount == 1)
      #expect(databases.entry("n64")?.isInteger == true)
      #expect(databases.entry("almost")?.encoding == .embstr)
      #expect(databases.entry("raw60")?.encoding == .raw)
    }
  }

  /// Expired means before now; the base of a log keeps even those.
  @Test func expiredKeysAreLeftOut() throws {
    for (now, isThere) in [(4_102_444_799_999, true), (4_102_444_800_000, true), (4_102_444_800_001, false)] {
      let databases = Databases()
      var options = SnapshotLoader.Options()
      options.expiresAt = Milliseconds(now)
      let figures = try load(ServerFiles.redis70, into: databases, options)
      #expect((databases.entry("until") != nil) == isThere)
      #expect(figures.expired == (isThere ? 0 : 1))
    }
    let databases = Databases()
    try load(ServerFiles.redis70, into: databases)
    #expect(databases.entry("until") != nil)
  }

  /// The same for fields of hashes; a hash goes with its last one.
  @Test func endedFieldsAreLeftOut() throws {
    let end: Milliseconds = 4_102_444_800_000
    for (now, count) in [(nil, 2), (end, 2), (end + 1, 1)] as [(Milliseconds?, Int)] {
      let databases = Databases()
      var options = SnapshotLoader.Options()
      options.expiresAt = now
      try load(ServerFiles.typesOfValkey9, into: databases, options)
      let entry = try #require(databases.entry("hash-expiry"))
      #expect(HashView(entry).count == count)
      #expect(unsafe databases.keyspaces[0].volatileHashCount == count - 1)
      unsafe databases.keyspaces[0].checkInvariants()
    }
  }

  @Test func useComesBack() throws {
    var options = SnapshotLoader.Options()
    options.accessClock.advance(to: 1_700_000_000_000)
    let databases = Databases()
    try load(ServerFiles.idle, into: databases, options)
    #expect(options.accessClock.idleSeconds(try #require(databases.entry("a"))) == 591)
  }

  @Test func theSameKeyTwice() {
    let magic = Array("REDIS0011".utf8)
    let end = [0xFF] + [UInt8](repeating: 0, count: 8)
    do throws(RDBFailure) {
      try load(magic + [0, 1, 97, 1, 98, 0, 1, 97, 1, 99] + end, into: Databases())
      Issue.record("loaded")
    } catch {
      #expect(error.reason == .duplicateKey)
      #expect(error.key == [97])
    }
    #expect(throws: Never.self) {
      try load(magic + [0, 1, 97, 1, 98, 0xFE, 1, 0, 1, 97, 1, 99] + end, into: Databases())
    }
    #expect(throws: RDBFailure.self) { try load(magic + [0xFE, 16] + end, into: Databases(16)) }
  }

  /// Random databases with values of every length, written and loaded with everything varied.
  @Test(arguments: UInt64(1)...12) func roundTrip(seed: UInt64) throws {
    var dice = Dice(seed: seed)
    let before = Databases(4)
    for _ in 0..<(1 + dice.below(700)) {
      let length = [2, 12, 45, 300, 2_000, 70_000][dice.below(dice.below(40) == 0 ? 6 : 4)]
      let value =
        switch dice.below(4) {
        case 0: Array(String(Int64(bitPattern: dice.next()) >> dice.below(64)).utf8)
        case 1: dice.bytes(dice.below(length))
        default: dice.text(dice.below(length))
        }
      let key = dice.below(10) == 0 ? dice.text(dice.below(400)) : Array(String(dice.below(5000)).utf8)
      let expiry: Milliseconds? = dice.below(3) == 0 ? Int64(1 + dice.below(1_000_000)) : nil
      before.set(Record(key, value, expiry: expiry), in: dice.below(4))
    }
    var writing = RDBWriter.Options()
    writing.version = [.redis5, .redis70, .standard, .valkey9][dice.below(4)]
    writing.compresses = dice.below(2) == 0
    writing.checksums = dice.below(4) > 0
    let file = before.snapshot(writing, slice: 1 + dice.below(50_000))
    var options = SnapshotLoader.Options()
    if dice.below(2) == 0 { options.totalBytes = UInt64(file.count) }
    let after = Databases(4)
    let chunk = [1 + dice.below(50), 1 + dice.below(5_000), 100_000][dice.below(3)]
    try load(file, into: after, chunk: file.count > 400_000 ? 100_000 : chunk, options)
    for database in 0..<4 { #expect(before.records(in: database) == after.records(in: database)) }
  }

  /// A string of megabytes grows as it comes, whether or not anybody knows how long the file is.
  @Test(arguments: [true, false]) func longStrings(isTotalKnown: Bool) throws {
    var dice = Dice(seed: 5)
    let before = Databases()
    let noise = dice.bytes(100_000)
    before.set(Record(Array("long".utf8), (0..<40).flatMap { _ in noise }, expiry: 77))
    before.set(Record("short", "x"))
    var writing = RDBWriter.Options()
    writing.compresses = false
    let file = before.snapshot(writing)
    var options = SnapshotLoader.Options()
    if isTotalKnown { options.totalBytes = UInt64(file.count) }
    let after = Databases()
    try load(file, into: after, chunk: 65_536, options)
    #expect(after.records() == before.records())
    options.expiresAt = 78
    let expired = Databases()
    #expect(try load(file, into: expired, chunk: 65_536, options).expired == 1)
    #expect(expired.records() == [Record("short", "x")])
  }
}
