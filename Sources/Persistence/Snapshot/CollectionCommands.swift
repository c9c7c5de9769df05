// CollectionCommands.swift — a collection as the commands that make it.
//
//   SADD key member × 64   SADD key member × 64   …
//   HMSET key field value × 64   …   HSETEX key PXAT instant FIELDS 1 field value   …
//
// The value is pinned and the key copied, so that both may change meanwhile. Fields that end come after those that
// do not.
import Bytes
import Store

struct CollectionCommands {
  private let type: ValueType
  private let key: BlobReference
  private let pin: PinnedValue
  private var items: ItemCursor
  private var left: Int
  /// Fields that end, and the fields over again to find them.
  private var endingItems: ItemCursor
  private var endingLeft: Int

  /// Elements of one command, as many as Redis writes.
  private static var itemsPerCommand: Int { 64 }

  /// Pins the value; call `drop` in the end.
  init(_ entry: Entry) {
    type = entry.type
    key = Blob(copying: entry.key).relinquished()
    pin = PinnedValue(pinning: entry)
    items = entry.items()
    endingItems = items
    endingLeft = entry.hasVolatileFields ? entry.collection?.volatileCount ?? 0 : 0
    left = items.count - endingLeft
  }

  /// Appends about `bytes` of commands to `output`; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    let end = output.appended + UInt64(max(1, bytes))
    while left > 0 && output.appended < end {
      let count = min(left, CollectionCommands.itemsPerCommand)
      left -= count
      begin(count, &output)
      for _ in 0..<count { write(CollectionCommands.next(&items, ending: false), &output) }
    }
    while left == 0 && endingLeft > 0 && output.appended < end {
      endingLeft -= 1
      writeEnding(CollectionCommands.next(&endingItems, ending: true), &output)
    }
    return left == 0 && endingLeft == 0
  }

  /// The next item of those that end, or of the others; there is one.
  private static func next(_ items: inout ItemCursor, ending: Bool) -> Item {
    while let item = items.next() {
      if (item.expiry != nil) == ending { return item }
    }
    preconditionFailure("a value ends before its count")
  }

  func drop() {
    pin.release()
    key.release()
  }

  private func begin(_ count: Int, _ output: inout OutputBuffer) {
    switch type {
    case .set:
      output.begin(words: 2 + count)
      output.word("SADD")
    case .list:
      output.begin(words: 2 + count)
      output.word("RPUSH")
    case .hash:
      output.begin(words: 2 + 2 * count)
      output.word("HMSET")
    case .sortedSet:
      output.begin(words: 2 + 2 * count)
      output.word("ZADD")
    case .string, .stream: preconditionFailure("a type for which no command is known")
    }
    output.word(key.bytes)
  }

  private func write(_ item: Item, _ output: inout OutputBuffer) {
    if type == .sortedSet { ScoreText.with(item.score) { output.word($0) } }
    output.word(item.name)
    if type == .hash { output.word(item.value) }
  }

  private func writeEnding(_ item: Item, _ output: inout OutputBuffer) {
    output.begin(words: 8)
    output.word("HSETEX")
    output.word(key.bytes)
    output.word("PXAT")
    output.word(item.expiry ?? 0)
    output.word("FIELDS")
    output.word(1)
    output.word(item.name)
    output.word(item.value)
  }
}

extension OutputBuffer {
  /// A command of so many words follows.
  mutating func begin(words count: Int) { lineOfCount("*", count) }

  mutating func word(_ text: StaticString) { word(ByteView(text)) }

  mutating func word(_ number: Int64) { DecimalText(number).withView { word($0) } }

  mutating func word(_ bytes: ByteView) {
    lineOfCount("$", bytes.count)
    append(bytes)
    append(ByteView("\r\n"))
  }

  mutating func word(_ element: Element) {
    switch element {
    case .bytes(let bytes): word(bytes)
    case .integer(let value): word(value)
    }
  }

  mutating func lineOfCount(_ kind: Unicode.Scalar, _ count: Int) {
    let out = unsafe reserve(Decimal.digitsMax + 3)
    unsafe out[0] = UInt8(ascii: kind)
    let end = unsafe 1 + Decimal.write(Int64(count), to: out + 1)
    unsafe out[end] = UInt8(ascii: "\r")
    unsafe out[end + 1] = UInt8(ascii: "\n")
    commit(end + 2)
  }
}
