// LogScanner.swift — the records of a log, followed from the first byte to the last.
//
//   *3 $3 SET $1 k $1 v │ #TS:1700000000 │ *1 $5 MULTI … *1 $4 EXEC │ #MARTLET:7:120:0123456789abcdef │ 0 0 0 0
//   └───── record ─────┘ └─ annotation ─┘                            └ sequence : bytes : CRC-64 of the batch before
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
  /// The batch under way: its first byte, its sum so far, and the sequence number that should follow.
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

  /// Bytes behind the last seal: nothing vouches for them.
  var unsealedBytes: UInt64 { max(goodOffset, batchOffset) - batchOffset }

  /// Reads on in `window`, which begins at `offset`; how many bytes were read. All that is left is needed again,
  /// with more behind it. Stops for good at a problem.
  mutating func scan(_ window: ByteView) -> Int {
    var position = 0
    var summed = 0
    while problem == nil, let end = step(window, position, &summed) { position = end }
    batchSum.add(window[summed..<max(summed, position)])
    offset += UInt64(position)
    return position
  }

  /// The file ends here.
  mutating func finish(at end: UInt64) {
    guard problem == nil else { return }
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
    if line.text.count > 9, line.text[0..<9] == ByteView("#MARTLET:") {
      batchSum.add(window[summed..<position])
      seal(line.text[9..<line.text.count], at: offset + UInt64(position))
      batchSum = Checksum()
      batchOffset = offset + UInt64(line.end)
      summed = line.end
    }
    if !isInTransaction { goodOffset = offset + UInt64(line.end) }
    return line.end
  }

  /// Compares the batch that ends at `end` with what its seal says.
  private mutating func seal(_ text: ByteView, at end: UInt64) {
    let range = batchOffset..<end
    guard let seal = Seal(text) else {
      nextSequence = nil
      corruptions.append(Corruption(range: range, kind: .annotation))
      return
    }
    // A server that was started anew may count from 1 again.
    if let expected = nextSequence, seal.sequence != expected, seal.sequence != 1 {
      corruptions.append(Corruption(range: range, kind: .sequence(expected: expected, found: seal.sequence)))
    }
    nextSequence = seal.sequence &+ 1
    if seal.bytes != end - batchOffset {
      corruptions.append(Corruption(range: range, kind: .length(announced: seal.bytes)))
    } else if seal.checksum != batchSum.value {
      corruptions.append(Corruption(range: range, kind: .checksum))
    } else {
      figures.sealedBatches += 1
    }
  }
}

/// What an annotation of Martlet's own says about the batch before it.
private struct Seal {
  let sequence: UInt64
  let bytes: UInt64
  let checksum: UInt64

  /// From `<sequence>:<bytes>:<16 hexadecimal digits>`.
  init?(_ text: ByteView) {
    let fields = text.text.split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count == 3, fields[2].utf8.count == 16, let sequence = UInt64(fields[0]), let bytes = UInt64(fields[1]),
      let checksum = UInt64(fields[2], radix: 16)
    else { return nil }
    self.sequence = sequence
    self.bytes = bytes
    self.checksum = checksum
  }
}
