// Server+Record.swift — after a command: its record goes into the log, its keys become dirty, its answer may wait.
//
// What a command leaves behind is in `Effects`: records of its own if it replaced its words, preludes
// (keys found expired), or nothing, and then its words are the record. The answer waits for the
// batch of what it wrote, or, if it wrote nothing, for the newest batch that changed what it read.
import Bytes
import Commands
import Persistence
import Store
import Wire

extension Server {
  /// How things stood before a command, as far as the log cares.
  struct BeforeRecord {
    let changes: UInt64
    let database: Int32
  }

  /// Called after each command while records are taken.
  mutating func record(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ before: BeforeRecord,
    replyFrom position: UInt64
  ) {
    let (sequence, wrote) = noteRecord(command, client, before)
    let end = execution.pointee.reply.output.pointee.appended
    guard sequence > appendLog.pipeline.syncedSequence, end > position, execution.pointee.reply.output != silence else { return }
    hold(client, from: position, until: sequence)
    countHold(wrote: wrote)
  }

  private mutating func countHold(wrote: Bool) {
    if wrote { appendLog.figures.heldByWrite += 1 } else { appendLog.figures.heldByRead += 1 }
  }

  /// EXEC is answered as a whole when the last is durable that it wrote or saw.
  mutating func holdTransaction(
    _ client: UnsafeMutablePointer<Client>, from position: UInt64, until sequence: UInt64, wrote: Bool
  ) {
    // A client that is going has nobody left to wait.
    guard sequence > appendLog.pipeline.syncedSequence, client.pointee.output.appended > position,
      client.pointee.state != .closing
    else { return }
    hold(client, from: position, until: sequence)
    countHold(wrote: wrote)
  }

  /// The command's records are appended and its keys dirty. The batch that its answer waits for, 0 for none.
  @inline(__always)
  mutating func noteRecord(
    _ command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, _ before: BeforeRecord
  ) -> (sequence: UInt64, wrote: Bool) {
    let wrote = execution.pointee.effects.changes != before.changes
    if wrote || !execution.pointee.effects.records.isEmpty {
      appendRecords(words: wrote && !execution.pointee.effects.isReplaced, database: before.database)
    }
    if wrote { client.pointee.lastWriteSequence = appendLog.pipeline.appendedSequence }
    guard appendLog.holdsReplies || appendLog.commandBarrier > 0 else { return (0, wrote) }
    let index = command.pointee.index
    var sequence = appendLog.commandBarrier
    appendLog.commandBarrier = 0
    if !appendLog.holdsReplies {
      // Only the barrier.
    } else if wrote {
      sequence = max(sequence, appendLog.pipeline.appendedSequence)
      markDirty(index, database: before.database)
    } else if appendLog.isDirty {
      sequence = max(sequence, observed(index, database: before.database))
    }
    if appendLog.holdsReplies, execution.pointee.effects.hasPlaces { markPlaces(wrote: wrote) }
    return (sequence, wrote)
  }

  /// What a sweep or a tick has recorded outside any command.
  mutating func recordPreludes(database: Int) {
    if !watched.isEmpty { touchExpired() }
    guard appendLog.isRecording, !execution.pointee.effects.records.isEmpty else {
      return execution.pointee.effects.begin()
    }
    appendRecords(words: false, database: Int32(database))
    if appendLog.holdsReplies, execution.pointee.effects.hasPlaces { markPlaces(wrote: false) }
    execution.pointee.effects.begin()
  }

  /// What a command that pauses has recorded so far: keys found expired.
  mutating func recordUnderWay(database: Int32) {
    if !watched.isEmpty { touchExpired() }
    guard appendLog.isRecording, !execution.pointee.effects.records.isEmpty else { return }
    appendRecords(words: false, database: database)
    if appendLog.holdsReplies, execution.pointee.effects.hasPlaces { markPlaces(wrote: false) }
  }

  // MARK: appending

  private mutating func appendRecords(words: Bool, database: Int32) {
    let batch = appendLog.aside ?? appendLog.pipeline.filling
    let before = batch.pointee.count
    if appendLog.asideKeys != nil && appendLog.unit?.records == 0 { appendLog.asideDatabase = database }
    if appendLog.aside == nil && before == 0 && configuration.settings.persistence.logChecksummed { batch.pointee.beginSealed() }
    if configuration.settings.persistence.logTimestamps { stamp(batch) }
    if appendLog.selectedDatabase != database {
      appendLog.selectedDatabase = database
      select(database, batch)
      appendLog.unit?.addSelection()
    }
    let ownWords = words ? 1 : 0
    // What one command does is one change as well.
    let isUnit = appendLog.unit == nil && execution.pointee.effects.ownRecordCount + ownWords > 1
    if isUnit { appendLog.unit = LogUnit() }
    appendLog.unit?.add(execution.pointee.effects.recordCount + ownWords, to: &batch.pointee)
    let records = execution.pointee.effects.records
    if !records.isEmpty {
      _ = records.stretches(upTo: records.appended, capacity: .max) { _, start, count in
        batch.pointee.append(ByteView(start: start, count: count))
      }
    }
    if words { appendWords(batch) }
    if isUnit { closeUnit(batch) }
    appendLog.figures.records += 1
    appendLog.figures.bytes += UInt64(batch.pointee.count - before)
    if appendLog.aside == nil { appendLog.pipeline.appended(nowNanoseconds: clock.nanoseconds) }
    // What belongs together is in one batch.
    if batch.pointee.isFull && appendLog.unit == nil { closeFullBatch() }
  }

  mutating func closeUnit(_ batch: UnsafeMutablePointer<LogBatch>) {
    appendLog.unit?.end(in: &batch.pointee)
    appendLog.unit = nil
  }

  /// EXEC has run.
  mutating func endLogUnit() {
    if appendLog.aside != nil { return joinAside() }
    let batch = appendLog.pipeline.filling
    let before = batch.pointee.count
    closeUnit(batch)
    appendLog.figures.bytes &+= UInt64(bitPattern: Int64(batch.pointee.count - before))
    if batch.pointee.isFull { closeFullBatch() }
  }

  /// The request as it was sent, as an array of bulk strings.
  private func appendWords(_ batch: UnsafeMutablePointer<LogBatch>) {
    let arguments = execution.pointee.arguments
    var bytes = Decimal.digitsMax + 3
    for index in 0..<arguments.count { bytes += arguments[index].count + Decimal.digitsMax + 5 }
    let start = batch.pointee.reserve(bytes)
    var out = Self.writeHeader(UInt8(ascii: "*"), arguments.count, to: start)
    for index in 0..<arguments.count {
      // A renamed command is logged under the name that any server knows.
      let word = index == 0 && isRenaming ? canonicalName : arguments[index]
      out = Self.writeHeader(UInt8(ascii: "$"), word.count, to: out)
      word.copy(to: UnsafeMutableRawPointer(out))
      out += word.count
      out[0] = UInt8(ascii: "\r")
      out[1] = UInt8(ascii: "\n")
      out += 2
    }
    batch.pointee.commit(out - start)
  }

  private static func writeHeader(
    _ kind: UInt8, _ number: Int, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    start[0] = kind
    let digits = Decimal.write(Int64(number), to: start + 1)
    start[digits + 1] = UInt8(ascii: "\r")
    start[digits + 2] = UInt8(ascii: "\n")
    return start + digits + 3
  }

  func select(_ database: Int32, _ batch: UnsafeMutablePointer<LogBatch>) {
    let number = DecimalText(Int64(database))
    batch.pointee.append(ByteView("*2\r\n$6\r\nSELECT\r\n"))
    number.withView { digits in
      let out = batch.pointee.reserve(Decimal.digitsMax + 3)
      batch.pointee.commit(Self.writeHeader(UInt8(ascii: "$"), digits.count, to: out) - out)
      batch.pointee.append(digits)
    }
    batch.pointee.append(ByteView("\r\n"))
  }

  /// `#TS:` and the second, at most once a second.
  private mutating func stamp(_ batch: UnsafeMutablePointer<LogBatch>) {
    let second = execution.pointee.nowMicroseconds / 1_000_000
    guard second > appendLog.stampedSecond else { return }
    appendLog.stampedSecond = second
    batch.pointee.append(ByteView("#TS:"))
    let out = batch.pointee.reserve(Decimal.digitsMax)
    batch.pointee.commit(Decimal.write(second, to: out))
    batch.pointee.append(ByteView("\r\n"))
  }

  // MARK: dirty keys

  /// The keys of the command that has just written are dirty in the batch that took its record.
  private mutating func markDirty(_ index: Int, database: Int32) {
    // The batch may have been closed by this very record; marking the next one as well would only be late.
    let batch = appendLog.pipeline.batchOfLastRecord
    guard gates[index].kind == .keys else { return markDatabases(index, database: database) }
    forEachChangedKey(index, database: database) { place in
      batch.pointee.keys.insert(KeyIdentity(hash: place.hash.bits, database: place.database))
      appendLog.asideKeys?.append(KeyIdentity(hash: place.hash.bits, database: place.database))
    }
  }

  /// Commands that write without naming keys change databases as a whole.
  private mutating func markDatabases(_ index: Int, database: Int32) {
    let sequence = appendLog.pipeline.appendedSequence
    for number in changedDatabases(index, database: database) ?? Array(appendLog.databaseSequences.indices)
    where appendLog.databaseSequences.indices.contains(number) {
      appendLog.databaseSequences[number] = sequence
      if appendLog.asideKeys != nil { appendLog.asideDatabases.append(number) }
    }
  }

  private mutating func markPlaces(wrote: Bool) {
    let batch = appendLog.pipeline.batchOfLastRecord
    for place in execution.pointee.effects.expiredKeys {
      batch.pointee.keys.insert(KeyIdentity(hash: place.hash.bits, database: place.database))
      appendLog.asideKeys?.append(KeyIdentity(hash: place.hash.bits, database: place.database))
    }
    guard wrote else { return }
    for place in execution.pointee.effects.otherKeys {
      batch.pointee.keys.insert(KeyIdentity(hash: place.hash.bits, database: place.database))
      appendLog.asideKeys?.append(KeyIdentity(hash: place.hash.bits, database: place.database))
    }
  }

  /// The newest batch, not on disk yet, that a command could have seen the effect of; 0 if there is none.
  private func observed(_ index: Int, database: Int32) -> UInt64 {
    let gate = gates[index]
    switch gate.kind {
    case .free: return 0
    case .everything: return max(appendLog.pipeline.appendedSequence, appendLog.barrierSequence)
    case .keys where execution.pointee.effects.touchesAll:
      return max(appendLog.pipeline.appendedSequence, appendLog.barrierSequence)
    case .keys:
      let arguments = execution.pointee.arguments
      var newest = max(appendLog.barrierSequence, appendLog.databaseSequences[Int(database)])
      gate.forEachKey(arguments, table.facts[index]) { position in
        let hash = execution.pointee.hash(of: arguments[position])
        let key = KeyIdentity(hash: hash.bits, database: Int(database))
        newest = max(newest, appendLog.pipeline.dirtySequence(of: key) ?? 0)
      }
      for place in execution.pointee.effects.otherKeys {
        let key = KeyIdentity(hash: place.hash.bits, database: place.database)
        newest = max(newest, appendLog.databaseSequences[place.database])
        newest = max(newest, appendLog.pipeline.dirtySequence(of: key) ?? 0)
      }
      return newest
    }
  }

  // MARK: holding

  /// The client's output from `position` on waits until batch `sequence` is on disk.
  mutating func hold(_ client: UnsafeMutablePointer<Client>, from position: UInt64, until sequence: UInt64) {
    let now = UInt32(truncatingIfNeeded: clock.nanoseconds / 1_000)
    let hold = Hold(position: position, sequence: sequence, replies: 1, beganAtMicroseconds: now)
    if let limit = appendLog.holds.add(hold, client: client.pointee.slot, state: &client.pointee.holdState) {
      client.pointee.sendLimit = limit
    }
  }

  /// Bytes of answers that wait, of all clients.
  var heldBytes: UInt64 {
    var sum: UInt64 = 0
    var slot = appendLog.holds.head
    while slot != HoldTable.none {
      let state = appendLog.holds.states[slot]
      let client = clients[state.pointee.client]
      sum += client.pointee.output.appended - min(client.pointee.output.appended, client.pointee.sendLimit)
      slot = state.pointee.next
    }
    return sum
  }

  /// The client is gone: nobody waits for its answers any more.
  mutating func forgetHolds(_ client: UnsafeMutablePointer<Client>) {
    appendLog.holds.remove(&client.pointee.holdState)
  }
}
