// LogCheck.swift — one file of a log: what it holds, where it ends, and whether its end can be cut.
import Bytes
import Persistence
import Ring

struct LogCheck {
  /// What may be done about a torn tail.
  enum Tail {
    case report
    /// `--fix`: cut it off.
    case repair
    /// Records follow in another file: cutting would leave a hole that nobody sees.
    case keep
  }

  /// Checks the file from its offset on; with a snapshot before it, that is where the snapshot ended.
  static func run(
    _ path: String, _ file: inout WindowedFile, _ tail: Tail, _ report: inout Report
  ) throws(Errno) {
    var scanner = LogScanner(offset: file.offset)
    let begin = file.offset
    repeat {
      // A line that is not all here needs more behind it; nothing else is kept.
      try file.fill()
      file.drop(scanner.scan(file.window))
    } while !file.isAtEnd && scanner.problem == nil
    scanner.finish(at: file.bytesTotal)
    describe(path, scanner, begin, file.bytesTotal, &report)
    for corruption in scanner.corruptions { report.damage(text(corruption)) }
    if let problem = scanner.problem {
      try settle(path, text(problem), scanner.goodOffset, file.bytesTotal, tail, &report)
    } else if scanner.figures.zeroBytes > 0 {
      try trim(path, scanner, tail, &report)
    }
  }

  private static func describe(
    _ path: String, _ scanner: LogScanner, _ begin: UInt64, _ end: UInt64, _ report: inout Report
  ) {
    let figures = scanner.figures
    report.say(path, "log, \(counted(figures.records, "record")) in \(counted(end - begin, "byte"))")
    if figures.transactions > 0 { report.note(counted(figures.transactions, "transaction")) }
    if let first = figures.firstTimestamp, let last = figures.lastTimestamp {
      report.note("timestamps from \(first) to \(last), in seconds since 1970")
    }
    if figures.sealedBatches > 0 {
      report.note("\(counted(figures.sealedBatches, "batch").replacingBatch) with a checksum that is right")
      if figures.unsealedBytes > 0 {
        report.note("\(counted(figures.unsealedBytes, "byte")) of records without a checksum")
      }
    }
  }

  /// Deals with a log that cannot be read to its end.
  private static func settle(
    _ path: String, _ what: String, _ good: UInt64, _ total: UInt64, _ tail: Tail, _ report: inout Report
  ) throws(Errno) {
    let place = "\(what); the last whole record ends at byte \(good), \(counted(total - good, "byte")) before the end"
    switch tail {
    case .report: report.damage("\(place). --fix cuts the file there")
    case .keep: report.damage("\(place). Other files follow this one, so it is not cut")
    case .repair:
      let backup = try Repair.truncate(path, to: good)
      report.repaired("\(place). Cut there; the file as it was is \(backup)")
    }
  }

  /// Room that was reserved behind the last record is no damage.
  private static func trim(
    _ path: String, _ scanner: LogScanner, _ tail: Tail, _ report: inout Report
  ) throws(Errno) {
    let zeros = counted(scanner.figures.zeroBytes, "zero byte")
    guard case .repair = tail else {
      return report.note("\(zeros) behind the last record: reserved and not used, nothing is missing")
    }
    let backup = try Repair.truncate(path, to: scanner.goodOffset)
    report.repaired("\(zeros) behind the last record were cut off; the file as it was is \(backup)")
  }

  // MARK: words

  static func text(_ problem: LogScanner.Problem) -> String {
    let place = "at byte \(problem.offset)"
    return switch problem.reason {
    case .tornRecord: "the file ends within a record, \(place)"
    case .tornTransaction: "the file ends within a transaction, \(place)"
    case .byte(let byte): "\(place) stands byte \(byte) where a record should go on"
    case .number: "\(place) stands a number that is none"
    case .lineEnd: "\(place) a line end is missing"
    case .nestedTransaction: "\(place) a transaction begins within another"
    case .endWithoutTransaction: "\(place) a transaction ends that did not begin"
    case .bytesBehindZeros: "\(place) something follows zeros"
    case .tornBatch: "the batch \(place) is not what its checksum says"
    }
  }

  static func text(_ corruption: LogScanner.Corruption) -> String {
    let place = "bytes \(corruption.range.lowerBound) to \(corruption.range.upperBound)"
    return switch corruption.kind {
    case .changed:
      "\(place) were changed, in part or all, after they were on disk: a later batch says that they were there"
    case .number(let expected, let found):
      "\(place) announce batch \(found), but batch \(expected) should stand here: batches are missing or twice there"
    }
  }
}

extension String {
  /// "2 batches".
  fileprivate var replacingBatch: String { hasSuffix("batchs") ? String(dropLast()) + "es" : self }
}
