// EpollRing+Receive.swift: `next`, and the receives that happen inside it.
//
// A descriptor is read until a read comes back short, which says that there is no more without a
// second call that would only say -EAGAIN; at most four times in a row, then the others have their turn.
import Bytes
import CURing
import Glibc

extension EpollRing {
  private static var readsInARow: Int { 4 }
  private static var acceptsInARow: Int { 64 }

  public mutating func next() -> Completion? {
    while true {
      if let completion = completions.pop() {
        statistics.completions &+= 1
        return completion
      }
      guard startServing() else { return nil }
      if let completion = serve() {
        statistics.completions &+= 1
        return completion
      }
    }
  }

  /// Takes the next descriptor of this turn unless one is being served.
  private mutating func startServing() -> Bool {
    guard current < 0 else { return true }
    guard readyThisTurn > 0, let descriptor = ready.pop() else { return false }
    readyThisTurn -= 1
    endpoints[descriptor].isListed = false
    current = descriptor
    currentReads = endpoints[descriptor].reading == .accept ? EpollRing.acceptsInARow : EpollRing.readsInARow
    return true
  }

  /// One read from the current descriptor, or nil and no current descriptor.
  private mutating func serve() -> Completion? {
    let descriptor = current
    guard endpoints[descriptor].isReadable && endpoints[descriptor].reading != .nothing else {
      current = -1
      return nil
    }
    if currentReads == 0 {
      current = -1
      list(descriptor)
      return nil
    }
    currentReads -= 1
    switch endpoints[descriptor].reading {
    case .nothing: return nil
    case .accept: return serveAccept(descriptor)
    case .receive: return serveReceive(descriptor)
    case .receiveInto: return serveReceiveInto(descriptor)
    case .poll:
      endpoints[descriptor].isReadable = false
      return Completion(
        token: endpoints[descriptor].readToken, result: Int32(POLLIN), flags: Completion.Flag.more)
    }
  }

  private mutating func serveAccept(_ descriptor: Int32) -> Completion? {
    let accepted = curing_accept(descriptor)
    guard accepted < 0 else {
      return Completion(token: endpoints[descriptor].readToken, result: accepted, flags: Completion.Flag.more)
    }
    let code = errno
    guard code != EAGAIN else {
      endpoints[descriptor].isReadable = false
      return nil
    }
    return code == EINTR ? nil : endRead(descriptor, -code)
  }

  private mutating func serveReceive(_ descriptor: Int32) -> Completion? {
    guard let number = pool.take() else {
      statistics.bufferShortages &+= 1
      return endRead(descriptor, -ENOBUFS)
    }
    let count = unsafe recv(descriptor, pool.memory(of: number), pool.bufferBytes, Int32(MSG_DONTWAIT))
    guard count > 0 else {
      let code = errno
      pool.giveBack(number)
      return ended(descriptor, count, code)
    }
    noteShort(descriptor, count < pool.bufferBytes)
    let flags = Completion.Flag.buffer | Completion.Flag.more | UInt32(number) << Completion.Flag.bufferShift
    return Completion(token: endpoints[descriptor].readToken, result: Int32(count), flags: flags)
  }

  private mutating func serveReceiveInto(_ descriptor: Int32) -> Completion? {
    let wanted = endpoints[descriptor].readCount
    let count = unsafe recv(descriptor, endpoints[descriptor].readMemory, wanted, Int32(MSG_DONTWAIT))
    guard count > 0 else { return ended(descriptor, count, errno) }
    noteShort(descriptor, count < wanted)
    return endRead(descriptor, Int32(count))
  }

  /// A short read has taken all there was: the next edge will tell of more. Unless the peer has ended
  /// its side, which was part of the last edge.
  @inline(__always)
  private mutating func noteShort(_ descriptor: Int32, _ isShort: Bool) {
    if isShort && !endpoints[descriptor].isHungUp { endpoints[descriptor].isReadable = false }
  }

  /// A read that brought nothing.
  private mutating func ended(_ descriptor: Int32, _ count: Int, _ code: Int32) -> Completion? {
    guard count < 0 else { return endRead(descriptor, 0) }
    switch code {
    case EAGAIN:
      endpoints[descriptor].isReadable = false
      endpoints[descriptor].isHungUp = false
      return nil
    case EINTR:
      return nil
    default:
      return endRead(descriptor, -code)
    }
  }

  /// The final completion of a reading operation.
  mutating func endRead(_ descriptor: Int32, _ result: Int32) -> Completion {
    let token = endpoints[descriptor].readToken
    index.remove(token)
    endpoints[descriptor].reading = .nothing
    return Completion(token: token, result: result, flags: 0)
  }

  public func bytes(of completion: Completion) -> ByteView {
    pool.bytes(completion.bufferNumber, count: Int(completion.result))
  }

  public mutating func recycle(_ completion: Completion) { pool.giveBack(completion.bufferNumber) }

  public var buffersAvailable: Int { pool.available }
}
