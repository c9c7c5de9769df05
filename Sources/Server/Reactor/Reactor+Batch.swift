// Reactor+Batch.swift — requests are read a few ahead, the executor runs them, and what it did not run is read again.
import Bytes
import Commands
import Ring
import Wire

extension Reactor where Engine: ~Copyable, Up: ~Copyable {
  /// Has the requests in `bytes` run and returns how many bytes need not be kept. An unfinished request is remembered in
  /// the connection's parser, and its words stand alone in the connection's vector; its bytes are the ones to keep. If a
  /// batch is under way when this returns, bytes in the input stay there until it comes back.
  mutating func parse(_ bytes: ByteView, _ connection: UnsafeMutablePointer<Connection>) -> Int {
    var used = 0
    while connection.pointee.mayRun {
      let end = gather(bytes, from: used, connection)
      guard batch.pointee.count > 0 || batch.pointee.failure != nil else {
        used = end
        guard case .large(let start, let available, let length) = batch.pointee.outcome else { break }
        let rest = bytes[used..<bytes.count]
        beginLarge(connection, rest, start: start, available: available, length: length)
        return bytes.count
      }
      batch.pointee.end = end
      guard let ran = deliver(connection) else {
        keepWords(connection)
        return end
      }
      guard ran.count == batch.pointee.count else {
        used = batch.pointee.items[ran.count].start
        forgetUnfinished(connection)
        break
      }
      used = end
      // If requests before it wait, what cannot be read is read again.
      if batch.pointee.failure != nil { break }
      if case .large(let start, let available, let length) = batch.pointee.outcome, connection.pointee.mayRun {
        let rest = bytes[used..<bytes.count]
        beginLarge(connection, rest, start: start, available: available, length: length)
        return bytes.count
      }
      if case .more = batch.pointee.outcome { break }
    }
    keepWords(connection)
    return used
  }

  /// Hands the batch at hand to the executor.
  @inline(__always)
  private mutating func deliver(_ connection: UnsafeMutablePointer<Connection>) -> Ran? {
    batch.pointee.largeWords = nil
    tellFigures(connection)
    if Up.isRemote || batch.pointee.count > 1 { batch.pointee.resolve(table) }
    let delivered = batch
    guard let ran = upstream.run(delivered, connection.pointee.client) else {
      connection.pointee.underWay = delivered
      return nil
    }
    note(ran, connection)
    return ran
  }

  @inline(__always)
  func tellFigures(_ connection: UnsafeMutablePointer<Connection>) {
    batch.pointee.bytesReceived = connection.pointee.bytesUntold
    connection.pointee.bytesUntold = 0
    batch.pointee.inputBytes = connection.pointee.input.count
    connection.pointee.inputTold = connection.pointee.inputMemoryBytes
    batch.pointee.inputCapacity = connection.pointee.inputTold
  }

  @inline(__always)
  func note(_ ran: Ran, _ connection: UnsafeMutablePointer<Connection>) {
    connection.pointee.isAuthenticated = ran.isAuthenticated
    if ran.mustWait { connection.pointee.marks.insert(.held) }
  }

  /// The executor is done with a batch that was under way.
  mutating func ran(_ connection: UnsafeMutablePointer<Connection>, _ ran: Ran) {
    guard let batch = connection.pointee.underWay else { preconditionFailure("a batch came back that nobody gave") }
    connection.pointee.underWay = nil
    note(ran, connection)
    let rest = ran.count < batch.pointee.count ? batch.pointee.items[ran.count].start : batch.pointee.end
    settleBytes(of: batch, from: rest, connection)
    if rest < batch.pointee.end { forgetUnfinished(connection) }
    takeBack(batch)
    proceed(connection)
    tellInput(connection)
  }

  /// Gives back the memory that the batch's words lay in; bytes from offset `rest` to its end are read again.
  private mutating func settleBytes(
    of batch: UnsafeMutablePointer<Batch>, from rest: Int, _ connection: UnsafeMutablePointer<Connection>
  ) {
    let isAlive = connection.pointee.state == .open
    if batch.pointee.isInInput {
      if isAlive { connection.pointee.input.drop(rest) }
    } else {
      let bytes = batch.pointee.buffer.map { ring.bytes(of: $0) } ?? batch.pointee.held.view
      if isAlive && rest < batch.pointee.end && !connection.pointee.input.prepend(bytes[rest..<batch.pointee.end]) {
        fail(connection, .outOfMemory)
      }
    }
    if let buffer = batch.pointee.buffer { ring.recycle(buffer) }
    batch.pointee.buffer = nil
    batch.pointee.held.release()
    if connection.pointee.input.count == 0 { connection.pointee.input.release() }
  }

  /// Reads requests into the batch, as many as may be read ahead, and returns the offset behind the last whole one.
  private mutating func gather(_ bytes: ByteView, from start: Int, _ connection: UnsafeMutablePointer<Connection>) -> Int {
    let batch = batch
    batch.pointee.begin()
    // The vector of an unfinished request is the batch's from here on.
    if connection.pointee.words.isAllocated {
      batch.pointee.words.release()
      swap(&batch.pointee.words, &connection.pointee.words)
    } else {
      batch.pointee.words.removeAll()
    }
    // What AUTH changes decides how the next request may be read.
    let most = connection.pointee.isAuthenticated ? batch.pointee.capacity : 1
    var limits = limits.parser
    limits.isAuthenticated = connection.pointee.isAuthenticated
    var used = start
    while batch.pointee.count < most {
      let rest = bytes[used..<bytes.count]
      // An inline request is unescaped where it lies, so it cannot be read twice: it stands alone in its batch, for
      // what stands behind others may have to be read again.
      let isInline = connection.pointee.parser.isIdle && !rest.isEmpty && rest[0] != UInt8(ascii: "*")
      if isInline && batch.pointee.count > 0 {
        batch.pointee.outcome = .nothing(end: 0)
        return used
      }
      let firstWord = batch.pointee.wordEnd
      do throws(ProtocolError) {
        batch.pointee.outcome = try connection.pointee.parser.next(
          in: rest, limits: limits, words: &batch.pointee.words)
      } catch {
        batch.pointee.failure = error
        return used
      }
      switch batch.pointee.outcome {
      case .request(let end):
        batch.pointee.add(
          start: used, end: used + end, words: firstWord..<batch.pointee.words.count, base: bytes.start)
        used += end
        if isInline { return used }
      case .nothing(let end): used += end
      case .more, .large: return used
      }
    }
    return used
  }

  /// The words of an unfinished request move to the connection; the batch's vector is free for others.
  mutating func keepWords(_ connection: UnsafeMutablePointer<Connection>) {
    let first = batch.pointee.wordEnd
    let isUnfinished = !connection.pointee.parser.isIdle && connection.pointee.state == .open
    if isUnfinished && batch.pointee.words.count > first {
      connection.pointee.words = batch.pointee.words.split(from: first)
    }
    if connection.pointee.underWay == batch { replaceBatch() }
  }

  /// What was read beyond the requests that ran is read again.
  private func forgetUnfinished(_ connection: UnsafeMutablePointer<Connection>) {
    connection.pointee.parser = RequestParser()
    connection.pointee.words.release()
  }
}
