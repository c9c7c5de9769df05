// ByteView.swift: some bytes that somebody else owns.
//
// A request's arguments, a key in its entry and a value on its way into a reply are
// all views: a pointer and a count, passed down, never kept past the call that got it.
// What must be kept is copied by whoever keeps it.
import CAllocator

/// `count` bytes starting at `start`, owned elsewhere and valid for the current call.
@safe public struct ByteView: BitwiseCopyable, @unchecked Sendable {
  public let start: UnsafeRawPointer
  /// Length in bytes.
  public let count: Int

  @inlinable @inline(__always) public init(start: UnsafeRawPointer, count: Int) {
    unsafe self.start = start
    self.count = count
  }

  /// The bytes of a literal: they live as long as the process.
  @inlinable public init(_ literal: StaticString) {
    unsafe self.start = UnsafeRawPointer(literal.utf8Start)
    self.count = literal.utf8CodeUnitCount
  }

  @inlinable public init(_ buffer: UnsafeRawBufferPointer) {
    unsafe self.start = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
    self.count = buffer.count
  }

  @inlinable public static var empty: ByteView { ByteView("") }
  @inlinable @inline(__always) public var isEmpty: Bool { count == 0 }

  @inlinable @inline(__always) public subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count, "index outside the view")
    return unsafe start.load(fromByteOffset: index, as: UInt8.self)
  }

  /// The bytes `range`, which must lie inside.
  @inlinable @inline(__always) public subscript(range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the view")
    return unsafe ByteView(start: start + range.lowerBound, count: range.count)
  }

  /// At most the first `limit` bytes.
  @inlinable public func prefix(_ limit: Int) -> ByteView { unsafe ByteView(start: start, count: min(count, max(0, limit))) }

  /// The bytes in front of the first zero byte: what C would show of them.
  public var upToZeroByte: ByteView {
    guard let zero = unsafe memchr(start, 0, count) else { return self }
    return unsafe ByteView(start: start, count: UnsafeRawPointer(zero) - start)
  }

  /// Copies all bytes to `memory`, which has room for them.
  @inlinable public func copy(to memory: UnsafeMutableRawPointer) { unsafe memcpy(memory, start, count) }

  /// For handing to C and to the kernel.
  @inlinable @inline(__always) public var buffer: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: start, count: count)
  }

  /// A copy as text, for logs and for configuration: not for keys and not per request.
  public var text: String { unsafe String(decoding: buffer, as: UTF8.self) }
}

extension ByteView: Equatable {
  @inlinable @inline(__always) public static func == (a: ByteView, b: ByteView) -> Bool {
    unsafe a.count == b.count && memcmp(a.start, b.start, a.count) == 0
  }

  /// Equality with the ASCII letters folded; `lower` must be lower case already.
  @inlinable public func equalsIgnoringCase(_ lower: StaticString) -> Bool {
    guard count == lower.utf8CodeUnitCount else { return false }
    let other = unsafe lower.utf8Start
    for i in 0..<count {
      var byte = unsafe start.load(fromByteOffset: i, as: UInt8.self)
      if byte >= 0x41 && byte <= 0x5A { byte |= 0x20 }
      if unsafe byte != other[i] { return false }
    }
    return true
  }

  /// Bytewise order, a shorter prefix first: the order of memcmp and then of length.
  @inlinable public func precedes(_ other: ByteView) -> Bool {
    let order = unsafe memcmp(start, other.start, min(count, other.count))
    return order != 0 ? order < 0 : count < other.count
  }
}
