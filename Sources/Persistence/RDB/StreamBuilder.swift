// StreamBuilder.swift — parts of a snapshot become a stream again.
//
//   count { id, block }   length, last   [first, deleted, added]   count { group … }
//   group: name, last [, read]   count { id, delivered, deliveries }   count { consumer … }
//   consumer: name, seen [, active]   count { id }
//
// The parts come one by one, so what is expected next is kept as a state. A group's pending entries come before
// their owners; each must turn out to have exactly one.
import Bytes
import Store

struct StreamBuilder {
  private enum Expected {
    case blockCount, blockID, block, length, last, first, deleted, added
    case groupCount, group, groupLast, groupRead
    case pendingCount, pendingID, delivered, deliveries
    case consumerCount, consumer, seen, active, ownedCount, owned
    case nothing
  }

  private struct Pending {
    var id: StreamID
    var delivered: Milliseconds = 0
    var deliveries: Int64 = 0
  }

  let stream: StreamReference
  /// 1 to 3: what the snapshot's version knows.
  private let generation: Int
  private var expected = Expected.blockCount
  private var left: (blocks: UInt64, groups: UInt64, pending: UInt64, consumers: UInt64, owned: UInt64) = (0, 0, 0, 0, 0)
  private var id = StreamID.zero
  /// The first half of an identifier that comes as two numbers.
  private var milliseconds: UInt64?
  private var length: UInt64 = 0
  private var last = StreamID.zero
  private var deletedMax = StreamID.zero
  private var group: StreamGroupReference?
  private var groupName: [UInt8] = []
  private var groupID = StreamID.zero
  private var consumer: StreamConsumerReference?
  private var consumerName: [UInt8] = []
  private var pending: [Pending] = []
  private var ownedCount = 0

  init(_ stream: StreamReference, generation: Int) {
    self.stream = stream
    self.generation = generation
  }

  var isComplete: Bool { expected == .nothing }

  mutating func take(_ datum: RDBDatum) throws(RDBStop) {
    switch datum {
    case .count(let count): try take(count: count)
    case .number(let number): try take(number: number)
    case .string(let text): try take(text: text)
    case .bytes(let bytes): try take(bytes: bytes)
    case .packed(.listpack, let bytes):
      guard expected == .block, stream.loadBlock(id, bytes) else { throw .failed(.stream) }
      left.blocks -= 1
      expected = left.blocks > 0 ? .blockID : .length
    default: throw .failed(.stream)
    }
  }

  private mutating func take(count: UInt64) throws(RDBStop) {
    switch expected {
    case .blockCount:
      left.blocks = count
      expected = count > 0 ? .blockID : .length
    case .groupCount:
      left.groups = count
      expected = count > 0 ? .group : .nothing
    case .pendingCount:
      left.pending = count
      expected = count > 0 ? .pendingID : .consumerCount
    case .consumerCount:
      left.consumers = count
      ownedCount = 0
      if count > 0 { expected = .consumer } else { try endGroup() }
    case .ownedCount:
      left.owned = count
      if count > 0 { expected = .owned } else { try endConsumer() }
    default: throw .failed(.stream)
    }
  }

  /// An identifier's second half has come: the whole of it.
  private mutating func identifier(_ number: UInt64) -> StreamID? {
    guard let milliseconds else {
      milliseconds = number
      return nil
    }
    self.milliseconds = nil
    return StreamID(milliseconds, number)
  }

  private mutating func take(number: UInt64) throws(RDBStop) {
    switch expected {
    case .length:
      length = number
      expected = .last
    case .last:
      guard let id = identifier(number) else { return }
      last = id
      expected = .first
      guard generation == 1 else { return }
      guard stream.loadFigures(length: length, last: last, added: nil, deleted: nil) else { throw .failed(.stream) }
      expected = .groupCount
    case .first:
      // It is read from the blocks.
      if identifier(number) != nil { expected = .deleted }
    case .deleted:
      guard let id = identifier(number) else { return }
      deletedMax = id
      expected = .added
    case .added:
      guard stream.loadFigures(length: length, last: last, added: number, deleted: deletedMax) else {
        throw .failed(.stream)
      }
      expected = .groupCount
    case .groupLast:
      guard let id = identifier(number) else { return }
      groupID = id
      if generation == 1 { try beginGroup(stream.entriesRead(through: id)) } else { expected = .groupRead }
    case .groupRead:
      let read = Int64(bitPattern: number)
      try beginGroup(read < 0 ? nil : read)
    case .deliveries:
      pending[pending.count - 1].deliveries = Int64(clamping: number)
      left.pending -= 1
      expected = left.pending > 0 ? .pendingID : .consumerCount
    default: throw .failed(.stream)
    }
  }

  private mutating func take(text: ByteView) throws(RDBStop) {
    switch expected {
    case .blockID:
      guard text.count == 16 else { throw .failed(.stream) }
      id = StreamID(bigEndian: text)
      expected = .block
    case .group:
      groupName = unsafe Array(text.buffer)
      expected = .groupLast
    case .consumer:
      consumerName = unsafe Array(text.buffer)
      expected = .seen
    default: throw .failed(.stream)
    }
  }

  private mutating func take(bytes: ByteView) throws(RDBStop) {
    switch expected {
    case .pendingID:
      let id = StreamID(bigEndian: bytes)
      if let before = pending.last { guard before.id < id else { throw .failed(.stream) } }
      pending.append(Pending(id: id))
      expected = .delivered
    case .delivered:
      pending[pending.count - 1].delivered = bytes.littleEndian
      expected = .deliveries
    case .seen: try beginConsumer(bytes.littleEndian)
    case .active:
      consumer?.active = bytes.littleEndian
      expected = .ownedCount
    case .owned:
      try own(StreamID(bigEndian: bytes))
      left.owned -= 1
      if left.owned == 0 { try endConsumer() }
    default: throw .failed(.stream)
    }
  }

  // MARK: groups

  private mutating func beginGroup(_ entriesRead: Int64?) throws(RDBStop) {
    group = unsafe groupName.withUnsafeBytes {
      unsafe stream.makeGroup(ByteView($0), lastID: groupID, entriesRead: entriesRead)
    }
    guard group != nil else { throw .failed(.duplicateElement) }
    pending.removeAll(keepingCapacity: true)
    expected = .pendingCount
  }

  private mutating func endGroup() throws(RDBStop) {
    // Whatever is pending is somebody's.
    guard ownedCount == pending.count else { throw .failed(.stream) }
    left.groups -= 1
    expected = left.groups > 0 ? .group : .nothing
  }

  private mutating func beginConsumer(_ seen: Milliseconds) throws(RDBStop) {
    guard let group else { throw .failed(.stream) }
    consumer = unsafe consumerName.withUnsafeBytes { unsafe stream.makeConsumer(ByteView($0), in: group, now: seen) }
    guard let consumer else { throw .failed(.duplicateElement) }
    if generation < 3 { consumer.active = seen }
    expected = generation >= 3 ? .active : .ownedCount
  }

  private mutating func endConsumer() throws(RDBStop) {
    left.consumers -= 1
    if left.consumers > 0 { expected = .consumer } else { try endGroup() }
  }

  private mutating func own(_ id: StreamID) throws(RDBStop) {
    var low = 0
    var high = pending.count
    while low < high {
      let middle = (low + high) / 2
      if pending[middle].id < id { low = middle + 1 } else { high = middle }
    }
    guard let group, let consumer, low < pending.count, pending[low].id == id, group.pending(id) == nil else {
      throw .failed(.stream)
    }
    let entry = pending[low]
    stream.assign(id, to: consumer, in: group, delivered: entry.delivered, deliveries: entry.deliveries)
    ownedCount += 1
  }
}

extension StreamID {
  /// The 16 bytes under which a snapshot knows an entry.
  init(bigEndian bytes: ByteView) {
    precondition(bytes.count == 16, "an identifier has 16 bytes")
    let high = unsafe bytes.start.loadUnaligned(as: UInt64.self)
    let low = unsafe bytes.start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    self.init(UInt64(bigEndian: high), UInt64(bigEndian: low))
  }
}

extension ByteView {
  fileprivate var littleEndian: Int64 { unsafe Int64(littleEndian: start.loadUnaligned(as: Int64.self)) }
}
