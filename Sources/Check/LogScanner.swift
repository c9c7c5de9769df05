// LogScanner.swift — the records of a log, followed from the first byte to the last.
//
//   *3 $3 SET … │ #TS:1700000000 │ *1 $5 MULTI … *1 $4 EXEC │ #MARTLET:<number>:<bytes>:<crc64> │ batch │ 0 0 0 0
//    record       annotation       transaction                seal: what follows, as it should be    reserved room
//
// What counts is where the last whole record ends that is not within a transaction: up to there the log
// can be used. Of a sealed batch all counts or nothing. Where something is wrong a later seal is looked for
// that vouches for it: then the disk has changed what was durable; otherwise it was torn.
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
    /// The last sealed batch is not what its seal says.
    case tornBatch
  }

  /// Where reading cannot go on.
  struct Problem: Equatable {
    let offset: UInt64
    let reason: Reason
  }

  /// Bytes that are not those that were written.
  struct Corruption: Equatable {
    enum Kind: Equatable {
      case changed
      case number(expected: UInt64, found: UInt64)
    }
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
    /// Bytes of records that no seal vouches for.
    var unsealedBytes: UInt64 = 0
    /// Zeros behind the last record: room that was reserved and not used.
    var zeroBytes: UInt64 = 0
  }

  enum Stage {
    case record
    case word(left: Int64, isFirst: Bool)
    case name(count: Int, left: Int64)
    case content(bytes: UInt64, left: Int64)
    case lineEnd(left: Int64)
    case zeros
  }

  var stage = Stage.record
  var offset: UInt64
  /// The end of the last whole record that is not within a transaction.
  var goodOffset: UInt64
  var figures = Figures()
  var problem: Problem?
  var corruptions: [Corruption] = []

  var isInTransaction = false

  /// Something is wrong; whether a later seal vouches for it decides what it is.
  struct Search {
    /// The first batch that is not as it was written.
    let number: UInt64
    let begin: UInt64
    /// What it was if nothing vouches for it.
    let problem: Problem
  }

  var search: Search?

  /// A sealed batch under way.
  struct Batch {
    let seal: LogSeal
    let begin: UInt64
    /// Beyond the file, if the seal lies.
    var end: UInt64 { begin.addingReportingOverflow(seal.count).overflow ? .max : begin + seal.count }
    var sum = Checksum()
  }

  var batch: Batch?
  var lastNumber: UInt64?

  private static let lineBytesMax = 1_100
  private static let nameBytesMax = 64

  /// The log begins at `offset` of its file.
  init(offset: UInt64 = 0) {
    self.offset = offset
    goodOffset = offset
  }

  /// Reads on in `window`, which begins at `offset`; how many bytes were read. All that is left is needed again,
  /// with more behind it. Stops for good at a problem.
  mutating func scan(_ window: ByteView) -> Int {
    var position = 0
    while let end = nextStep(window, position) { position = end }
    offset += UInt64(position)
    return position
  }

  private mutating func nextStep(_ window: ByteView, _ position: Int) -> Int? {
    guard problem == nil else { return nil }
    if search != nil { return searchStep(window, position) }
    if batch != nil { return batchStep(window, position) }
    if let end = step(window, position) { return end }
    return problem == nil ? nil : beginSearch(position)
  }

  /// The file ends here.
  mutating func finish(at end: UInt64) {
    guard problem == nil else { return }
    if let search {
      problem = search.problem
      return
    }
    if let batch {
      problem = Problem(offset: batch.begin, reason: .tornBatch)
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
  mutating func step(_ window: ByteView, _ position: Int) -> Int? {
    guard position < window.count else { return nil }
    switch stage {
    case .record:
      switch window[position] {
      case UInt8(ascii: "*"): return array(window, position)
      case UInt8(ascii: "#"): return annotation(window, position)
      case 0 where batch == nil:
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
  mutating func line(_ window: ByteView, _ position: Int) -> (text: ByteView, end: Int)? {
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
    pass(end)
  }

  mutating func fail(_ position: Int, _ reason: Reason) -> Int? {
    problem = Problem(offset: offset + UInt64(position), reason: reason)
    return nil
  }

  /// What ends at `end` counts, unless more is needed for that.
  mutating func pass(_ end: Int) {
    guard !isInTransaction && batch == nil else { return }
    // `offset` is where the window begins.
    let reached = offset + UInt64(end)
    figures.unsealedBytes += reached - goodOffset
    goodOffset = reached
  }
}
