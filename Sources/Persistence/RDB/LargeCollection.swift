// LargeCollection.swift — one collection on its way into a snapshot, some elements at a time.
//
//   count ▸ { element (value, score, … as the type has it) }*
//
// A snapshot is written between the commands of clients: as many elements are written as the caller allows, and
// one that is long itself leaves in pieces. The collection is pinned until the last has left.
import Bytes
import Store

struct LargeCollection {
  private let type: RDBType
  private let pin: PinnedValue
  private var items: ItemCursor
  /// A list that is written node by node, and the next of them.
  private let list: ListView?
  private var node = 0
  private let compresses: Bool
  private var hasBegun = false

  /// Pins the value; call `drop` in the end.
  init(_ entry: Entry, as type: RDBType, compresses: Bool) {
    self.type = type
    self.compresses = compresses
    pin = PinnedValue(pinning: entry)
    items = entry.items()
    list = type == .listQuicklist2 ? ListView(entry) : nil
  }

  /// Appends about `bytes` of it to `output`; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    let end = output.appended + UInt64(max(1, bytes))
    if !hasBegun {
      hasBegun = true
      output.putLength(UInt64(list?.nodeCount ?? items.count))
    }
    if let list { return advance(list, into: &output, until: end) }
    while output.appended < end {
      guard let item = items.next() else { return true }
      write(item, to: &output)
    }
    return false
  }

  private mutating func advance(_ list: ListView, into output: inout OutputBuffer, until end: UInt64) -> Bool {
    while node < list.nodeCount {
      guard output.appended < end else { return false }
      let (bytes, isPlain) = list.node(node)
      output.putLength(isPlain ? 1 : 2)
      output.putElement(.bytes(bytes), compresses: compresses)
      node += 1
    }
    return true
  }

  func drop() { pin.release() }

  private func write(_ item: Item, to output: inout OutputBuffer) {
    output.putElement(item.name, compresses: compresses)
    switch type {
    case .set, .list: break
    case .hash: output.putElement(item.value, compresses: compresses)
    case .sortedSet: output.putLittleEndian(item.score.bitPattern)
    default: preconditionFailure("a type that is not written element by element")
    }
  }
}

/// Whatever leaves in pieces.
enum LargeValue {
  case string(LargeString)
  case collection(LargeCollection)
  case stream(LargeStream)

  /// Appends to `output` and handles about `bytes` of the value; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    switch self {
    case .string(var string):
      let isDone = string.advance(into: &output, bytes: bytes)
      self = .string(string)
      return isDone
    case .collection(var collection):
      let isDone = collection.advance(into: &output, bytes: bytes)
      self = .collection(collection)
      return isDone
    case .stream(var stream):
      let isDone = stream.advance(into: &output, bytes: bytes)
      self = .stream(stream)
      return isDone
    }
  }

  /// Lets go of everything, whether or not it was finished.
  func drop() {
    switch self {
    case .string(var string): string.drop()
    case .collection(let collection): collection.drop()
    case .stream(let stream): stream.drop()
    }
  }
}

extension OutputBuffer {
  /// An element of a collection. One of many kilobytes is copied, not compressed: that would take too long.
  mutating func putElement(_ element: Element, compresses: Bool) {
    switch element {
    case .integer(let value): putInteger(value)
    case .bytes(let bytes):
      let out = unsafe reserve(RDBEncoding.stringBytesMax(bytes.count))
      let isShort = bytes.count <= RDBWriter.wholeBytesMax
      commit(unsafe RDBEncoding.writeString(bytes, to: out, compresses: compresses && isShort))
    }
  }
}
