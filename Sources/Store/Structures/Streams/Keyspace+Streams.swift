// Keyspace+Streams.swift: streams in a database.
import Bytes

extension Entry {
  /// The stream, or nil if the value is none.
  public var stream: StreamReference? {
    guard type == .stream else { return nil }
    return StreamReference(bits: payload)
  }
}

extension Keyspace {
  /// Adds an empty stream under a key for which `find` answered nil.
  @discardableResult
  public mutating func insertStream(_ key: ByteView, _ hash: KeyHash, expiry: Milliseconds? = nil) -> Location {
    insert(key, hash, .stream, .stream, payload: StreamReference.make().bits, expiry: expiry)
  }

  /// Changes the stream at `location`. One that somebody has pinned is left to him, and the entry gets a copy.
  public mutating func changeStream<Result>(_ location: Location, _ body: (StreamReference) -> Result) -> Result {
    willChange(location)
    let entry = location.entry
    guard var stream = entry.stream else { preconditionFailure("the entry holds no stream") }
    let bytesBefore = stream.memoryBytes
    if stream.isPinned {
      let copy = stream.copied()
      stream.release()
      stream = copy
      entry.payload = copy.bits
    }
    let result = body(stream)
    valueBytes += stream.memoryBytes - bytesBefore
    return result
  }

  /// Removes a group of the stream at `location`, which has it; the graveyard frees what it has pending, if that is much.
  public mutating func removeGroup(_ location: Location, _ name: ByteView, into graveyard: inout Graveyard) {
    let detached = changeStream(location) { stream in stream.findGroup(name).map { stream.detach($0) } }
    guard let detached else { return }
    guard let group = detached.groups.first, group.pendingCount > Graveyard.freedAtOnceMax else {
      return detached.release()
    }
    let shape = EntryShape(
      kind: Entry.kind(.stream, .stream), flags: Entry.Flag.payload, keyCount: 0, inlineCount: 0)
    let entry = Entry.allocate(shape, key: .empty, stamp: 0)
    entry.payload = detached.bits
    graveyard.bury(entry)
  }
}
