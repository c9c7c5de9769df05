// SnapshotSource.swift — from the walk into a writer, within a budget.
import Bytes
import Store

/// Where a snapshot's entries come from, and what was said of their databases.
struct SnapshotSource: ~Copyable {
  private(set) var walk: EpochWalk
  /// The database of the last entry, and whether the beginning of each has been written.
  private var database = -1
  private var hasBegun: [Bool]
  /// Values that did not go as a whole, and are through.
  private(set) var largeValuesWritten = 0

  /// A long string is handled in portions of so many bytes, so that the rest of a budget is known.
  private static var portionBytes: Int { 64 << 10 }

  init(_ walk: consuming EpochWalk, _ databaseCount: Int) {
    self.walk = walk
    hasBegun = Array(repeating: false, count: databaseCount)
  }

  /// Pours entries into `sink` until a budget is used up. True when that was the end of it.
  mutating func pour<Sink: EntryWriter & ~Copyable>(
    into sink: inout Sink, _ entriesMax: Int, _ bytesMax: Int
  ) -> Bool {
    var effort = max(1, entriesMax)
    var bytesLeft = max(1, bytesMax)
    while bytesLeft > 0 {
      if sink.isBusy {
        let portion = min(bytesLeft, SnapshotSource.portionBytes)
        sink.advance(bytes: portion)
        if !sink.isBusy { largeValuesWritten += 1 }
        bytesLeft -= portion
        continue
      }
      guard let next = walk.next(&effort) else { break }
      if next.database != database { begin(database: next.database, &sink) }
      let before = sink.output.appended
      sink.entry(next.entry, database: next.database)
      // What compresses well takes time too.
      let handled = sink.isBusy ? 0 : next.entry.writtenBytes
      bytesLeft -= max(handled, Int(sink.output.appended - before))
    }
    guard walk.isDone && !sink.isBusy else { return false }
    sink.end()
    return true
  }

  private mutating func begin<Sink: EntryWriter & ~Copyable>(database index: Int, _ sink: inout Sink) {
    database = index
    guard !hasBegun[index], let size = walk.sizes.first(where: { $0.number == index }) else { return }
    hasBegun[index] = true
    sink.begin(database: index, keys: size.keys, volatile: size.volatileKeys)
  }
}

/// One of the two writers. It is taken out for a whole step, so that the loop is compiled for the one that it is.
enum SnapshotWriter: ~Copyable {
  case rdb(RDBWriter)
  case commands(CommandWriter)

  mutating func pour(from source: inout SnapshotSource, _ entriesMax: Int, _ bytesMax: Int) -> Bool {
    switch consume self {
    case .rdb(var rdb):
      let isEnd = source.pour(into: &rdb, entriesMax, bytesMax)
      self = .rdb(rdb)
      return isEnd
    case .commands(var commands):
      let isEnd = source.pour(into: &commands, entriesMax, bytesMax)
      self = .commands(commands)
      return isEnd
    }
  }

  mutating func release(_ bytes: Int) {
    switch consume self {
    case .rdb(var rdb):
      rdb.release(bytes)
      self = .rdb(rdb)
    case .commands(var commands):
      commands.release(bytes)
      self = .commands(commands)
    }
  }

  var output: OutputBuffer {
    switch self {
    case .rdb(let rdb): rdb.output
    case .commands(let commands): commands.output
    }
  }
}

extension Entry {
  /// Bytes that are read when the entry is written as a whole.
  fileprivate var writtenBytes: Int { isString ? stringCount : packed?.count ?? 0 }
}
