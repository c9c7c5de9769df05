// LogScanner+Batch.swift — annotations, and the sealed batches of Martlet's own logs.
//
//   seal 6 │ batch 6 │ seal 7 │ batch 7, wrong │ seal 8, durable 6 │ batch 8 │ seal 9, durable 7
//                                                └ says nothing of 7           └ 7 was on disk: it was changed
import Bytes
import Persistence

extension LogScanner {
  mutating func annotation(_ window: ByteView, _ position: Int) -> Int? {
    let rest = window[position..<window.count]
    if !isInTransaction {
      if mayBecomeSeal(rest) { return nil }
      if let seal = LogSeal(rest) {
        // Batches do not nest: the length of the one under way was a lie.
        return batch == nil ? begin(seal, position) : fail(position, .tornBatch)
      }
    }
    guard let line = line(window, position) else { return nil }
    figures.annotations += 1
    if line.text.count > 4, line.text[0..<4] == ByteView("#TS:"), let seconds = line.text[4..<line.text.count].int64 {
      if figures.firstTimestamp == nil { figures.firstTimestamp = seconds }
      figures.lastTimestamp = seconds
    }
    pass(line.end)
    return line.end
  }

  /// Whether more bytes decide if this is a seal: its only line end is its last byte.
  private func mayBecomeSeal(_ rest: ByteView) -> Bool {
    guard rest.count < LogSeal.byteCount && LogSeal.mayBegin(rest) else { return false }
    for index in 0..<rest.count where rest[index] == 10 { return false }
    return true
  }

  private mutating func begin(_ seal: LogSeal, _ position: Int) -> Int {
    let end = position + LogSeal.byteCount
    let begin = offset + UInt64(end)
    batch = Batch(seal: seal, begin: begin)
    if let lastNumber, seal.number != lastNumber &+ 1 {
      let kind = Corruption.Kind.number(expected: lastNumber &+ 1, found: seal.number)
      corruptions.append(Corruption(range: offset + UInt64(position)..<begin, kind: kind))
    }
    lastNumber = seal.number
    return end
  }

  /// A step that does not leave the batch.
  mutating func batchStep(_ window: ByteView, _ position: Int) -> Int? {
    guard var this = batch else { return nil }
    let end = Int(clamping: this.end - offset)
    if position == end { return settle(this, window, position) }
    let here = min(window.count, end)
    if let next = step(window[0..<here], position) {
      this.sum.add(window[position..<next])
      batch = this
      return next
    }
    // More bytes of the batch may help, unless they are all here.
    guard problem != nil || here == end else { return nil }
    return beginSearch(this, position)
  }

  /// The batch ends at `position`: it is what its seal says, or it is not.
  private mutating func settle(_ this: Batch, _ window: ByteView, _ position: Int) -> Int? {
    if case .record = stage, !isInTransaction, this.sum.value == this.seal.checksum {
      batch = nil
      goodOffset = this.end
      figures.sealedBatches += 1
      return position
    }
    return beginSearch(this, position)
  }

  // MARK: torn or changed

  /// The batch is not what its seal says.
  private mutating func beginSearch(_ this: Batch, _ position: Int) -> Int {
    let torn = Problem(offset: this.begin, reason: .tornBatch)
    return begin(Search(number: this.seal.number, begin: this.begin, problem: torn), position)
  }

  /// What stands at the problem is no record and no seal; nil if that says enough.
  mutating func beginSearch(_ position: Int) -> Int? {
    guard let found = problem, found.reason != .nestedTransaction, found.reason != .endWithoutTransaction else {
      return nil
    }
    figures.zeroBytes = 0
    return begin(Search(number: (lastNumber ?? 0) &+ 1, begin: goodOffset, problem: found), position)
  }

  private mutating func begin(_ new: Search, _ position: Int) -> Int {
    search = new
    problem = nil
    batch = nil
    stage = .record
    isInTransaction = false
    return position
  }

  /// Goes on to the next seal that says of the wrong batch that it was on disk.
  mutating func searchStep(_ window: ByteView, _ position: Int) -> Int? {
    guard let this = search else { return nil }
    var place = position
    while place < window.count && window[place] != UInt8(ascii: "#") { place += 1 }
    guard place == position else { return place }
    guard place < window.count else { return nil }
    let rest = window[place..<window.count]
    if mayBecomeSeal(rest) { return nil }
    guard let seal = LogSeal(rest), seal.number > this.number, seal.durable >= this.number else { return place + 1 }
    corruptions.append(Corruption(range: this.begin..<(offset + UInt64(place)), kind: .changed))
    search = nil
    lastNumber = seal.number - 1
    return place
  }
}
