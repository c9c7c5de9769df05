// LogScannerTests.swift — where a log can be used up to, wherever and however it ends.
import Bytes
import Persistence
import Testing

@testable import martlet_check

/// Whole logs, logs cut at every byte, logs with zeros and with changed bytes behind or in them; windows of any size.
struct LogScannerTests {
  private func record(_ words: String...) -> [UInt8] {
    Array(("*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()).utf8)
  }

  /// `batch` behind its seal.
  private func sealed(
    _ batch: [UInt8], _ number: UInt64, count: UInt64? = nil, durable: UInt64? = nil
  ) -> [UInt8] {
    let count = count ?? UInt64(batch.count)
    let sum = unsafe batch.withUnsafeBytes { unsafe Checksum(of: ByteView($0)).value }
    var line = [UInt8](repeating: 0, count: LogSeal.byteCount)
    unsafe line.withUnsafeMutableBufferPointer {
      unsafe LogSeal(number: number, count: count, checksum: sum, durable: durable ?? number - 1)
        .write(to: $0.baseAddress!)
    }
    return line + batch
  }

  private func scan(_ log: [UInt8], window: Int = .max) -> LogScanner {
    var scanner = LogScanner()
    var begin = 0
    var end = 0
    while end < log.count && scanner.problem == nil {
      end = min(log.count, end + min(window, log.count))
      begin += unsafe Array(log[begin..<end]).withUnsafeBytes { unsafe scanner.scan(ByteView($0)) }
    }
    scanner.finish(at: UInt64(log.count))
    return scanner
  }

  private var log: [UInt8] {
    record("SELECT", "0") + record("SET", "k", "v") + Array("#TS:1700000000\r\n".utf8) + record("MULTI")
      + record("SET", "long", String(repeating: "x", count: 3000)) + record("DEL", "") + record("EXEC")
      + Array("#TS:1700000005\r\n".utf8) + record("PING")
  }

  @Test(arguments: [1, 2, 7, 100, 100_000]) func aWholeLog(window: Int) {
    let scanner = scan(log, window: window)
    #expect(scanner.problem == nil)
    #expect(scanner.goodOffset == UInt64(log.count))
    #expect(scanner.figures.records == 7)
    #expect(scanner.figures.transactions == 1)
    #expect(scanner.figures.annotations == 2)
    #expect(scanner.figures.firstTimestamp == 1_700_000_000)
    #expect(scanner.figures.lastTimestamp == 1_700_000_005)
  }

  /// Cut anywhere, the log is good up to the last record before the cut, and up to before an unfinished transaction.
  @Test func cutAnywhere() {
    let parts = [
      record("SELECT", "0"), record("SET", "k", "v"), Array("#TS:1\r\n".utf8),
      record("MULTI") + record("SET", "a", "b") + record("EXEC"), record("PING"),
    ]
    let log = parts.flatMap { $0 }
    var ends: [UInt64] = [0]
    for part in parts { ends.append(ends[ends.count - 1] + UInt64(part.count)) }
    for count in 0...log.count {
      let scanner = scan(Array(log.prefix(count)), window: 1 + count % 13)
      let good = ends.last { $0 <= UInt64(count) }
      #expect(scanner.goodOffset == good)
      #expect((scanner.problem == nil) == (good == UInt64(count)))
    }
  }

  @Test func zerosBehindTheEnd() {
    for zeros in [1, 2, 5000] {
      let scanner = scan(log + [UInt8](repeating: 0, count: zeros), window: 900)
      #expect(scanner.problem == nil)
      #expect(scanner.goodOffset == UInt64(log.count))
      #expect(scanner.figures.zeroBytes == UInt64(zeros))
    }
    let behind = scan(log + [0, 0, 0, 42])
    #expect(behind.problem == .init(offset: UInt64(log.count) + 3, reason: .bytesBehindZeros))
    #expect(behind.goodOffset == UInt64(log.count))
    // Zeros in the place of a record's bytes.
    let torn = scan(log + Array("*1\r\n$9\r\nFLUSH".utf8) + [UInt8](repeating: 0, count: 100))
    #expect(torn.problem?.reason == .lineEnd)
    #expect(torn.goodOffset == UInt64(log.count))
    // Zeros behind an unfinished transaction do not make it whole.
    let open = scan(log + record("MULTI") + [0, 0])
    #expect(open.problem?.reason == .tornTransaction)
    #expect(open.goodOffset == UInt64(log.count))
  }

  @Test func whatIsNoRecord() {
    func reason(_ text: String) -> LogScanner.Reason? { scan(Array(text.utf8)).problem?.reason }
    #expect(reason("PING\r\n") == .byte(UInt8(ascii: "P")))
    #expect(reason("*x\r\n") == .number)
    #expect(reason("*0\r\n") == .number)
    #expect(reason("*99999999999\r\n") == .number)
    #expect(reason("*1\r\n+PING\r\n") == .byte(UInt8(ascii: "+")))
    #expect(reason("*1\r\n$-1\r\n") == .number)
    #expect(reason("*1\n$4\r\nPING\r\n") == .lineEnd)
    #expect(reason("*1\r\n$4\r\nPINGxx") == .lineEnd)
    #expect(reason("*1\r\n$9223372036854775807\r\nPING\r\n") == .tornRecord)
    #expect(reason("*1\r\n$9223372036854775808\r\nPING\r\n") == .number)
    #expect(reason("#" + String(repeating: "x", count: 2000)) == .lineEnd)
    #expect(reason(String(decoding: record("EXEC"), as: UTF8.self)) == .endWithoutTransaction)
    #expect(reason(String(decoding: record("MULTI") + record("multi"), as: UTF8.self)) == .nestedTransaction)
  }

  private var batches: [[UInt8]] {
    [
      record("SET", "a", "x") + record("SET", "b", "2"), record("MULTI") + record("SET", "c", "y") + record("EXEC"),
      record("DEL", "z"),
    ]
  }

  /// A changed byte anywhere in a batch that others follow is found; in the last batch it looks like a torn end.
  @Test func changedBytes() {
    let parts = batches.enumerated().map { sealed($0.element, UInt64($0.offset) + 5) }
    let log = parts.flatMap { $0 }
    for window in [1, 17, 1000] {
      let whole = scan(log, window: window)
      #expect(whole.problem == nil)
      #expect(whole.corruptions == [])
      #expect(whole.figures.sealedBatches == 3)
      #expect(whole.figures.unsealedBytes == 0)
      #expect(whole.goodOffset == UInt64(log.count))
    }
    var begin = 0
    for (index, part) in parts.enumerated() {
      let range = UInt64(begin + LogSeal.byteCount)..<UInt64(begin + part.count)
      for place in range {
        var changed = log
        changed[Int(place)] ^= 1
        let scanner = scan(changed, window: 1 + Int(place) % 50)
        guard index < 2 else {
          #expect(scanner.problem?.reason == .tornBatch)
          #expect(scanner.goodOffset == UInt64(begin))
          continue
        }
        #expect(scanner.problem == nil)
        #expect(scanner.corruptions == [.init(range: range, kind: .changed)])
        #expect(scanner.figures.sealedBatches == 2)
      }
      begin += part.count
    }
  }

  /// Cut anywhere, only whole batches count, also when zeros stand where the rest was to be.
  @Test func sealedBatchesCountWhole() {
    let parts = batches.enumerated().map { sealed($0.element, UInt64($0.offset) + 1) }
    let log = parts.flatMap { $0 }
    var ends = [0]
    for part in parts { ends.append(ends[ends.count - 1] + part.count) }
    for count in 0...log.count {
      for zeros in [0, 10, 300] {
        let scanner = scan(Array(log.prefix(count)) + [UInt8](repeating: 0, count: zeros), window: 1 + count % 70)
        let good = ends.last { $0 <= count }!
        #expect(scanner.goodOffset == UInt64(good))
        #expect((scanner.problem == nil) == (good == count))
      }
    }
  }

  /// A wrong batch was torn, and what follows it too, unless a later batch says that it was on disk.
  @Test(arguments: [1, 30, 10_000]) func laterSealsDecide(window: Int) {
    let batch = record("SET", "a", "x")
    let wrong = sealed(batch, 2).dropLast(4) + Array("y\r\nz".utf8)
    for (durable, isVouchedFor) in [(UInt64(0), false), (1, false), (2, true), (3, true)] {
      let log = sealed(batch, 1) + wrong + sealed(batch, 3, durable: 1) + sealed(batch, 4, durable: durable)
      let first = UInt64(sealed(batch, 1).count)
      let scanner = scan(log, window: window)
      if isVouchedFor {
        let range = first + UInt64(LogSeal.byteCount)..<UInt64(log.count - sealed(batch, 4).count)
        #expect(scanner.corruptions == [.init(range: range, kind: .changed)])
        #expect(scanner.problem == nil)
        #expect(scanner.goodOffset == UInt64(log.count))
      } else {
        #expect(scanner.corruptions == [])
        #expect(scanner.problem?.reason == .tornBatch)
        #expect(scanner.goodOffset == first)
      }
    }
    // Where a seal should stand is something else.
    let hole = sealed(batch, 1) + Array("\0\0junk".utf8) + sealed(batch, 3, durable: 2)
    #expect(scan(hole, window: window).corruptions.count == 1)
    let torn = sealed(batch, 1) + Array("\0\0junk".utf8) + sealed(batch, 3, durable: 1)
    #expect(scan(torn, window: window).corruptions == [])
    #expect(scan(torn, window: window).goodOffset == UInt64(sealed(batch, 1).count))
  }

  @Test func sealsThatLie() {
    let batch = record("SET", "a", "1")
    func kinds(_ log: [UInt8]) -> [LogScanner.Corruption.Kind] { scan(log).corruptions.map(\.kind) }
    #expect(kinds(sealed(batch, 1) + sealed(batch, 3)) == [.number(expected: 2, found: 3)])
    #expect(kinds(sealed(batch, 1) + sealed(batch, 1)) == [.number(expected: 2, found: 1)])
    for count: UInt64 in [0, 1, UInt64(batch.count) - 1, UInt64(batch.count) + 1, 1 << 40, .max] {
      let scanner = scan(sealed(batch, 1, count: count))
      #expect(scanner.problem?.reason == .tornBatch)
      #expect(scanner.goodOffset == 0)
    }
    // Records of a server that does not seal stand before and behind those of one that does.
    let mixed = scan(batch + sealed(batch, 1) + batch)
    #expect(mixed.problem == nil)
    #expect(mixed.figures.unsealedBytes == UInt64(2 * batch.count))
    #expect(mixed.figures.records == 3)
    // What begins like a seal and is none is an annotation.
    #expect(scan(batch + Array("#MARTLET:no\r\n".utf8) + batch + batch + batch).problem == nil)
    #expect(scan(batch + Array("#MARTLET:no\r\n".utf8)).problem == nil)
    #expect(scan(batch + Array("#MARTLET:".utf8)).problem?.reason == .tornRecord)
  }
}
