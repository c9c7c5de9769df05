// SortedSetView.swift: reading a sorted set, whichever form it has.
//
//   listpack: member score member score …, ascending        skiplist: a table for members, a tree for ranks
import Bytes

/// A sorted set as it is now. Good until the set changes.
public struct SortedSetView: BitwiseCopyable {
  enum Form: BitwiseCopyable {
    case listpack(Listpack)
    case tree(CollectionReference)
  }

  let form: Form

  /// The sorted set at an entry, which holds one.
  public init(_ entry: Entry) {
    precondition(entry.type == .sortedSet, "the entry holds no sorted set")
    switch entry.encoding {
    case .listpack: form = .listpack(Listpack(BlobReference(bits: entry.payload)))
    default: form = .tree(CollectionReference(bits: entry.payload))
    }
  }

  /// Members.
  public var count: Int {
    switch form {
    case .listpack(let list): list.count / 2
    case .tree(let tree): tree.count
    }
  }

  public func score(_ member: ByteView) -> Double? {
    switch form {
    case .listpack(let list):
      guard let place = list.find(member, stride: 2), let score = list.next(after: place) else { return nil }
      return list.element(at: score).score
    case .tree(let tree):
      return tree.find(member, KeyHash(member))?.score
    }
  }

  /// A member's rank from the lowest, and its score.
  public func rank(_ member: ByteView) -> (rank: Int, score: Double)? {
    switch form {
    case .listpack(let list):
      let needle = Needle(member)
      var rank = 0
      var place = list.first
      while let here = place, let score = list.next(after: here) {
        if needle.matches(list.element(at: here)) { return (rank, list.element(at: score).score) }
        rank += 1
        place = list.next(after: score)
      }
      return nil
    case .tree(let tree):
      guard let score = score(member) else { return nil }
      return (unsafe tree.root.pointee.ranks.rank { $0.isBefore(score, member) }, score)
    }
  }

  /// How many members come first of which `isBefore` is true; it is of none behind them.
  public func count(where isBefore: (_ score: Double, _ member: Element) -> Bool) -> Int {
    switch form {
    case .listpack:
      var count = 0
      var members = cursor()
      while let item = members.next(), isBefore(item.score, item.name) { count += 1 }
      return count
    case .tree(let tree):
      return unsafe tree.root.pointee.ranks.rank { isBefore($0.score, .bytes($0.key)) }
    }
  }

  /// The large form, over which ZSCAN sweeps; nil if the set is packed.
  public var collection: CollectionReference? {
    guard case .tree(let tree) = form else { return nil }
    return tree
  }

  /// A member chosen by a random number; nil if there is none.
  public func random(_ draw: UInt64) -> Item? {
    let count = count
    guard count > 0 else { return nil }
    var members = cursor(from: Int(draw.multipliedFullWidth(by: UInt64(count)).high))
    return members.next()
  }

  /// Members by rank, up or down.
  public struct Cursor: BitwiseCopyable {
    private enum State: BitwiseCopyable {
      case listpack(Listpack, place: Int?, isBackward: Bool)
      case tree(RankTree.Cursor)
    }

    private var state: State

    init(_ form: Form, from rank: Int, isBackward: Bool) {
      switch form {
      case .listpack(let list): state = .listpack(list, place: list.place(rank * 2), isBackward: isBackward)
      case .tree(let tree): state = .tree(unsafe tree.root.pointee.ranks.cursor(at: rank, isBackward: isBackward))
      }
    }

    /// The next member with its score, or nil after the last.
    public mutating func next() -> Item? {
      switch state {
      case .listpack(let list, let place, let isBackward):
        guard let here = place, let score = list.next(after: here) else { return nil }
        var next = list.next(after: score)
        if isBackward { next = list.previous(before: here).flatMap { list.previous(before: $0) } }
        state = .listpack(list, place: next, isBackward: isBackward)
        var item = Item(list.element(at: here))
        item.score = list.element(at: score).score
        return item
      case .tree(var cursor):
        let entry = cursor.next()
        state = .tree(cursor)
        return entry.map { SortedSetView.item($0) }
      }
    }
  }

  /// A member of a large sorted set.
  public static func item(_ entry: Entry) -> Item {
    var item = Item(.bytes(entry.key))
    item.score = entry.score
    return item
  }

  /// The members from `rank` on, which may be none.
  public func cursor(from rank: Int = 0, isBackward: Bool = false) -> Cursor {
    Cursor(form, from: rank, isBackward: isBackward)
  }
}
