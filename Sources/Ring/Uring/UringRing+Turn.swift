// UringRing+Turn.swift: one system call, then the completions it brought.
//
// Everything queued since the last turn goes over in one io_uring_enter, which also waits. With
// deferred task work completions are only made inside that call, so its end is the moment to look at
// the queue's tail, once; `next` then reads plain memory.
import Bytes
import CURing
import Glibc

extension UringRing {
  public mutating func enter(timeoutNanoseconds: UInt64?) throws(RingError) {
    defer { refreshTail() }
    unsafe curing_store_release(queues.completion_head, head)
    buffers.publish()
    guard severed == nil else { return }

    while true {
      let submit = submissions.publish()
      let unread = unsafe head != curing_load_acquire(queues.completion_tail)
      let waits = timeoutNanoseconds != 0 && !unread && !submissions.hasBacklog
      guard submit > 0 || waits || kernelHasWork else { return }
      let submitted = enterOnce(submit, waits: waits, timeoutNanoseconds ?? 0)
      submissions.refresh()
      if submissions.isEmpty { scratch.reset() }
      if submitted >= 0 && submitted < submit { severed = submissions.takeSevered() }
      guard try judge(submitted), submissions.hasBacklog, severed == nil else { return }
    }
  }

  /// Completions wait outside the queue, or work that makes completions waits for us to come in.
  private var kernelHasWork: Bool {
    let flags = unsafe curing_load_relaxed(queues.submission_flags)
    return flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW) != 0
  }

  private mutating func enterOnce(_ submit: UInt32, waits: Bool, _ nanoseconds: UInt64) -> Int32 {
    if unsafe curing_load_relaxed(queues.submission_flags) & IORING_SQ_CQ_OVERFLOW != 0 { statistics.overflows &+= 1 }
    statistics.enters &+= 1
    // Always with GETEVENTS: without it, deferred work piles up.
    let flags = enterFlags | IORING_ENTER_GETEVENTS
    guard waits else { return curing_enter(enterDescriptor, submit, 0, flags) }
    statistics.sleeps &+= 1
    guard nanoseconds > 0 else { return curing_enter(enterDescriptor, submit, 1, flags) }
    return curing_enter_timeout(enterDescriptor, submit, 1, flags, nanoseconds)
  }

  /// True if entries were taken and more may follow.
  private mutating func judge(_ result: Int32) throws(RingError) -> Bool {
    guard result < 0 else {
      statistics.submissions &+= UInt64(result)
      return result > 0
    }
    switch -result {
    case ETIME, EINTR:
      return false
    case EAGAIN, EBUSY:
      // Short of memory, or too many completions waiting: what is queued stays queued. Take what there
      // is without handing over more; the caller drains it and comes back.
      _ = curing_enter(enterDescriptor, 0, 0, enterFlags | IORING_ENTER_GETEVENTS)
      return false
    default:
      // EBADR is here too: completions were lost, and with them the knowledge of whose memory is whose.
      throw .broken(errno: -result)
    }
  }

  private mutating func refreshTail() {
    let fresh = unsafe curing_load_acquire(queues.completion_tail)
    statistics.completions &+= UInt64(fresh &- tail)
    tail = fresh
  }

  public mutating func next() -> Completion? {
    while head != tail {
      let entry = unsafe completions + Int(head & completionMask)
      let completion = unsafe Completion(
        token: Token(bits: entry.pointee.user_data), result: entry.pointee.res, flags: entry.pointee.flags)
      head &+= 1
      if completion.token.isRings {
        guard let shown = takeOwn(completion) else { continue }
        return shown
      }
      if completion.carriesBuffer { buffers.lend(completion.bufferNumber) }
      if completion.result == -ENOBUFS { statistics.bufferShortages &+= 1 }
      return completion
    }
    return takeSevered()
  }

  /// A completion of the ring's own operations; what the caller is to see of it.
  private mutating func takeOwn(_ completion: Completion) -> Completion? {
    let argument = UInt32(truncatingIfNeeded: completion.token.bits)
    switch RingToken(rawValue: completion.token.generation) {
    case .woken:
      statistics.wakeups &+= 1
      if completion.isFinal && waker.way == .event { watchEvent() }
      return .wake
    case .posted:
      // The other ring was short of memory. A wake must not be lost; a ring that is gone needs none.
      if [-ENOMEM, -EOVERFLOW, -EAGAIN].contains(completion.result) {
        wake(Waker(way: .post, descriptor: Int32(bitPattern: argument)))
      }
      return nil
    case .registered:
      if completion.result < 0 { files.remove(Int32(bitPattern: argument)) }
      return nil
    case .silent, nil:
      return nil
    }
  }

  private mutating func takeSevered() -> Completion? {
    guard let token = severed else { return nil }
    severed = nil
    return Completion(token: token, result: -ECANCELED, flags: 0)
  }

  public func bytes(of completion: Completion) -> ByteView {
    buffers.bytes(completion.bufferNumber, count: Int(completion.result))
  }

  public mutating func recycle(_ completion: Completion) {
    buffers.giveBack(completion.bufferNumber)
  }

  public var buffersAvailable: Int { buffers.available }
}
