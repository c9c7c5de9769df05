// TokenIndex.swift: which descriptor a token's operation is on, for cancelling it.
//
// io_uring finds an operation by its token; epoll only knows descriptors. Open addressing with linear
// probing and backward shifting, so that there are no tombstones. Only operations that wait are in it:
// a send that goes out at once never comes here.

@safe struct TokenIndex: ~Copyable {
  private struct Entry: BitwiseCopyable {
    /// 0 is free: a caller's token has an operation, so it is never 0.
    var bits: UInt64
    var descriptor: Int32
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var capacity = 64
  private var count = 0

  init() { unsafe entries = TokenIndex.allocate(capacity) }

  deinit { unsafe entries.deallocate() }

  mutating func insert(_ token: Token, _ descriptor: Int32) {
    if (count + 1) * 2 > capacity { grow() }
    var place = home(token.bits)
    while unsafe entries[place].bits != 0 {
      precondition(unsafe entries[place].bits != token.bits, "two operations under one token")
      place = (place + 1) & (capacity - 1)
    }
    unsafe entries[place] = Entry(bits: token.bits, descriptor: descriptor)
    count += 1
  }

  func descriptor(of token: Token) -> Int32? {
    place(of: token).map { unsafe entries[$0].descriptor }
  }

  mutating func remove(_ token: Token) {
    guard var hole = place(of: token) else { return }
    // Whatever stands behind the hole and could not be found across it moves into it.
    var next = (hole + 1) & (capacity - 1)
    while unsafe entries[next].bits != 0 {
      let wanted = unsafe home(entries[next].bits)
      if (next &- wanted) & (capacity - 1) >= (next &- hole) & (capacity - 1) {
        unsafe entries[hole] = entries[next]
        hole = next
      }
      next = (next + 1) & (capacity - 1)
    }
    unsafe entries[hole].bits = 0
    count -= 1
  }

  private func place(of token: Token) -> Int? {
    var place = home(token.bits)
    while unsafe entries[place].bits != token.bits {
      guard unsafe entries[place].bits != 0 else { return nil }
      place = (place + 1) & (capacity - 1)
    }
    return place
  }

  private func home(_ bits: UInt64) -> Int {
    Int(truncatingIfNeeded: (bits &* 0x9E37_79B9_7F4A_7C15) >> 32) & (capacity - 1)
  }

  private mutating func grow() {
    let (old, oldCapacity) = unsafe (entries, capacity)
    capacity *= 2
    count = 0
    unsafe entries = TokenIndex.allocate(capacity)
    for i in 0..<oldCapacity where unsafe old[i].bits != 0 {
      unsafe insert(Token(bits: old[i].bits), old[i].descriptor)
    }
    unsafe old.deallocate()
  }

  private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Entry> {
    let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    unsafe entries.initialize(repeating: Entry(bits: 0, descriptor: -1), count: capacity)
    return unsafe entries
  }
}
