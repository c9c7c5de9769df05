// Entry+Values.swift: what an entry's payload is, type by type.
//
//   string                  an integer, a blob, or nothing: the value is inline
//   listpack, intset        a blob with the bytes of the packed form
//   hashtable, skiplist     a collection
//   quicklist               a list of nodes
//   stream                  a stream
//
// Everything that owns memory is counted: `pinValue` makes one more owner, `freeValue` one less.
import Bytes
import CAllocator

extension Entry {
  enum Holding: BitwiseCopyable {
    /// An inline string or an integer.
    case itself
    case blob(BlobReference)
    case collection(CollectionReference)
    case list(ListReference)
    case stream(StreamReference)

    func release() {
      switch self {
      case .itself: break
      case .blob(let blob): blob.release()
      case .collection(let collection): collection.release()
      case .list(let list): list.release()
      case .stream(let stream): stream.release()
      }
    }
  }

  var holding: Holding {
    guard hasPayload && !isInteger else { return .itself }
    switch encoding {
    case .raw, .embstr, .int, .listpack, .intset: return .blob(BlobReference(bits: payload))
    case .hashtable, .skiplist: return .collection(CollectionReference(bits: payload))
    case .quicklist: return .list(ListReference(bits: payload))
    case .stream: return .stream(StreamReference(bits: payload))
    }
  }

  /// The bytes of a packed collection, or nil if it is not packed.
  public var packed: BlobReference? {
    guard !isString, encoding == .listpack || encoding == .intset else { return nil }
    return BlobReference(bits: payload)
  }

  /// The large hash, set or sorted set, or nil if the value is none.
  public var collection: CollectionReference? {
    guard case .collection(let collection) = holding else { return nil }
    return collection
  }

  /// Bytes of what the payload points to.
  var valueBytes: Int {
    switch holding {
    case .itself: 0
    case .blob(let blob): blob.memoryBytes
    case .collection(let collection): collection.memoryBytes
    case .list(let list): list.memoryBytes
    case .stream(let stream): stream.memoryBytes
    }
  }

  /// Going through the whole value takes more than some ten microseconds.
  public var isLong: Bool { valueBytes > Entry.shortBytesMax }

  private static var shortBytesMax: Int { 16 << 10 }

  /// The value is one that takes long to write or to free.
  public var isLarge: Bool {
    switch holding {
    case .itself, .blob: false
    case .collection, .list, .stream: true
    }
  }

  /// Parts of a large value that are freed, and copied, one by one: elements, nodes of a list. 1 for all others.
  var elementCount: Int {
    switch holding {
    case .itself, .blob: 1
    case .collection(let collection): collection.count
    case .list(let list): list.nodeCount
    case .stream(let stream): stream.count
    }
  }

  /// Makes one more owner of what the payload points to.
  func pinValue() {
    switch holding {
    case .itself: break
    case .blob(let blob): blob.pin()
    case .collection(let collection): collection.pin()
    case .list(let list): list.pin()
    case .stream(let stream): stream.pin()
    }
  }

  /// Somebody besides the entry owns the value: it does not change.
  public var isPinned: Bool {
    switch holding {
    case .itself: false
    case .blob(let blob): blob.isPinned
    case .collection(let collection): collection.isPinned
    case .list(let list): list.isPinned
    case .stream(let stream): stream.isPinned
    }
  }

  /// Lets go of what the payload points to; the last owner frees it in one step. What is large goes through
  /// `Graveyard` instead.
  func freeValue() { holding.release() }

  /// What the payload would be in a copy of the entry that shares nothing.
  func copiedPayload() -> UInt64 {
    switch holding {
    case .itself: payload
    case .blob(let blob): BlobReference.copy(of: blob.bytes).bits
    case .collection(let collection): collection.copied().bits
    case .list(let list): list.copied().bits
    case .stream(let stream): stream.copied().bits
    }
  }

  /// Says how the value is kept from now on; the type stays.
  func setEncoding(_ encoding: Encoding) {
    header = header & ~0xF0 | UInt64(encoding.rawValue) << 4
  }

  static func kind(_ type: ValueType, _ encoding: Encoding) -> UInt8 { encoding.rawValue << 4 | type.rawValue }
}
