// StreamIndex.swift: values ordered by identifier, in chunks of an array.
//
//   chunks   │ ● │ ● │ ● │ …           found by binary search over the chunks' last identifiers,
//              │                        then within the chunk
//              ▼
//            ┌──────────────────────┐
//            │ … id value  id value │   up to 64; free room at both ends, so that taking from the
//            └──────────────────────┘   beginning and adding at the end move nothing
//
// Streams grow at their end and are trimmed at their beginning: there every step is O(1). Anywhere else a
// change moves at most one chunk, and for every 64 items one pointer of the array above.
import Bytes
import CAllocator

@safe struct StreamIndex<Value: BitwiseCopyable>: ~Copyable {
  struct Item: BitwiseCopyable {
    var id: StreamID
    var value: Value
  }

  @safe private struct Chunk: BitwiseCopyable {
    var items: UnsafeMutablePointer<Item>
    var lower: Int32
    var upper: Int32
    var capacity: Int32

    var count: Int { Int(upper - lower) }
    var last: StreamID { unsafe items[Int(upper) - 1].id }
  }

  /// Where an item stands. Good until the index changes.
  struct Place: BitwiseCopyable, Equatable {
    fileprivate(set) var chunk: Int
    fileprivate(set) var index: Int
  }

  private static var chunkItemsMax: Int { 64 }

  private var chunks: UnsafeMutablePointer<Chunk>?
  /// The chunks in use: free room before and behind them.
  private var lower = 0
  private var upper = 0
  private var capacity = 0
  private(set) var count = 0
  /// Bytes of chunks and of the array of them.
  private(set) var memoryBytes = 0

  init() { unsafe chunks = nil }

  deinit {
    for chunk in lower..<upper { unsafe free(chunks.unsafelyUnwrapped[chunk].items) }
    unsafe free(chunks)
  }

  var isEmpty: Bool { count == 0 }

  // MARK: finding

  subscript(place: Place) -> Item {
    unsafe chunk(place.chunk).items[place.index]
  }

  /// Changes the value of an item.
  func update(_ place: Place, _ value: Value) { unsafe chunk(place.chunk).items[place.index].value = value }

  private func chunk(_ index: Int) -> Chunk {
    precondition(index >= lower && index < upper, "a place outside the index")
    return unsafe chunks.unsafelyUnwrapped[index]
  }

  var first: Place? { count == 0 ? nil : Place(chunk: lower, index: Int(chunk(lower).lower)) }
  var last: Place? { count == 0 ? nil : Place(chunk: upper - 1, index: Int(chunk(upper - 1).upper) - 1) }

  /// The first item that is not before `id`.
  func place(atLeast id: StreamID) -> Place? {
    guard let found = chunkIndex(atLeast: id) else { return nil }
    let chunk = chunk(found)
    var low = Int(chunk.lower)
    var high = Int(chunk.upper)
    while low < high {
      let middle = (low + high) / 2
      if unsafe chunk.items[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return Place(chunk: found, index: low)
  }

  /// The last item that is not behind `id`.
  func place(atMost id: StreamID) -> Place? {
    guard let behind = place(atLeast: id) else { return last }
    return self[behind].id == id ? behind : previous(behind)
  }

  func find(_ id: StreamID) -> Place? {
    guard let place = place(atLeast: id), self[place].id == id else { return nil }
    return place
  }

  func next(_ place: Place) -> Place? {
    if place.index + 1 < Int(chunk(place.chunk).upper) { return Place(chunk: place.chunk, index: place.index + 1) }
    guard place.chunk + 1 < upper else { return nil }
    return Place(chunk: place.chunk + 1, index: Int(chunk(place.chunk + 1).lower))
  }

  func previous(_ place: Place) -> Place? {
    if place.index > Int(chunk(place.chunk).lower) { return Place(chunk: place.chunk, index: place.index - 1) }
    guard place.chunk > lower else { return nil }
    return Place(chunk: place.chunk - 1, index: Int(chunk(place.chunk - 1).upper) - 1)
  }

  /// The first chunk with an item that is not before `id`.
  private func chunkIndex(atLeast id: StreamID) -> Int? {
    guard count > 0, chunk(upper - 1).last >= id else { return nil }
    var low = lower
    var high = upper - 1
    while low < high {
      let middle = (low + high) / 2
      if chunk(middle).last < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: changing

  /// Adds an item; false if there is one with its identifier.
  @discardableResult
  mutating func insert(_ id: StreamID, _ value: Value) -> Bool {
    let item = Item(id: id, value: value)
    guard var place = place(atLeast: id) else {
      append(item)
      return true
    }
    guard self[place].id != id else { return false }
    if chunk(place.chunk).count == Self.chunkItemsMax {
      split(place.chunk)
      let left = chunk(place.chunk)
      if place.index >= Int(left.upper) {
        place = Place(chunk: place.chunk + 1, index: place.index - Int(left.upper) + Int(chunk(place.chunk + 1).lower))
      }
    }
    let offset = place.index - Int(chunk(place.chunk).lower)
    makeRoom(place.chunk)
    let chunk = unsafe chunks.unsafelyUnwrapped + place.chunk
    let at = unsafe chunk.pointee.items + (Int(chunk.pointee.lower) + offset)
    unsafe memmove(at + 1, at, (chunk.pointee.count - offset) * MemoryLayout<Item>.stride)
    unsafe at.initialize(to: item)
    unsafe chunk.pointee.upper += 1
    count += 1
    return true
  }

  private mutating func append(_ item: Item) {
    if count == 0 || chunk(upper - 1).count == Self.chunkItemsMax {
      unsafe addChunk(at: upper, Chunk(items: allocate(4), lower: 0, upper: 0, capacity: 4))
    }
    makeRoom(upper - 1)
    let chunk = unsafe chunks.unsafelyUnwrapped + (upper - 1)
    unsafe (chunk.pointee.items + Int(chunk.pointee.upper)).initialize(to: item)
    unsafe chunk.pointee.upper += 1
    count += 1
  }

  /// Takes an item out.
  mutating func remove(_ place: Place) {
    let chunk = unsafe chunks.unsafelyUnwrapped + place.chunk
    if unsafe place.index == Int(chunk.pointee.lower) {
      unsafe chunk.pointee.lower += 1
    } else {
      let at = unsafe chunk.pointee.items + place.index
      unsafe memmove(at, at + 1, (Int(chunk.pointee.upper) - place.index - 1) * MemoryLayout<Item>.stride)
      unsafe chunk.pointee.upper -= 1
    }
    count -= 1
    guard unsafe chunk.pointee.count == 0 else { return mergeBehind(place.chunk) }
    unsafe release(chunk.pointee)
    removeChunk(at: place.chunk)
  }

  /// Joins a chunk with the one behind it if both together are no more than half of one.
  private mutating func mergeBehind(_ index: Int) {
    guard index + 1 < upper else { return }
    let right = chunk(index + 1)
    guard chunk(index).count + right.count <= Self.chunkItemsMax / 2 else { return }
    for item in Int(right.lower)..<Int(right.upper) {
      makeRoom(index)
      let left = unsafe chunks.unsafelyUnwrapped + index
      unsafe (left.pointee.items + Int(left.pointee.upper)).initialize(to: right.items[item])
      unsafe left.pointee.upper += 1
    }
    release(right)
    removeChunk(at: index + 1)
  }

  /// Frees about `effort` items from the last chunk backwards; how many, 0 when none is left.
  mutating func freeSome(_ effort: Int) -> Int {
    var freed = 0
    while freed < effort, count > 0 {
      let last = chunk(upper - 1)
      freed += last.count
      count -= last.count
      release(last)
      upper -= 1
    }
    return freed
  }

  // MARK: chunks

  private mutating func allocate(_ capacity: Int) -> UnsafeMutablePointer<Item> {
    let size = capacity * MemoryLayout<Item>.stride
    guard let memory = unsafe malloc(size) else { SizeClass.outOfMemory(size) }
    memoryBytes += SizeClass.round(size)
    return unsafe memory.bindMemory(to: Item.self, capacity: capacity)
  }

  private mutating func release(_ chunk: Chunk) {
    memoryBytes -= SizeClass.round(Int(chunk.capacity) * MemoryLayout<Item>.stride)
    unsafe free(chunk.items)
  }

  /// Room for one more item at the chunk's end.
  private mutating func makeRoom(_ index: Int) {
    let old = chunk(index)
    guard old.upper == old.capacity else { return }
    var new = old
    if old.lower > 0 {
      unsafe memmove(old.items, old.items + Int(old.lower), old.count * MemoryLayout<Item>.stride)
    } else {
      new.capacity = old.capacity * 2
      unsafe new.items = allocate(Int(new.capacity))
      unsafe memcpy(new.items, old.items, old.count * MemoryLayout<Item>.stride)
      release(old)
    }
    new.lower = 0
    new.upper = Int32(old.count)
    unsafe chunks.unsafelyUnwrapped[index] = new
  }

  /// Moves the upper half of a full chunk into one of its own.
  private mutating func split(_ index: Int) {
    let old = chunk(index)
    let half = old.count / 2
    let most = Self.chunkItemsMax
    let right = unsafe Chunk(
      items: allocate(most), lower: 0, upper: Int32(old.count - half), capacity: Int32(most))
    unsafe memcpy(
      right.items, old.items + (Int(old.lower) + half), right.count * MemoryLayout<Item>.stride)
    unsafe chunks.unsafelyUnwrapped[index].upper = old.lower + Int32(half)
    addChunk(at: index + 1, right)
  }

  private mutating func addChunk(at index: Int, _ new: Chunk) {
    var index = index
    if upper == capacity {
      let used = upper - lower
      // Half of the array is free at its beginning: the chunks go there. Otherwise it grows.
      let grown = lower > used ? capacity : max(2, capacity * 2)
      let size = grown * MemoryLayout<Chunk>.stride
      guard let memory = unsafe malloc(size) else { SizeClass.outOfMemory(size) }
      let array = unsafe memory.bindMemory(to: Chunk.self, capacity: grown)
      if let chunks = unsafe chunks { unsafe memcpy(array, chunks + lower, used * MemoryLayout<Chunk>.stride) }
      memoryBytes += SizeClass.round(size) - arrayBytes
      unsafe free(chunks)
      unsafe chunks = array
      index -= lower
      (lower, upper, capacity) = (0, used, grown)
    }
    let at = unsafe chunks.unsafelyUnwrapped + index
    unsafe memmove(at + 1, at, (upper - index) * MemoryLayout<Chunk>.stride)
    unsafe at.initialize(to: new)
    upper += 1
  }

  private mutating func removeChunk(at index: Int) {
    guard index > lower else {
      lower += 1
      return
    }
    let at = unsafe chunks.unsafelyUnwrapped + index
    unsafe memmove(at, at + 1, (upper - index - 1) * MemoryLayout<Chunk>.stride)
    upper -= 1
  }

  private var arrayBytes: Int { capacity == 0 ? 0 : SizeClass.round(capacity * MemoryLayout<Chunk>.stride) }
}
