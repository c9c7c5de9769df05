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

  /// A collection of more elements is freed in steps.
  static var freedAtOnceMax: Int { 64 }

  private var tables: UnsafeMutablePointer<TableNode>?
  private var entries: UnsafeMutablePointer<EntryNode>?
  /// Those that a walk still reads: whoever lets go last would have to free everything at once, so it is to be us.
  private var pinned: UnsafeMutablePointer<EntryNode>?

  /// Keys that wait to be freed: `lazyfree_pending_objects`.
  public private(set) var pendingCount = 0
  /// Keys freed here since the start, or the last reset: `lazyfreed_objects`.
  public private(set) var freedCount = 0

  /// CONFIG RESETSTAT.
  public mutating func resetFreedCount() { freedCount = 0 }

  public init() {
    unsafe tables = nil
    unsafe entries = nil
    unsafe pinned = nil
  }

  deinit {
    unsafe Graveyard.freeAll(entries)
    unsafe Graveyard.freeAll(pinned)
    var tableNode = unsafe tables
    while let node = unsafe tableNode {
      unsafe tableNode = node.pointee.next
      unsafe node.deinitialize(count: 1)
      unsafe node.deallocate()
    }
  }

  private static func freeAll(_ list: UnsafeMutablePointer<EntryNode>?) {
    var next = unsafe list
    while let node = unsafe next {
      unsafe next = node.pointee.next
      unsafe node.pointee.entry.free()
      unsafe node.deallocate()
    }
  }

  public var isEmpty: Bool { unsafe tables == nil && entries == nil && pinned == nil }

  /// Frees about `count` keys or elements of large values, at least one if any can be freed; how many it freed. A
  /// whole bucket is freed at a time, so it may be a few more.
  @discardableResult
  public mutating func free(upTo count: Int) -> Int {
    var freed = 0
    returnPinned()
    var elements = 0
    while freed + elements < max(1, count), let node = unsafe entries {
      // Its elements first, as many as there is time for.
      let some = unsafe node.pointee.entry.freeElements(upTo: max(1, count) - freed - elements)
      elements += some
      guard some == 0 else { continue }
      unsafe entries = node.pointee.next
      if unsafe node.pointee.entry.isLargeAndPinned {
        unsafe node.pointee.next = pinned
        unsafe pinned = node
        continue
      }
      unsafe node.pointee.entry.free()
      unsafe node.deallocate()
      freed += 1
    }
    var effort = freed + elements
    // An empty bucket counts as one: it costs a cache line too.
    while effort < max(1, count), let node = unsafe tables {
      var expensive: [Entry] = []
      if let bucket = unsafe node.pointee.table.freeLastBucket(sparing: &expensive) {
        freed += bucket - expensive.count
        effort += max(1, bucket)
        // Their parts are freed in steps, too. They have been counted.
        pendingCount -= expensive.count
        for entry in expensive { bury(entry) }
      } else {
        unsafe tables = node.pointee.next
        unsafe node.deinitialize(count: 1)
        unsafe node.deallocate()
      }
    }
    pendingCount -= freed
    freedCount += freed
    return freed + elements
  }

  /// What was pinned is looked at again.
  private mutating func returnPinned() {
    while let node = unsafe pinned {
      unsafe pinned = node.pointee.next
      unsafe node.pointee.next = entries
      unsafe entries = node
    }
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
    old.agenda.empty(into: &graveyard)
    if let walked = old.walked {
      unsafe walked.keeper.pointee.take(old)
    } else {
      graveyard.bury(old.table)
    }
  }

  /// The large value of a key that is about to be overwritten goes to the graveyard; for now the key holds an
  /// empty string.
  public mutating func emptyValue(_ location: Location, into graveyard: inout Graveyard) {
    willChange(location)
    let old = location.entry
    guard old.isExpensiveToFree else { return }
    if old.hasVolatileFields { agenda.remove(old.key, KeyHash(old.key)) }
    let dead = old.relabelled(key: .empty)
    let bytesBefore = old.memoryBytes
    let shape = EntryShape(
      kind: Entry.kind(.string, .embstr), flags: old.flags & ~Entry.Flag.payload, keyCount: old.keyCount, inlineCount: 0)
    let new = old.reshaped(shape, inlineKept: 0)
    settle(new, at: location, wasVolatile: new.hasExpiry, bytesBefore: bytesBefore)
    graveyard.bury(dead)
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
  var isExpensiveToFree: Bool { elementCount > Graveyard.freedAtOnceMax || memoryBytes > 1 << 20 }
}

extension Entry {
  /// Another owner still reads a value that takes long to free.
  fileprivate var isLargeAndPinned: Bool {
    isLarge && isPinned
  }

  /// Frees about `effort` elements of a large value that nobody else owns; how many, 0 when there are none.
  fileprivate func freeElements(upTo effort: Int) -> Int {
    guard !isPinned else { return 0 }
    switch holding {
    case .itself, .blob: return 0
    case .collection(let collection): return collection.freeSome(effort)
    case .list(let list): return list.freeSome(effort)
    case .stream(let stream): return stream.freeSome(effort)
    }
  }
}
