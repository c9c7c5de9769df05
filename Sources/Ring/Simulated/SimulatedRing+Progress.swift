// SimulatedRing+Progress.swift: what each operation does when its turn comes.
import Glibc

extension SimulatedRing {
  /// True if the operation moved. `isRacing`: a cancel is at its heels, so no new fault delays it.
  mutating func attempt(_ place: Int, isRacing: Bool) -> Bool {
    let operation = inFlight[place]
    if let before = operation.linkedAfter, inFlight.contains(where: { $0.number == before }) { return false }
    guard let resource = world.resources[operation.descriptor] else {
      finish(place, -EBADF)
      return true
    }
    switch (operation.kind, resource) {
    case (.accept, .listener(let listener)): return accept(place, listener)
    case (.receive, .stream(let stream)): return receive(place, stream)
    case (.receiveInto, .stream(let stream)): return receiveInto(place, stream)
    case (.send, .stream(let stream)): return send(place, stream)
    case (.poll, .pollable(let isReadable)): return poll(place, isReadable)
    case (.write, .file(let file)): write(place, file)
    case (.sync, .file(let file)): sync(place, file)
    case (.connect, .stream): finish(place, world.strikes(.connectionReset) ? -ECONNREFUSED : 0)
    case (.close, _): finish(place, world.close(operation.descriptor))
    default: finish(place, -EINVAL)
    }
    return true
  }

  private mutating func accept(_ place: Int, _ listener: SimulatedListener) -> Bool {
    guard !listener.backlog.isEmpty else { return false }
    if world.strikes(.acceptError) {
      finish(place, [-EMFILE, -ECONNABORTED, -EINTR, -EAGAIN, -ENFILE, -ENOBUFS][world.random.below(6)])
      return true
    }
    let descriptor = world.add(.stream(listener.backlog.removeFirst()))
    bring(place, descriptor, flags: 0)
    return true
  }

  private mutating func poll(_ place: Int, _ isReadable: Bool) -> Bool {
    guard isReadable else { return false }
    world.resources[inFlight[place].descriptor] = .pollable(isReadable: false)
    bring(place, Int32(POLLIN), flags: 0)
    return true
  }

  /// A completion of a multishot operation, which may be its last.
  private mutating func bring(_ place: Int, _ result: Int32, flags: UInt32) {
    let token = inFlight[place].token
    let ends = !isMultishot || !overflowed.isEmpty || world.strikes(.multishotEnd)
    if ends { inFlight.remove(at: place) }
    complete(token, result, flags: flags | (ends ? 0 : Completion.Flag.more))
  }

  // MARK: streams

  /// How a receive ends without bytes; nil when it does not.
  private func endOfReceive(_ stream: SimulatedStream) -> Int32? {
    if stream.isReset { return -ECONNRESET }
    if world.strikes(.connectionReset) {
      stream.isReset = true
      return -ECONNRESET
    }
    if stream.inbound.isEmpty { return stream.peerHasEnded ? 0 : nil }
    if world.strikes(.interrupted) { return -EINTR }
    if world.strikes(.again) { return -EAGAIN }
    return nil
  }

  private mutating func receive(_ place: Int, _ stream: SimulatedStream) -> Bool {
    let hasNews = !stream.inbound.isEmpty || stream.peerHasEnded || stream.isReset
    guard hasNews else { return false }
    // Also the end of a stream needs a free buffer.
    if buffers.available == 0 || world.strikes(.bufferShortage) {
      if buffers.available == 0 { world.count(.bufferShortage) }
      statistics.bufferShortages += 1
      finish(place, -ENOBUFS)
      return true
    }
    if let result = endOfReceive(stream) {
      finish(place, result)
      return true
    }
    let bytes = takeInbound(stream, atMost: buffers.bufferBytes)
    guard let number = buffers.take(bytes, world) else { return false }
    bring(
      place, Int32(bytes.count), flags: Completion.Flag.buffer | UInt32(number) << Completion.Flag.bufferShift)
    return true
  }

  private mutating func receiveInto(_ place: Int, _ stream: SimulatedStream) -> Bool {
    guard !stream.inbound.isEmpty || stream.peerHasEnded || stream.isReset else { return false }
    let operation = inFlight[place]
    if !operation.isUntouched {
      world.violation("memory of a receive on \(operation.descriptor) was touched before its final completion")
    }
    if let result = endOfReceive(stream) {
      finish(place, result)
      return true
    }
    let bytes = takeInbound(stream, atMost: operation.count)
    if let memory = unsafe operation.memory { unsafe memory.copyMemory(from: bytes, byteCount: bytes.count) }
    finish(place, Int32(bytes.count))
    return true
  }

  private func takeInbound(_ stream: SimulatedStream, atMost count: Int) -> [UInt8] {
    var count = min(count, stream.inbound.count)
    if count > 1 && world.strikes(.shortReceive) { count = 1 + world.random.below(count - 1) }
    defer { stream.inbound.removeFirst(count) }
    return Array(stream.inbound.prefix(count))
  }

  private mutating func send(_ place: Int, _ stream: SimulatedStream) -> Bool {
    let operation = inFlight[place]
    let total = operation.snapshot.count
    if let result = failureOfSend(stream, sent: operation.progress) {
      finish(place, result)
      return true
    }
    var count = min(total - operation.progress, stream.outboundMax - stream.outbound.count)
    guard count > 0 else { return false }
    if count > 1 && world.strikes(.partialSend) { count = 1 + world.random.below(count - 1) }
    stream.outbound.append(contentsOf: operation.snapshot[operation.progress..<operation.progress + count])
    inFlight[place].progress += count
    if inFlight[place].progress == total { finish(place, Int32(total)) }
    return true
  }

  private func failureOfSend(_ stream: SimulatedStream, sent: Int) -> Int32? {
    if stream.isReset { return sent > 0 && world.random.happens(500) ? Int32(sent) : -ECONNRESET }
    if stream.peerHasClosed || world.strikes(.brokenPipe) {
      stream.isReset = true
      return -EPIPE
    }
    if sent > 0 && world.strikes(.shortSend) {
      stream.isReset = true
      return Int32(sent)
    }
    return nil
  }

  // MARK: files

  private mutating func write(_ place: Int, _ file: SimulatedFile) {
    let operation = inFlight[place]
    let wanted = operation.snapshot.count
    if let result = failureOfWrite() {
      finish(place, result)
      cancelLinked(after: operation.number)
      return
    }
    var count = wanted
    if let free = world.diskBytesFree {
      let growth = max(0, Int(operation.offset) + wanted - file.contents.count)
      count -= max(0, growth - free)
      world.diskBytesFree = max(0, free - growth)
    }
    if count > 1 && world.strikes(.shortWrite) { count = 1 + world.random.below(count - 1) }
    guard count > 0 else {
      world.count(.noSpace)
      finish(place, -ENOSPC)
      cancelLinked(after: operation.number)
      return
    }
    unsafe operation.snapshot.prefix(count).withUnsafeBytes { unsafe file.write($0, at: Int(operation.offset)) }
    if operation.isDurable {
      if world.strikes(.syncError) {
        file.failSync()
        return finish(place, -EIO)
      }
      file.sync()
    }
    finish(place, Int32(count))
    // Anything but a whole write severs the link.
    if count < wanted { cancelLinked(after: operation.number) }
  }

  private func failureOfWrite() -> Int32? {
    if world.strikes(.noSpace) { return -ENOSPC }
    if world.strikes(.writeError) { return -EIO }
    if world.strikes(.interrupted) { return -EINTR }
    if world.strikes(.again) { return -EAGAIN }
    return nil
  }

  private mutating func sync(_ place: Int, _ file: SimulatedFile) {
    if world.strikes(.syncError) {
      file.failSync()
      finish(place, -EIO)
    } else {
      file.sync()
      finish(place, 0)
    }
  }
}
