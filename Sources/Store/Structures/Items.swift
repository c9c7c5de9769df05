// Items.swift: a collection of any type as a sequence, for those who write values out.
//
//   list         element                    hash         field, value
//   set          member                     sorted set   member, score
//
// Snapshots, DUMP, the log's base and digests go through values in this one way. A cursor holds on to the value and
// not to its key: with a pin it stays good whatever becomes of the key.
import Bytes

/// One element of a collection with what belongs to it.
public struct Item: BitwiseCopyable {
  public let name: Element
  /// Of a hash's field; otherwise empty.
  public var value = Element.bytes(.empty)
  /// Of a sorted set's member.
  public var score = 0.0
  /// When a hash's field ends.
  public var expiry: Milliseconds?

  init(_ name: Element) { self.name = name }
}

public struct ItemCursor: BitwiseCopyable {
  private enum State: BitwiseCopyable {
    case none
    case list(ListView.Cursor)
    case set(SetView.Cursor)
    case hash(HashView.Cursor)
    case sortedSet(SortedSetView.Cursor)
  }

  private var state: State
  /// Items that the value has.
  public let count: Int

  /// All items of the value at `entry`; a string has none.
  public init(_ entry: Entry) {
    switch entry.type {
    case .set:
      let set = SetView(entry)
      state = .set(set.cursor())
      count = set.count
    case .list:
      let list = ListView(entry)
      state = .list(list.cursor())
      count = list.count
    case .hash:
      let hash = HashView(entry)
      state = .hash(hash.cursor())
      count = hash.count
    case .sortedSet:
      let set = SortedSetView(entry)
      state = .sortedSet(set.cursor())
      count = set.count
    case .string, .stream:
      state = .none
      count = 0
    }
  }

  /// The next item, or nil after the last.
  public mutating func next() -> Item? {
    switch state {
    case .none: return nil
    case .set(var cursor):
      let member = cursor.next()
      state = .set(cursor)
      return member.map { Item($0) }
    case .list(var cursor):
      let element = cursor.next()
      state = .list(cursor)
      return element.map { Item($0) }
    case .hash(var cursor):
      let item = cursor.next()
      state = .hash(cursor)
      return item
    case .sortedSet(var cursor):
      let item = cursor.next()
      state = .sortedSet(cursor)
      return item
    }
  }
}

extension Entry {
  /// All items of the value; a string has none.
  public func items() -> ItemCursor { ItemCursor(self) }
}
