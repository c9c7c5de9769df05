// Scratch.swift: what the kernel reads while it takes an entry, and not a moment longer.
//
// The segment list of a gathered send and the address of a connect are copied by the kernel when the
// entry is submitted (IORING_FEAT_SUBMIT_STABLE), so they live from the call to the end of `enter`.
// One bump allocator serves them; it starts again from the front when all entries are submitted.

@safe struct Scratch: ~Copyable {
  private let first: UnsafeMutableRawPointer
  private let firstBytes: Int
  private var used = 0
  /// Only when a single turn needs more than the first block.
  private var further: [UnsafeMutableRawPointer] = unsafe []

  init(bytes: Int) {
    unsafe first = .allocate(byteCount: bytes, alignment: 16)
    firstBytes = bytes
  }

  deinit {
    unsafe first.deallocate()
    for unsafe block in unsafe further { unsafe block.deallocate() }
  }

  /// `bytes` of memory, aligned to 16, valid until `reset`.
  mutating func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
    let rounded = (bytes + 15) & ~15
    guard used + rounded > firstBytes else {
      defer { used += rounded }
      return unsafe first + used
    }
    let block = UnsafeMutableRawPointer.allocate(byteCount: rounded, alignment: 16)
    unsafe further.append(block)
    return unsafe block
  }

  @inline(__always)
  mutating func reset() {
    guard used > 0 else { return }
    used = 0
    if unsafe !further.isEmpty { releaseFurther() }
  }

  private mutating func releaseFurther() {
    for unsafe block in unsafe further { unsafe block.deallocate() }
    unsafe further.removeAll()
  }
}
