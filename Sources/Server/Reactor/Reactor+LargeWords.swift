// Reactor+LargeWords.swift — words of 8 KiB and more go into memory of their own.
//
//   buffer:  [ SET k $1000000 ░░░░ ]     input: SET k       large word: ░░░░──────────────
//                              └───────────────────────────────────────▲   receive into ─▶
//
// What has arrived of the word is copied there once; the kernel writes the rest straight behind it.
import Bytes
import Commands
import Ring
import Store
import Wire

extension Reactor where Engine: ~Copyable, Up: ~Copyable {
  /// `rest` begins with the request whose word of `length` bytes is coming; `available` bytes of it are here from
  /// offset `start` on.
  mutating func beginLarge(
    _ connection: UnsafeMutablePointer<Connection>, _ rest: ByteView, start: Int, available: Int, length: Int
  ) {
    keepWords(connection)
    // What a request may make us keep, wherever its words stand.
    let held = start + (connection.pointee.largeWords?.pointee.byteCount ?? 0)
    let limit = limits.queryBufferBytes(connection)
    guard held <= limit, length <= limit - held else {
      return fail(connection, .inputTooLong, amount: connection.pointee.input.count)
    }
    let blob = BlobReference.allocate(capacity: length + 2)
    rest[start..<(start + available)].copy(to: blob.start)
    connection.pointee.largeWord = LargeWord(blob: blob, filled: available, length: length)
    // The words before it stay, in the connection's input; the long word is not part of it.
    var before = InputBuffer()
    guard before.append(rest[0..<start]) else { return fail(connection, .outOfMemory) }
    connection.pointee.input.release()
    connection.pointee.input = before
    figures.largeWords += 1
    receiveLargeDirectly(connection)
  }

  /// Bytes that came through the ring's buffers while a long word is under way.
  mutating func takeLarge(_ bytes: ByteView, from connection: UnsafeMutablePointer<Connection>) {
    guard let blob = connection.pointee.largeWord.blob else { return }
    let part = min(bytes.count, connection.pointee.largeWord.missing)
    bytes[0..<part].copy(to: blob.start + connection.pointee.largeWord.filled)
    connection.pointee.largeWord.filled += part
    let rest = bytes[part..<bytes.count]
    if connection.pointee.largeWord.missing == 0 {
      finishLarge(connection)
      guard connection.pointee.state == .open, rest.count > 0 else { return }
      take(rest, from: connection)
    }
  }

  mutating func receivedLarge(_ done: Completion) {
    guard let connection = connection(done.token) else { return }
    connection.pointee.marks.remove(.receivingLarge)
    if done.result > 0 {
      count(Int(done.result), connection)
      connection.pointee.largeWord.filled += Int(done.result)
      let isWhole = connection.pointee.largeWord.missing == 0
      if connection.pointee.state == .open && isWhole { finishLarge(connection) }
    } else {
      receiveEnded(connection, done.result)
    }
    connection.pointee.operations -= 1
    tellInput(connection)
    continueReading(connection)
  }

  /// The long word is here with its line end: it joins the words of its request.
  private mutating func finishLarge(_ connection: UnsafeMutablePointer<Connection>) {
    guard let blob = connection.pointee.largeWord.blob else { return }
    let length = connection.pointee.largeWord.length
    let tail = ByteView(start: blob.start + length, count: 2)
    let isGood = tail == ByteView("\r\n")
    connection.pointee.parser.supply(blob.start, words: &connection.pointee.words)
    connection.pointee.largeWord = LargeWord()
    blob.setCount(length)
    connection.pointee.keep(blob)
    guard isGood else {
      batch.pointee.begin()
      batch.pointee.failure = .bulkEnd
      return deliverComplete(connection, end: 0)
    }
    guard let end = connection.pointee.parser.completed() else { return }
    batch.pointee.begin()
    batch.pointee.words.release()
    swap(&batch.pointee.words, &connection.pointee.words)
    let all = 0..<batch.pointee.words.count
    batch.pointee.add(start: 0, end: end, words: all, base: connection.pointee.input.view.start)
    deliverComplete(connection, end: end)
  }

  /// Hands over the request that is whole at the start of the connection's input, with its long words.
  private mutating func deliverComplete(_ connection: UnsafeMutablePointer<Connection>, end: Int) {
    let delivered = batch
    delivered.pointee.end = end
    delivered.pointee.isInInput = true
    delivered.pointee.buffer = nil
    tellFigures(connection)
    delivered.pointee.largeWords = connection.pointee.largeWords
    connection.pointee.largeWords = nil
    guard let ran = upstream.run(delivered, connection.pointee.client) else {
      connection.pointee.underWay = delivered
      return replaceBatch()
    }
    note(ran, connection)
    delivered.pointee.words.removeAll()
    delivered.pointee.words.shrink()
    connection.pointee.input.drop(end)
    if connection.pointee.input.count == 0 { connection.pointee.input.release() }
  }

  /// Ends the multishot receive, then lets the kernel write the rest of the word where it will stay.
  private mutating func receiveLargeDirectly(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.largeWord.missing >= Large.directBytesMin else { return }
    stopReceiving(connection)
  }
}
