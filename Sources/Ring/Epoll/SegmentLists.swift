// SegmentLists.swift: segment lists of gathered sends, numbered and reused.
//
// The caller's list is copied when the send is queued and advanced as bytes go out. A list has room
// for the largest gathered send; lists are made as they are first needed and kept.
import CURing
import Glibc

@safe struct SegmentLists: ~Copyable {
  @safe private struct List: BitwiseCopyable {
    var segments: UnsafeMutablePointer<iovec>
    var first = 0
    var count = 0
  }

  private let segmentsMax: Int
  private var lists: [List] = []
  private var free: [Int32] = []

  init(segmentsMax: Int) { self.segmentsMax = segmentsMax }

  deinit { for list in lists { unsafe list.segments.deallocate() } }

  /// Copies a list; its number and the bytes in it.
  mutating func insert(_ segments: UnsafeBufferPointer<Segment>) -> (number: Int32, bytes: Int) {
    precondition(!segments.isEmpty && segments.count <= segmentsMax, "1 to 64 segments")
    let number = free.popLast() ?? append()
    var bytes = 0
    for i in 0..<segments.count {
      let (start, count) = unsafe (segments[i].start, segments[i].count)
      unsafe lists[Int(number)].segments[i] = iovec(
        iov_base: UnsafeMutableRawPointer(mutating: start), iov_len: count)
      bytes += count
    }
    lists[Int(number)].first = 0
    lists[Int(number)].count = segments.count
    return (number, bytes)
  }

  mutating func remove(_ number: Int32) { free.append(number) }

  /// Sends what is left of a list; the count, or a negated errno.
  func send(_ descriptor: Int32, _ number: Int32) -> Int {
    let list = lists[Int(number)]
    var message = unsafe msghdr()
    unsafe message.msg_iov = list.segments + list.first
    unsafe message.msg_iovlen = list.count - list.first
    let sent = unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    return sent < 0 ? -Int(errno) : sent
  }

  /// Leaves out the first `count` bytes, which have been sent.
  mutating func advance(_ number: Int32, by count: Int) {
    var rest = count
    let list = lists[Int(number)]
    var first = list.first
    while rest > 0 {
      let length = unsafe list.segments[first].iov_len
      guard rest < length else {
        rest -= length
        first += 1
        continue
      }
      unsafe list.segments[first].iov_base += rest
      unsafe list.segments[first].iov_len -= rest
      rest = 0
    }
    lists[Int(number)].first = first
  }

  private mutating func append() -> Int32 {
    unsafe lists.append(List(segments: .allocate(capacity: segmentsMax)))
    return Int32(lists.count - 1)
  }
}
