// HashView.swift: reading a hash, whichever form it has.
//
//   listpack: field value field value …        hashtable: entries whose key is the field
import Bytes

/// A hash as it is now. Good until the hash changes.
public struct HashView: BitwiseCopyable {
  enum Form: BitwiseCopyable {
    case listpack(Listpack)
    case table(CollectionReference)
  }

  let form: Form

  /// The hash at an entry, which holds one.
  public init(_ entry: Entry) {
    precondition(entry.type == .hash, "the entry holds no hash")
    switch entry.encoding {
    case .listpack: form = .listpack(Listpack(BlobReference(bits: entry.payload)))
    default: form = .table(CollectionReference(bits: entry.payload))
    }
  }

  /// Fields.
  public var count: Int {
    switch form {
    case .listpack(let list): list.count / 2
    case .table(let table): table.count
    }
  }

  /// The value of a field, or nil.
  public func value(_ field: ByteView) -> Element? {
    switch form {
    case .listpack(let list):
      guard let place = list.find(field, stride: 2), let value = list.next(after: place) else { return nil }
      return list.element(at: value)
    case .table(let table):
      return table.find(field, KeyHash(field)).map { .bytes($0.bytes) }
    }
  }

  public func contains(_ field: ByteView) -> Bool { value(field) != nil }

  /// A field and its value chosen by a random number; nil if there is none.
  public func random(_ draw: UInt64) -> Item? {
    guard count > 0 else { return nil }
    switch form {
    case .listpack(let list):
      let index = Int(draw.multipliedFullWidth(by: UInt64(count)).high)
      guard let place = list.place(index * 2), let value = list.next(after: place) else { return nil }
      var item = Item(list.element(at: place))
      item.value = list.element(at: value)
      return item
    case .table(let table):
      return table.random(draw).map { HashView.item($0) }
    }
  }

  /// The large form, over which HSCAN sweeps; nil if the hash is packed.
  public var collection: CollectionReference? {
    guard case .table(let table) = form else { return nil }
    return table
  }

  fileprivate static func item(_ entry: Entry) -> Item {
    var item = Item(.bytes(entry.key))
    item.value = .bytes(entry.bytes)
    item.expiry = entry.expiry
    return item
  }

  /// All fields with their values.
  public struct Cursor: BitwiseCopyable {
    private enum State: BitwiseCopyable {
      case listpack(Listpack.Cursor)
      case table(CollectionReference.Cursor)
    }

    private var state: State

    init(_ form: Form) {
      switch form {
      case .listpack(let list): state = .listpack(list.cursor())
      case .table(let table): state = .table(table.cursor())
      }
    }

    /// The next field, or nil after the last.
    public mutating func next() -> Item? {
      switch state {
      case .listpack(var cursor):
        guard let field = cursor.next(), let value = cursor.next() else { return nil }
        state = .listpack(cursor)
        var item = Item(field)
        item.value = value
        return item
      case .table(var cursor):
        let entry = cursor.next()
        state = .table(cursor)
        return entry.map { HashView.item($0) }
      }
    }
  }

  public func cursor() -> Cursor { Cursor(form) }
}
