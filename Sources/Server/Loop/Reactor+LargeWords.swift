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

extension Reactor where Engine: ~Copyable {
  mutating func beginLarge(
    _ client: UnsafeMutablePointer<Connection>, _ rest: ByteView, start: Int, available: Int, length: Int
  ) {
    guard length + start <= server.pointee.queryBufferLimit(of: client) else {
      server.pointee.closedForQueryBuffer(client)
      return close(client)
    }
    // What a request may make us keep, wherever its words stand.
    let held = start + (client.pointee.largeWords?.pointee.byteCount ?? 0)
    guard length <= server.pointee.queryBufferLimit(of: client) - held else {
      server.pointee.closedForQueryBuffer(client)
      return close(client)
    }
    let blob = BlobReference.allocate(capacity: length + 2)
    rest[start..<(start + available)].copy(to: blob.start)
    client.pointee.largeWord = LargeWord(blob: blob, filled: available, length: length)
    // The words before it stay, in the connection's input; the long word is not part of it.
    var before = InputBuffer()
    guard before.append(rest[0..<start]) else { return close(client) }
    client.pointee.input.release()
    client.pointee.input = before
    server.pointee.statistics.largeWords += 1
    receiveLargeDirectly(client)
  }

  /// Bytes that came through the ring's buffers while a long word is under way.
  mutating func takeLarge(_ bytes: ByteView, from client: UnsafeMutablePointer<Connection>) {
    guard let blob = client.pointee.largeWord.blob else { return }
    let part = min(bytes.count, client.pointee.largeWord.missing)
    bytes[0..<part].copy(to: blob.start + client.pointee.largeWord.filled)
    client.pointee.largeWord.filled += part
    let rest = bytes[part..<bytes.count]
    if client.pointee.largeWord.missing == 0 {
      finishLarge(client)
      guard client.pointee.state == .open, rest.count > 0 else { return }
      take(rest, from: client)
    }
  }

  mutating func receivedLarge(_ done: Completion) {
    guard let client = connection(done.token) else { return }
    client.pointee.marks.remove(.receivingLarge)
    if done.result > 0 {
      client.pointee.details.pointee.bytesReceived += UInt64(done.result)
      server.pointee.statistics.bytesReceived += UInt64(done.result)
      server.pointee.statistics.reads += 1
      client.pointee.lastInteractionSeconds = server.pointee.clock.seconds
      client.pointee.largeWord.filled += Int(done.result)
      if client.pointee.state == .open && client.pointee.largeWord.missing == 0 { finishLarge(client) }
    } else {
      receiveEnded(client, done.result)
    }
    client.pointee.operations -= 1
    continueReading(client)
  }

  /// The long word is here with its line end: it joins the words of its request.
  mutating func finishLarge(_ client: UnsafeMutablePointer<Connection>) {
    guard let blob = client.pointee.largeWord.blob else { return }
    let length = client.pointee.largeWord.length
    let tail = ByteView(start: blob.start + length, count: 2)
    guard tail == ByteView("\r\n") else {
      server.pointee.refuse(client, .bulkEnd)
      drain(client)
      return
    }
    if !client.pointee.words.isAllocated { swap(&words, &client.pointee.words) }
    client.pointee.parser.supply(blob.start, words: &client.pointee.words)
    client.pointee.largeWord = LargeWord()
    blob.setCount(length)
    client.pointee.keep(blob)
    guard let end = client.pointee.parser.completed() else { return }
    client.pointee.completeEnd = end
    let all = 0..<client.pointee.words.count
    if !mustHold(client, all, base: client.pointee.input.view.start) { executeComplete(client) }
  }

  /// Executes the request that is whole at the start of the connection's input.
  mutating func executeComplete(_ client: UnsafeMutablePointer<Connection>) {
    let end = client.pointee.completeEnd
    client.pointee.completeEnd = 0
    let all = 0..<client.pointee.words.count
    client.pointee.words.seal(all, base: client.pointee.input.view.start)
    server.pointee.beginBatch()
    server.pointee.execution.pointee.hint(.empty, KeyHash(bits: 0))
    let words = client.pointee.words.views(all)
    // Long words lie in memory of their own, not in the input.
    client.pointee.requestBytes = max(end, all.reduce(0) { $0 + words[$1].count })
    execute(client, words, nil)
    takeBackWords(client)
    client.pointee.input.drop(end)
    if client.pointee.input.count == 0 { client.pointee.input.release() }
  }

  /// Ends the multishot receive, then lets the kernel write the rest of the word where it will stay.
  mutating func receiveLargeDirectly(_ client: UnsafeMutablePointer<Connection>) {
    guard client.pointee.largeWord.missing >= Large.directBytesMin else { return }
    stopReceiving(client)
  }
}
