// CommandWriter.swift — data as the commands that make it: a log's base without a snapshot in it.
//
//   SELECT 3   SET key value   PEXPIREAT key 1700000000000   SET …
//
// This is what `aof-use-rdb-preamble no` asks for: larger and slower to load, but text that any version can
// read and a person too. A string of over 64 KiB leaves in pieces and a collection in commands of 64 elements: what
// follows waits aside until the last has left.
import Bytes
import Store

package struct CommandWriter: ~Copyable {
  /// What waits to be written out. Read it with `stretches`, then call `release`.
  package private(set) var output: OutputBuffer

  /// A long string whose pieces are leaving.
  private struct Large: BitwiseCopyable {
    let blob: BlobReference
    var taken = 0
  }

  private var large: Large?
  private var collection: CollectionCommands?
  private var stream: StreamCommands?
  /// What follows the large value.
  private var behind: OutputBuffer
  /// The database of the entry that came last. A log begins in database 0, but to say so costs nothing.
  private var database: Int?

  package init(pool: UnsafeMutablePointer<ChunkPool>) {
    unsafe output = OutputBuffer(pool: pool)
    unsafe behind = OutputBuffer(pool: pool)
  }

  deinit {
    large?.blob.release()
    collection?.drop()
    stream?.drop()
    var output = output
    var behind = behind
    output.discardAll()
    behind.discardAll()
  }

  /// Appends a key with its value and expiry. A long string begins only: `advance` until it is through before
  /// the next entry comes.
  package mutating func entry(_ entry: Entry, database index: Int) {
    precondition(!isBusy, "an entry came while a value was under way")
    if index != database {
      output.begin(words: 2)
      output.word("SELECT")
      output.word(Int64(index))
      database = index
    }
    guard entry.isString else {
      if entry.type == .stream { stream = StreamCommands(entry) } else { collection = CollectionCommands(entry) }
      return CommandWriter.expiry(of: entry, to: &behind)
    }
    output.begin(words: 3)
    output.word("SET")
    output.word(entry.key)
    if let blob = entry.blob, blob.count > RDBWriter.wholeBytesMax {
      blob.pin()
      large = Large(blob: blob)
      output.lineOfCount("$", blob.count)
      behind.append(ByteView("\r\n"))
      CommandWriter.expiry(of: entry, to: &behind)
      return
    }
    if entry.isInteger { output.word(entry.integer) } else { output.word(entry.bytes) }
    CommandWriter.expiry(of: entry, to: &output)
  }

  private static func expiry(of entry: Entry, to output: inout OutputBuffer) {
    guard let expiry = entry.expiry else { return }
    output.begin(words: 3)
    output.word("PEXPIREAT")
    output.word(entry.key)
    output.word(expiry)
  }

  package mutating func release(_ bytes: Int) { output.release(bytes) }
}

extension CommandWriter: EntryWriter {
  var isBusy: Bool { large != nil || collection != nil || stream != nil }

  mutating func begin(database index: Int, keys: Int, volatile: Int) {}

  mutating func advance(bytes: Int) {
    if var commands = collection {
      let isDone = commands.advance(into: &output, bytes: bytes)
      collection = isDone ? nil : commands
      guard isDone else { return }
      commands.drop()
      _ = output.move(from: &behind, upTo: behind.pending)
    }
    if var commands = stream {
      let isDone = commands.advance(into: &output, bytes: bytes)
      stream = isDone ? nil : commands
      guard isDone else { return }
      commands.drop()
      _ = output.move(from: &behind, upTo: behind.pending)
    }
    guard var string = large else { return }
    let piece = string.blob.bytes[string.taken..<min(string.blob.count, string.taken + max(1, bytes))]
    output.append(piece)
    string.taken += piece.count
    large = string
    guard string.taken == string.blob.count else { return }
    string.blob.release()
    large = nil
    _ = output.move(from: &behind, upTo: behind.pending)
  }

  mutating func end() { precondition(!isBusy, "the commands end within a value") }
}
