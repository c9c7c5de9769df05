// Reactor+Receive.swift — bytes become requests.
//
// Requests that lie whole in the kernel's buffer are parsed and executed where they are. Only
// the unfinished tail is copied, into the connection's input; and a word of 8 KiB or more
// goes into memory of its own, the kernel writing the rest of it straight there:
//
//   buffer:  [ SET k $1000000 ░░░░ ]     input: SET k       large word: ░░░░──────────────
//                              └───────────────────────────────────────▲   receive into ─▶
import Bytes
import Commands
import Ring
import Store
import Wire

extension Reactor where Engine: ~Copyable {
  mutating func received(_ done: Completion) {
    guard let client = connection(done.token) else {
      if done.carriesBuffer { ring.recycle(done) }
      return
    }
    if done.isFinal { client.pointee.marks.remove([.receiving, .cancelling]) }
    if done.result > 0 {
      let bytes = ring.bytes(of: done)
      client.pointee.details.pointee.bytesReceived += UInt64(bytes.count)
      server.pointee.statistics.bytesReceived += UInt64(bytes.count)
      server.pointee.statistics.reads += 1
      if client.pointee.state == .open { take(bytes, from: client) }
      ring.recycle(done)
    } else {
      if done.carriesBuffer { ring.recycle(done) }
      receiveEnded(client, done.result)
    }
    // Only now: while requests run, the operation keeps the connection's memory alive.
    if done.isFinal { client.pointee.operations -= 1 }
    continueReading(client)
  }

  mutating func receiveEnded(_ client: UnsafeMutablePointer<Connection>, _ result: Int32) {
    switch -result {
    case 0: endOfStream(client)
    case Errno.noBufferSpace.code:
      // The end of the stream may hide behind a shortage, so this is no error: try again when buffers are back.
      client.pointee.marks.insert(.starved)
      starved.append((client.pointee.slot, client.pointee.generation))
    case Errno.cancelled.code, Errno.interrupted.code, Errno.again.code: break
    default: close(client)
    }
  }

  /// The client will send no more. What it asked for is still answered.
  mutating func endOfStream(_ client: UnsafeMutablePointer<Connection>) {
    client.pointee.marks.insert(.ended)
    guard client.pointee.state == .open else { return }
    // What it waits for would be taken for nobody.
    if client.pointee.blocked != nil { return close(client) }
    if client.pointee.marks.isDisjoint(with: [.unparsed, .paused, .held]) { drain(client) }
  }

  // MARK: reading

  mutating func take(_ bytes: ByteView, from client: UnsafeMutablePointer<Connection>) {
    client.pointee.lastInteractionSeconds = server.pointee.clock.seconds
    if client.pointee.largeWord.blob != nil {
      takeLarge(bytes, from: client)
      return
    }
    if client.pointee.input.count > 0 || !client.pointee.marks.isDisjoint(with: [.paused, .held]) {
      guard keep(bytes, client) else { return }
      parseInput(client)
      return
    }
    let used = parse(bytes, client)
    if used < bytes.count && client.pointee.state == .open && client.pointee.largeWord.blob == nil {
      _ = keep(bytes[used..<bytes.count], client)
    }
  }

  /// Copies bytes that cannot be parsed yet into the connection's input.
  mutating func keep(_ bytes: ByteView, _ client: UnsafeMutablePointer<Connection>) -> Bool {
    let limit = server.pointee.queryBufferLimit(of: client)
    guard client.pointee.input.count + bytes.count <= limit else {
      server.pointee.closedForQueryBuffer(client)
      close(client)
      return false
    }
    guard client.pointee.input.append(bytes) else {
      server.pointee.log.warning("Out of memory for the input of a client; closing it.")
      close(client)
      return false
    }
    return true
  }

  /// Parses what has been kept, as far as it goes.
  mutating func parseInput(_ client: UnsafeMutablePointer<Connection>) {
    let used = parse(client.pointee.input.view, client)
    if used > 0 && client.pointee.largeWord.blob == nil { client.pointee.input.drop(used) }
    if client.pointee.input.count == 0 { client.pointee.input.release() }
  }

  /// Executes the requests in `bytes` and returns how many bytes they took. An unfinished request is remembered
  /// in the connection's parser, and its words stand alone in the connection's vector; its bytes are the ones not taken.
  mutating func parse(_ bytes: ByteView, _ client: UnsafeMutablePointer<Connection>) -> Int {
    // The vector is lent to the connection and comes back unless a request stays unfinished.
    if !client.pointee.words.isAllocated { swap(&words, &client.pointee.words) }
    var used = 0
    while client.pointee.state == .open {
      if mustPause(client) {
        client.pointee.marks.insert(.unparsed)
        break
      }
      let end = gather(bytes, from: used, client)
      guard run(bytes, client) else {
        used = batch.stoppedAt
        break
      }
      used = end
      guard client.pointee.state == .open else { break }
      if let failure = batch.failure {
        server.pointee.refuse(client, failure)
        drain(client)
        used = bytes.count
      } else if case .large(let start, let available, let length) = batch.outcome {
        beginLarge(client, bytes[used..<bytes.count], start: start, available: available, length: length)
        used = bytes.count
        break
      } else if case .more = batch.outcome {
        break
      }
    }
    let isBetweenRequests = client.pointee.parser.isIdle && client.pointee.completeEnd == 0
    if isBetweenRequests || client.pointee.state != .open { takeBackWords(client) }
    return used
  }

  mutating func takeBackWords(_ client: UnsafeMutablePointer<Connection>) {
    client.pointee.words.removeAll()
    if words.isAllocated { client.pointee.words.release() } else { swap(&words, &client.pointee.words) }
    words.shrink()
  }

  @inline(__always)
  mutating func execute(
    _ client: UnsafeMutablePointer<Connection>, _ arguments: Arguments, _ known: UnsafePointer<Command>?
  ) {
    requestsSinceClock += 1
    server.execute(client, arguments, known)
    if server.pointee.wishes.isUrgent { grantWishes() }
    if client.pointee.hasSendable { markReady(client) }
    if client.pointee.output.pending > server.pointee.outputBytesUnchecked, server.pointee.exceedsOutputLimit(client) {
      server.pointee.closedForOutput(client)
      return close(client)
    }
    if client.pointee.session.flags.contains(.closeAfterReply) { drain(client) }
  }

  // MARK: arming

  /// Arms whatever receive the connection should have now.
  mutating func continueReading(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.state == .open else { return settle(client) }
    var busy: Connection.Marks = [.receiving, .receivingLarge, .starved, .ended, .paused, .held]
    // The end of a client that waits for a key must be seen while it waits.
    if client.pointee.blocked != nil { busy.remove(.held) }
    guard client.pointee.marks.isDisjoint(with: busy) else { return }
    if let blob = client.pointee.largeWord.blob, client.pointee.largeWord.missing >= Large.directBytesMin {
      client.pointee.marks.insert(.receivingLarge)
      client.pointee.operations += 1
      let word = client.pointee.largeWord
      ring.receive(
        client.pointee.descriptor, into: blob.start + word.filled, count: min(word.missing, Large.receiveBytesMax),
        client.pointee.token(.receiveInto))
      return
    }
    client.pointee.marks.insert(.receiving)
    client.pointee.operations += 1
    ring.receive(client.pointee.descriptor, client.pointee.token(.receive))
  }

  /// Asks the multishot receive to end; its final completion says when it has.
  mutating func stopReceiving(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.marks.contains(.receiving), !client.pointee.marks.contains(.cancelling) else { return }
    client.pointee.marks.insert(.cancelling)
    ring.cancel(client.pointee.token(.receive))
  }

  mutating func rearmStarved() {
    guard !starved.isEmpty, ring.buffersAvailable > 0 else { return }
    let count = min(starved.count, ring.buffersAvailable)
    for waiting in starved[0..<count] {
      guard let client = server.pointee.connections.find(waiting.slot, generation: waiting.generation) else { continue }
      client.pointee.marks.remove(.starved)
      continueReading(client)
    }
    starved.removeFirst(count)
  }

  // MARK: backpressure

  /// Whether the connection's next request must wait, and if so, that nothing more is read for it.
  @inline(__always)
  mutating func mustPause(_ client: UnsafeMutablePointer<Connection>) -> Bool {
    if client.pointee.output.pending > Backpressure.stopBytes { pause(client, .paused) }
    return !client.pointee.marks.isDisjoint(with: [.paused, .held])
  }

  /// Whether CLIENT PAUSE, the log or an image makes the request wait that is whole now, starting at `base`: it waits as
  /// it is, at the start of the connection's input.
  @inline(__always)
  mutating func mustHold(
    _ client: UnsafeMutablePointer<Connection>, _ range: Range<Int>, base: UnsafeRawPointer
  ) -> Bool {
    let isPaused = server.pointee.clientPause.isActive || server.pointee.isThrottlingWrites
    guard isPaused || server.pointee.snapshots.job != nil else { return false }
    let words = client.pointee.words
    let second = range.count > 1 ? words.word(range.lowerBound + 1, base: base) : nil
    let isHeld = isPaused && server.pointee.holds(words.word(range.lowerBound, base: base), second)
    guard isHeld || server.pointee.mustPark(client, range, base: base) else { return false }
    client.pointee.marks.insert(.unparsed)
    pause(client, .held)
    return true
  }

  /// Stops reading from a client. `reason` is `.paused` (too much waits to be sent) or `.held` (CLIENT PAUSE).
  mutating func pause(_ client: UnsafeMutablePointer<Connection>, _ reason: Connection.Marks) {
    guard !client.pointee.marks.contains(reason) else { return }
    client.pointee.marks.insert(reason)
    server.pointee.statistics.readPauses += 1
    stopReceiving(client)
  }

  /// The reason is over: what was kept is parsed, then the client is read again.
  mutating func resume(_ client: UnsafeMutablePointer<Connection>, _ reason: Connection.Marks) {
    client.pointee.marks.remove([reason, .unparsed])
    guard client.pointee.state == .open, client.pointee.marks.isDisjoint(with: [.paused, .held]) else { return }
    // As in `received`: while requests run, the count keeps the connection's memory alive.
    client.pointee.operations += 1
    if client.pointee.completeEnd > 0 { executeComplete(client) }
    if client.pointee.input.count > 0 && client.pointee.largeWord.blob == nil { parseInput(client) }
    client.pointee.operations -= 1
    guard client.pointee.state == .open else { return settle(client) }
    if client.pointee.marks.contains(.ended) && client.pointee.marks.isDisjoint(with: [.paused, .held]) {
      drain(client)
      return
    }
    continueReading(client)
  }
}

enum Large {
  /// Below this many missing bytes the detour over the ring's buffers is cheaper than changing receives.
  static let directBytesMin = 64 << 10
  static let receiveBytesMax = 1 << 30
}

enum Backpressure {
  /// A client with so much output waiting is not read any further …
  static let stopBytes = 32 << 20
  /// … until no more than this waits. Far apart, so that reading does not flutter.
  static let resumeBytes = 16 << 20
}
