// StreamReference+Entries.swift: entries added, found, deleted and trimmed.
import Bytes
import CAllocator

/// How full a block may be: `stream-node-max-bytes` and `stream-node-max-entries`; 0 is no limit.
public struct StreamLimits: BitwiseCopyable, Sendable {
  public var blockBytes = 4096
  public var blockEntries = 100

  public init() {}
}

/// Which entries a trim takes away, the first of the stream first.
public struct StreamTrim: BitwiseCopyable {
  public enum Bound: BitwiseCopyable {
    /// All but so many.
    case count(Int)
    /// All before this one.
    case before(StreamID)
  }

  public var bound: Bound
  /// Only whole blocks go.
  public var isApproximate: Bool
  /// Stops before the block that would make it more, 0 for no limit.
  public var entriesMax: Int

  public init(_ bound: Bound, isApproximate: Bool = false, entriesMax: Int = 0) {
    self.bound = bound
    self.isApproximate = isApproximate
    self.entriesMax = entriesMax
  }
}

extension StreamReference {
  /// Entries whose identifiers are within bounds, in either direction. Good until the stream changes.
  public struct Cursor: BitwiseCopyable {
    let stream: StreamReference
    let first: StreamID
    let last: StreamID
    let isReversed: Bool
    private var blockPlace: StreamIndex<UInt64>.Place?
    private var block: StreamBlock?
    private var header: StreamBlock.Header?
    /// Where the next entry stands, or, backwards, where the one before it ends.
    private var place = 0

    init(_ stream: StreamReference, _ first: StreamID, _ last: StreamID, isReversed: Bool) {
      self.stream = stream
      self.first = first
      self.last = last
      self.isReversed = isReversed
      let bound = isReversed ? last : first
      // The block that may have the bound; an entry before the first block's is found in it too.
      blockPlace = unsafe stream.root.pointee.blocks.place(atMost: bound)
      if blockPlace == nil && !isReversed { blockPlace = unsafe stream.root.pointee.blocks.first }
      enterBlock()
    }

    private mutating func enterBlock() {
      guard let blockPlace else {
        block = nil
        return
      }
      let entered = stream.block(blockPlace)
      block = entered
      let header = entered.header
      self.header = header
      place = isReversed ? entered.listpack.end : header.entriesPlace
    }

    /// The next entry that is there, or nil.
    public mutating func next() -> StreamEntry? {
      while let block, let header {
        guard let entry = step(block, header) else {
          if let here = blockPlace {
            blockPlace = unsafe isReversed
              ? stream.root.pointee.blocks.previous(here) : stream.root.pointee.blocks.next(here)
          }
          enterBlock()
          continue
        }
        if isReversed ? entry.id < first : entry.id > last {
          self.block = nil
          return nil
        }
        if entry.isDeleted || (isReversed ? entry.id > last : entry.id < first) { continue }
        return entry
      }
      return nil
    }

    private mutating func step(_ block: StreamBlock, _ header: StreamBlock.Header) -> StreamEntry? {
      if isReversed {
        guard let before = block.place(before: place, header) else { return nil }
        place = before
        return block.entry(at: before, header)
      }
      guard let entry = block.entry(at: place, header) else { return nil }
      place = block.place(behind: entry)
      return entry
    }

    /// Where the block of the entry that came last stands.
    var entryBlock: StreamIndex<UInt64>.Place? { blockPlace }
  }

  public func cursor(from first: StreamID, through last: StreamID, isReversed: Bool = false) -> Cursor {
    Cursor(self, first, last, isReversed: isReversed)
  }

  /// The entry of this identifier, if it is there.
  public func entry(_ id: StreamID) -> StreamEntry? {
    var cursor = cursor(from: id, through: id)
    return cursor.next()
  }

  /// The first or the last entry that is there.
  public func edge(isLast: Bool) -> StreamEntry? {
    var cursor = cursor(from: .zero, through: .greatest, isReversed: isLast)
    return cursor.next()
  }

  // MARK: adding

  /// The identifier of an entry that is added now; nil if there is none left.
  public func nextID(now: Milliseconds) -> StreamID? {
    let clock = UInt64(clamping: now)
    return clock > lastID.milliseconds ? StreamID(clock, 0) : lastID.next
  }

  /// Whether names and values fit into one entry.
  public static func fits(_ words: UnsafeBufferPointer<ByteView>) -> Bool {
    var total = 0
    for index in 0..<words.count {
      let word = unsafe words[index]
      total += word.count
      if total > StreamBlock.bytesMax { return false }
    }
    return true
  }

  /// Adds an entry of names and values in turn, which `fits`, behind the last.
  public func append(_ id: StreamID, _ words: UnsafeBufferPointer<ByteView>, _ limits: StreamLimits) {
    precondition(id > lastID, "an entry was added before the last")
    if let place = unsafe root.pointee.blocks.last {
      if unsafe isFull(block(place), words, limits) {
        changeBlock(place) { StreamBlock(blob: $0.blob.sealed(), master: $0.master) }
        unsafe insertFirst(id, words)
      } else {
        changeBlock(place) { unsafe $0.appending(id, words) }
      }
    } else {
      unsafe insertFirst(id, words)
    }
    unsafe root.pointee.length += 1
    unsafe root.pointee.entriesAdded &+= 1
    unsafe root.pointee.lastID = id
    if count == 1 { unsafe root.pointee.firstID = id }
  }

  private func insertFirst(_ id: StreamID, _ words: UnsafeBufferPointer<ByteView>) {
    let block = unsafe StreamBlock.make(id, fields: words).appending(id, words)
    guard insertBlock(block) else { preconditionFailure("two blocks of a stream with one identifier") }
  }

  private func isFull(_ block: StreamBlock, _ words: UnsafeBufferPointer<ByteView>, _ limits: StreamLimits) -> Bool {
    let bytes = unsafe words.reduce(0) { $0 + $1.count }
    let isLimited = limits.blockBytes > 0 && limits.blockBytes <= StreamBlock.bytesMax
    if block.blob.count + bytes >= (isLimited ? limits.blockBytes : StreamBlock.bytesMax) { return true }
    guard limits.blockEntries > 0 else { return false }
    let header = block.header
    return header.count + header.deleted >= limits.blockEntries
  }

  // MARK: taking away

  /// Deletes one entry; whether it was there. The highest such identifier is remembered.
  public func delete(_ id: StreamID) -> Bool {
    var cursor = cursor(from: id, through: id)
    guard let entry = cursor.next(), let place = cursor.entryBlock else { return false }
    if block(place).count == 1 {
      removeBlock(place)
    } else {
      changeBlock(place) { $0.deleting(entry) }
    }
    unsafe root.pointee.length -= 1
    if id > deletedIDMax { unsafe root.pointee.deletedIDMax = id }
    if id == firstID { refreshFirstID() }
    return true
  }

  /// Takes away entries from the beginning; how many.
  public func trim(_ trim: StreamTrim) -> Int {
    var removed = 0
    while let place = unsafe root.pointee.blocks.first {
      if case .count(let left) = trim.bound, count <= left { break }
      let block = block(place)
      let entries = block.count
      if trim.entriesMax > 0 && removed + entries > trim.entriesMax { break }
      let goesWhole =
        switch trim.bound {
        case .count(let left): count - entries >= left
        case .before(let id): block.lastID < id
        }
      guard goesWhole else {
        if !trim.isApproximate { removed += trimWithin(place, trim.bound) }
        break
      }
      removeBlock(place)
      unsafe root.pointee.length -= entries
      removed += entries
    }
    if removed > 0 { refreshFirstID() }
    return removed
  }

  /// Marks the first entries of a block of which some stay.
  private func trimWithin(_ blockPlace: StreamIndex<UInt64>.Place, _ bound: StreamTrim.Bound) -> Int {
    var removed = 0
    let length = count
    changeBlock(blockPlace) { original in
      // Marks replace flags of the same size, so places stay; a pinned blob is left to its readers first.
      var block = original
      let header = block.header
      var place = header.entriesPlace
      while let entry = block.entry(at: place, header) {
        switch bound {
        case .count(let left): guard length - removed > left else { return block.counting(deleted: removed) }
        case .before(let id): guard entry.id < id else { return block.counting(deleted: removed) }
        }
        place = block.place(behind: entry)
        guard !entry.isDeleted else { continue }
        block = block.marking(entry)
        removed += 1
      }
      return block.counting(deleted: removed)
    }
    unsafe root.pointee.length -= removed
    return removed
  }
}
