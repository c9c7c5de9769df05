// PlainRing.swift — the private inbox once more, for one element type and one word: what being generic costs.
import Synchronization

@safe struct PlainRing: ~Copyable {
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let cells: UnsafeMutablePointer<Message>
  private let mask: UInt64
  private var written: UInt64 = 0, headSeen: UInt64 = 0
  private var read: UInt64 = 0, tailSeen: UInt64 = 0

  init(capacity: Int) {
    unsafe words = .allocate(capacity: 32)
    unsafe (words + 0).initialize(to: Atomic(0))
    unsafe (words + 16).initialize(to: Atomic(0))
    unsafe cells = .allocate(capacity: capacity)
    mask = UInt64(capacity) - 1
  }
  deinit {
    unsafe words.deallocate()
    unsafe cells.deallocate()
  }

  @inline(__always)
  mutating func push(_ message: Message) -> Bool {
    if written &- headSeen > mask {
      headSeen = unsafe words[16].load(ordering: .acquiring)
      guard written &- headSeen <= mask else { return false }
    }
    unsafe cells[Int(truncatingIfNeeded: written & mask)] = message
    written &+= 1
    unsafe words[0].store(written, ordering: .releasing)
    return true
  }

  @inline(__always)
  mutating func pop() -> Message? {
    if read == tailSeen {
      unsafe words[16].store(read, ordering: .releasing)
      tailSeen = unsafe words[0].load(ordering: .acquiring)
      guard read != tailSeen else { return nil }
    }
    let message = unsafe cells[Int(truncatingIfNeeded: read & mask)]
    read &+= 1
    return message
  }
}

@inline(never)
func alternate(_ ring: inout PlainRing, _ count: Int) -> UInt64 {
  var sum: UInt64 = 0
  for i in 0..<UInt64(count) {
    _ = ring.push(Message(first: i))
    if let message = ring.pop() { sum &+= message.first }
  }
  return sum
}
