// InputBuffer.swift — the bytes of a request that is not all here yet.
//
// Empty (no memory at all) for every connection whose requests arrive whole, which is
// nearly always: those are parsed where the kernel put them. It begins with the first
// byte of the unfinished request and grows geometrically.
import CAllocator

@safe public struct InputBuffer: BitwiseCopyable {
  @usableFromInline var storage: UnsafeMutableRawPointer?
  public private(set) var count = 0
  public private(set) var capacity = 0

  public init() { unsafe storage = nil }

  /// Adds a copy of `bytes`. False if memory ran out; the buffer is then unchanged.
  public mutating func append(_ bytes: ByteView) -> Bool {
    guard reserve(count + bytes.count) else { return false }
    if let storage = unsafe storage { unsafe memcpy(storage + count, bytes.start, bytes.count) }
    count += bytes.count
    return true
  }

  /// Makes room for `needed` bytes in all.
  public mutating func reserve(_ needed: Int) -> Bool {
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
    return unsafe ByteView(start: storage, count: count)
  }

  /// Forgets the first `consumed` bytes.
  public mutating func drop(_ consumed: Int) {
    precondition(consumed >= 0 && consumed <= count, "more consumed than held")
    if consumed == count { count = 0; return }
    if let storage = unsafe storage { unsafe memmove(storage, storage + consumed, count - consumed) }
    count -= consumed
  }

  /// Gives the memory back.
  public mutating func release() {
    unsafe free(storage)
    unsafe storage = nil
    count = 0
    capacity = 0
  }
}
