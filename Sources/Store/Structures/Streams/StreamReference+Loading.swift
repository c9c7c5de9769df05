// StreamReference+Loading.swift: streams taken apart for snapshots and put together from them.
//
// A block's listpack is taken over as it is, after every number in it was compared with what it is about: a
// snapshot may come from anybody.
import Bytes
import CAllocator

extension StreamReference {
  /// The first block that is known by `id` or a later one: its identifier and its listpack.
  public func block(atLeast id: StreamID) -> (StreamID, ByteView)? {
    guard let place = unsafe root.pointee.blocks.place(atLeast: id) else { return nil }
    let block = block(place)
    return (block.master, block.blob.bytes)
  }

  /// Adds a block whose listpack's lengths agree with each other. False if it is no block of this stream.
  public func loadBlock(_ id: StreamID, _ bytes: ByteView) -> Bool {
    guard StreamBlock.isSound(bytes) else { return false }
    let block = StreamBlock(blob: BlobReference.copy(of: bytes), master: id)
    let isInOrder = unsafe root.pointee.blocks.last.map { self.block($0).lastID < id } ?? true
    guard isInOrder, block.areIDsAscending, insertBlock(block) else {
      block.blob.release()
      return false
    }
    unsafe root.pointee.length += block.count
    return true
  }

  /// What a snapshot says besides the blocks, which are there. Nil for what its version did not know. False if it
  /// contradicts them.
  public func loadFigures(length: UInt64, last: StreamID, added: UInt64?, deleted: StreamID?) -> Bool {
    guard UInt64(count) == length else { return false }
    if let place = unsafe root.pointee.blocks.last { guard block(place).lastID <= last else { return false } }
    remember(last: last, added: added ?? length, deleted: deleted ?? .zero)
    refreshFirstID()
    return true
  }

  /// Stops unless sums and counts are those of the parts.
  func checkInvariants() {
    var entries = 0
    var bytes = 0
    var place = unsafe root.pointee.blocks.first
    var previous: StreamID?
    while let here = place {
      let block = block(here)
      precondition(StreamBlock.isSound(block.blob.bytes) && block.areIDsAscending, "a block is sound")
      precondition(previous.map { $0 < block.master } ?? true, "blocks stand in order")
      previous = block.lastID
      entries += block.count
      bytes += block.blob.memoryBytes
      place = unsafe root.pointee.blocks.next(here)
    }
    precondition(entries == count, "the length is that of the blocks")
    precondition(unsafe bytes == root.pointee.blockBytes, "the sum of bytes is that of the blocks")
    precondition(previous.map { $0 <= lastID } ?? true, "the last identifier is not before the last entry")
    precondition(firstID == edge(isLast: false)?.id ?? .zero, "the first identifier is the first entry's")
    precondition(unsafe root.pointee.groupBytes == groups.reduce(0) { $0 + $1.checkedBytes() }, "groups are counted")
  }
}

extension StreamGroupReference {
  /// Bytes of the group with its consumers, whose pending entries are those of the group.
  fileprivate func checkedBytes() -> Int {
    var bytes = unsafe pointer.pointee.memoryBytes
    var pendingCount = 0
    for index in 0..<consumerCount {
      let consumer = consumer(index)
      unsafe bytes += consumer.pointer.pointee.memoryBytes
      pendingCount += consumer.pendingCount
      var next: StreamID? = .zero
      while let from = next, let (id, pending) = pending(atLeast: from, of: consumer) {
        precondition(pending.consumer == consumer, "a pending entry knows its owner")
        next = id.next
      }
    }
    precondition(pendingCount == self.pendingCount, "what consumers have pending is what the group has")
    return bytes
  }
}

extension StreamBlock {
  /// Whether a listpack whose own lengths agree is a block: numbers where numbers belong, and counts that are true.
  static func isSound(_ bytes: ByteView) -> Bool {
    let listpack = Listpack(bytes)
    var place = Listpack.headerBytes
    func number() -> Int? {
      guard listpack.byte(place) != Listpack.endMark, case .integer(let value) = listpack.element(at: place) else {
        return nil
      }
      place = listpack.behind(place)
      return Int(exactly: value)
    }
    func skip(_ count: Int) -> Bool {
      for _ in 0..<count {
        guard listpack.byte(place) != Listpack.endMark else { return false }
        place = listpack.behind(place)
      }
      return true
    }
    // More elements than bytes there cannot be: what follows does not overflow.
    let most = bytes.count
    guard let count = number(), let deleted = number(), let fields = number(), (0...most).contains(count),
      (0...most).contains(deleted), (0...most).contains(fields), skip(fields), number() == 0
    else { return false }
    var counted = (there: 0, deleted: 0)
    while listpack.byte(place) != Listpack.endMark {
      guard let flags = number(), (0...3).contains(flags), number() != nil, number() != nil else { return false }
      var elements = fields + 3
      if flags & Int(Flag.sameFields) == 0 {
        guard let own = number(), (0...most).contains(own), skip(own * 2) else { return false }
        elements = own * 2 + 4
      } else {
        guard skip(fields) else { return false }
      }
      guard number() == elements else { return false }
      if flags & Int(Flag.deleted) != 0 { counted.deleted += 1 } else { counted.there += 1 }
    }
    return counted == (count, deleted) && count + deleted > 0
  }

  /// Whether each entry is behind the one before it, and none before the block's own identifier.
  var areIDsAscending: Bool {
    let header = header
    var place = header.entriesPlace
    var previous: StreamID?
    while let entry = entry(at: place, header) {
      if let previous { guard entry.id > previous else { return false } }
      guard entry.id >= master else { return false }
      previous = entry.id
      place = self.place(behind: entry)
    }
    return true
  }
}
