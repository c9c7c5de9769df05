// StreamReference+Groups.swift: groups and their consumers made and removed, entries delivered and acknowledged.
//
// Everything that changes how much memory a group takes goes through `counted`.
import Bytes
import CAllocator

extension StreamReference {
  /// The groups, in the order of their names.
  @safe public struct Groups: BitwiseCopyable, RandomAccessCollection {
    let stream: StreamReference

    public var startIndex: Int { 0 }
    public var endIndex: Int { unsafe stream.root.pointee.groups.count }
    public subscript(index: Int) -> StreamGroupReference { unsafe StreamGroupReference(stream.root.pointee.groups[index]) }
  }

  public var groups: Groups { Groups(stream: self) }

  public func findGroup(_ name: ByteView) -> StreamGroupReference? {
    let (index, isFound) = unsafe root.pointee.groups.search(name)
    return isFound ? groups[index] : nil
  }

  /// Makes a group; nil if there is one of this name.
  public func makeGroup(_ name: ByteView, lastID: StreamID, entriesRead: Int64?) -> StreamGroupReference? {
    let (index, isFound) = unsafe root.pointee.groups.search(name)
    guard !isFound else { return nil }
    let pointer = UnsafeMutablePointer<StreamGroup>.allocate(capacity: 1)
    unsafe pointer.initialize(to: StreamGroup(name, lastID: lastID, entriesRead: entriesRead))
    unsafe root.pointee.groups.insert(pointer, at: index)
    unsafe root.pointee.groupBytes += pointer.pointee.memoryBytes
    return unsafe StreamGroupReference(pointer)
  }

  /// Removes a group with all that it has.
  public func remove(_ group: StreamGroupReference) {
    while group.consumerCount > 0 { remove(group.consumer(group.consumerCount - 1), of: group, keepsPending: true) }
    let (index, isFound) = unsafe root.pointee.groups.search(group.name)
    precondition(isFound, "a group of another stream")
    unsafe root.pointee.groupBytes -= group.pointer.pointee.memoryBytes
    unsafe root.pointee.groups.remove(at: index)
    unsafe group.pointer.deinitialize(count: 1)
    unsafe group.pointer.deallocate()
  }

  /// Takes a group with all that it has out, into a stream of its own: for who frees it in steps.
  func detach(_ group: StreamGroupReference) -> StreamReference {
    var bytes = unsafe group.pointer.pointee.memoryBytes
    for index in 0..<group.consumerCount { unsafe bytes += group.consumer(index).pointer.pointee.memoryBytes }
    let (index, isFound) = unsafe root.pointee.groups.search(group.name)
    precondition(isFound, "a group of another stream")
    unsafe root.pointee.groups.remove(at: index)
    unsafe root.pointee.groupBytes -= bytes
    let other = StreamReference.make()
    unsafe other.root.pointee.groups.insert(group.pointer, at: 0)
    unsafe other.root.pointee.groupBytes = bytes
    return other
  }

  /// Makes a consumer; nil if there is one of this name.
  public func makeConsumer(
    _ name: ByteView, in group: StreamGroupReference, now: Milliseconds
  ) -> StreamConsumerReference? {
    let (index, isFound) = unsafe group.pointer.pointee.consumers.search(name)
    guard !isFound else { return nil }
    let pointer = UnsafeMutablePointer<StreamConsumer>.allocate(capacity: 1)
    unsafe pointer.initialize(to: StreamConsumer(name, seen: now))
    counted(group) { unsafe group.pointer.pointee.consumers.insert(pointer, at: index) }
    unsafe root.pointee.groupBytes += pointer.pointee.memoryBytes
    return unsafe StreamConsumerReference(pointer)
  }

  /// Removes a consumer and what it has pending.
  public func remove(_ consumer: StreamConsumerReference, of group: StreamGroupReference) {
    remove(consumer, of: group, keepsPending: false)
  }

  /// - Parameter keepsPending: the group's own index is left as it is, because it goes too.
  private func remove(_ consumer: StreamConsumerReference, of group: StreamGroupReference, keepsPending: Bool) {
    if !keepsPending {
      while let first = unsafe consumer.pointer.pointee.pending.first {
        _ = unsafe acknowledge(consumer.pointer.pointee.pending[first].id, in: group)
      }
    }
    let (index, isFound) = unsafe group.pointer.pointee.consumers.search(consumer.name)
    precondition(isFound, "a consumer of another group")
    unsafe root.pointee.groupBytes -= consumer.pointer.pointee.memoryBytes
    counted(group) { unsafe group.pointer.pointee.consumers.remove(at: index) }
    unsafe consumer.pointer.deinitialize(count: 1)
    unsafe consumer.pointer.deallocate()
  }

  // MARK: pending entries

  /// The entry is `consumer`'s from now on, whoever had it before.
  public func assign(
    _ id: StreamID, to consumer: StreamConsumerReference, in group: StreamGroupReference, delivered: Milliseconds,
    deliveries: Int64
  ) {
    let new = StreamPending(delivered: delivered, deliveries: deliveries, consumer: consumer)
    if let place = unsafe group.pointer.pointee.pending.find(id) {
      let old = unsafe group.pointer.pointee.pending[place].value.consumer
      unsafe group.pointer.pointee.pending.update(place, new)
      guard old != consumer else { return }
      unsafe counted(old) { pointer in
        if let place = unsafe pointer.pointee.pending.find(id) { unsafe pointer.pointee.pending.remove(place) }
      }
    } else {
      counted(group) { unsafe _ = group.pointer.pointee.pending.insert(id, new) }
    }
    unsafe counted(consumer) { unsafe _ = $0.pointee.pending.insert(id, StreamConsumer.Mark()) }
  }

  /// The entry is pending no more; whether it was.
  public func acknowledge(_ id: StreamID, in group: StreamGroupReference) -> Bool {
    guard let place = unsafe group.pointer.pointee.pending.find(id) else { return false }
    let consumer = unsafe group.pointer.pointee.pending[place].value.consumer
    counted(group) { unsafe group.pointer.pointee.pending.remove(place) }
    unsafe counted(consumer) { consumer in
      if let place = unsafe consumer.pointee.pending.find(id) { unsafe consumer.pointee.pending.remove(place) }
    }
    return true
  }

  private func counted<Result>(_ group: StreamGroupReference, _ change: () -> Result) -> Result {
    let before = unsafe group.pointer.pointee.memoryBytes
    defer { unsafe root.pointee.groupBytes += group.pointer.pointee.memoryBytes - before }
    return change()
  }

  private func counted(_ consumer: StreamConsumerReference, _ change: (UnsafeMutablePointer<StreamConsumer>) -> Void) {
    let before = unsafe consumer.pointer.pointee.memoryBytes
    unsafe change(consumer.pointer)
    unsafe root.pointee.groupBytes += consumer.pointer.pointee.memoryBytes - before
  }

  // MARK: copies

  /// The same stream, sharing nothing.
  func copied() -> StreamReference {
    let copy = StreamReference.make()
    forEachBlock { id, bytes in
      _ = copy.insertBlock(StreamBlock(blob: BlobReference.copy(of: bytes), master: id))
    }
    unsafe copy.root.pointee.length = count
    unsafe copy.root.pointee.firstID = firstID
    copy.remember(last: lastID, added: entriesAdded, deleted: deletedIDMax)
    for group in groups {
      guard let other = copy.makeGroup(group.name, lastID: group.lastID, entriesRead: group.entriesRead) else { continue }
      for index in 0..<group.consumerCount {
        let consumer = group.consumer(index)
        copy.makeConsumer(consumer.name, in: other, now: consumer.seen)?.active = consumer.active
      }
      var from: StreamID? = .zero
      while let start = from, let (id, pending) = group.pending(atLeast: start) {
        if let consumer = other.findConsumer(pending.consumer.name) {
          copy.assign(id, to: consumer, in: other, delivered: pending.delivered, deliveries: pending.deliveries)
        }
        from = id.next
      }
    }
    return copy
  }
}
