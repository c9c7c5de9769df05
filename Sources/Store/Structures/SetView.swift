// SetView.swift: reading a set, whichever form it has.
import Bytes

/// A set as it is now. Good until the set changes.
public struct SetView: BitwiseCopyable {
  enum Form: BitwiseCopyable {
    case intset(Intset)
    case listpack(Listpack)
    case table(CollectionReference)
  }

  let form: Form

  /// The set at an entry, which holds one.
  public init(_ entry: Entry) {
    precondition(entry.type == .set, "the entry holds no set")
    switch entry.encoding {
    case .intset: form = .intset(Intset(BlobReference(bits: entry.payload)))
    case .listpack: form = .listpack(Listpack(BlobReference(bits: entry.payload)))
    default: form = .table(CollectionReference(bits: entry.payload))
    }
  }

  /// Members.
  public var count: Int {
    switch form {
    case .intset(let set): set.count
    case .listpack(let list): list.count
    case .table(let table): table.count
    }
  }

  public func contains(_ member: ByteView) -> Bool {
    switch form {
    case .intset(let set): member.int64.map { set.contains($0) } ?? false
    case .listpack(let list): list.find(member) != nil
    case .table(let table): table.find(member, KeyHash(member)) != nil
    }
  }

  /// The same for an element of another collection: integers are compared as such where they are kept so.
  public func contains(_ element: Element) -> Bool {
    if case .intset(let set) = form, case .integer(let value) = element { return set.contains(value) }
    return element.withView { contains($0) }
  }

  /// A member chosen by a random number; nil if there is none.
  public func random(_ draw: UInt64) -> Element? {
    guard count > 0 else { return nil }
    switch form {
    case .intset(let set): return .integer(set[Int(draw.multipliedFullWidth(by: UInt64(set.count)).high)])
    case .listpack(let list):
      return list.place(Int(draw.multipliedFullWidth(by: UInt64(list.count)).high)).map { list.element(at: $0) }
    case .table(let table): return table.random(draw).map { .bytes($0.key) }
    }
  }

  /// The large form, over which SSCAN sweeps; nil if the set is packed.
  public var collection: CollectionReference? {
    guard case .table(let table) = form else { return nil }
    return table
  }

  /// All members.
  public struct Cursor: BitwiseCopyable {
    private enum State: BitwiseCopyable {
      case intset(Intset, Int)
      case listpack(Listpack.Cursor)
      case table(CollectionReference.Cursor)
    }

    private var state: State

    init(_ form: Form) {
      switch form {
      case .intset(let set): state = .intset(set, 0)
      case .listpack(let list): state = .listpack(list.cursor())
      case .table(let table): state = .table(table.cursor())
      }
    }

    /// The next member, or nil after the last.
    public mutating func next() -> Element? {
      switch state {
      case .intset(let set, let index):
        guard index < set.count else { return nil }
        state = .intset(set, index + 1)
        return .integer(set[index])
      case .listpack(var cursor):
        let element = cursor.next()
        state = .listpack(cursor)
        return element
      case .table(var cursor):
        let entry = cursor.next()
        state = .table(cursor)
        return entry.map { .bytes($0.key) }
      }
    }
  }

  public func cursor() -> Cursor { Cursor(form) }
}
