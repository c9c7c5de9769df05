// Listpack+Edit.swift: changing a listpack.
//
// The bytes are a blob's. Every change takes the blob's ownership and returns that of the result, which may
// stand elsewhere: the blob was moved by the allocator, or pinned and so copied. A listpack takes just the
// allocation that it needs, because there are millions of them.
import Bytes
import CAllocator

extension Listpack {
  /// Bytes that are safe to keep in one listpack; beyond them a collection changes its form.
  package static var safeBytesMax: Int { 1 << 30 }

  /// An empty listpack with room for `spare` bytes of elements.
  public static func make(spare: Int = 16) -> BlobReference {
    let blob = BlobReference.allocate(capacity: headerBytes + 1 + spare)
    unsafe blob.start.storeBytes(of: UInt16(0), toByteOffset: 4, as: UInt16.self)
    unsafe blob.start.storeBytes(of: endMark, toByteOffset: headerBytes, as: UInt8.self)
    blob.count = headerBytes + 1
    blob.writeTotal()
    return blob
  }

  /// Puts `element` at the place `offset`, before what stands there.
  public static func insert(_ element: Element, at offset: Int, in blob: BlobReference) -> BlobReference {
    let size = packedBytes(element)
    let result = blob.splice(at: offset, removing: 0, adding: size)
    unsafe write(element, to: result.start + offset)
    result.changeCount(by: 1)
    return result
  }

  public static func append(_ element: Element, to blob: BlobReference) -> BlobReference {
    insert(element, at: blob.count - 1, in: blob)
  }

  /// Puts `element` in the place of the one at `offset`.
  public static func replace(at offset: Int, with element: Element, in blob: BlobReference) -> BlobReference {
    let old = Listpack(blob).entryBytes(at: offset)
    let result = blob.splice(at: offset, removing: old, adding: packedBytes(element))
    unsafe write(element, to: result.start + offset)
    return result
  }

  /// Takes `count` elements out, beginning with the one at `offset`; there are so many.
  public static func remove(at offset: Int, count: Int, from blob: BlobReference) -> BlobReference {
    let listpack = Listpack(blob)
    var end = offset
    for _ in 0..<count { end += listpack.entryBytes(at: end) }
    let result = blob.splice(at: offset, removing: end - offset, adding: 0)
    result.changeCount(by: -count)
    return result
  }

  /// Takes the elements at `indices` out, which ascend and are counted from `base`: what stays moves once.
  static func remove(at indices: ArraySlice<Int>, base: Int, from blob: BlobReference) -> BlobReference {
    var result = blob
    if blob.isPinned {
      result = BlobReference.copy(of: blob.bytes)
      blob.release()
    }
    let list = Listpack(result)
    let start = unsafe result.start
    var (from, to, index) = (headerBytes, headerBytes, base)
    for removed in indices {
      var end = from
      while index < removed {
        end += list.entryBytes(at: end)
        index += 1
      }
      unsafe memmove(start + to, start + from, end - from)
      to += end - from
      from = end + list.entryBytes(at: end)
      index += 1
    }
    unsafe memmove(start + to, start + from, result.count - from)
    result.count = to + result.count - from
    result.writeTotal()
    result.changeCount(by: -indices.count)
    return result.resized(capacity: result.count)
  }

  /// Bytes that `element` takes in a listpack.
  public static func packedBytes(_ element: Element) -> Int {
    let size: Int
    switch element {
    case .integer(let value): size = numberBytes(value)
    case .bytes(let text): size = text.count + (text.count < 64 ? 1 : text.count < 4096 ? 2 : 5)
    }
    return size + backLengthBytes(size)
  }

  private static func numberBytes(_ value: Int64) -> Int {
    if value >= 0 && value < 0x80 { return 1 }
    if value >= -0x1000 && value < 0x1000 { return 2 }
    if Int16(exactly: value) != nil { return 3 }
    if value >= -0x80_0000 && value < 0x80_0000 { return 4 }
    return Int32(exactly: value) != nil ? 5 : 9
  }

  /// Writes an element with its back-length; there is room for `packedBytes` of it.
  static func write(_ element: Element, to out: UnsafeMutableRawPointer) {
    let size: Int
    switch element {
    case .integer(let value): size = unsafe write(value, to: out)
    case .bytes(let text):
      let header = unsafe writeHeader(text.count, to: out)
      unsafe memcpy(out + header, text.start, text.count)
      size = header + text.count
    }
    // The back-length: its highest seven bits come first, and all but those are marked.
    let bytes = backLengthBytes(size)
    for index in 0..<bytes {
      let part = UInt8(truncatingIfNeeded: size >> (7 * (bytes - 1 - index))) & 0x7F
      unsafe out.storeBytes(of: index == 0 ? part : part | 0x80, toByteOffset: size + index, as: UInt8.self)
    }
  }

  private static func writeHeader(_ count: Int, to out: UnsafeMutableRawPointer) -> Int {
    if count < 64 {
      unsafe out.storeBytes(of: 0x80 | UInt8(count), as: UInt8.self)
      return 1
    }
    if count < 4096 {
      unsafe out.storeBytes(of: 0xE0 | UInt8(count >> 8), as: UInt8.self)
      unsafe out.storeBytes(of: UInt8(count & 0xFF), toByteOffset: 1, as: UInt8.self)
      return 2
    }
    precondition(count <= Int(UInt32.max), "a listpack has no room for an element of over 4 GiB")
    unsafe out.storeBytes(of: 0xF0, as: UInt8.self)
    unsafe out.storeBytes(of: UInt32(count).littleEndian, toByteOffset: 1, as: UInt32.self)
    return 5
  }

  private static func write(_ value: Int64, to out: UnsafeMutableRawPointer) -> Int {
    let size = numberBytes(value)
    switch size {
    case 1:
      unsafe out.storeBytes(of: UInt8(value), as: UInt8.self)
    case 2:
      let raw = UInt16(truncatingIfNeeded: value) & 0x1FFF
      unsafe out.storeBytes(of: 0xC0 | UInt8(raw >> 8), as: UInt8.self)
      unsafe out.storeBytes(of: UInt8(raw & 0xFF), toByteOffset: 1, as: UInt8.self)
    default:
      unsafe out.storeBytes(of: size == 9 ? 0xF4 : UInt8(0xF1 + size - 3), as: UInt8.self)
      for index in 0..<(size - 1) {
        let part = UInt8(truncatingIfNeeded: value >> Int64(8 * index))
        unsafe out.storeBytes(of: part, toByteOffset: 1 + index, as: UInt8.self)
      }
    }
    return size
  }
}

extension BlobReference {
  /// Takes `removed` bytes of a listpack out at `offset` and makes room for `added` there. Takes this blob's ownership; the
  /// result is unpinned and has the allocation that its bytes need.
  func splice(at offset: Int, removing removed: Int, adding added: Int) -> BlobReference {
    let result = cut(at: offset, removing: removed, adding: added)
    result.writeTotal()
    return result
  }

  /// The same for bytes of any meaning.
  func cut(at offset: Int, removing removed: Int, adding added: Int) -> BlobReference {
    let oldCount = count
    let newCount = oldCount - removed + added
    let tail = oldCount - offset - removed
    if isPinned {
      let copy = BlobReference.allocate(capacity: newCount)
      unsafe memcpy(copy.start, start, offset)
      unsafe memcpy(copy.start + (offset + added), start + (offset + removed), tail)
      copy.count = newCount
      release()
      return copy
    }
    var result = self
    if newCount > capacity { result = resized(capacity: newCount) }
    unsafe memmove(result.start + (offset + added), result.start + (offset + removed), tail)
    result.count = newCount
    return newCount < oldCount ? result.resized(capacity: newCount) : result
  }

  /// The same bytes, as far as they fit, in the allocation for `capacity`.
  func resized(capacity needed: Int) -> BlobReference {
    let size = SizeClass.round(needed + BlobReference.headerBytes)
    guard size != memoryBytes else { return self }
    guard let moved = unsafe realloc(memory, size) else { SizeClass.outOfMemory(size) }
    let blob = unsafe BlobReference(moved)
    blob.memoryBytes = size
    return blob
  }

  /// So many elements were written at the end, and the end mark behind them.
  func finishAppending(elements: Int) {
    writeTotal()
    changeCount(by: elements)
  }

  /// Appends elements that are packed already.
  func appendingPacked(_ other: BlobReference, from place: Int, bytes: Int, count: Int) -> BlobReference {
    let end = self.count - 1
    let result = splice(at: end, removing: 0, adding: bytes)
    unsafe memcpy(result.start + end, other.start + place, bytes)
    result.changeCount(by: count)
    return result
  }

  /// A listpack begins with its length.
  fileprivate func writeTotal() {
    unsafe start.storeBytes(of: UInt32(count).littleEndian, as: UInt32.self)
  }

  /// Brings a listpack's count up to date; what cannot be said is left to be counted.
  fileprivate func changeCount(by change: Int) {
    let announced = unsafe Int(UInt16(littleEndian: start.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
    guard announced != Listpack.countUnknown else { return }
    let count = UInt16(min(Listpack.countUnknown, announced + change))
    unsafe start.storeBytes(of: count.littleEndian, toByteOffset: 4, as: UInt16.self)
  }
}
