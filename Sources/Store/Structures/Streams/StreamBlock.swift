// StreamBlock.swift: some consecutive entries of a stream, in one listpack, byte for byte as Redis keeps them.
//
//   master entry   count │ deleted │ n │ field … field │ 0
//   entry          flags │ ms │ seq │ value … value │ lp-count            the master's fields
//   entry          flags │ ms │ seq │ n │ field value … │ lp-count        fields of its own
//
// The block is known by the identifier of its first entry; ms and seq are distances from it. Flags: 1 the entry is
// deleted, 2 it has the master's fields. Behind each entry stands how many elements it has, so that it can be found
// from behind. Count is how many entries are there, deleted how many were.
import Bytes
import CAllocator

/// A view of a block. What is read here was made here or was found sound by `isSound`.
@safe struct StreamBlock: BitwiseCopyable {
  let blob: BlobReference
  /// The identifier that the block is known by.
  let master: StreamID

  enum Flag {
    static var deleted: Int64 { 1 }
    static var sameFields: Int64 { 2 }
  }

  var listpack: Listpack { Listpack(blob) }

  /// Where the parts of the master entry stand.
  struct Header: BitwiseCopyable {
    var count: Int
    var deleted: Int
    var fieldCount: Int
    var countPlace: Int
    var deletedPlace: Int
    var fieldsPlace: Int
    /// The first entry, or the end mark.
    var entriesPlace: Int
  }

  var header: Header {
    let listpack = listpack
    let countPlace = Listpack.headerBytes
    let deletedPlace = listpack.behind(countPlace)
    let fieldCountPlace = listpack.behind(deletedPlace)
    let fieldCount = listpack.integer(fieldCountPlace)
    let fieldsPlace = listpack.behind(fieldCountPlace)
    return Header(
      count: listpack.integer(countPlace), deleted: listpack.integer(deletedPlace), fieldCount: fieldCount,
      countPlace: countPlace, deletedPlace: deletedPlace, fieldsPlace: fieldsPlace,
      entriesPlace: listpack.behind(listpack.skip(fieldCount, from: fieldsPlace)))
  }

  /// Entries that are not deleted.
  var count: Int { listpack.integer(Listpack.headerBytes) }

  // MARK: entries

  /// The entry at `place`; nil at the end.
  func entry(at place: Int, _ header: Header) -> StreamEntry? {
    let listpack = listpack
    guard listpack.byte(place) != Listpack.endMark else { return nil }
    let flags = Int64(listpack.integer(place))
    let millisecondsPlace = listpack.behind(place)
    let sequencePlace = listpack.behind(millisecondsPlace)
    let id = StreamID(
      master.milliseconds &+ UInt64(bitPattern: Int64(listpack.integer(millisecondsPlace))),
      master.sequence &+ UInt64(bitPattern: Int64(listpack.integer(sequencePlace))))
    var content = listpack.behind(sequencePlace)
    let isSame = flags & Flag.sameFields != 0
    var fieldCount = header.fieldCount
    if !isSame {
      fieldCount = listpack.integer(content)
      content = listpack.behind(content)
    }
    return StreamEntry(
      id: id, fieldCount: fieldCount, listpack: listpack, place: place, content: content,
      masterFields: isSame ? header.fieldsPlace : 0, isDeleted: flags & Flag.deleted != 0)
  }

  /// Where the entry behind `entry` stands, or the end mark.
  func place(behind entry: StreamEntry) -> Int {
    let listpack = listpack
    let elements = entry.masterFields > 0 ? entry.fieldCount : entry.fieldCount * 2
    return listpack.behind(listpack.skip(elements, from: entry.content))
  }

  /// Where the entry before `place` stands; nil before the first.
  func place(before place: Int, _ header: Header) -> Int? {
    guard place > header.entriesPlace, let last = listpack.previous(before: place) else { return nil }
    var result = last
    for _ in 0..<listpack.integer(last) {
      guard let before = listpack.previous(before: result) else { return nil }
      result = before
    }
    return result
  }

  /// The identifier of the last entry, deleted or not.
  var lastID: StreamID {
    let header = header
    guard let place = place(before: listpack.end, header), let entry = entry(at: place, header) else { return master }
    return entry.id
  }
}

/// One entry of a stream. Good until the stream changes.
public struct StreamEntry: BitwiseCopyable {
  public let id: StreamID
  /// Pairs of field and value.
  public let fieldCount: Int
  let listpack: Listpack
  let place: Int
  /// The first value, or the first field if it has its own.
  let content: Int
  /// The master's first field, or 0.
  let masterFields: Int
  let isDeleted: Bool

  /// Its fields with their values, one after the other.
  public struct Fields: BitwiseCopyable {
    let listpack: Listpack
    var left: Int
    var place: Int
    var masterPlace: Int

    public mutating func next() -> (field: Element, value: Element)? {
      guard left > 0 else { return nil }
      left -= 1
      let field: Element
      if masterPlace > 0 {
        field = listpack.element(at: masterPlace)
        masterPlace = listpack.behind(masterPlace)
      } else {
        field = listpack.element(at: place)
        place = listpack.behind(place)
      }
      let value = listpack.element(at: place)
      place = listpack.behind(place)
      return (field, value)
    }
  }

  public var fields: Fields {
    Fields(listpack: listpack, left: fieldCount, place: content, masterPlace: masterFields)
  }
}

extension Listpack {
  /// The place behind the element at `place`, which may be the end mark.
  @inline(__always) func behind(_ place: Int) -> Int { place &+ entryBytes(at: place) }

  func skip(_ count: Int, from place: Int) -> Int {
    var place = place
    for _ in 0..<count { place = behind(place) }
    return place
  }

  /// The number at `place`, which is one.
  @inline(__always) func integer(_ place: Int) -> Int {
    guard let value = element(at: place).int64 else { preconditionFailure("a stream's block has text for a number") }
    return Int(value)
  }
}
