// EpollRing+Turn.swift: sends out, events in, and receives on demand.
//
// A turn of requests is two enters: the first sends the replies and returns at once with their
// completions, the second waits in epoll_wait. So replies are never held back by a sleep, and there is
// one epoll_wait per turn. Two enters in a row do not both skip it: sends cannot starve receives.
import Bytes
import CURing
import Glibc

extension EpollRing {
  public mutating func enter(timeoutNanoseconds: UInt64?) throws(RingError) {
    flush()
    if completions.isEmpty || hasSkipped {
      hasSkipped = false
      try waitForEvents(timeoutNanoseconds)
    } else {
      hasSkipped = true
    }
    readyThisTurn = ready.count
  }

  /// Everything queued: the first attempt of each send, closes, files.
  private mutating func flush() {
    while let descriptor = sends.pop() {
      statistics.submissions &+= 1
      attemptSend(descriptor)
    }
    while let closing = closes.pop() {
      statistics.submissions &+= 1
      endpoints.reserve(closing.descriptor)
      endpoints[closing.descriptor] = Endpoint()
      let result = Glibc.close(closing.descriptor) == 0 ? 0 : -errno
      completions.push(Completion(token: closing.token, result: result, flags: 0))
    }
    if !fileJobs.isEmpty { submitFileJobs() }
  }

  private mutating func waitForEvents(_ timeoutNanoseconds: UInt64?) throws(RingError) {
    let isBusy = !completions.isEmpty || !ready.isEmpty || current >= 0
    let milliseconds = isBusy ? 0 : EpollRing.milliseconds(timeoutNanoseconds)
    statistics.enters &+= 1
    if milliseconds != 0 { statistics.sleeps &+= 1 }
    let count = unsafe epoll_wait(epoll, events, Int32(EpollRing.eventsMax), milliseconds)
    guard count >= 0 else {
      guard errno == EINTR else { throw .broken(errno: errno) }
      return
    }
    for i in 0..<Int(count) {
      let event = unsafe events + i
      unsafe take(curing_event_descriptor(event), curing_event_mask(event))
    }
  }

  /// Rounded up: waking too early would only mean waking again.
  private static func milliseconds(_ nanoseconds: UInt64?) -> Int32 {
    guard let nanoseconds else { return -1 }
    return Int32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1))
  }

  private mutating func take(_ descriptor: Int32, _ mask: UInt32) {
    if descriptor == waker.descriptor {
      statistics.wakeups &+= 1
      completions.push(.wake)
      return
    }
    if descriptor == fileEvent {
      fileThread?.collect(into: &completions)
      return
    }
    if mask & (EpollRing.input | EpollRing.ending) != 0 {
      endpoints[descriptor].isReadable = true
      if mask & EpollRing.ending != 0 { endpoints[descriptor].isHungUp = true }
      if endpoints[descriptor].reading != .nothing { list(descriptor) }
    }
    if endpoints[descriptor].isBlocked && mask & (EpollRing.output | EpollRing.ending) != 0 {
      attemptSend(descriptor)
    }
  }

  private mutating func submitFileJobs() {
    if fileThread == nil { startFileThread() }
    if fileThread?.submit(&fileJobs) != nil { return }
    // No thread to be had: say so to each job.
    while let job = fileJobs.pop() {
      completions.push(Completion(token: job.token, result: -EAGAIN, flags: 0))
      guard job.kind == .writeThenSync else { continue }
      completions.push(Completion(token: job.syncToken, result: -ECANCELED, flags: 0))
    }
  }

  private mutating func startFileThread() {
    guard let started = FileThread() else { return }
    fileEvent = started.event
    _ = watch(fileEvent, EpollRing.input)
    fileThread = consume started
  }

  // MARK: sends

  /// Sends as much as there is room for; what is left waits for more room.
  private mutating func attemptSend(_ descriptor: Int32) {
    let sent: Int
    switch endpoints[descriptor].writing {
    case .nothing:
      return
    case .connect:
      return finishWrite(descriptor, -Socket.pendingError(descriptor))
    case .plain:
      let written = endpoints[descriptor].written
      let count = endpoints[descriptor].writeCount - written
      let result = unsafe Glibc.send(
        descriptor, endpoints[descriptor].writeMemory! + written, count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      sent = result < 0 ? -Int(errno) : result
    case .gathered:
      sent = segmentLists.send(descriptor, endpoints[descriptor].segments)
    }
    guard sent >= 0 else { return refused(descriptor, Int32(-sent)) }
    endpoints[descriptor].written += sent
    let written = endpoints[descriptor].written
    guard written < endpoints[descriptor].writeCount else { return finishWrite(descriptor, Int32(written)) }
    if endpoints[descriptor].writing == .gathered { segmentLists.advance(endpoints[descriptor].segments, by: sent) }
    block(descriptor)
  }

  private mutating func refused(_ descriptor: Int32, _ code: Int32) {
    switch code {
    case EAGAIN: block(descriptor)
    case EINTR: sends.push(descriptor)
    default:
      let written = Int32(endpoints[descriptor].written)
      finishWrite(descriptor, written > 0 ? written : -code)
    }
  }

  /// Waits for room. Changing what is watched makes the kernel look again, so no edge is missed.
  mutating func block(_ descriptor: Int32) {
    if !endpoints[descriptor].isBlocked {
      endpoints[descriptor].isBlocked = true
      index.insert(endpoints[descriptor].writeToken, descriptor)
    }
    guard !endpoints[descriptor].watchesWritable else { return }
    let code = watch(descriptor, EpollRing.input | EpollRing.output)
    guard code == 0 else { return finishWrite(descriptor, code) }
    endpoints[descriptor].isRegistered = true
    endpoints[descriptor].watchesWritable = true
  }

  mutating func finishWrite(_ descriptor: Int32, _ result: Int32) {
    let token = endpoints[descriptor].writeToken
    if endpoints[descriptor].isBlocked { index.remove(token) }
    if endpoints[descriptor].writing == .gathered { segmentLists.remove(endpoints[descriptor].segments) }
    endpoints[descriptor].isBlocked = false
    endpoints[descriptor].writing = .nothing
    completions.push(Completion(token: token, result: result, flags: 0))
  }

  mutating func finishRead(_ descriptor: Int32, _ result: Int32) {
    completions.push(endRead(descriptor, result))
  }
}
