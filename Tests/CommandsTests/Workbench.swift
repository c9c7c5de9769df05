// Workbench.swift — an execution over databases in memory, for commands without a server around them.
import Bytes
import CHash
import Store
import Wire

@testable import Commands

/// The hash needs a secret before the first key. All tests of the process give it the same one: a key that was hashed under
/// another would be lost.
private let seeded: Void = [UInt8](repeating: 7, count: 32).withUnsafeBytes {
  martlet_hash_seed($0.baseAddress, $0.count)
}

/// Runs commands as the executor does (look up, check the number of words, call) and hands out the reply's bytes.
final class Workbench {
  let pool = UnsafeMutablePointer<ChunkPool>.allocate(capacity: 1)
  let output = UnsafeMutablePointer<OutputBuffer>.allocate(capacity: 1)
  let session = UnsafeMutablePointer<Session>.allocate(capacity: 1)
  let databases: UnsafeMutablePointer<Keyspace>
  let graveyard = UnsafeMutablePointer<Graveyard>.allocate(capacity: 1)
  let execution = UnsafeMutablePointer<Execution>.allocate(capacity: 1)
  let databaseCount = 4
  /// The clock stands still unless a test moves it.
  var nowMilliseconds: Int64 = 1_700_000_000_000

  init(definitions: [CommandDefinition] = CommandTable.dataCommands + [Memory.definition()]) {
    seeded
    pool.initialize(to: ChunkPool())
    output.initialize(to: OutputBuffer(pool: pool))
    session.initialize(to: Session(id: 1))
    databases = .allocate(capacity: databaseCount)
    for index in 0..<databaseCount { (databases + index).initialize(to: Keyspace()) }
    graveyard.initialize(to: Graveyard())
    execution.initialize(
      to: Execution(
        reply: Reply(output: output, isRESP3: false), session: session, databases: databases,
        databaseCount: databaseCount, graveyard: graveyard, pool: pool, table: CommandTable(definitions)))
    execution.pointee.effects.isRecording = true
    execution.pointee.events.enabled = [.generic, .string, .expired, .miss, .new, .stream, .sortedSet]
    execution.pointee.random = RandomNumbers(seed: 42)
  }

  deinit {
    output.pointee.discardAll()
    execution.deinitialize(count: 1)
    graveyard.deinitialize(count: 1)
    databases.deinitialize(count: databaseCount)
    pool.deinitialize(count: 1)
    databases.deallocate()
    execution.deallocate()
    graveyard.deallocate()
    session.deallocate()
    output.deallocate()
    pool.deallocate()
  }

  var isRESP3 = false

  /// What the last command recorded instead of itself, or before itself.
  var record: String { String(decoding: rawRecord, as: UTF8.self).replacing("\r\n", with: "|") }
  var rawRecord: [UInt8] { bytes(&execution.pointee.effects.records, keeps: true) }
  /// The last command's events as "name key".
  private(set) var events: [String] = []
  private(set) var changes: UInt64 = 0

  /// The reply's bytes, with `|` for line ends.
  @discardableResult
  func run(_ words: String...) -> String { run(bytes: words.map { Array($0.utf8) }) }

  @discardableResult
  func run(bytes words: [[UInt8]]) -> String {
    String(decoding: runRaw(words), as: UTF8.self).replacing("\r\n", with: "|")
  }

  func runRaw(_ words: [[UInt8]]) -> [UInt8] {
    let flat = words.flatMap(\.self) + [0]
    let changesBefore = execution.pointee.effects.changes
    flat.withUnsafeBytes { memory in
      var start = 0
      var views: [ByteView] = []
      for word in words {
        views.append(ByteView(UnsafeRawBufferPointer(rebasing: memory[start..<start + word.count])))
        start += word.count
      }
      views.withUnsafeBufferPointer { call(Arguments(first: $0.baseAddress, count: words.count)) }
    }
    events = execution.pointee.events.takeAll().map { "\($0.name) \(String(decoding: $0.key, as: UTF8.self))" }
    changes = execution.pointee.effects.changes - changesBefore
    return bytes(&output.pointee)
  }

  private func call(_ arguments: Arguments) {
    execution.pointee.arguments = arguments
    execution.pointee.reply = Reply(output: output, isRESP3: isRESP3)
    execution.pointee.setClock(microseconds: nowMilliseconds * 1_000)
    execution.pointee.effects.begin()
    guard case .command(let command) = execution.pointee.table.resolve(arguments) else {
      return execution.pointee.reply.error("ERR unknown command")
    }
    execution.pointee.commandIndex = command.pointee.index
    guard command.pointee.accepts(words: arguments.count) else { return execution.pointee.refuseArity() }
    command.pointee.body(&execution.pointee)
  }

  private func bytes(_ buffer: inout OutputBuffer, keeps: Bool = false) -> [UInt8] {
    var all: [UInt8] = []
    _ = buffer.stretches(upTo: buffer.appended, capacity: .max) { _, start, count in
      all += UnsafeRawBufferPointer(start: start, count: count)
    }
    if !keeps { buffer.discardAll() }
    return all
  }
}
