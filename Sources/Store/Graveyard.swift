// Graveyard.swift: what was removed at once and is freed little by little.
//
// FLUSHALL on ten million keys unlinks one table and is done; the table goes here with all that hangs on
// it. A few hundred entries are freed per slice, from the last bucket backwards, until the table is empty.
// Single entries whose values are expensive to free come here too.
import Bytes
import CAllocator

@safe public struct Graveyard: ~Copyable {
  @safe private struct TableNode: ~Copyable {
    var table: Table
    var next: UnsafeMutablePointer<TableNode>?
  }

  @safe private struct EntryNode {
    var entry: Entry
    var next: UnsafeMutablePointer<EntryNode>?
  }

  private var tables: UnsafeMutablePointer<TableNode>?
  private var entries: UnsafeMutablePointer<EntryNode>?

  /// Keys that wait to be freed: `lazyfree_pending_objects`.
  public private(set) var pendingCount = 0
  /// Keys freed here since the start: `lazyfreed_objects`.
  public private(set) var freedCount = 0

  public init() {
    unsafe tables = nil
    unsafe entries = nil
  }

  deinit {
    var entryNode = unsafe entries
    while let node = unsafe entryNode {
      unsafe entryNode = node.pointee.next
      unsafe node.pointee.entry.free()
      unsafe node.deallocate()
    }
    var tableNode = unsafe tables
    while let node = unsafe tableNode {
      unsafe tableNode = node.pointee.next
      unsafe node.deinitialize(count: 1)
      unsafe node.deallocate()
    }
  }

  public var isEmpty: Bool { unsafe tables == nil && entries == nil }

  /// Frees about `count` keys, at least one if any waits; how many it freed. A whole bucket is freed at a
  /// time, so it may be a few more.
  @discardableResult
  public mutating func free(upTo count: Int) -> Int {
    var freed = 0
    while freed < max(1, count), let node = unsafe entries {
      unsafe entries = node.pointee.next
      unsafe node.pointee.entry.free()
      unsafe node.deallocate()
      freed += 1
    }
    // An empty bucket counts as one: it costs a cache line too.
    var effort = freed
    while effort < max(1, count), let node = unsafe tables {
      if let bucket = unsafe node.pointee.table.freeLastBucket() {
        freed += bucket
        effort += max(1, bucket)
      } else {
        unsafe tables = node.pointee.next
        unsafe node.deinitialize(count: 1)
        unsafe node.deallocate()
      }
    }
    pendingCount -= freed
    freedCount += freed
    return freed
  }

  mutating func bury(_ table: consuming Table) {
    pendingCount += table.count
    let node = UnsafeMutablePointer<TableNode>.allocate(capacity: 1)
    unsafe node.initialize(to: TableNode(table: table, next: tables))
    unsafe tables = node
  }

  mutating func bury(_ entry: Entry) {
    pendingCount += 1
    let node = UnsafeMutablePointer<EntryNode>.allocate(capacity: 1)
    unsafe node.initialize(to: EntryNode(entry: entry, next: entries))
    unsafe entries = node
  }
}

extension Keyspace {
  /// Empties the database at once; its keys are freed by the graveyard, or a walk sees the rest of them first.
  public mutating func detachAll(into graveyard: inout Graveyard) {
    var old = Keyspace()
    swap(&self, &old)
    stampOfNewEntry = old.stampOfNewEntry
    epoch = old.epoch
    if let walked = old.walked {
      unsafe walked.keeper.pointee.take(old)
    } else {
      graveyard.bury(old.table)
    }
  }

  /// Removes the key; the graveyard frees it if that is much work, else it is freed at once.
  public mutating func remove(_ location: Location, into graveyard: inout Graveyard) {
    guard let entry = withdraw(location) else { return }
    if entry.isExpensiveToFree { graveyard.bury(entry) } else { entry.free() }
  }
}

extension Entry {
  /// Whether freeing takes longer than a command should. Large extents go back to the allocator's page
  /// caches, which costs with their size.
  var isExpensiveToFree: Bool { memoryBytes > 1 << 20 }
}
