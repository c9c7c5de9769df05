// UringRing+Operations.swift: one entry per operation, two where a link is needed.
import CURing
import Glibc

extension UringRing {
  public mutating func accept(_ listener: Int32, _ token: Token) {
    let kind = capabilities.multishotAccept ? CURING_ACCEPT_MULTISHOT : 0
    unsafe curing_prepare_accept(submissions.entry(), listener, kind, token.bits)
  }

  public mutating func receive(_ descriptor: Int32, _ token: Token) {
    let kind = capabilities.multishotReceive ? CURING_RECEIVE_MULTISHOT : 0
    let flags = files.flag(descriptor)
    unsafe curing_prepare_receive(
      submissions.entry(), descriptor, kind, UringRing.bufferGroup, flags, token.bits)
  }

  public mutating func receive(
    _ descriptor: Int32, into memory: UnsafeMutableRawPointer, count: Int, _ token: Token
  ) {
    let flags = files.flag(descriptor)
    unsafe curing_prepare_receive_into(
      submissions.entry(), descriptor, memory, UringRing.length(count), flags, token.bits)
  }

  public mutating func send(_ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, _ token: Token) {
    let flags = files.flag(descriptor)
    unsafe curing_prepare_send(submissions.entry(), descriptor, memory, UringRing.length(count), flags, token.bits)
  }

  public mutating func send(_ descriptor: Int32, segments: UnsafeBufferPointer<Segment>, _ token: Token) {
    precondition(!segments.isEmpty && segments.count <= UringRing.segmentsMax, "1 to 64 segments")
    let headerBytes = unsafe MemoryLayout<msghdr>.size
    let listBytes = unsafe segments.count * MemoryLayout<iovec>.stride
    let memory = unsafe scratch.allocate(headerBytes + listBytes)
    let list = unsafe (memory + headerBytes).bindMemory(to: iovec.self, capacity: segments.count)
    for i in 0..<segments.count {
      let (start, count) = unsafe (segments[i].start, segments[i].count)
      unsafe (list + i).initialize(
        to: iovec(iov_base: UnsafeMutableRawPointer(mutating: start), iov_len: count))
    }
    let message = unsafe memory.bindMemory(to: msghdr.self, capacity: 1)
    unsafe message.initialize(to: msghdr())
    unsafe message.pointee.msg_iov = list
    unsafe message.pointee.msg_iovlen = segments.count
    unsafe curing_prepare_send_message(
      submissions.entry(), descriptor, message, files.flag(descriptor), token.bits)
  }

  public mutating func connect(_ descriptor: Int32, to address: SocketAddress, _ token: Token) {
    let length = Int(address.length)
    let copy = unsafe scratch.allocate(length)
    unsafe address.withSockaddr { source, _ in _ = unsafe memcpy(copy, source, length) }
    unsafe curing_prepare_connect(
      submissions.entry(), descriptor, copy.assumingMemoryBound(to: sockaddr.self), address.length, token.bits)
  }

  public mutating func attach(_ descriptor: Int32) {
    guard let number = unsafe files.insert(descriptor) else { return }
    let place = UInt32(descriptor)
    unsafe curing_prepare_register_file(
      submissions.entry(), number, place, quiet, RingToken.registered.bits(place))
  }

  public mutating func detach(_ descriptor: Int32) {
    guard files.contains(descriptor) else { return }
    files.remove(descriptor)
    unsafe curing_prepare_close_registered(submissions.entry(), UInt32(descriptor), quiet, RingToken.silent.bits())
  }

  public mutating func close(_ descriptor: Int32, _ token: Token) {
    guard files.contains(descriptor) else {
      unsafe curing_prepare_close(submissions.entry(), descriptor, 0, token.bits)
      return
    }
    files.remove(descriptor)
    // Out of the table first, or the number could be given out again while the old file is in its place.
    // The hard link only orders: the close must happen even if the place was empty.
    let (empty, close) = unsafe submissions.pair()
    unsafe curing_prepare_close_registered(
      empty, UInt32(descriptor), CURING_SQE_HARDLINK, RingToken.silent.bits())
    unsafe curing_prepare_close(close, descriptor, 0, token.bits)
  }

  public mutating func cancel(_ target: Token) {
    unsafe curing_prepare_cancel(submissions.entry(), target.bits, quiet, RingToken.silent.bits())
  }

  public mutating func poll(_ descriptor: Int32, _ token: Token) {
    unsafe curing_prepare_poll(submissions.entry(), descriptor, 0, token.bits)
  }

  public mutating func write(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    unsafe curing_prepare_write(
      submissions.entry(), descriptor, memory, UringRing.length(count), UInt64(offset), 0, token.bits)
  }

  public mutating func writeAtOnce(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64
  ) -> Int32 { unsafe File.writeSome(descriptor, memory, count: count, offset: offset) }

  public mutating func writeThenSync(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, write: Token, sync: Token
  ) {
    // A soft link: a hard one would sync, and report success, after a write that failed.
    let (first, second) = unsafe submissions.pair()
    unsafe curing_prepare_write(
      first, descriptor, memory, UringRing.length(count), UInt64(offset), CURING_SQE_LINK, write.bits)
    unsafe curing_prepare_data_sync(second, descriptor, 0, sync.bits)
  }

  public mutating func writeDurably(
    _ descriptor: Int32, _ memory: UnsafeRawPointer, count: Int, offset: Int64, _ token: Token
  ) {
    unsafe curing_prepare_durable_write(
      submissions.entry(), descriptor, memory, UringRing.length(count), UInt64(offset), token.bits)
  }

  public mutating func sync(_ descriptor: Int32, _ token: Token) {
    unsafe curing_prepare_data_sync(submissions.entry(), descriptor, 0, token.bits)
  }

  public mutating func wake(_ other: Waker) {
    switch other.way {
    case .post:
      let argument = UInt32(bitPattern: other.descriptor)
      unsafe curing_prepare_post(
        submissions.entry(), other.descriptor, RingToken.woken.bits(), 1, quiet, RingToken.posted.bits(argument))
    case .event:
      unsafe curing_prepare_write(
        submissions.entry(), other.descriptor, one, 8, 0, quiet, RingToken.silent.bits())
    }
  }

  /// Watches our own eventfd. It is never read: each write to it shows, and its count cannot fill up.
  mutating func watchEvent() {
    unsafe curing_prepare_poll(submissions.entry(), waker.descriptor, 0, RingToken.woken.bits())
  }

  /// Lengths as the kernel counts them: up to 2 GiB less a page, and results must fit 31 bits.
  @inline(__always)
  private static func length(_ count: Int) -> UInt32 {
    precondition(count > 0 && count <= 0x7FFF_F000, "1 to 2147479552 bytes")
    return UInt32(truncatingIfNeeded: count)
  }
}
