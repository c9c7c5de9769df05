// StreamBlock+Edit.swift: entries added to a block and taken out.
//
// Adding measures all elements first, asks for room once and writes them one after the other. Taking out only
// marks: the bytes go when the whole block goes. Every change takes the blob's ownership and returns the result's.
import Bytes
import CAllocator

extension StreamBlock {
  /// Names and values in turn, as they came.
  typealias Words = UnsafeBufferPointer<ByteView>

  /// Bytes of one block that are never passed, whatever the limits say.
  static var bytesMax: Int { 1 << 30 }

  /// A block for an entry to come, whose fields are the master's.
  static func make(_ id: StreamID, fields words: Words) -> StreamBlock {
    let names = words.count / 2
    var size = packedBytes(0) * 3 + packedBytes(names)
    for index in 0..<names { size += unsafe Listpack.packedBytes(Element(packing: words[index * 2])) }
    var blob = Listpack.make(spare: size)
    var writer = BlockWriter(&blob, adding: size)
    writer.add(0)
    writer.add(0)
    writer.add(names)
    for index in 0..<names { unsafe writer.add(Element(packing: words[index * 2])) }
    writer.add(0)
    writer.finish(elements: names + 4)
    return StreamBlock(blob: blob, master: id)
  }

  /// Adds an entry; the result.
  func appending(_ id: StreamID, _ words: Words) -> StreamBlock {
    let header = header
    let isSame = unsafe hasFields(words, header)
    let distances = (distance(master.milliseconds, id.milliseconds), distance(master.sequence, id.sequence))
    let names = words.count / 2
    let flags = isSame ? Int(Flag.sameFields) : 0
    let elements = isSame ? names + 3 : names * 2 + 4
    var size = StreamBlock.packedBytes(flags) + StreamBlock.packedBytes(distances.0)
    size += StreamBlock.packedBytes(distances.1) + StreamBlock.packedBytes(elements)
    if !isSame { size += StreamBlock.packedBytes(names) }
    for index in 0..<words.count where !isSame || index & 1 == 1 {
      size += unsafe Listpack.packedBytes(Element(packing: words[index]))
    }
    var blob = blob
    var writer = BlockWriter(&blob, adding: size)
    writer.add(flags)
    writer.add(distances.0)
    writer.add(distances.1)
    if !isSame { writer.add(names) }
    for index in 0..<words.count where !isSame || index & 1 == 1 { unsafe writer.add(Element(packing: words[index])) }
    writer.add(elements)
    writer.finish(elements: elements + 1)
    return StreamBlock(blob: blob, master: master).setting(header.count + 1, at: header.countPlace)
  }

  /// Marks an entry as deleted; the result. The block must have another one.
  func deleting(_ entry: StreamEntry) -> StreamBlock { marking(entry).counting(deleted: 1) }

  /// Marks an entry as deleted without counting it.
  func marking(_ entry: StreamEntry) -> StreamBlock {
    let flags = Int64(listpack.integer(entry.place)) | Flag.deleted
    return setting(Int(flags), at: entry.place)
  }

  /// Says that so many more entries are deleted.
  func counting(deleted: Int) -> StreamBlock {
    let header = header
    // The later place first: the earlier stays where it is.
    return setting(header.deleted + deleted, at: header.deletedPlace)
      .setting(header.count - deleted, at: header.countPlace)
  }

  private func setting(_ value: Int, at place: Int) -> StreamBlock {
    let new = Element.integer(Int64(value))
    guard Listpack.packedBytes(new) == listpack.entryBytes(at: place), !blob.isPinned else {
      return StreamBlock(blob: Listpack.replace(at: place, with: new, in: blob), master: master)
    }
    unsafe Listpack.write(new, to: blob.start + place)
    return self
  }

  private func hasFields(_ words: Words, _ header: Header) -> Bool {
    guard header.fieldCount == words.count / 2 else { return false }
    var place = header.fieldsPlace
    for index in 0..<header.fieldCount {
      guard unsafe listpack.element(at: place).equals(words[index * 2]) else { return false }
      place = listpack.behind(place)
    }
    return true
  }

  private func distance(_ from: UInt64, _ to: UInt64) -> Int { Int(Int64(bitPattern: to &- from)) }

  fileprivate static func packedBytes(_ value: Int) -> Int { Listpack.packedBytes(.integer(Int64(value))) }
}

/// Elements written at the end of a listpack, for which there is room.
@safe private struct BlockWriter {
  private let blob: BlobReference
  private var place: Int
  private let added: Int

  /// Makes room for `size` bytes in `blob`, and some more for entries to come.
  init(_ blob: inout BlobReference, adding size: Int) {
    let needed = blob.count + size
    if blob.isPinned || needed > blob.capacity { blob = blob.roomier(needed + needed / 4) }
    self.blob = blob
    added = size
    place = blob.count - 1
  }

  mutating func add(_ value: Int) { add(Element.integer(Int64(value))) }

  mutating func add(_ element: Element) {
    unsafe Listpack.write(element, to: blob.start + place)
    place += Listpack.packedBytes(element)
  }

  /// Ends the listpack and brings its header up to date.
  func finish(elements: Int) {
    precondition(place == blob.count - 1 + added, "a stream's block was measured wrongly")
    unsafe blob.start.storeBytes(of: Listpack.endMark, toByteOffset: place, as: UInt8.self)
    blob.count = place + 1
    blob.finishAppending(elements: elements)
  }
}

extension BlobReference {
  /// The same bytes with room for `capacity`, unpinned. The caller's ownership goes over to the result.
  fileprivate func roomier(_ capacity: Int) -> BlobReference {
    guard isPinned else { return resized(capacity: capacity) }
    let copy = BlobReference.allocate(capacity: capacity)
    unsafe memcpy(copy.start, start, count)
    copy.count = count
    release()
    return copy
  }

  /// Gives back what a full block has no use for.
  func sealed() -> BlobReference { isPinned ? self : resized(capacity: count) }
}
