// SubmissionQueue.swift: where operations wait for the next `enter`.
//
//            head (kernel)             tail (ours)
//              ▼                         ▼
//   ┌────┬────┬────┬────┬────┬────┬────┬────┐      ┌────┬────┬────┐
//   │    │    │ op │ op │ a──┼─▶b │ op │    │  ◀── │ op │ c──┼─▶d │   backlog: what did not fit
//   └────┴────┴────┴────┴────┴────┴────┴────┘      └────┴────┴────┘
//
// Filling an entry is no system call, ever: when the kernel's queue is full, entries go to a list of
// ours and move over inside `enter`. Order is kept, and the two halves of a link are moved together.
import CURing

@safe struct SubmissionQueue: ~Copyable {
  private let kernelHead: UnsafeMutablePointer<UInt32>
  private let kernelTail: UnsafeMutablePointer<UInt32>
  private let entries: UnsafeMutablePointer<curing_entry>
  private let capacity: UInt32
  private let mask: UInt32
  /// The kernel only takes entries inside `enter`, so its head is read once after each.
  private var head: UInt32
  private var tail: UInt32
  private var backlog = Backlog()

  init(_ queues: curing_queues) {
    unsafe kernelHead = queues.submission_head
    unsafe kernelTail = queues.submission_tail
    unsafe entries = queues.submissions
    capacity = unsafe queues.submission_entries
    mask = capacity - 1
    head = unsafe curing_load_acquire(kernelHead)
    tail = unsafe curing_load_relaxed(kernelTail)
  }

  var isEmpty: Bool { head == tail && backlog.isEmpty }
  var hasBacklog: Bool { !backlog.isEmpty }

  /// An entry to fill at once, before anything else is asked of the queue.
  @inline(__always)
  mutating func entry() -> UnsafeMutablePointer<curing_entry> {
    guard tail &- head < capacity, backlog.isEmpty else { return unsafe backlog.append() }
    let entry = unsafe entries + Int(tail & mask)
    tail &+= 1
    return unsafe entry
  }

  /// Two entries that reach the kernel in the same `enter`: the first gets a link flag.
  mutating func pair() -> (UnsafeMutablePointer<curing_entry>, UnsafeMutablePointer<curing_entry>) {
    guard capacity &- (tail &- head) >= 2, backlog.isEmpty else { return unsafe backlog.appendPair() }
    let first = unsafe entries + Int(tail & mask)
    let second = unsafe entries + Int((tail &+ 1) & mask)
    tail &+= 2
    return unsafe (first, second)
  }

  /// Shows the kernel what is there, the backlog as far as it fits; the number of entries to submit.
  mutating func publish() -> UInt32 {
    while let next = unsafe backlog.first {
      let count: UInt32 = unsafe SubmissionQueue.isLinked(next) ? 2 : 1
      guard capacity &- (tail &- head) >= count else { break }
      for _ in 0..<count {
        unsafe entries[Int(tail & mask)] = backlog.removeFirst()
        tail &+= 1
      }
    }
    unsafe curing_store_release(kernelTail, tail)
    return tail &- head
  }

  /// Learns how far the kernel came.
  @inline(__always)
  mutating func refresh() { head = unsafe curing_load_acquire(kernelHead) }

  /// The kernel may stop in the middle of a link when it runs out of memory. What is left of it would
  /// run as if it had never been linked: a sync that reports success before its write has begun. So it
  /// becomes a no-operation here, and its token is handed back, to be answered with -ECANCELED.
  mutating func takeSevered() -> Token? {
    guard head != tail, unsafe entries[Int((head &- 1) & mask)].flags & UInt8(CURING_SQE_LINK) != 0 else { return nil }
    let orphan = unsafe entries + Int(head & mask)
    let token = unsafe Token(bits: orphan.pointee.user_data)
    guard !token.isRings else { return nil }
    unsafe curing_prepare_nothing(orphan, RingToken.silent.bits())
    return token
  }

  static func isLinked(_ entry: UnsafePointer<curing_entry>) -> Bool {
    unsafe entry.pointee.flags & UInt8(CURING_SQE_LINK | CURING_SQE_HARDLINK) != 0
  }
}

/// Entries that found the kernel's queue full, in order. Grows; keeps what it has grown to.
@safe private struct Backlog: ~Copyable {
  private var entries: UnsafeMutablePointer<curing_entry>?
  private var start = 0
  private var end = 0
  private var capacity = 0

  deinit { unsafe entries?.deallocate() }

  var isEmpty: Bool { start == end }

  var first: UnsafeMutablePointer<curing_entry>? { isEmpty ? nil : unsafe entries.map { unsafe $0 + start } }

  mutating func append() -> UnsafeMutablePointer<curing_entry> {
    let base = unsafe reserve(1)
    end += 1
    return unsafe base + (end - 1)
  }

  mutating func appendPair() -> (UnsafeMutablePointer<curing_entry>, UnsafeMutablePointer<curing_entry>) {
    let base = unsafe reserve(2)
    end += 2
    return unsafe (base + (end - 2), base + (end - 1))
  }

  mutating func removeFirst() -> curing_entry {
    guard let entries = unsafe entries, !isEmpty else { preconditionFailure("the backlog is empty") }
    let entry = unsafe entries[start]
    start += 1
    if start == end { (start, end) = (0, 0) }
    return entry
  }

  private mutating func reserve(_ count: Int) -> UnsafeMutablePointer<curing_entry> {
    if let entries = unsafe entries, end + count <= capacity { return unsafe entries }
    capacity = max(64, capacity * 2)
    let larger = UnsafeMutablePointer<curing_entry>.allocate(capacity: capacity)
    if let entries = unsafe entries {
      unsafe larger.update(from: entries + start, count: end - start)
      unsafe entries.deallocate()
    }
    (start, end) = (0, end - start)
    unsafe entries = larger
    return unsafe larger
  }
}
