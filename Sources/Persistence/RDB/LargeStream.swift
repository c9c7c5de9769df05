// LargeStream.swift — one stream on its way into a snapshot, some blocks and pending entries at a time.
//
// The order is that of `RDBStructure.stream`: blocks, figures, then group after group what it has pending and who
// its consumers are. The stream is pinned until the last has left.
import Bytes
import Store

struct LargeStream {
  private enum Stage {
    case begin
    case blocks(StreamID?)
    case groups(Int)
    case pending(Int, StreamID?)
    case consumers(Int, Int)
    case owned(Int, Int, StreamID?)
    case end
  }

  private let pin: PinnedValue
  private let stream: StreamReference
  /// 1 to 3: what the version knows.
  private let generation: Int
  private let compresses: Bool
  private var stage = Stage.begin

  /// Pins the stream at `entry`; call `drop` in the end.
  init(_ entry: Entry, as type: RDBType, compresses: Bool) {
    guard let stream = entry.stream else { preconditionFailure("the entry holds no stream") }
    pin = PinnedValue(pinning: entry)
    self.stream = stream
    self.compresses = compresses
    generation = type == .stream3 ? 3 : type == .stream2 ? 2 : 1
  }

  func drop() { pin.release() }

  /// Appends about `bytes` of it to `output`; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    let end = output.appended + UInt64(max(1, bytes))
    while output.appended < end {
      if case .end = stage { return true }
      stage = step(&output)
    }
    if case .end = stage { return true }
    return false
  }

  private func step(_ output: inout OutputBuffer) -> Stage {
    switch stage {
    case .begin:
      output.putLength(UInt64(stream.blockCount))
      return .blocks(.zero)
    case .blocks(let from):
      guard let from, let (id, bytes) = stream.block(atLeast: from) else {
        putFigures(&output)
        return nextGroup(0)
      }
      output.putLength(16)
      output.putRaw(id)
      output.putElement(.bytes(bytes), compresses: compresses)
      return .blocks(id.next)
    case .groups(let index):
      putGroup(stream.groups[index], &output)
      return .pending(index, .zero)
    case .pending(let index, let from):
      let group = stream.groups[index]
      guard let from, let (id, pending) = group.pending(atLeast: from) else {
        output.putLength(UInt64(group.consumerCount))
        return group.consumerCount > 0 ? .consumers(index, 0) : nextGroup(index + 1)
      }
      output.putRaw(id)
      output.putLittleEndian(UInt64(bitPattern: pending.delivered))
      output.putLength(UInt64(bitPattern: pending.deliveries))
      return .pending(index, id.next)
    case .consumers(let index, let number):
      let consumer = stream.groups[index].consumer(number)
      output.putElement(.bytes(consumer.name), compresses: compresses)
      output.putLittleEndian(UInt64(bitPattern: consumer.seen))
      if generation >= 3 { output.putLittleEndian(UInt64(bitPattern: consumer.active)) }
      output.putLength(UInt64(consumer.pendingCount))
      return .owned(index, number, .zero)
    case .owned(let index, let number, let from):
      let group = stream.groups[index]
      guard let from, let (id, _) = group.pending(atLeast: from, of: group.consumer(number)) else {
        return number + 1 < group.consumerCount ? .consumers(index, number + 1) : nextGroup(index + 1)
      }
      output.putRaw(id)
      return .owned(index, number, id.next)
    case .end: return .end
    }
  }

  private func nextGroup(_ index: Int) -> Stage { index < stream.groups.count ? .groups(index) : .end }

  private func putFigures(_ output: inout OutputBuffer) {
    output.putLength(UInt64(stream.count))
    output.putNumbers(stream.lastID)
    if generation >= 2 {
      output.putNumbers(stream.firstID)
      output.putNumbers(stream.deletedIDMax)
      output.putLength(stream.entriesAdded)
    }
    output.putLength(UInt64(stream.groups.count))
  }

  private func putGroup(_ group: StreamGroupReference, _ output: inout OutputBuffer) {
    output.putElement(.bytes(group.name), compresses: compresses)
    output.putNumbers(group.lastID)
    if generation >= 2 { output.putLength(UInt64(bitPattern: group.entriesRead ?? -1)) }
    output.putLength(UInt64(group.pendingCount))
  }
}

extension OutputBuffer {
  /// An identifier as two numbers.
  fileprivate mutating func putNumbers(_ id: StreamID) {
    putLength(id.milliseconds)
    putLength(id.sequence)
  }

  /// An identifier as 16 bytes.
  fileprivate mutating func putRaw(_ id: StreamID) {
    putLittleEndian(id.milliseconds.byteSwapped)
    putLittleEndian(id.sequence.byteSwapped)
  }
}
