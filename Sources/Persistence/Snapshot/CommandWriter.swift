// CommandWriter.swift — data as the commands that make it: a log's base without a snapshot in it.
//
//   SELECT 3   SET key value   PEXPIREAT key 1700000000000   SET …
//
// This is what `aof-use-rdb-preamble no` asks for: larger and slower to load, but text that any version can
// read and a person too. A string of over 64 KiB leaves in pieces, as in `RDBWriter`: what follows it
// waits aside until the last piece has left.
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
  /// What follows the long string.
  private var behind: OutputBuffer
  /// The database of the entry that came last. A log begins in database 0, but to say so costs nothing.
  private var database: Int?

  package init(pool: UnsafeMutablePointer<ChunkPool>) {
    unsafe output = OutputBuffer(pool: pool)
    unsafe behind = OutputBuffer(pool: pool)
  }

  deinit {
    large?.blob.release()
    var output = output
    var behind = behind
    output.discardAll()
    behind.discardAll()
  }

  /// Appends a key with its value and expiry. A long string begins only: `advance` until it is through before
  /// the next entry comes.
  package mutating func entry(_ entry: Entry, database index: Int) {
    precondition(large == nil, "an entry came while a string was under way")
    precondition(entry.isString, "a value for which no command is known")
    if index != database {
      output.begin(words: 2)
      output.word("SELECT")
      output.word(Int64(index))
      database = index
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
  var isBusy: Bool { large != nil }

  mutating func begin(database index: Int, keys: Int, volatile: Int) {}

  mutating func advance(bytes: Int) {
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

  mutating func end() { precondition(large == nil, "the commands end within a string") }
}

extension OutputBuffer {
  /// A command of so many words follows.
  fileprivate mutating func begin(words count: Int) { lineOfCount("*", count) }

  fileprivate mutating func word(_ text: StaticString) { word(ByteView(text)) }

  fileprivate mutating func word(_ number: Int64) { DecimalText(number).withView { word($0) } }

  fileprivate mutating func word(_ bytes: ByteView) {
    lineOfCount("$", bytes.count)
    append(bytes)
    append(ByteView("\r\n"))
  }

  fileprivate mutating func lineOfCount(_ kind: Unicode.Scalar, _ count: Int) {
    let out = unsafe reserve(Decimal.digitsMax + 3)
    unsafe out[0] = UInt8(ascii: kind)
    let end = unsafe 1 + Decimal.write(Int64(count), to: out + 1)
    unsafe out[end] = UInt8(ascii: "\r")
    unsafe out[end + 1] = UInt8(ascii: "\n")
    commit(end + 2)
  }
}
