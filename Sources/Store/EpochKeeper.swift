// EpochKeeper.swift: what a walk has to see although it is there no longer.
//
//   first ─▶ entry, database ─▶ entry, database ─▶ …          in the order in which they were taken
//   detached ─▶ keyspace ─▶ keyspace                          what FLUSHALL and FLUSHDB cut loose
//
// An entry that was about to change came here as a copy, one that was removed came itself. The walk takes
// them out before it goes on. How much waits is up to whoever gives the walk its share of time:
// `bytes` tells him when it should have more.
import Bytes

@safe struct EpochKeeper: ~Copyable {
  @safe private struct EntryNode {
    let entry: Entry
    let database: Int
    var next: UnsafeMutablePointer<EntryNode>?
  }

  private var first: UnsafeMutablePointer<EntryNode>?
  private var last: UnsafeMutablePointer<EntryNode>?
  /// The walk goes on with the last.
  private var keyspaces: [UnsafeMutablePointer<Keyspace>]

  /// Entries that wait.
  private(set) var count = 0
  /// Their memory in bytes, values that they share with the present included.
  private(set) var bytes = 0

  init() {
    unsafe first = nil
    unsafe last = nil
    unsafe keyspaces = []
  }

  deinit {
    unsafe precondition(keyspaces.isEmpty, "a keeper ends with a keyspace that nobody buried")
    var entryNode = unsafe first
    while let node = unsafe entryNode {
      unsafe entryNode = node.pointee.next
      unsafe node.pointee.entry.free()
      unsafe node.deallocate()
    }
  }

  // MARK: entries

  /// Takes over an entry of the database that had this number at the epoch.
  mutating func take(_ entry: Entry, database: Int) {
    let node = UnsafeMutablePointer<EntryNode>.allocate(capacity: 1)
    unsafe node.initialize(to: EntryNode(entry: entry, database: database, next: nil))
    if let last = unsafe last { unsafe last.pointee.next = node } else { unsafe first = node }
    unsafe last = node
    count += 1
    bytes += entry.memoryBytes
  }

  /// Gives away the entry that has waited longest.
  mutating func giveFirst() -> EpochEntry? {
    guard let node = unsafe first else { return nil }
    unsafe first = node.pointee.next
    if unsafe first == nil { unsafe last = nil }
    let given = unsafe EpochEntry(entry: node.pointee.entry, database: node.pointee.database)
    unsafe node.deallocate()
    count -= 1
    bytes -= given.entry.memoryBytes
    return given
  }

  // MARK: keyspaces

  /// The keyspace that the walk goes on with, if there is one.
  var keyspace: UnsafeMutablePointer<Keyspace>? { unsafe keyspaces.last }

  /// Takes over a database that was emptied, with how far the walk had come in it.
  mutating func take(_ keyspace: consuming Keyspace) {
    let memory = UnsafeMutablePointer<Keyspace>.allocate(capacity: 1)
    unsafe memory.initialize(to: keyspace)
    unsafe keyspaces.append(memory)
  }

  /// The walk is through `keyspace`.
  mutating func buryKeyspace(in graveyard: inout Graveyard) {
    guard let memory = unsafe keyspaces.popLast() else { return }
    graveyard.bury(unsafe memory.move().table)
    unsafe memory.deallocate()
  }
}
