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

  /// The annotation that seals `batch`.
  private func seal(_ batch: [UInt8], _ sequence: UInt64) -> [UInt8] {
    let sum = unsafe batch.withUnsafeBytes { unsafe Checksum(of: ByteView($0)).value }
    let digits = String(sum, radix: 16)
    let padded = String(repeating: "0", count: 16 - digits.count) + digits
    return Array("#MARTLET:\(sequence):\(batch.count):\(padded)\r\n".utf8)
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

  /// Sealed batches: each changed byte is found, and where.
  @Test func changedBytes() {
    let batches = [record("SET", "a", "x") + record("SET", "b", "2"), record("SET", "c", "y"), record("DEL", "z")]
    var log: [UInt8] = []
    var ranges: [Range<UInt64>] = []
    for (index, batch) in batches.enumerated() {
      ranges.append(UInt64(log.count)..<UInt64(log.count + batch.count))
      log += batch + seal(batch, UInt64(index) + 5)
    }
    for window in [1, 17, 1000] {
      let whole = scan(log, window: window)
      #expect(whole.corruptions == [])
      #expect(whole.figures.sealedBatches == 3)
      #expect(whole.unsealedBytes == 0)
    }
    // A letter of a value: the records are still records.
    for (index, letter) in ["x", "y", "z"].enumerated() {
      let place = log.lastIndex(of: UInt8(ascii: UnicodeScalar(letter)!), in: ranges[index])
      var changed = log
      changed[place] ^= 1
      let scanner = scan(changed, window: 40)
      #expect(scanner.problem == nil)
      #expect(scanner.corruptions == [.init(range: ranges[index], kind: .checksum)])
      #expect(scanner.figures.sealedBatches == 2)
    }
  }

  @Test func missingAndForeignBatches() {
    let batch = record("SET", "a", "1")
    func corruptions(_ log: [UInt8]) -> [LogScanner.Corruption.Kind] { scan(log).corruptions.map(\.kind) }
    #expect(corruptions(batch + seal(batch, 1) + batch + seal(batch, 3)) == [.sequence(expected: 2, found: 3)])
    // A server that was started anew.
    #expect(corruptions(batch + seal(batch, 7) + batch + seal(batch, 1)) == [])
    #expect(corruptions(batch + batch + seal(batch, 1)) == [.length(announced: UInt64(batch.count))])
    #expect(corruptions(batch + Array("#MARTLET:1:x:0\r\n".utf8)) == [.annotation])
    #expect(corruptions(batch + Array("#MARTLET:\r\n".utf8)) == [])
    let tail = scan(batch + seal(batch, 1) + batch)
    #expect(tail.unsealedBytes == UInt64(batch.count))
  }
}

extension [UInt8] {
  /// The last place of `byte` in a range of the log that begins at 0.
  fileprivate func lastIndex(of byte: UInt8, in range: Range<UInt64>) -> Int {
    self[Int(range.lowerBound)..<Int(range.upperBound)].lastIndex(of: byte)!
  }
}
