// What is sent, when it is due, and how the command line is read.
import Testing

@testable import martlet_bench

/// A template is the request as a client would send it, with digits only in its holes.
@Test func templatesAreRequests() {
  let template = Template(words: Mix.Kind.set.words, valueBytes: 3)
  let request = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n"
  #expect(String(decoding: template.bytes, as: UTF8.self) == request)
  #expect(template.holes == [22])
  let own = Template(words: ["EVAL", "a__rand_int__b__rand_int__", "__value__!"], valueBytes: 2)
  #expect(String(decoding: own.bytes, as: UTF8.self).hasSuffix("$26\r\na000000000000b000000000000\r\n$3\r\nxx!\r\n"))
  #expect(own.holes.count == 2)
}

/// Filling rewrites all digits that can differ, every key is in range, and all are reached.
@Test func keysAreInRange() throws {
  var options = Options()
  options.keys = 101
  let workload = Workload(options)
  var bytes = workload.templates[0].bytes
  var random = Random(seed: 3)
  var seen: Set<Int> = []
  for _ in 0..<5000 {
    bytes.withUnsafeMutableBufferPointer { workload.fill(0, at: $0.baseAddress!, &random) }
    let hole = workload.templates[0].holes[0]
    let number = try #require(Int(String(decoding: bytes[hole..<(hole + Template.digitsCount)], as: UTF8.self)))
    seen.insert(number)
  }
  #expect(seen == Set(0...100))
}

/// Weights decide how often each template is chosen.
@Test func mixFollowsItsWeights() throws {
  var options = Options()
  options.mix = try Mix("get:9,set:1")
  let workload = Workload(options)
  var random = Random(seed: 5)
  let sets = (0..<10_000).filter { _ in workload.choose(&random) == 1 }.count
  #expect((800...1200).contains(sets))
}

/// The open loop's schedule gives each connection every n-th request, on time and for ever.
@Test func scheduleIsEven() {
  var schedule = Schedule(start: 1000, rate: 1_000_000, clients: 3)
  #expect((0..<7).map { _ in schedule.advance() } == [0, 1, 2, 0, 1, 2, 0])
  #expect(schedule.nextDue == 8000)
  #expect(schedule.due(connection: 2, issued: 0) == 3000)
  #expect(schedule.due(connection: 0, issued: 1) == 4000)
}

@Test func commandLineIsRead() throws {
  let words = ["-h", "::1", "-p", "7000", "-c", "9", "--rate", "1e4", "--engine", "epoll", "--", "GET", "x"]
  guard case .run(let options) = try Options.parse(words) else { return #expect(Bool(false)) }
  #expect(options.host == "::1" && options.port == 7000 && options.clients == 9 && options.depth == 128)
  #expect(options.rate == 10_000 && options.engine == .epoll && options.command == ["GET", "x"])
}

/// Wrong words are complaints, never traps.
@Test(arguments: [
  ["-p", "0"], ["-p"], ["-c", "x"], ["-c", "-1"], ["--rate", "nan"], ["--rate", "inf"], ["--mix", "get:0"],
  ["--mix", ""], ["--engine", "kqueue"], ["--"], ["bogus"], ["--threads", "51"], ["--user", "u"],
  ["-d", "99999999999999999999"], ["-c", "1000000", "-P", "65536"],
])
func wrongWordsAreComplaints(words: [String]) {
  #expect(throws: Complaint.self) { try Options.parse(words) }
}

@Test func numbersAsText() {
  #expect(1.5.text(2) == "1.50")
  #expect(0.049.text(1) == "0.0")
  #expect((-0.05).text(2) == "-0.05")
  #expect(99.999.text(2) == "100.00")
  #expect(7.0.text(0) == "7")
  #expect("a\"b\\\n".json == #""a\"b\\\u000a""#)
}
