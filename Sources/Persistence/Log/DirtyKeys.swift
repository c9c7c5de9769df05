// DirtyKeys.swift — which keys a batch of the log has changed.
//
//   slot   ┌──────────────────────┬────────────┐
//          │ key identity, 64 bit │ generation │    open addressing, linear probing
//          └──────────────────────┴────────────┘
//
// A slot counts only if it carries the set's generation, so emptying the set is one addition: a
// million keys are clean again the moment their batch is. The set keeps the hash of a key
// instead of the key; two keys that share all 64 bits only make a reader wait that need not.
import Bytes
import CAllocator

/// A key of a database as the set sees it.
public struct KeyIdentity: BitwiseCopyable, Equatable, Sendable {
  @usableFromInline let bits: UInt64

  /// - Parameter hash: the seeded hash of the key's bytes, the same for the life of the process.
  @inlinable public init(hash: UInt64, database: Int) {
    // An odd constant spreads the database over all bits; database 0 keeps the hash as it is.
    bits = hash ^ (UInt64(truncatingIfNeeded: database) &* 0x9E37_79B9_7F4A_7C15)
  }
}

/// A set of keys that is emptied at once.
@safe public struct DirtyKeys: ~Copyable {
  @usableFromInline struct Slot: BitwiseCopyable {
    @usableFromInline var identity: UInt64 = 0
    @usableFromInline var generation: UInt32 = 0
  }

  @usableFromInline var slots: UnsafeMutablePointer<Slot>?
  @usableFromInline var mask = 0
  /// Keys in the set.
  public private(set) var count = 0
  /// Never 0, which is what fresh slots carry.
  @usableFromInline var generation: UInt32 = 1

  /// A set this large is given back to the allocator when it is emptied.
  static let slotsKeptMax = 1 << 16
  private static let slotsMin = 256

  public init() { unsafe slots = nil }

  deinit { unsafe free(slots) }

  /// Bytes of the slots.
  public var memoryBytes: Int { unsafe slots == nil ? 0 : (mask + 1) * MemoryLayout<Slot>.stride }

  @inlinable public func contains(_ key: KeyIdentity) -> Bool {
    guard count > 0, let slots = unsafe slots else { return false }
    var index = Int(truncatingIfNeeded: key.bits) & mask
    while unsafe slots[index].generation == generation {
      if unsafe slots[index].identity == key.bits { return true }
      index = (index &+ 1) & mask
    }
    return false
  }

  /// Adds a key; nothing happens if it is there.
  public mutating func insert(_ key: KeyIdentity) {
    if (count + 1) * 2 > mask { grow() }
    guard let slots = unsafe slots else { return }
    if unsafe Self.place(key.bits, slots, mask, generation) { count += 1 }
  }

  /// Empties the set: constant time, whatever was in it.
  public mutating func removeAll() {
    count = 0
    if mask >= Self.slotsKeptMax {
      unsafe free(slots)
      unsafe slots = nil
      mask = 0
      generation = 1
      return
    }
    if generation == .max {
      // Once in four billion batches: an old slot must not come to life again.
      if let slots = unsafe slots { unsafe memset(slots, 0, (mask + 1) * MemoryLayout<Slot>.stride) }
      generation = 0
    }
    generation += 1
  }

  private mutating func grow() {
    let old = unsafe slots
    let oldCount = unsafe old == nil ? 0 : mask + 1
    let newCount = max(Self.slotsMin, oldCount * 2)
    // Fresh slots must read as zero: the generation says whether one counts.
    guard let memory = unsafe calloc(newCount, MemoryLayout<Slot>.stride) else {
      preconditionFailure("out of memory for the keys of the log")
    }
    let new = unsafe memory.bindMemory(to: Slot.self, capacity: newCount)
    if let old = unsafe old {
      for index in 0..<oldCount where unsafe old[index].generation == generation {
        _ = unsafe Self.place(old[index].identity, new, newCount - 1, generation)
      }
    }
    unsafe free(old)
    unsafe slots = new
    mask = newCount - 1
  }

  /// True if it was not there.
  private static func place(
    _ identity: UInt64, _ slots: UnsafeMutablePointer<Slot>, _ mask: Int, _ generation: UInt32
  ) -> Bool {
    var index = Int(truncatingIfNeeded: identity) & mask
    while unsafe slots[index].generation == generation {
      if unsafe slots[index].identity == identity { return false }
      index = (index &+ 1) & mask
    }
    unsafe slots[index] = Slot(identity: identity, generation: generation)
    return true
  }
}
