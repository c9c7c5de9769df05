// LogScanner+Batch.swift — annotations, and the sealed batches of Martlet's own logs.
//
//   #MARTLET:<number>:<bytes>:<crc64> │ record record … │ #MARTLET:<number + 1>: …
//             ▲                        └─── bytes ─────┘  ▲
//             and before it all is good                   a batch that is wrong was changed, not torn
import Bytes
import Persistence

extension LogScanner {
  mutating func annotation(_ window: ByteView, _ position: Int) -> Int? {
    let rest = window[position..<window.count]
    if !isInTransaction && batch == nil {
      if mayBecomeSeal(rest) { return nil }
      if let seal = LogSeal(rest) { return begin(seal, position) }
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
    if this.isBroken { return here > position ? here : nil }
    if let next = step(window[0..<here], position) {
      this.sum.add(window[position..<next])
      batch = this
      return next
    }
    // More bytes of the batch may help, unless they are all here.
    guard problem != nil || here == end else { return nil }
    problem = nil
    this.isBroken = true
    batch = this
    return position
  }

  /// The batch ends at `position`: it is what its seal says, or it is not.
  private mutating func settle(_ this: Batch, _ window: ByteView, _ position: Int) -> Int? {
    if case .record = stage, !this.isBroken, !isInTransaction, this.sum.value == this.seal.checksum {
      batch = nil
      goodOffset = this.end
      figures.sealedBatches += 1
      return position
    }
    let rest = window[position..<window.count]
    if mayBecomeSeal(rest) { return nil }
    // A batch that a later seal does not vouch for was never promised: a power cut may leave what follows it.
    guard let next = LogSeal(rest), next.durable >= this.seal.number else {
      problem = Problem(offset: this.begin, reason: .tornBatch)
      return nil
    }
    corruptions.append(Corruption(range: this.begin..<this.end, kind: .changed))
    batch = nil
    stage = .record
    isInTransaction = false
    return position
  }
}
