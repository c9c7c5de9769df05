// RDBWriterTests.swift — what we write is what Redis and Valkey write.
import Bytes
import Store
import Testing

@testable import Persistence

/// The bytes of each entry, compared with files of real servers; and everything written is read again.
struct RDBWriterTests {
  @Test func checksumIsTheOneOfRedis() {
    #expect(Array("123456789".utf8).viewed { Checksum(of: $0).value } == 0xe9c6_d914_c4b8_d9ca)
    var pieces = Checksum()
    for part in ["12", "", "3456", "789"] { Array(part.utf8).viewed { pieces.add($0) } }
    #expect(pieces.value == 0xe9c6_d914_c4b8_d9ca)
    #expect(Checksum().value == 0)
  }

  /// The same facts, sizes and entries in the order of the server's file make the server's file.
  @Test func bytesAreThoseOfRedis() throws {
    let databases = Databases()
    var options = RDBWriter.Options()
    options.version = .redis70
    for record in ServerFiles.records { databases.set(record) }
    databases.set(ServerFiles.recordOfDatabase3, in: 3)
    var writer = unsafe RDBWriter(pool: databases.pool, options: options)
    writer.header()
    Array("7.0.15".utf8).viewed {
      writer.usualAuxiliaries(
        serverVersion: $0, nowSeconds: 0x6b01_968e, usedMemoryBytes: 0x10_9b88, isLogBase: false)
    }
    writer.begin(database: 0, keys: 11, volatile: 1)
    for key in ["raw60", "n8", "almost", "n16", "n64", "n32", "empty", "text", "12345", "until", "lzf"] {
      writer.entry(try #require(databases.entry(key)), database: 0)
    }
    writer.begin(database: 3, keys: 1, volatile: 0)
    writer.entry(try #require(databases.entry("other", in: 3)), database: 3)
    writer.end()
    var file: [UInt8] = []
    drain(&writer, .max, into: &file)
    #expect(file.hex == ServerFiles.redis70.hex)
  }

  @Test(arguments: [UInt16(10), 11, 80]) func everyVersionIsRead(number: UInt16) throws {
    let databases = Databases()
    for record in ServerFiles.records { databases.set(record) }
    var options = RDBWriter.Options()
    options.version = RDBVersion(number)
    let reading = try Reading.read(databases.snapshot(options))
    #expect(reading.all == databases.records())
    #expect(reading.sizes == [0: [11, 1]])
    #expect(reading.confirmation == .checksum)
  }

  @Test func withoutChecksumAndCompression() throws {
    let databases = Databases()
    for record in ServerFiles.records { databases.set(record) }
    var options = RDBWriter.Options()
    options.checksums = false
    options.compresses = false
    let file = databases.snapshot(options)
    #expect(Array(file.suffix(8)) == [UInt8](repeating: 0, count: 8))
    let reading = try Reading.read(file)
    #expect(reading.all == databases.records())
    #expect(reading.confirmation == RDBConfirmation.none)
    #expect(String(decoding: file, as: UTF8.self).contains("abcabcabcabcabcabcabc"))
  }

  @Test func useIsWrittenWhenThePolicyAsksForIt() throws {
    let databases = Databases()
    databases.set(Record("a", "1"))
    var clock = AccessClock(policy: .leastRecentlyUsed)
    clock.advance(to: 1_000_000_000)
    let entry = try #require(databases.entry("a"))
    entry.accessStamp = clock.stamp(idleSeconds: 15)
    var options = RDBWriter.Options()
    options.use = .idle(clock)
    #expect(try Reading.read(databases.snapshot(options)).uses == [[97]: [15, nil]])

    clock = AccessClock(policy: .leastFrequentlyUsed)
    entry.accessStamp = clock.stamp(frequency: 77)
    options.use = .frequency(clock)
    #expect(try Reading.read(databases.snapshot(options)).uses == [[97]: [nil, 77]])
  }

  /// Long strings leave in pieces, whatever they are made of; entries that come meanwhile, also long ones and
  /// of other databases, follow in order. The pieces' sizes change nothing but where the compression starts anew.
  @Test(arguments: UInt64(1)...8) func longStringsInPieces(seed: UInt64) throws {
    var dice = Dice(seed: seed)
    let databases = Databases()
    let pieces = 1 + dice.below(200_000)
    for index in 0..<12 {
      let count = [3, 800, 70_000, 90_000, 400_000][dice.below(5)] + dice.below(1000)
      let value = switch dice.below(3) {
      case 0: dice.bytes(count)
      case 1: dice.text(count)
      // Begins like text and goes on like noise.
      default: dice.text(40_000) + dice.bytes(count)
      }
      databases.set(Record(Array("key \(index)".utf8), value), in: index % 3)
    }
    var options = RDBWriter.Options()
    options.compresses = seed % 3 != 0
    var writer = unsafe RDBWriter(pool: databases.pool, options: options)
    var file: [UInt8] = []
    writer.header()
    for index in 0..<12 {
      writer.entry(try #require(databases.entry("key \(index)", in: index % 3)), database: index % 3)
      if dice.below(3) > 0 { writer.advance(bytes: pieces) }
      if dice.below(3) == 0 { drain(&writer, dice.below(100_000), into: &file) }
    }
    while writer.isBusy {
      writer.advance(bytes: pieces)
      drain(&writer, pieces, into: &file)
    }
    #expect(writer.entryCount == 12)
    writer.end()
    drain(&writer, .max, into: &file)
    let reading = try Reading.read(file, window: 100_000)
    for database in 0..<3 {
      let read = (reading.records[database] ?? []).sorted { $0.key.lexicographicallyPrecedes($1.key) }
      #expect(read == databases.records(in: database))
    }
  }

  /// A snapshot that is given up in the middle lets go of what it had pinned.
  @Test func givenUpInTheMiddle() throws {
    let databases = Databases()
    databases.set(Record(Array("long".utf8), [UInt8](repeating: 7, count: 200_000)))
    let blob = try #require(databases.entry("long")?.blob)
    do {
      var writer = unsafe RDBWriter(pool: databases.pool)
      writer.header()
      writer.entry(try #require(databases.entry("long")), database: 0)
      writer.entry(try #require(databases.entry("long")), database: 0)
      writer.advance(bytes: 1000)
      #expect(blob.isPinned)
    }
    #expect(!blob.isPinned)
    #expect(unsafe databases.pool.pointee.lentBytes == 0)
  }
}
