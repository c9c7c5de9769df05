// StreamGroup.swift: a consumer group: how far it has read, and what is not acknowledged yet.
//
//   group ──▶ pending   id ▸ delivered when, how often, to whom       all that is not acknowledged
//         └─▶ consumers, by name ──▶ pending   id                     what is theirs of it
//
// Groups and consumers are few and stand in arrays ordered by name. Pending entries may be many: both indices are
// ordered by identifier, and what is said of an entry stands once, in the group's.
import Bytes
import CAllocator

/// Something that is known by a name and kept in a `StreamNames`.
protocol StreamNamed: ~Copyable {
  var name: BlobReference { get }
}

/// Pointers to named things, ordered by the bytes of their names.
@safe struct StreamNames<Thing: StreamNamed & ~Copyable>: ~Copyable {
  private var things: UnsafeMutablePointer<UnsafeMutablePointer<Thing>>?
  private(set) var count = 0
  private var capacity = 0

  init() { unsafe things = nil }

  deinit {
    precondition(count == 0, "groups or consumers were left behind")
    unsafe free(things)
  }

  var memoryBytes: Int { capacity == 0 ? 0 : SizeClass.round(capacity * 8) }

  subscript(index: Int) -> UnsafeMutablePointer<Thing> {
    precondition(index >= 0 && index < count, "no such group or consumer")
    return unsafe things.unsafelyUnwrapped[index]
  }

  /// Where the name stands, or would.
  func search(_ name: ByteView) -> (index: Int, isFound: Bool) {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      let other = unsafe self[middle].pointee.name.bytes
      if other == name { return (middle, true) }
      if other.precedes(name) { low = middle + 1 } else { high = middle }
    }
    return (low, false)
  }

  mutating func insert(_ thing: UnsafeMutablePointer<Thing>, at index: Int) {
    if count == capacity {
      capacity = max(2, capacity * 2)
      guard let memory = unsafe realloc(things, capacity * 8) else { SizeClass.outOfMemory(capacity * 8) }
      unsafe things = memory.bindMemory(to: UnsafeMutablePointer<Thing>.self, capacity: capacity)
    }
    let at = unsafe things.unsafelyUnwrapped + index
    unsafe memmove(at + 1, at, (count - index) * 8)
    unsafe at.initialize(to: thing)
    count += 1
  }

  mutating func remove(at index: Int) {
    let at = unsafe things.unsafelyUnwrapped + index
    unsafe memmove(at, at + 1, (count - index - 1) * 8)
    count -= 1
  }
}

struct StreamConsumer: ~Copyable, StreamNamed {
  let name: BlobReference
  /// When it last asked for anything.
  var seen: Milliseconds
  /// When it last got anything; -1 for never.
  var active: Milliseconds = -1
  var pending = StreamIndex<Mark>()

  /// What is said of a pending entry stands in the group's index.
  struct Mark: BitwiseCopyable {}

  init(_ name: ByteView, seen: Milliseconds) {
    self.name = BlobReference.copy(of: name)
    self.seen = seen
  }

  deinit { name.release() }

  var memoryBytes: Int {
    SizeClass.round(MemoryLayout<StreamConsumer>.size) + name.memoryBytes + pending.memoryBytes
  }
}

struct StreamGroup: ~Copyable, StreamNamed {
  let name: BlobReference
  /// The entry that was delivered last.
  var lastID: StreamID
  /// How many entries the group has read, as if it had read from the stream's beginning; nil if unknown.
  var entriesRead: Int64?
  var pending = StreamIndex<StreamPending>()
  var consumers = StreamNames<StreamConsumer>()

  init(_ name: ByteView, lastID: StreamID, entriesRead: Int64?) {
    self.name = BlobReference.copy(of: name)
    self.lastID = lastID
    self.entriesRead = entriesRead
  }

  deinit { name.release() }

  var memoryBytes: Int {
    SizeClass.round(MemoryLayout<StreamGroup>.size) + name.memoryBytes + pending.memoryBytes + consumers.memoryBytes
  }
}

/// What is said of an entry that was delivered and not acknowledged.
public struct StreamPending: BitwiseCopyable {
  public var delivered: Milliseconds
  public var deliveries: Int64
  public internal(set) var consumer: StreamConsumerReference
}

/// A pointer to a consumer. Good until it or its group goes.
@safe public struct StreamConsumerReference: BitwiseCopyable, Equatable {
  let pointer: UnsafeMutablePointer<StreamConsumer>

  init(_ pointer: UnsafeMutablePointer<StreamConsumer>) { unsafe self.pointer = pointer }

  public var name: ByteView { unsafe pointer.pointee.name.bytes }
  public var pendingCount: Int { unsafe pointer.pointee.pending.count }
  /// When it last asked for anything.
  public var seen: Milliseconds {
    get { unsafe pointer.pointee.seen }
    nonmutating set { unsafe pointer.pointee.seen = newValue }
  }
  /// When it last got anything; -1 for never.
  public var active: Milliseconds {
    get { unsafe pointer.pointee.active }
    nonmutating set { unsafe pointer.pointee.active = newValue }
  }

  public static func == (a: StreamConsumerReference, b: StreamConsumerReference) -> Bool { unsafe a.pointer == b.pointer }
}

/// A pointer to a group. Good until it or its stream goes.
@safe public struct StreamGroupReference: BitwiseCopyable, Equatable {
  let pointer: UnsafeMutablePointer<StreamGroup>

  init(_ pointer: UnsafeMutablePointer<StreamGroup>) { unsafe self.pointer = pointer }

  public var name: ByteView { unsafe pointer.pointee.name.bytes }
  public var pendingCount: Int { unsafe pointer.pointee.pending.count }
  public var lastID: StreamID {
    get { unsafe pointer.pointee.lastID }
    nonmutating set { unsafe pointer.pointee.lastID = newValue }
  }
  /// How many entries the group has read; nil if unknown.
  public var entriesRead: Int64? {
    get { unsafe pointer.pointee.entriesRead }
    nonmutating set { unsafe pointer.pointee.entriesRead = newValue }
  }

  public static func == (a: StreamGroupReference, b: StreamGroupReference) -> Bool { unsafe a.pointer == b.pointer }

  public var consumerCount: Int { unsafe pointer.pointee.consumers.count }
  /// In the order of their names.
  public func consumer(_ index: Int) -> StreamConsumerReference {
    unsafe StreamConsumerReference(pointer.pointee.consumers[index])
  }
  public func findConsumer(_ name: ByteView) -> StreamConsumerReference? {
    let (index, isFound) = unsafe pointer.pointee.consumers.search(name)
    return isFound ? consumer(index) : nil
  }

  /// Frees about `effort` of what is pending in a group that nobody uses any more; how many it freed.
  func freePending(_ effort: Int) -> Int {
    var freed = unsafe pointer.pointee.pending.freeSome(effort)
    var index = 0
    while freed < effort && index < consumerCount {
      unsafe freed += consumer(index).pointer.pointee.pending.freeSome(effort - freed)
      index += 1
    }
    return freed
  }

  // MARK: pending entries

  public func pending(_ id: StreamID) -> StreamPending? {
    guard let place = unsafe pointer.pointee.pending.find(id) else { return nil }
    return unsafe pointer.pointee.pending[place].value
  }

  /// The first pending entry that is not before `id`, of all or of one consumer's.
  public func pending(atLeast id: StreamID, of consumer: StreamConsumerReference? = nil) -> (StreamID, StreamPending)? {
    guard let consumer else {
      guard let place = unsafe pointer.pointee.pending.place(atLeast: id) else { return nil }
      let item = unsafe pointer.pointee.pending[place]
      return (item.id, item.value)
    }
    guard let place = unsafe consumer.pointer.pointee.pending.place(atLeast: id) else { return nil }
    let found = unsafe consumer.pointer.pointee.pending[place].id
    return pending(found).map { (found, $0) }
  }

  /// The last pending entry of all.
  public var lastPendingID: StreamID? {
    guard let place = unsafe pointer.pointee.pending.last else { return nil }
    return unsafe pointer.pointee.pending[place].id
  }

  /// Says when and how often a pending entry was delivered.
  public func update(_ id: StreamID, delivered: Milliseconds, deliveries: Int64) {
    guard let place = unsafe pointer.pointee.pending.find(id) else { return }
    var value = unsafe pointer.pointee.pending[place].value
    value.delivered = delivered
    value.deliveries = deliveries
    unsafe pointer.pointee.pending.update(place, value)
  }
}
