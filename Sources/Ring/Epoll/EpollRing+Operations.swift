// EpollRing+Operations.swift: what is asked for is written down; `enter` and `next` do it.
import CURing
import Glibc

extension EpollRing {
  // MARK: reading

  public mutating func accept(_ listener: Int32, _ token: Token) { arm(listener, .accept, token) }

  public mutating func receive(_ descriptor: Int32, _ token: Token) { arm(descriptor, .receive, token) }

  public mutating func receive(
    _ descriptor: Int32, into memory: UnsafeMutableRawPointer, count: Int, _ token: Token
  ) {
    precondition(count > 0, "at least a byte")
    endpoints.reserve(descriptor)
    unsafe endpoints[descriptor].readMemory = memory
    endpoints[descriptor].readCount = min(count, 0x7FFF_F000)
    arm(descriptor, .receiveInto, token)
  }

  public mutating func poll(_ descriptor: Int32, _ token: Token) { arm(descriptor, .poll, token) }

  private mutating func arm(_ descriptor: Int32, _ reading: Endpoint.Reading, _ token: Token) {
    endpoints.reserve(descriptor)
    precondition(endpoints[descriptor].reading == .nothing, "one reading operation per descriptor")
    // Listeners and the like come and go without `attach` and may be closed behind our back, so that the
    // number may be another socket's by now: asking again costs a call, once per arming.
    if !endpoints[descriptor].isRegistered || reading == .accept || reading == .poll {
      let code = watch(descriptor, EpollRing.input)
      guard code == 0 else { return completions.push(Completion(token: token, result: code, flags: 0)) }
      endpoints[descriptor].isRegistered = true
    }
    endpoints[descriptor].reading = reading
    endpoints[descriptor].readToken = token
    index.insert(token, descriptor)
    if endpoints[descriptor].isReadable { list(descriptor) }
  }

  /// Puts a descriptor into the list of those to serve, once.
  @inline(__always)
  mutating func list(_ descriptor: Int32) {
    guard !endpoints[descriptor].isListed else { return }
    endpoints[descriptor].isListed = true
    ready.push(descriptor)
  }

  // MARK: writing

  public mutating func send(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, _ token: Token) {
    precondition(count > 0 && count <= 0x7FFF_F000, "1 to 2147479552 bytes")
    begin(descriptor, .plain, token)
    unsafe endpoints[descriptor].writeMemory = memory
    endpoints[descriptor].writeCount = count
    sends.push(descriptor)
  }

  public mutating func send(_ descriptor: Int32, segments: UnsafeBufferPointer<Segment>, _ token: Token) {
    let (number, bytes) = unsafe segmentLists.insert(segments)
    begin(descriptor, .gathered, token)
    endpoints[descriptor].segments = number
    endpoints[descriptor].writeCount = bytes
    sends.push(descriptor)
  }

  public mutating func connect(_ descriptor: Int32, to address: SocketAddress, _ token: Token) {
    begin(descriptor, .connect, token)
    let result = unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) }
    guard result != 0 else { return finishWrite(descriptor, 0) }
    guard errno == EINPROGRESS || errno == EINTR else { return finishWrite(descriptor, -errno) }
    block(descriptor)
  }

  private mutating func begin(_ descriptor: Int32, _ writing: Endpoint.Writing, _ token: Token) {
    endpoints.reserve(descriptor)
    precondition(endpoints[descriptor].writing == .nothing, "one send per descriptor")
    endpoints[descriptor].writing = writing
    endpoints[descriptor].writeToken = token
    endpoints[descriptor].written = 0
  }

  // MARK: the descriptor itself

  public mutating func attach(_ descriptor: Int32) {
    endpoints.reserve(descriptor)
    endpoints[descriptor] = Endpoint()
    // A failure shows when the first operation tries again.
    endpoints[descriptor].isRegistered = watch(descriptor, EpollRing.input) == 0
  }

  public mutating func detach(_ descriptor: Int32) {
    _ = curing_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0)
    endpoints[descriptor] = Endpoint()
  }

  public mutating func close(_ descriptor: Int32, _ token: Token) {
    closes.push(Closing(descriptor: descriptor, token: token))
  }

  public mutating func cancel(_ target: Token) {
    guard let descriptor = index.descriptor(of: target) else { return cancelQueuedSend(target) }
    if endpoints[descriptor].reading != .nothing && endpoints[descriptor].readToken == target {
      finishRead(descriptor, -ECANCELED)
    } else {
      let written = Int32(truncatingIfNeeded: endpoints[descriptor].written)
      finishWrite(descriptor, written > 0 ? written : -ECANCELED)
    }
  }

  /// A send that `enter` has not tried yet.
  private mutating func cancelQueuedSend(_ target: Token) {
    for _ in 0..<sends.count {
      guard let descriptor = sends.pop() else { return }
      if endpoints[descriptor].writing != .nothing && endpoints[descriptor].writeToken == target {
        finishWrite(descriptor, -ECANCELED)
      } else {
        sends.push(descriptor)
      }
    }
  }

  // MARK: files

  public mutating func write(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    precondition(count > 0 && count <= 0x7FFF_F000, "1 to 2147479552 bytes")
    unsafe fileJobs.push(
      FileThread.Job(
        kind: .write, descriptor: descriptor, memory: memory, count: count, offset: offset, token: token,
        syncToken: token))
  }

  public mutating func writeDurably(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    precondition(count > 0 && count <= 0x7FFF_F000, "1 to 2147479552 bytes")
    unsafe fileJobs.push(
      FileThread.Job(
        kind: .writeDurably, descriptor: descriptor, memory: memory, count: count, offset: offset, token: token,
        syncToken: token))
  }

  public mutating func writeAtOnce(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64
  ) -> Int32 { unsafe File.writeSome(descriptor, memory, count: count, offset: offset) }

  public mutating func writeThenSync(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, write: Token, sync: Token
  ) {
    precondition(count > 0 && count <= 0x7FFF_F000, "1 to 2147479552 bytes")
    unsafe fileJobs.push(
      FileThread.Job(
        kind: .writeThenSync, descriptor: descriptor, memory: memory, count: count, offset: offset, token: write,
        syncToken: sync))
  }

  public mutating func sync(_ descriptor: Int32, _ token: Token) {
    unsafe fileJobs.push(
      FileThread.Job(
        kind: .sync, descriptor: descriptor, memory: nil, count: 0, offset: 0, token: token, syncToken: token))
  }

  public mutating func wake(_ other: Waker) { other.wake() }
}
