// Reactor+Receive.swift — bytes become requests.
//
// Requests that lie whole in the kernel's buffer are parsed and run where they are. Only what cannot be run yet is
// copied, into the connection's input: the unfinished tail, and whatever comes while requests before it wait.
//
//   buffer:  [ GET a │ GET b │ SET c 1 │ GE ]      batch: three requests      input: GE
import Bytes
import Commands
import Ring
import Wire

extension Reactor where Engine: ~Copyable, Up: ~Copyable {
  mutating func received(_ done: Completion) {
    guard let connection = connection(done.token) else {
      if done.carriesBuffer { ring.recycle(done) }
      return
    }
    if done.isFinal { connection.pointee.marks.remove([.receiving, .cancelling]) }
    if done.result > 0 {
      let bytes = ring.bytes(of: done)
      count(bytes.count, connection)
      if connection.pointee.state == .open { take(bytes, from: connection, in: done) } else { ring.recycle(done) }
    } else {
      if done.carriesBuffer { ring.recycle(done) }
      receiveEnded(connection, done.result)
    }
    if done.isFinal { connection.pointee.operations -= 1 }
    tellInput(connection)
    continueReading(connection)
  }

  /// Tells how much memory unfinished requests take, if that is much more or less than was last said.
  @inline(__always)
  mutating func tellInput(_ connection: UnsafeMutablePointer<Connection>) {
    let bytes = connection.pointee.inputMemoryBytes
    guard bytes != connection.pointee.inputTold || connection.pointee.largeWord.blob != nil else { return }
    tellChange(of: connection, to: bytes)
  }

  @inline(never)
  private mutating func tellChange(of connection: UnsafeMutablePointer<Connection>, to bytes: Int) {
    // How far a long word has come is told each time: it is seldom, and somebody may be watching it.
    let isMuch = abs(bytes - connection.pointee.inputTold) > Flood.untoldBytesMax || connection.pointee.largeWord.blob != nil
    guard isMuch, connection.pointee.state == .open else { return }
    connection.pointee.inputTold = bytes
    var job = Job(.inputChanged, connection.pointee.client, amount: bytes)
    let word = connection.pointee.largeWord
    job.count = UInt32(clamping: word.blob == nil ? connection.pointee.input.count : word.filled)
    upstream.tell(job)
  }

  @inline(__always)
  mutating func count(_ bytes: Int, _ connection: UnsafeMutablePointer<Connection>) {
    connection.pointee.bytesUntold += UInt64(bytes)
    figures.bytesReceived += UInt64(bytes)
    figures.reads += 1
  }

  mutating func receiveEnded(_ connection: UnsafeMutablePointer<Connection>, _ result: Int32) {
    switch -result {
    case 0: endOfStream(connection)
    case Errno.noBufferSpace.code:
      // The end of the stream may hide behind a shortage, so this is no error: try again when buffers are back.
      connection.pointee.marks.insert(.starved)
      starved.append((connection.pointee.slot, connection.pointee.generation))
    case Errno.cancelled.code, Errno.interrupted.code, Errno.again.code: break
    default: fail(connection, .failed)
    }
  }

  /// The client will send no more. What it asked for is still answered.
  private mutating func endOfStream(_ connection: UnsafeMutablePointer<Connection>) {
    connection.pointee.marks.insert(.ended)
    guard connection.pointee.state == .open else { return }
    upstream.tell(Job(.ended, connection.pointee.client))
    finishIfEnded(connection)
  }

  /// Tells the executor, once, that all has been run that ever will be.
  mutating func finishIfEnded(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.marks.contains(.ended), connection.pointee.mayRun,
      !connection.pointee.marks.contains(.finished)
    else { return }
    connection.pointee.marks.insert(.finished)
    upstream.tell(Job(.finished, connection.pointee.client))
  }

  /// The connection cannot go on: nothing more is read, and the executor ends it.
  mutating func fail(_ connection: UnsafeMutablePointer<Connection>, _ kind: Job.Kind, amount: Int = 0) {
    guard connection.pointee.state == .open, !connection.pointee.marks.contains(.finished) else { return }
    connection.pointee.marks.insert([.deaf, .finished])
    upstream.tell(Job(kind, connection.pointee.client, amount: amount))
  }

  // MARK: reading

  /// Bytes in the buffer of `done`, which goes back to the ring as soon as nothing points into it.
  private mutating func take(_ bytes: ByteView, from connection: UnsafeMutablePointer<Connection>, in done: Completion) {
    let mayParse = connection.pointee.mayRun && connection.pointee.input.count == 0
      && connection.pointee.largeWord.blob == nil
    guard mayParse else {
      take(bytes, from: connection)
      return ring.recycle(done)
    }
    batch.pointee.isInInput = false
    batch.pointee.buffer = done
    let used = parse(bytes, connection)
    // The executor reads from it until the batch has run.
    let isLent = connection.pointee.underWay != nil
    if used < bytes.count && mayKeep(connection) { _ = keep(bytes[used..<bytes.count], connection) }
    if !isLent { ring.recycle(done) }
  }

  /// Bytes that stay valid only during the call.
  mutating func take(_ bytes: ByteView, from connection: UnsafeMutablePointer<Connection>) {
    if connection.pointee.largeWord.blob != nil { return takeLarge(bytes, from: connection) }
    guard mayKeep(connection), keep(bytes, connection) else { return }
    parseInput(connection)
  }

  /// Bytes that cannot be parsed yet are worth keeping.
  private func mayKeep(_ connection: UnsafeMutablePointer<Connection>) -> Bool {
    connection.pointee.state == .open && !connection.pointee.marks.contains(.deaf)
      && connection.pointee.largeWord.blob == nil
  }

  /// Copies bytes that cannot be parsed yet into the connection's input.
  private mutating func keep(_ bytes: ByteView, _ connection: UnsafeMutablePointer<Connection>) -> Bool {
    guard connection.pointee.input.count + bytes.count <= limits.queryBufferBytes(connection) else {
      fail(connection, .inputTooLong, amount: connection.pointee.input.count)
      return false
    }
    releaseLentInput(connection)
    guard connection.pointee.input.append(bytes) else {
      fail(connection, .outOfMemory)
      return false
    }
    let waits = connection.pointee.underWay != nil || connection.pointee.marks.contains(.held)
    if waits && connection.pointee.input.count > Flood.stopBytes { pause(connection) }
    return true
  }

  /// The executor reads from the input, which must not move: it keeps that memory, and what lies behind the batch goes on
  /// in memory of its own.
  private mutating func releaseLentInput(_ connection: UnsafeMutablePointer<Connection>) {
    guard let batch = connection.pointee.underWay, batch.pointee.isInInput else { return }
    batch.pointee.held = connection.pointee.input
    batch.pointee.isInInput = false
    connection.pointee.input = InputBuffer()
    let held = batch.pointee.held.view
    guard connection.pointee.input.append(held[batch.pointee.end..<held.count]) else {
      return fail(connection, .outOfMemory)
    }
  }

  /// Parses what has been kept, as far as it goes.
  mutating func parseInput(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.mayRun, connection.pointee.input.count > 0, connection.pointee.largeWord.blob == nil else {
      return
    }
    batch.pointee.isInInput = true
    batch.pointee.buffer = nil
    let used = parse(connection.pointee.input.view, connection)
    if connection.pointee.underWay != nil || connection.pointee.largeWord.blob != nil { return }
    if used > 0 { connection.pointee.input.drop(used) }
    if connection.pointee.input.count == 0 { connection.pointee.input.release() }
  }

  // MARK: arming

  /// Arms whatever receive the connection should have now.
  mutating func continueReading(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.state == .open && !connection.pointee.marks.contains(.leaving) else {
      return settle(connection)
    }
    let busy: Connection.Marks = [.receiving, .receivingLarge, .starved, .ended, .deaf, .flooded]
    guard connection.pointee.marks.isDisjoint(with: busy) else { return }
    if let blob = connection.pointee.largeWord.blob, connection.pointee.largeWord.missing >= Large.directBytesMin {
      connection.pointee.marks.insert(.receivingLarge)
      connection.pointee.operations += 1
      let word = connection.pointee.largeWord
      ring.receive(
        connection.pointee.descriptor, into: blob.start + word.filled, count: min(word.missing, Large.receiveBytesMax),
        connection.pointee.token(.receiveInto))
      return
    }
    connection.pointee.marks.insert(.receiving)
    connection.pointee.operations += 1
    ring.receive(connection.pointee.descriptor, connection.pointee.token(.receive))
  }

  /// Asks the multishot receive to end; its final completion says when it has.
  mutating func stopReceiving(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.marks.contains(.receiving), !connection.pointee.marks.contains(.cancelling) else { return }
    connection.pointee.marks.insert(.cancelling)
    ring.cancel(connection.pointee.token(.receive))
  }

  mutating func rearmStarved() {
    guard !starved.isEmpty, ring.buffersAvailable > 0 else { return }
    let count = min(starved.count, ring.buffersAvailable)
    for waiting in starved[0..<count] {
      guard let connection = connections.find(waiting.slot, generation: waiting.generation) else { continue }
      connection.pointee.marks.remove(.starved)
      continueReading(connection)
    }
    starved.removeFirst(count)
  }

  // MARK: backpressure

  /// So much waits to be run that no more is read for now.
  private mutating func pause(_ connection: UnsafeMutablePointer<Connection>) {
    guard !connection.pointee.marks.contains(.flooded) else { return }
    connection.pointee.marks.insert(.flooded)
    figures.readPauses += 1
    stopReceiving(connection)
  }

  /// Requests may be delivered again: what was kept is parsed, then the connection is read again.
  mutating func goOn(_ connection: UnsafeMutablePointer<Connection>) {
    connection.pointee.marks.remove(.held)
    proceed(connection)
  }

  /// Something that requests waited for is over.
  mutating func proceed(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.state == .open && !connection.pointee.marks.contains(.leaving) else {
      return settle(connection)
    }
    parseInput(connection)
    finishIfEnded(connection)
    let isLow = connection.pointee.input.count <= Flood.resumeBytes || connection.pointee.mayRun
    if connection.pointee.marks.contains(.flooded) && isLow { connection.pointee.marks.remove(.flooded) }
    continueReading(connection)
  }
}

enum Large {
  /// Below this many missing bytes the detour over the ring's buffers is cheaper than changing receives.
  static let directBytesMin = 64 << 10
  static let receiveBytesMax = 1 << 30
}

/// Bytes of whole requests that wait for those before them.
enum Flood {
  /// A connection with more of them is not read any further …
  static let stopBytes = 128 << 10
  /// … until no more than this waits. Apart, so that reading does not flutter.
  static let resumeBytes = 64 << 10
  /// So much of what a connection keeps the executor need not know of.
  static let untoldBytesMax = 16 << 10
}
