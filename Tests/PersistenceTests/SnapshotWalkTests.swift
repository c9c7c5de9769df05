// SnapshotWalkTests.swift — what a snapshot holds is one instant, whatever commands do while it is written.
import Bytes
import CAllocator
import Commands
import Store
import Testing

@testable import Persistence

/// Real commands between slices of random size; the bytes are read back and compared with a dump of the instant.
struct SnapshotWalkTests {
  static let facts = SnapshotWalk.Facts(
    serverVersion: "7.0.15", nowSeconds: 1_700_000_000, usedMemoryBytes: 1 << 20, isLogBase: true)

  static func form(_ seed: UInt64) -> SnapshotWalk.Form {
    guard seed % 3 > 0 else { return .commands }
    var options = RDBWriter.Options()
    options.version = [.redis70, .standard, .valkey9][Int(seed / 3 % 3)]
    options.compresses = seed % 2 == 0
    return .rdb(options, facts)
  }

  /// Moves what is pending, at most `bytes`, to the end of `file`.
  static func drain(_ walk: inout SnapshotWalk, _ bytes: Int, into file: inout [UInt8]) {
    let output = walk.output
    var taken = 0
    _ = output.stretches(upTo: output.sent + UInt64(min(bytes, output.pending)), capacity: .max) { _, start, count in
      file += UnsafeRawBufferPointer(start: start, count: count)
      taken += count
    }
    walk.release(taken)
  }

  /// Walks to the end, or gives up before; commands go on in between. The file, nil if there is none.
  static func snapshot(_ world: CommandedDatabases, _ form: SnapshotWalk.Form, givesUp: Bool) -> [UInt8]? {
    var walk = SnapshotWalk(
      databases: world.databases.keyspaces, count: world.databases.count, graveyard: world.graveyard, form: form,
      pool: world.databases.pool)
    var file: [UInt8] = []
    while !walk.isDone {
      if givesUp && world.dice.below(6) == 0 { return nil }
      let before = walk.output.appended
      let bytesMax = 1 + world.dice.below(world.dice.below(3) == 0 ? 200_000 : 3_000)
      walk.step(entriesMax: 1 + world.dice.below(world.keyCount), bytesMax: bytesMax)
      // The last entry, which is whole or began only, and what stands at both ends of the file.
      #expect(walk.output.appended - before <= UInt64(bytesMax + 100_000))
      for _ in 0..<world.dice.below(10) { world.change() }
      if world.dice.below(2) == 0 { drain(&walk, world.dice.below(50_000), into: &file) }
    }
    drain(&walk, .max, into: &file)
    #expect(walk.isComplete && walk.keptCount == 0)
    return file
  }

  static func read(_ file: [UInt8], _ form: SnapshotWalk.Form) throws -> [Int: [Record]] {
    switch form {
    case .rdb:
      let databases = Databases(4)
      var options = SnapshotLoader.Options()
      options.encodings = CommandedDatabases.limits
      var loader = SnapshotLoader(into: databases.keyspaces, databaseCount: databases.count, options: options)
      // In two chunks: values are cut somewhere.
      for part in [Array(file.prefix(file.count / 2)), Array(file.dropFirst(file.count / 2))] {
        _ = try part.viewed { (bytes) throws(RDBFailure) -> Int in try loader.feed(bytes) }
      }
      try loader.finish()
      for index in 0..<databases.count { databases.keyspaces[index].checkInvariants() }
      return contents(databases)
    case .commands:
      let world = CommandedDatabases(seed: 0)
      for words in commands(file) { world.replay(words) }
      return world.contents
    }
  }

  private static func contents(_ databases: Databases) -> [Int: [Record]] {
    var all: [Int: [Record]] = [:]
    for index in 0..<databases.count where !databases.keyspaces[index].isEmpty {
      all[index] = databases.records(in: index)
    }
    return all
  }

  /// Each key that was there at the instant stands in the file once, with the value, expiry and database number that it
  /// had; nothing else does. Nothing stays pinned, and every chunk goes back to the pool.
  @Test(arguments: UInt64(0)..<16) func snapshotIsOneInstant(block: UInt64) throws {
    for seed in (block * 16)..<(block * 16 + 16) {
      let world = CommandedDatabases(seed: seed)
      for _ in 0..<world.keyCount * 2 { for form in CommandedDatabases.beginnings { world.run(form) } }
      for round: UInt64 in 0..<3 {
        let form = Self.form(seed + round)
        let instant = world.contents
        let lentBefore = world.databases.pool.pointee.lentBytes
        guard let file = Self.snapshot(world, form, givesUp: (seed + round) % 5 == 4) else { continue }
        #expect(try Self.read(file, form) == instant, "seed \(seed)")
        #expect(world.isAtRest, "seed \(seed)")
        #expect(world.databases.pool.pointee.lentBytes == lentBefore, "seed \(seed)")
        for _ in 0..<world.dice.below(20) { world.change() }
      }
    }
  }

  /// A command that is added without being thrown here is not known to leave a running snapshot intact.
  @Test func everyWritingCommandIsThrown() {
    let forms = CommandedDatabases.forms + CommandedDatabases.rareForms
    let thrown = Set(forms.map { String($0.prefix { $0 != " " }) })
    let table = CommandedDatabases.table
    for index in table.callable where table.facts[index].flags.contains(.write) {
      #expect(thrown.contains(table.facts[index].name), "\(table.facts[index].name)")
    }
  }

  @Test func nothingIsASnapshotToo() throws {
    for seed: UInt64 in 0..<2 {
      let world = CommandedDatabases(seed: 1)
      let file = try #require(Self.snapshot(world, Self.form(seed), givesUp: false))
      #expect(try Self.read(file, Self.form(seed)).isEmpty)
    }
  }

  @Test func commandsAreThoseOfALog() throws {
    let databases = Databases(3)
    let graveyard = UnsafeMutablePointer<Graveyard>.allocate(capacity: 1)
    graveyard.initialize(to: Graveyard())
    defer {
      graveyard.deinitialize(count: 1)
      graveyard.deallocate()
    }
    databases.set(Record("number", "-17"), in: 0)
    databases.set(Record("text", "abc", expiry: 1_700_000_000_000), in: 2)
    var walk = SnapshotWalk(
      databases: databases.keyspaces, count: 3, graveyard: graveyard, form: .commands, pool: databases.pool)
    walk.step(entriesMax: 100, bytesMax: 1_000)
    var file: [UInt8] = []
    Self.drain(&walk, .max, into: &file)
    #expect(
      String(decoding: file, as: UTF8.self).replacing("\r\n", with: "|")
        == "*2|$6|SELECT|$1|0|*3|$3|SET|$6|number|$3|-17|*2|$6|SELECT|$1|2|*3|$3|SET|$4|text|$3|abc|"
        + "*3|$9|PEXPIREAT|$4|text|$13|1700000000000|")
  }

  /// The words of each command.
  private static func commands(_ file: [UInt8]) -> [[[UInt8]]] {
    var commands: [[[UInt8]]] = []
    var position = 0
    func number() -> Int {
      var value = 0
      position += 1
      while file[position] != UInt8(ascii: "\r") {
        value = value * 10 + Int(file[position] - UInt8(ascii: "0"))
        position += 1
      }
      position += 2
      return value
    }
    while position < file.count {
      var words: [[UInt8]] = []
      for _ in 0..<number() {
        let count = number()
        words.append(Array(file[position..<position + count]))
        position += count + 2
      }
      commands.append(words)
    }
    return commands
  }
}
