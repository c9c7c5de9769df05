// FileTests.swift: a write linked to a sync, on every engine and in every way it can go wrong.
//
// Also what keeps the simulated file honest: its results are checked against the same table.
import Bytes
import Glibc
import Testing

@testable import Ring

/// One chain at a time, then lone writes and syncs.
struct ChainScript: RingScript {
  var descriptor: Int32
  var count: Int
  var offset: Int64 = 0

  static let write = Token(.write, slot: 1, generation: 1)
  static let sync = Token(.sync, slot: 2, generation: 2)

  /// The results in the order in which they came.
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> [(Token, Int32)] {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0x61, count: count)
    ring.writeThenSync(
      descriptor, memory, count: count, offset: offset, write: ChainScript.write, sync: ChainScript.sync)
    return try collect(&ring, 2)
  }
}

/// The next `count` completions; gives up after ten seconds.
func collect<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring, _ count: Int) throws -> [(Token, Int32)] {
  var results: [(Token, Int32)] = []
  for _ in 0..<100 where results.count < count {
    try ring.enter(timeoutNanoseconds: 100_000_000)
    while let completion = ring.next() {
      if completion.token.operation != .wake { results.append((completion.token, completion.result)) }
    }
  }
  return results
}

@Suite struct FileTests {
  private func expectChain(
    _ engine: RealEngine, _ script: ChainScript, _ write: (Int32) -> Bool, sync: Int32
  ) throws {
    var script = script
    let results = try engine.run(&script)
    try #require(results.count == 2)
    #expect(results[0].0 == ChainScript.write && results[1].0 == ChainScript.sync)
    #expect(write(results[0].1), "write: \(results[0].1)")
    #expect(results[1].1 == sync, "sync: \(results[1].1)")
  }

  /// A file system of one MiB, if root may mount one; the body gets a descriptor on it.
  private func onSmallDisk(_ body: (Int32) throws -> Void) throws {
    let directory = "/tmp/martlet-ring-test-\(getpid())-\(Clock.monotonicNanoseconds())"
    try File.makeDirectory(directory)
    defer { try? File.removeDirectory(directory) }
    guard mount("none", directory, "tmpfs", 0, "size=1m") == 0 else {
      return print("the table of full disks is left out: \(Errno.last) on mounting a tmpfs")
    }
    defer { umount2(directory, 2) }
    let descriptor = try File.open("\(directory)/log", for: .write)
    defer { try? File.close(descriptor) }
    try body(descriptor)
  }

  private func onFile(_ body: (Int32, String) throws -> Void) throws {
    let path = "/tmp/martlet-ring-test-\(getpid())-\(Clock.monotonicNanoseconds()).log"
    let descriptor = try File.open(path, for: .write)
    defer {
      try? File.close(descriptor)
      try? File.remove(path)
    }
    try body(descriptor, path)
  }

  @Test(arguments: RealEngine.available) func wholeChain(_ engine: RealEngine) throws {
    try onFile { descriptor, path in
      try expectChain(engine, ChainScript(descriptor: descriptor, count: 5000, offset: 100), { $0 == 5000 }, sync: 0)
      #expect(try File.status(path).bytes == 5100)
    }
  }

  /// Not an error: a short write. The sync must not run.
  @Test(arguments: RealEngine.available) func diskFillsInTheMiddle(_ engine: RealEngine) throws {
    try onSmallDisk { descriptor in
      let script = ChainScript(descriptor: descriptor, count: 3 << 20)
      try expectChain(engine, script, { $0 > 0 && $0 < 3 << 20 }, sync: -ECANCELED)
      let again = ChainScript(descriptor: descriptor, count: 4096, offset: 2 << 20)
      try expectChain(engine, again, { $0 == -ENOSPC }, sync: -ECANCELED)
    }
  }

  @Test(arguments: RealEngine.available) func badDescriptor(_ engine: RealEngine) throws {
    try expectChain(engine, ChainScript(descriptor: 987_654, count: 10), { $0 == -EBADF }, sync: -ECANCELED)
  }

  /// Many chains in a row through queues that are far too small: none is split, each writes before it syncs.
  @Test(arguments: RealEngine.available) func chainsThroughASmallQueue(_ engine: RealEngine) throws {
    struct Script: RingScript {
      let descriptor: Int32

      mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> [(Token, Int32)] {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0x62, count: 100)
        // A lone operation first, so that pairs do not start at even places.
        ring.sync(descriptor, Token(.sync, slot: 999, generation: 0))
        for i in 0..<25 {
          ring.writeThenSync(
            descriptor, memory, count: 100, offset: Int64(i) * 100,
            write: Token(.write, slot: UInt32(i), generation: 0), sync: Token(.sync, slot: UInt32(i), generation: 0))
        }
        return try collect(&ring, 51)
      }
    }
    try onFile { descriptor, path in
      var script = Script(descriptor: descriptor)
      let results = try engine.run(&script)
      #expect(results.count == 51)
      var written: Set<UInt32> = []
      for (token, result) in results {
        if token.operation == .write {
          written.insert(token.slot)
          #expect(result == 100)
        } else {
          #expect(result == 0 && (token.slot == 999 || written.contains(token.slot)), "a sync before its write")
        }
      }
      #expect(try File.status(path).bytes == 2500)
    }
  }

  // MARK: simulated

  /// Whatever the seed does to a chain, its two results are one of the rows of the real table, and a
  /// sync that reports success has made the write durable.
  @Test func simulatedChainsKeepTheTable() throws {
    var seen: Set<String> = []
    for seed in UInt64(1)...2000 {
      let world = SimulatedWorld(seed: seed, rates: .all)
      for fault in [SimulatedFault.shortWrite, .noSpace, .writeError, .syncError] { world.rates[fault] = 100 }
      var ring = try SimulatedRing(world)
      let descriptor = world.makeFile("log")
      let file = try #require(world.file(descriptor))
      var script = ChainScript(descriptor: descriptor, count: 2000)
      if world.random.happens(300) { ring.cancel(ChainScript.write) }
      let results = try script.run(&ring)
      let write = try #require(results.first { $0.0 == ChainScript.write }).1
      let sync = try #require(results.first { $0.0 == ChainScript.sync }).1
      switch (write, sync) {
      case (2000, 0): #expect(file.durable.count == 2000)
      case (2000, -EIO): #expect(file.durable.isEmpty)
      // The kernel ran out of memory between the two.
      case (2000, -ECANCELED): break
      case (1..<2000, -ECANCELED): #expect(file.durable.isEmpty && file.contents.count == Int(write))
      case (..<0, -ECANCELED): #expect(file.contents.isEmpty)
      default: Issue.record("seed \(seed): write \(write), sync \(sync)")
      }
      seen.insert("\(write == 2000 ? "whole" : write > 0 ? "short" : "failed") \(sync)")
      world.crash()
      #expect(sync != 0 || file.contents == [UInt8](repeating: 0x61, count: 2000))
      #expect(world.violations.isEmpty)
    }
    #expect(seen.isSuperset(of: ["whole 0", "whole -5", "whole -125", "short -125", "failed -125"]))
  }

  /// After a failed sync the next one reports success and has saved nothing: never believe it.
  @Test func simulatedSyncFailsOnce() throws {
    let world = SimulatedWorld(seed: 3, rates: .none)
    world.rates[.syncError] = 1000
    var ring = try SimulatedRing(world)
    let descriptor = world.makeFile("log")
    let file = try #require(world.file(descriptor))
    var script = ChainScript(descriptor: descriptor, count: 600)
    #expect(try script.run(&ring).map(\.1) == [600, -EIO])
    world.rates[.syncError] = 0
    ring.sync(descriptor, Token(.sync, slot: 9, generation: 9))
    #expect(try collect(&ring, 1).map(\.1) == [0])
    world.crash()
    #expect(file.contents == [UInt8](repeating: 0, count: 600), "the second sync had nothing left to save")
  }
}
