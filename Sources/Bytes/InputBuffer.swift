// InputBuffer.swift — the bytes of a request that is not all here yet.
//
//   storage ─▶ [ ░░ dropped ░░│████ held ████│──── room ──── ]
//
// Empty (no memory at all) for every connection whose requests arrive whole, which is
// nearly always: those are parsed where the kernel put them. It begins with the first
// byte of the unfinished request and grows geometrically. Dropping moves nothing; adding may.
import CAllocator

@safe public struct InputBuffer: BitwiseCopyable {
  @usableFromInline var storage: UnsafeMutableRawPointer?
  /// Bytes dropped from the front of the storage.
  private var dropped = 0
  public private(set) var count = 0
  public private(set) var capacity = 0

  public init() { unsafe storage = nil }

  /// Adds a copy of `bytes`. False if memory ran out; the buffer is then unchanged.
  public mutating func append(_ bytes: ByteView) -> Bool {
    guard reserve(count + bytes.count) else { return false }
    if let storage = unsafe storage { unsafe memcpy(storage + dropped + count, bytes.start, bytes.count) }
    count += bytes.count
    return true
  }

  /// Puts a copy of `bytes` in front of what is held. False if memory ran out; the buffer is then unchanged.
  public mutating func prepend(_ bytes: ByteView) -> Bool {
    guard reserve(count + bytes.count) else { return false }
    guard let storage = unsafe storage else { return true }
    unsafe memmove(storage + bytes.count, storage + dropped, count)
    unsafe memcpy(storage, bytes.start, bytes.count)
    dropped = 0
    count += bytes.count
    return true
  }

  /// Makes room for `needed` bytes in all.
  public mutating func reserve(_ needed: Int) -> Bool {
    if dropped + needed <= capacity { return true }
    if dropped > 0, let storage = unsafe storage {
      unsafe memmove(storage, storage + dropped, count)
      dropped = 0
    }
    if needed <= capacity { return true }
    let wanted = max(needed, min(capacity * 2, needed + 1 << 20), 256)
    guard let grown = unsafe realloc(storage, wanted) else { return false }
    unsafe storage = grown
    capacity = unsafe martlet_usable_size(grown)
    return true
  }

  /// What is held. Valid until the next change.
  public var view: ByteView {
    guard let storage = unsafe storage else { return .empty }
    return unsafe ByteView(start: storage + dropped, count: count)
  }

  /// Forgets the first `consumed` bytes.
  public mutating func drop(_ consumed: Int) {
    precondition(consumed >= 0 && consumed <= count, "more consumed than held")
    count -= consumed
    dropped = count == 0 ? 0 : dropped + consumed
  }

  /// Gives the memory back.
  public mutating func release() {
    unsafe free(storage)
    unsafe storage = nil
    dropped = 0
    count = 0
    capacity = 0
  }
}
