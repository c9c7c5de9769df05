// Intset.swift: a set of integers in one piece of memory, byte for byte as Redis keeps it.
//
//   width (4)  count (4)  │ number │ number │ …          ascending, little-endian, of 2, 4 or 8 bytes each
//
// All numbers have the width of the widest that ever was in the set.
import Bytes
import CAllocator

/// A view of an intset.
@safe public struct Intset: BitwiseCopyable {
  private let start: UnsafeRawPointer

  static var headerBytes: Int { 8 }

  public init(_ bytes: ByteView) { unsafe start = bytes.start }

  init(_ blob: BlobReference) { self.init(blob.bytes) }

  var width: Int { unsafe Int(UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))) }
  public var count: Int {
    unsafe Int(UInt32(littleEndian: start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
  }

  /// The number at `index`, below `count`.
  public subscript(index: Int) -> Int64 { number(index, width) }

  private func number(_ index: Int, _ width: Int) -> Int64 {
    let offset = Intset.headerBytes + index * width
    switch width {
    case 2: return unsafe Int64(Int16(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
    case 4: return unsafe Int64(Int32(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
    default: return unsafe Int64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: Int64.self))
    }
  }

  public func contains(_ value: Int64) -> Bool { find(value).isThere }

  /// Where `value` stands, or would.
  func find(_ value: Int64) -> (index: Int, isThere: Bool) {
    let width = width
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if number(middle, width) < value { low = middle + 1 } else { high = middle }
    }
    return (low, low < count && number(low, width) == value)
  }

  static func widthNeeded(_ value: Int64) -> Int {
    Int16(exactly: value) != nil ? 2 : Int32(exactly: value) != nil ? 4 : 8
  }
}

extension Intset {
  /// An empty intset.
  public static func make() -> BlobReference {
    let blob = BlobReference.allocate(capacity: headerBytes)
    blob.count = headerBytes
    blob.writeHeader(width: 2, count: 0)
    return blob
  }

  /// Adds a number that is not there. Takes the blob's ownership and returns the result's.
  static func insert(_ value: Int64, into blob: BlobReference) -> BlobReference {
    let set = Intset(blob)
    let count = set.count
    let width = set.width
    guard widthNeeded(value) <= width else { return widen(blob, adding: value) }
    let index = set.find(value).index
    let result = blob.cut(at: headerBytes + index * width, removing: 0, adding: width)
    result.writeHeader(width: width, count: count + 1)
    result.writeNumber(value, index: index, width: width)
    return result
  }

  /// Takes out the number at `index`.
  static func remove(at index: Int, from blob: BlobReference) -> BlobReference {
    let set = Intset(blob)
    let width = set.width
    let count = set.count
    let result = blob.cut(at: headerBytes + index * width, removing: width, adding: 0)
    result.writeHeader(width: width, count: count - 1)
    return result
  }

  /// A wider number than any before it is the first or the last.
  private static func widen(_ blob: BlobReference, adding value: Int64) -> BlobReference {
    let old = Intset(blob)
    let count = old.count
    let width = widthNeeded(value)
    let result = BlobReference.allocate(capacity: headerBytes + (count + 1) * width)
    result.count = headerBytes + (count + 1) * width
    result.writeHeader(width: width, count: count + 1)
    let shift = value < 0 ? 1 : 0
    for index in 0..<count { result.writeNumber(old[index], index: index + shift, width: width) }
    result.writeNumber(value, index: value < 0 ? 0 : count, width: width)
    blob.release()
    return result
  }
}

extension BlobReference {
  fileprivate func writeHeader(width: Int, count: Int) {
    unsafe start.storeBytes(of: UInt32(width).littleEndian, as: UInt32.self)
    unsafe start.storeBytes(of: UInt32(count).littleEndian, toByteOffset: 4, as: UInt32.self)
  }

  fileprivate func writeNumber(_ value: Int64, index: Int, width: Int) {
    let offset = Intset.headerBytes + index * width
    switch width {
    case 2: unsafe start.storeBytes(of: Int16(value).littleEndian, toByteOffset: offset, as: Int16.self)
    case 4: unsafe start.storeBytes(of: Int32(value).littleEndian, toByteOffset: offset, as: Int32.self)
    default: unsafe start.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Int64.self)
    }
  }
}
