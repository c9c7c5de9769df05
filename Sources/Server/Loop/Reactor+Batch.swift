// Reactor+Batch.swift — requests are read a few ahead, their memory is asked for, then they run.
import Bytes
import Commands
import Ring
import Store
import Wire

extension Reactor where Engine: ~Copyable {
  /// Reads requests into the batch, as many as may be read ahead, and returns the offset behind the last whole one.
  mutating func gather(_ bytes: ByteView, from start: Int, _ client: UnsafeMutablePointer<Connection>) -> Int {
    batch.begin()
    // What AUTH changes decides how the next request may be read.
    let isAuthenticated = client.pointee.session.flags.contains(.authenticated)
    let most = isAuthenticated ? Batch.requestsMax : 1
    let limits = server.pointee.parserLimits(client)
    var used = start
    while batch.count < most {
      let rest = bytes[used..<bytes.count]
      // An inline request is unescaped where it lies, so it cannot be read twice: it stands alone in its batch, for
      // what stands behind others may have to be read again.
      let isInline = client.pointee.parser.isIdle && !rest.isEmpty && rest[0] != UInt8(ascii: "*")
      if isInline && batch.count > 0 { return used }
      let firstWord = batch.wordEnd
      do throws(ProtocolError) {
        batch.outcome = try client.pointee.parser.next(in: rest, limits: limits, words: &client.pointee.words)
      } catch {
        batch.failure = error
        return used
      }
      switch batch.outcome {
      case .request(let end):
        batch.add(start: used, end: used + end, words: firstWord..<client.pointee.words.count)
        used += end
        if isInline { return used }
      case .nothing(let end): used += end
      case .more, .large: return used
      }
    }
    return used
  }

  /// Executes the batch. False if the rest of it must wait: it is read again from `batch.stoppedAt` on.
  mutating func run(_ bytes: ByteView, _ client: UnsafeMutablePointer<Connection>) -> Bool {
    guard batch.count > 0 else { return true }
    if batch.count > 1 { lookAhead(bytes, client) }
    server.pointee.beginBatch()
    for index in 0..<batch.count {
      guard client.pointee.state == .open else { return true }
      let item = batch.items[index]
      if index > 0 && mustPause(client) {
        stop(at: index, client)
        client.pointee.marks.insert(.unparsed)
        return false
      }
      let base = bytes.start + item.start
      if mustHold(client, item.words, base: base) {
        stop(at: index, client)
        client.pointee.words.keepOnly(item.words)
        client.pointee.completeEnd = item.end - item.start
        return false
      }
      client.pointee.words.seal(item.words, base: base)
      client.pointee.requestBytes = item.end - item.start
      server.pointee.execution.pointee.hint(item.key, item.hash)
      execute(client, client.pointee.words.views(item.words), item.command)
    }
    client.pointee.words.keepOnly(batch.wordEnd..<client.pointee.words.count)
    return true
  }

  /// Forgets what was read beyond request `index`: it will be read again.
  mutating func stop(at index: Int, _ client: UnsafeMutablePointer<Connection>) {
    batch.stoppedAt = batch.items[index].start
    client.pointee.parser = RequestParser()
    if index < batch.count { batch.outcome = .more }
  }

  /// Finds the commands of the batch and asks memory for their keys: all buckets first, then all entries, so that
  /// the waits overlap.
  mutating func lookAhead(_ bytes: ByteView, _ client: UnsafeMutablePointer<Connection>) {
    let database = server.pointee.databases + Int(client.pointee.session.database)
    for index in 0..<batch.count {
      let item = batch.items + index
      let base = bytes.start + item.pointee.start
      let first = item.pointee.words.lowerBound
      let second = item.pointee.words.count > 1 ? client.pointee.words.word(first + 1, base: base) : nil
      guard let command = server.pointee.table.resolve(client.pointee.words.word(first, base: base), second) else { continue }
      item.pointee.command = command
      let position = command.pointee.firstKey
      guard position > 0, position < item.pointee.words.count else { continue }
      let key = client.pointee.words.word(first + position, base: base)
      item.pointee.key = key
      item.pointee.hash = KeyHash(key)
      database.pointee.prefetchBucket(item.pointee.hash)
    }
    for index in 0..<batch.count where !batch.items[index].key.isEmpty {
      database.pointee.prefetchEntry(batch.items[index].hash)
    }
  }
}
