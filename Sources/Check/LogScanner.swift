// LogScanner.swift — the records of a log, followed from the first byte to the last.
//
//   #MARTLET:…:… │ *3 $3 SET $1 k $1 v │ #TS:1700000000 │ *1 $5 MULTI … *1 $4 EXEC │ 0 0 0 0
//   └── seal ───┘  └───── record ─────┘ └─ annotation ─┘  the seal says how long the batch is and what it sums up to
//
// What counts is where the last whole record ends that is not within a transaction: up to there the log
// can be used. A batch that Martlet has sealed with its own annotation is compared with its checksum, so
// that also bytes that changed without breaking a record are found.
import Bytes
import Persistence

struct LogScanner {
  enum Reason: Equatable {
    /// The file ends within a record or a transaction.
    case tornRecord, tornTransaction
    case byte(UInt8)
    case number
    case lineEnd
    case nestedTransaction, endWithoutTransaction
    /// Zeros that are followed by something else.
    case bytesBehindZeros
  }

  /// Where reading cannot go on.
  struct Problem: Equatable {
    let offset: UInt64
    let reason: Reason
  }

  /// Bytes that are not those that were written.
  struct Corruption: Equatable {
    enum Kind: Equatable { case checksum, length(announced: UInt64), sequence(expected: UInt64, found: UInt64), annotation }
    let range: Range<UInt64>
    let kind: Kind
  }

  struct Figures: Equatable {
    var records: UInt64 = 0
    var transactions: UInt64 = 0
    var annotations: UInt64 = 0
    /// Batches whose checksum is right.
    var sealedBatches: UInt64 = 0
    /// In seconds since 1970.
    var firstTimestamp: Int64?
    var lastTimestamp: Int64?
    /// Zeros behind the last record: room that was reserved and not used.
    var zeroBytes: UInt64 = 0
  }

  private enum Stage {
    case record
    case word(left: Int64, isFirst: Bool)
    case name(count: Int, left: Int64)
    case content(bytes: UInt64, left: Int64)
    case lineEnd(left: Int64)
    case zeros
  }

  private var stage = Stage.record
  private(set) var offset: UInt64
  /// The end of the last whole record that is not within a transaction.
  private(set) var goodOffset: UInt64
  private(set) var figures = Figures()
  private(set) var problem: Problem?
  private(set) var corruptions: [Corruption] = []

  private var isInTransaction = false
  /// The batch under way: its seal, its first byte, and its sum so far.
  private var seal: LogSeal?
  private var batchOffset: UInt64
  private var batchSum = Checksum()
  private var nextSequence: UInt64?

  private static let lineBytesMax = 1_100
  private static let nameBytesMax = 64

  /// The log begins at `offset` of its file.
  init(offset: UInt64 = 0) {
    self.offset = offset
    goodOffset = offset
    batchOffset = offset
  }

  /// Bytes behind the last sealed batch: nothing vouches for them.
  var unsealedBytes: UInt64 { seal == nil ? max(goodOffset, batchOffset) - batchOffset : 0 }

  /// Reads on in `window`, which begins at `offset`; how many bytes were read. All that is left is needed again,
  /// with more behind it. Stops for good at a problem.
  mutating func scan(_ window: ByteView) -> Int {
    var position = 0
    var summed = 0
    while problem == nil, let end = step(window, position, &summed) {
      position = end
      endBatchIfComplete(window, position, &summed)
    }
    batchSum.add(window[summed..<max(summed, position)])
    offset += UInt64(position)
    return position
  }

  /// The file ends here.
  mutating func finish(at end: UInt64) {
    guard problem == nil else { return }
    if let seal, end < batchOffset + seal.count {
      // What was read of it does not count: it never was there as a whole.
      goodOffset = min(goodOffset, batchOffset - UInt64(LogSeal.byteCount))
      problem = Problem(offset: end, reason: .tornRecord)
      return
    }
    switch stage {
    case .record where offset == end, .zeros:
      if isInTransaction { problem = Problem(offset: end, reason: .tornTransaction) }
    default: problem = Problem(offset: end, reason: .tornRecord)
    }
  }

  // MARK: one step

  /// The position behind the next step, or nil if it is not all here or there is a problem.
  private mutating func step(_ window: ByteView, _ position: Int, _ summed: inout Int) -> Int? {
    guard position < window.count else { return nil }
    switch stage {
    case .record:
      switch window[position] {
      case UInt8(ascii: "*"): return array(window, position)
      case UInt8(ascii: "#"): return annotation(window, position, &summed)
      case 0:
        stage = .zeros
        return position
      default: return fail(position, .byte(window[position]))
      }
    case .word(let left, let isFirst): return word(window, position, left, isFirst)
    case .name(let count, let left):
      guard window.count - position >= count else { return nil }
      stage = .lineEnd(left: left)
      return name(window[position..<(position + count)], position)
    case .content(let bytes, let left):
      let here = min(bytes, UInt64(window.count - position))
      stage = bytes == here ? .lineEnd(left: left) : .content(bytes: bytes - here, left: left)
      return position + Int(here)
    case .lineEnd(let left):
      guard window.count - position >= 2 else { return nil }
      guard window[position] == 13 && window[position + 1] == 10 else { return fail(position, .lineEnd) }
      if left == 0 { endRecord(position + 2) } else { stage = .word(left: left, isFirst: false) }
      return position + 2
    case .zeros:
      var end = position
      while end < window.count && window[end] == 0 { end += 1 }
      figures.zeroBytes += UInt64(end - position)
      return end < window.count ? fail(end, .bytesBehindZeros) : end
    }
  }

  private mutating func array(_ window: ByteView, _ position: Int) -> Int? {
    guard let line = line(window, position) else { return nil }
    guard let count = line.text[1..<line.text.count].int64, count >= 1 && count <= Int64(Int32.max) else {
      return fail(position, .number)
    }
    stage = .word(left: count, isFirst: true)
    return line.end
  }

  private mutating func word(_ window: ByteView, _ position: Int, _ left: Int64, _ isFirst: Bool) -> Int? {
    guard window[position] == UInt8(ascii: "$") else { return fail(position, .byte(window[position])) }
    guard let line = line(window, position) else { return nil }
    guard let count = line.text[1..<line.text.count].int64, count >= 0 else { return fail(position, .number) }
    if isFirst && count <= Int64(Self.nameBytesMax) {
      stage = .name(count: Int(count), left: left - 1)
    } else {
      stage = count == 0 ? .lineEnd(left: left - 1) : .content(bytes: UInt64(count), left: left - 1)
    }
    return line.end
  }

  /// A line without its end, and where the next one begins. Nil if it is not all here, or is none.
  private mutating func line(_ window: ByteView, _ position: Int) -> (text: ByteView, end: Int)? {
    let limit = min(window.count, position + Self.lineBytesMax)
    var end = position
    while end < limit && window[end] != 10 { end += 1 }
    guard end < limit else {
      if limit < window.count { _ = fail(position, .lineEnd) }
      return nil
    }
    guard end > position && window[end - 1] == 13 else {
      _ = fail(end, .lineEnd)
      return nil
    }
    return (window[position..<(end - 1)], end + 1)
  }

  private mutating func name(_ name: ByteView, _ position: Int) -> Int? {
    if name.equalsIgnoringCase("multi") {
      guard !isInTransaction else { return fail(position, .nestedTransaction) }
      isInTransaction = true
    } else if name.equalsIgnoringCase("exec") {
      guard isInTransaction else { return fail(position, .endWithoutTransaction) }
      isInTransaction = false
      figures.transactions += 1
    }
    return position + name.count
  }

  private mutating func endRecord(_ end: Int) {
    stage = .record
    figures.records += 1
    // `offset` is where the window begins.
    if !isInTransaction { goodOffset = offset + UInt64(end) }
  }

  private mutating func fail(_ position: Int, _ reason: Reason) -> Int? {
    problem = Problem(offset: offset + UInt64(position), reason: reason)
    return nil
  }

  // MARK: annotations

  private mutating func annotation(_ window: ByteView, _ position: Int, _ summed: inout Int) -> Int? {
    guard let line = line(window, position) else { return nil }
    figures.annotations += 1
    if line.text.count > 4, line.text[0..<4] == ByteView("#TS:"), let seconds = line.text[4..<line.text.count].int64 {
      if figures.firstTimestamp == nil { figures.firstTimestamp = seconds }
      figures.lastTimestamp = seconds
    }
    if LogSeal.mayBegin(line.text) {
      begin(LogSeal(window[position..<line.end]), at: offset + UInt64(position), end: offset + UInt64(line.end))
      batchSum = Checksum()
      summed = line.end
    }
    if !isInTransaction { goodOffset = offset + UInt64(line.end) }
    return line.end
  }

  /// A seal begins a batch.
  private mutating func begin(_ new: LogSeal?, at start: UInt64, end: UInt64) {
    if let seal {
      corruptions.append(Corruption(range: batchOffset..<start, kind: .length(announced: seal.count)))
    }
    seal = new
    batchOffset = end
    guard let new else {
      nextSequence = nil
      return corruptions.append(Corruption(range: start..<end, kind: .annotation))
    }
    // A server that was started anew may count from 1 again.
    if let expected = nextSequence, new.number != expected, new.number != 1 {
      corruptions.append(Corruption(range: start..<end, kind: .sequence(expected: expected, found: new.number)))
    }
    nextSequence = new.number &+ 1
  }

  /// Compares the batch with its seal once it is read.
  private mutating func endBatchIfComplete(_ window: ByteView, _ position: Int, _ summed: inout Int) {
    guard let seal, case .record = stage else { return }
    let here = offset + UInt64(position)
    let (end, overflow) = batchOffset.addingReportingOverflow(seal.count)
    guard overflow || here >= end else { return }
    batchSum.add(window[summed..<max(summed, position)])
    summed = position
    if here > end {
      corruptions.append(Corruption(range: batchOffset..<here, kind: .length(announced: seal.count)))
    } else if batchSum.value != seal.checksum {
      corruptions.append(Corruption(range: batchOffset..<here, kind: .checksum))
    } else {
      figures.sealedBatches += 1
    }
    self.seal = nil
    batchOffset = here
    batchSum = Checksum()
  }
}
