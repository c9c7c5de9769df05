// LargeCollection.swift — one collection on its way into a snapshot, some elements at a time.
//
//   count ▸ { element (value, score, when it ends, … as the type has it) }*
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
  /// The item whose name has been written, if something of it follows.
  private var open: Item?
  /// The item whose value has been written, if it is still to be said when it ends.
  private var ending: Item?
  /// What has still to be written of a long element.
  private var rest = ByteView.empty
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

  /// When a field ends that does not.
  private static var endless: Milliseconds { -1 }

  /// However short an element is, finding it takes as long as copying this many bytes.
  private static var elementBytesMin: Int { 32 }

  /// Appends about `bytes` of it to `output`, less if the elements are short; true when all has been appended.
  mutating func advance(into output: inout OutputBuffer, bytes: Int) -> Bool {
    if !hasBegun {
      hasBegun = true
      output.putLength(UInt64(list?.nodeCount ?? items.count))
    }
    var budget = max(1, bytes)
    while budget > 0 {
      let before = output.appended
      guard step(into: &output, budget) else { return true }
      budget -= max(LargeCollection.elementBytesMin, Int(output.appended - before))
    }
    return false
  }

  /// Writes a piece of a long element, or what comes next; false if nothing is left.
  private mutating func step(into output: inout OutputBuffer, _ budget: Int) -> Bool {
    if !rest.isEmpty {
      let piece = rest.prefix(budget)
      output.append(piece)
      rest = rest[piece.count..<rest.count]
    } else if let item = open {
      open = nil
      if type == .sortedSet { output.putLittleEndian(item.score.bitPattern) } else { put(item.value, &output) }
      if type == .hashValkey { ending = item }
    } else if let item = ending {
      ending = nil
      output.putLittleEndian(UInt64(bitPattern: item.expiry ?? LargeCollection.endless))
    } else if let list {
      guard node < list.nodeCount else { return false }
      let (bytes, isPlain) = list.node(node)
      output.putLength(isPlain ? 1 : 2)
      put(.bytes(bytes), &output)
      node += 1
    } else {
      guard let item = items.next() else { return false }
      put(item.name, &output)
      if type == .hash || type == .hashValkey || type == .sortedSet { open = item }
    }
    return true
  }

  /// An element as a whole, or its length: then it follows in pieces.
  private mutating func put(_ element: Element, _ output: inout OutputBuffer) {
    guard case .bytes(let bytes) = element, bytes.count > RDBWriter.wholeBytesMax else {
      return output.putElement(element, compresses: compresses)
    }
    output.putLength(UInt64(bytes.count))
    rest = bytes
  }

  func drop() { pin.release() }
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
  /// An element of a collection, of 64 KiB at most if time matters.
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
