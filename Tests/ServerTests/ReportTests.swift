// ReportTests.swift — what the server remembers and how it prints it.
import Bytes
import Commands
import Testing

@testable import Server

@Suite struct CommandLogTests {
  private func log(_ line: String, into log: inout CommandLog, amount: UInt64 = 1) {
    withWords(line) { log.add($0, amount: amount, client: ClientDetails(), flags: [], wallSeconds: 7) }
  }

  private func text(_ log: CommandLog, _ limit: Int = 1) -> [String] {
    log.newest(limit).map { $0.words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }
  }

  /// The newest are kept, newest first, and their numbers go on counting, also when the limit changes in between.
  @Test func keepsTheNewest() {
    var log = CommandLog()
    log.entriesMax = 3
    for i in 0..<100 { self.log("set k \(i)", into: &log) }
    #expect(log.count == 3)
    #expect(text(log, 10) == ["set k 99", "set k 98", "set k 97"])
    #expect(log.newest(10).map(\.id) == [99, 98, 97])
    log.entriesMax = 1
    #expect(text(log, 10) == ["set k 99"])
    log.reset()
    self.log("get k", into: &log)
    #expect(log.newest(1).map(\.id) == [100])
    log.entriesMax = 0
    self.log("get k", into: &log)
    #expect(log.count == 0)
  }

  /// An entry is bounded whatever the request was: 32 words, 128 bytes each, and it says what is missing.
  @Test func boundsWordsAndBytes() {
    var log = CommandLog()
    self.log("sadd set " + (3...33).map(String.init).joined(separator: " "), into: &log)
    let words = text(log)[0].split(separator: " ", maxSplits: 31).map(String.init)
    #expect(words.count == 32)
    #expect(words[31] == "... (2 more arguments)")
    self.log("set k " + String(repeating: "A", count: 129), into: &log)
    #expect(text(log)[0] == "set k " + String(repeating: "A", count: 128) + "... (1 more bytes)")
  }

  /// No password gets into a log, however it was given.
  @Test(arguments: [
    ("auth secret", "auth (redacted)"),
    ("AUTH user secret", "AUTH (redacted) (redacted)"),
    ("hello 3 auth user secret setname x", "hello 3 auth (redacted) (redacted) setname x"),
    ("config set maxmemory 1 requirepass secret", "config set maxmemory 1 requirepass (redacted)"),
    ("CONFIG SET MASTERAUTH secret hz 5", "CONFIG SET MASTERAUTH (redacted) hz 5"),
    ("config get requirepass", "config get requirepass"),
    ("get auth", "get auth"),
  ]) func hidesSecrets(request: String, logged: String) {
    var log = CommandLog()
    self.log(request, into: &log)
    #expect(text(log) == [logged])
  }

  @Test func obeysTheFlag() {
    var log = CommandLog()
    withWords("exec") { log.add($0, amount: 1, client: ClientDetails(), flags: .skipSlowlog, wallSeconds: 0) }
    #expect(log.count == 0)
  }
}

@Suite struct LatencyTests {
  /// Of several samples within a second the longest counts; at most 160 are kept; the maximum outlives them.
  @Test func keepsOneSampleASecond() {
    var monitor = LatencyMonitor()
    monitor.add("command", milliseconds: 20, wallSeconds: 1)
    monitor.add("command", milliseconds: 50, wallSeconds: 1)
    monitor.add("command", milliseconds: 30, wallSeconds: 1)
    #expect(monitor.event("command")?.samples.map(\.milliseconds) == [50])
    for second in 2..<400 { monitor.add("command", milliseconds: 10, wallSeconds: Int64(second)) }
    #expect(monitor.event("command")?.samples.count == LatencyMonitor.samplesMax)
    #expect(monitor.event("command")?.samples.last?.wallSeconds == 399)
    #expect(monitor.event("command")?.maxMilliseconds == 50)
  }

  @Test func forgetsWhatIsNamed() {
    var monitor = LatencyMonitor()
    monitor.add("command", milliseconds: 1, wallSeconds: 1)
    monitor.add("fast-command", milliseconds: 1, wallSeconds: 1)
    #expect(monitor.reset(["nothing"]) == 0)
    #expect(monitor.reset(["command"]) == 1)
    #expect(monitor.reset(nil) == 1)
    #expect(monitor.events.isEmpty)
  }

  /// Every column has a mark in it, the highest reaches the top row, and ages stand below.
  @Test func drawsAColumnForEachSample() {
    var monitor = LatencyMonitor()
    for (second, value) in [(1, 10), (2, 500), (3, 250)] {
      monitor.add("command", milliseconds: UInt64(value), wallSeconds: Int64(second))
    }
    guard let event = monitor.event("command") else { return }
    let lines = LatencyGraph.text(event, wallSeconds: 10).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "command - high 500 ms, low 10 ms (all time high 500 ms)")
    #expect(lines[2] == " # ")
    #expect(lines[5].hasPrefix("_|"))
    #expect(lines[7] == "987")
    #expect(lines[8] == "sss")
  }

  /// A percentile is never below a duration it covers, and at most a quarter above it.
  @Test(arguments: UInt64(1)...50) func percentilesCoverTheirCalls(seed: UInt64) {
    var state = seed
    var histogram = TickHistogram()
    var values: [UInt64] = []
    for _ in 0..<500 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      values.append(state >> (24 + state % 30))
    }
    for value in values { histogram.add(value) }
    values.sort()
    #expect(histogram.count == 500)
    for (fraction, index) in [(0.5, 249), (0.99, 494), (1, 499)] {
      let percentile = histogram.percentile(fraction)
      guard values[index] < 1 << 31 else { continue }
      #expect(percentile >= values[index])
      #expect(Double(percentile) <= Double(values[index]) * 1.25 + 1)
    }
    #expect(histogram.count(upTo: .max) == 500)
  }
}

@Suite struct InfoTextTests {
  @Test(arguments: [
    (0.0, 2, "0.00"), (1.005, 1, "1.0"), (99.999, 2, "100.00"), (-1.5, 1, "-1.5"), (0.05, 2, "0.05"),
    (1234567.891, 3, "1234567.891"), (-0.001, 2, "0.00"), (7, 0, "7"), (.infinity, 2, "inf"), (.nan, 2, "nan"),
  ]) func roundsToFixedDigits(value: Double, digits: Int, text: String) {
    #expect(Fixed.text(value, digits: digits) == text)
  }

  @Test(arguments: [
    (UInt64(0), "0B"), (1_023, "1023B"), (1_024, "1.00K"), (1_710_512, "1.63M"), (25_276_510_208, "23.54G"),
    (1 << 50, "1024.00T"),
  ]) func countsBytesForPeople(bytes: UInt64, text: String) {
    #expect(Fixed.bytes(bytes) == text)
  }

  private func sections(_ line: String) -> Set<InfoReport.Section> { withWords(line) { InfoReport.sections($0) } }

  /// Words choose sections in any case, several add up, and what is unknown chooses nothing.
  @Test func readsSectionNames() {
    #expect(sections("CPU memory") == [.cpu, .memory])
    #expect(sections("nothing").isEmpty)
    #expect(sections("") == sections("default"))
    #expect(!InfoReport.sections(.none).contains(.commandstats))
    #expect(sections("cpu everything").count == InfoReport.Section.allCases.count)
  }
}

@Suite struct SHA1Tests {
  /// The examples of RFC 3174, and lengths around the border of a block.
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    (String(repeating: "a", count: 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
    (String(repeating: "a", count: 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
    (String(repeating: "0123456701234567012345670123456701234567012345670123456701234567", count: 10),
      "dea356a2cddd90c7a7ecedc5ebb563934f460452"),
  ]) func hashesTheExamples(text: String, digest: String) {
    let hash = Array(text.utf8).withUnsafeBytes { SHA1.hash($0) }
    let digits = Array("0123456789abcdef")
    #expect(String(hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }) == digest)
  }
}
