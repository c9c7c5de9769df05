// StreamCommands.swift — a stream as the commands that make it.
//
//   XADD key id field value …   XSETID key last ENTRIESADDED n MAXDELETEDID id
//   XGROUP CREATE key group last ENTRIESREAD n
//   XGROUP CREATECONSUMER key group consumer
//   XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n JUSTID FORCE
//
// An empty stream is made by an entry that does not stay. What is pending and was deleted is not made again, as in
// Redis: nothing can be claimed that is not there.
import Bytes
import Store

struct StreamCommands {
  private enum Stage {
    case entries(StreamID?)
    case groups(Int)
    case consumers(Int, Int)
    case pending(Int, StreamID?)
    case end
  }

  private let key: BlobReference
  private let pin: PinnedValue
  private let stream: StreamReference
  private var stage = Stage.entries(.zero)

  /// Pins the stream at `entry`; call `drop` in the end.
  init(_ entry: Entry) {
    guard let stream = entry.stream else { preconditionFailure("the entry holds no stream") }
    self.stream = stream
    key = Blob(copying: entry.key).relinquished()
    pin = PinnedValue(pinning: entry)
  }

  func drop() {
    pin.release()
    key.release()
  }

  /// Appends about `bytes` of commands to `output`; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    let end = output.appended + UInt64(max(1, bytes))
    while output.appended < end {
      switch stage {
      case .entries(let from): stage = addEntries(from, &output, until: end)
      case .groups(let index): stage = makeGroup(index, &output)
      case .consumers(let index, let number): stage = makeConsumer(index, number, &output)
      case .pending(let index, let from): stage = claim(index, from, &output)
      case .end: return true
      }
    }
    if case .end = stage { return true }
    return false
  }

  private func addEntries(_ from: StreamID?, _ output: inout OutputBuffer, until end: UInt64) -> Stage {
    if let from {
      var cursor = stream.cursor(from: from, through: .greatest)
      while let entry = cursor.next() {
        output.begin(words: 3 + entry.fieldCount * 2)
        output.word("XADD")
        output.word(key.bytes)
        output.word(entry.id)
        var fields = entry.fields
        while let (field, value) = fields.next() {
          output.word(field)
          output.word(value)
        }
        if output.appended >= end { return .entries(entry.id.next) }
      }
    }
    if stream.count == 0 { makeEmpty(&output) }
    output.begin(words: 7)
    output.word("XSETID")
    output.word(key.bytes)
    output.word(stream.lastID)
    output.word("ENTRIESADDED")
    output.word(Int64(clamping: stream.entriesAdded))
    output.word("MAXDELETEDID")
    output.word(stream.deletedIDMax)
    return stream.groups.isEmpty ? .end : .groups(0)
  }

  private func makeEmpty(_ output: inout OutputBuffer) {
    output.begin(words: 7)
    output.word("XADD")
    output.word(key.bytes)
    output.word("MAXLEN")
    output.word("0")
    output.word("0-1")
    output.word("x")
    output.word("y")
  }

  private func makeGroup(_ index: Int, _ output: inout OutputBuffer) -> Stage {
    let group = stream.groups[index]
    output.begin(words: 7)
    output.word("XGROUP")
    output.word("CREATE")
    output.word(key.bytes)
    output.word(group.name)
    output.word(group.lastID)
    output.word("ENTRIESREAD")
    output.word(group.entriesRead ?? -1)
    return group.consumerCount > 0 ? .consumers(index, 0) : next(index + 1)
  }

  private func makeConsumer(_ index: Int, _ number: Int, _ output: inout OutputBuffer) -> Stage {
    let group = stream.groups[index]
    output.begin(words: 5)
    output.word("XGROUP")
    output.word("CREATECONSUMER")
    output.word(key.bytes)
    output.word(group.name)
    output.word(group.consumer(number).name)
    return number + 1 < group.consumerCount ? .consumers(index, number + 1) : .pending(index, .zero)
  }

  private func claim(_ index: Int, _ from: StreamID?, _ output: inout OutputBuffer) -> Stage {
    let group = stream.groups[index]
    guard let from, let (id, pending) = group.pending(atLeast: from) else { return next(index + 1) }
    output.begin(words: 12)
    output.word("XCLAIM")
    output.word(key.bytes)
    output.word(group.name)
    output.word(pending.consumer.name)
    output.word("0")
    output.word(id)
    output.word("TIME")
    output.word(pending.delivered)
    output.word("RETRYCOUNT")
    output.word(pending.deliveries)
    output.word("JUSTID")
    output.word("FORCE")
    return .pending(index, id.next)
  }

  private func next(_ index: Int) -> Stage { index < stream.groups.count ? .groups(index) : .end }
}

extension OutputBuffer {
  fileprivate mutating func word(_ id: StreamID) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Decimal.digitsMax * 2 + 1) { room in
      guard let out = room.baseAddress else { return }
      var end = unsafe Decimal.write(id.milliseconds, to: out)
      unsafe out[end] = UInt8(ascii: "-")
      end += unsafe 1 + Decimal.write(id.sequence, to: out + end + 1)
      unsafe word(ByteView(start: out, count: end))
    }
  }
}
