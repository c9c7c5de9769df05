// ArgumentVector.swift — where the words of a request are.
//
// While a request is being read its words are kept as offsets from its first byte, because
// the bytes behind it may still move when more of it arrives. `seal` turns them into
// pointers once the request is whole. The vector grows with the words that have arrived,
// never with the number that a client has announced.
import Bytes
import CAllocator

@safe public struct ArgumentVector: BitwiseCopyable {
  /// Before sealing: `start` is an offset. After: a pointer. The layout of ByteView, so that sealing is an addition.
  @usableFromInline struct Cell {
    @usableFromInline var start: Int
    @usableFromInline var count: Int

    @inlinable init(start: Int, count: Int) {
      self.start = start
      self.count = count
    }
  }

  @usableFromInline var cells: UnsafeMutablePointer<Cell>?
  public var count = 0
  @usableFromInline var capacity = 0
  /// Whether some word lies outside the request's own bytes (`addExternal`).
  public var hasExternal = false

  public init() { unsafe cells = nil }

  /// Whether it has memory of its own.
  public var isAllocated: Bool { unsafe cells != nil }

  @inlinable public mutating func removeAll() {
    count = 0
    hasExternal = false
  }

  @inlinable public mutating func add(offset: Int, length: Int) {
    if count == capacity { grow() }
    guard let cells = unsafe cells else { return }
    unsafe cells[count] = Cell(start: offset, count: length)
    count += 1
  }

  /// A word that was received into memory of its own. Marked by a negative length until sealed.
  public mutating func addExternal(_ memory: UnsafeRawPointer, length: Int) {
    if count == capacity { grow() }
    guard let cells = unsafe cells else { return }
    unsafe cells[count] = Cell(start: Int(bitPattern: memory), count: ~length)
    count += 1
    hasExternal = true
  }

  /// The request whose words are `range` is whole and starts at `base`: from here on they are views.
  @inlinable public mutating func seal(_ range: Range<Int>, base: UnsafeRawPointer) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such words")
    guard let cells = unsafe cells else { return }
    let address = Int(bitPattern: base)
    for i in range {
      if unsafe cells[i].count < 0 {
        unsafe cells[i].count = ~cells[i].count
      } else {
        unsafe cells[i].start = cells[i].start &+ address
      }
    }
  }

  /// One word of a request that is whole but not sealed yet.
  public func word(_ index: Int, base: UnsafeRawPointer) -> ByteView {
    precondition(index >= 0 && index < count, "no such word")
    guard let cells = unsafe cells else { return .empty }
    let cell = unsafe cells[index]
    guard cell.count < 0 else { return unsafe ByteView(start: base + cell.start, count: cell.count) }
    guard let memory = unsafe UnsafeRawPointer(bitPattern: cell.start) else { return .empty }
    return unsafe ByteView(start: memory, count: ~cell.count)
  }

  /// Sealed words. Valid until the vector changes.
  @inlinable public func views(_ range: Range<Int>) -> Arguments {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such words")
    guard let cells = unsafe cells else { return Arguments.none }
    return unsafe Arguments(
      first: UnsafeRawPointer(cells + range.lowerBound).assumingMemoryBound(to: ByteView.self), count: range.count)
  }

  /// All words of a sealed vector.
  @inlinable public var views: Arguments { views(0..<count) }

  /// Forgets all words but these, which move to the front.
  public mutating func keepOnly(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such words")
    if let cells = unsafe cells, range.lowerBound > 0 {
      unsafe memmove(cells, cells + range.lowerBound, range.count * MemoryLayout<Cell>.stride)
    }
    count = range.count
  }

  /// Takes the words from `first` on off the end; they stand alone in a vector of their own.
  public mutating func split(from first: Int) -> ArgumentVector {
    precondition(first >= 0 && first <= count, "no such words")
    var tail = ArgumentVector()
    for index in first..<count {
      guard let cells = unsafe cells else { break }
      if tail.count == tail.capacity { tail.grow() }
      guard let copy = unsafe tail.cells else { break }
      unsafe copy[tail.count] = cells[index]
      tail.count += 1
    }
    tail.hasExternal = hasExternal
    count = first
    return tail
  }

  public mutating func release() {
    unsafe free(cells)
    unsafe cells = nil
    capacity = 0
    removeAll()
  }

  /// Gives back the memory of an unusually long request.
  public mutating func shrink() {
    if capacity > 1_024 { release() }
  }

  @usableFromInline mutating func grow() {
    let wanted = max(16, capacity * 2)
    guard let grown = unsafe realloc(cells, wanted * MemoryLayout<Cell>.stride) else {
      preconditionFailure("out of memory for the arguments of a request")
    }
    unsafe cells = grown.bindMemory(to: Cell.self, capacity: wanted)
    capacity = wanted
  }
}

/// The words of one request: `arguments[0]` is the command's name.
@safe public struct Arguments: BitwiseCopyable {
  @usableFromInline let first: UnsafePointer<ByteView>?
  public let count: Int

  @inlinable public init(first: UnsafePointer<ByteView>?, count: Int) {
    unsafe self.first = first
    self.count = count
  }

  public static var none: Arguments { unsafe Arguments(first: nil, count: 0) }

  @inlinable public subscript(index: Int) -> ByteView {
    precondition(index >= 0 && index < count, "no such argument")
    guard let first = unsafe first else { return .empty }
    return unsafe first[index]
  }

  /// All words, for whoever keeps them in other ways.
  @inlinable public var buffer: UnsafeBufferPointer<ByteView> {
    unsafe UnsafeBufferPointer(start: first, count: first == nil ? 0 : count)
  }

  /// Bytes of all words.
  public var byteCount: Int {
    var bytes = 0
    for index in 0..<count { bytes += self[index].count }
    return bytes
  }

  /// The words from `index` on.
  @inlinable public func dropFirst(_ index: Int) -> Arguments {
    precondition(index >= 0 && index <= count, "no such argument")
    guard let first = unsafe first else { return .none }
    return unsafe Arguments(first: first + index, count: count - index)
  }
}
