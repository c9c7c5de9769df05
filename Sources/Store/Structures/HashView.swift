// HashView.swift: reading a hash, whichever form it has.
//
//   listpack: field value field value …      hashtable: entries whose key is the field, with its expiry if it has one
import Bytes

/// A hash as it is now. Good until the hash changes.
public struct HashView: BitwiseCopyable {
  enum Form: BitwiseCopyable {
    case listpack(Listpack)
    case table(CollectionReference)
  }

  let form: Form
  /// Fields that ended before it are not seen; all are to begin with. It matters only if `hasVolatileFields`.
  public var now = Milliseconds.min

  /// The hash at an entry, which holds one.
  public init(_ entry: Entry) {
    precondition(entry.type == .hash, "the entry holds no hash")
    switch entry.encoding {
    case .listpack: form = .listpack(Listpack(BlobReference(bits: entry.payload)))
    default: form = .table(CollectionReference(bits: entry.payload))
    }
  }

  /// Fields, those that have ended and are still there included.
  public var count: Int {
    switch form {
    case .listpack(let list): list.count / 2
    case .table(let table): table.count
    }
  }

  /// Whether a field has an expiry.
  public var hasVolatileFields: Bool {
    guard case .table(let table) = form else { return false }
    return table.volatileCount > 0
  }

  /// The value of a field, or nil.
  public func value(_ field: ByteView) -> Element? {
    switch form {
    case .listpack(let list):
      guard let place = list.find(field, stride: 2), let value = list.next(after: place) else { return nil }
      return list.element(at: value)
    case .table(let table):
      guard let entry = table.find(field, KeyHash(field)), !entry.isExpired(now) else { return nil }
      return .bytes(entry.bytes)
    }
  }

  public func contains(_ field: ByteView) -> Bool { value(field) != nil }

  /// What is to be known of a field before it changes.
  public enum FieldState: Equatable, Sendable {
    case absent
    /// Its time has come; to clients it is not there any more.
    case expired
    /// With its expiry.
    case live(Milliseconds?)
  }

  public func state(_ field: ByteView) -> FieldState {
    switch form {
    case .listpack(let list):
      return list.find(field, stride: 2) == nil ? .absent : .live(nil)
    case .table(let table):
      guard let entry = table.find(field, KeyHash(field)) else { return .absent }
      return entry.isExpired(now) ? .expired : .live(entry.expiry)
    }
  }

  /// A field and its value chosen by a random number, which may have ended; nil if there is none.
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
    private let now: Milliseconds

    init(_ form: Form, now: Milliseconds) {
      self.now = now
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
        var entry = cursor.next()
        while let ended = entry, ended.isExpired(now) { entry = cursor.next() }
        state = .table(cursor)
        return entry.map { HashView.item($0) }
      }
    }
  }

  public func cursor() -> Cursor { Cursor(form, now: now) }
}
