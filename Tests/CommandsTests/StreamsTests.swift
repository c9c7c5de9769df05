// StreamsTests.swift — the stream family: what is answered, told and recorded.
import Foundation
import Testing

@testable import Commands

/// Identifiers come from the clock, from the caller, or from both; records hold the outcome.
@Test func identifiersAreRecordedAsGiven() {
  let bench = Workbench()
  #expect(bench.run("XADD", "s", "*", "a", "1") == "$15|1700000000000-0|")
  #expect(bench.record == "*5|$4|XADD|$1|s|$15|1700000000000-0|$1|a|$1|1|")
  #expect(bench.run("XADD", "s", "*", "a", "1") == "$15|1700000000000-1|")
  #expect(bench.run("XADD", "s", "1700000000001-*", "a", "1") == "$15|1700000000001-0|")
  #expect(bench.record.contains("1700000000001-0"))
  #expect(bench.run("XADD", "s", "1700000000001-7", "a", "1") == "$15|1700000000001-7|")
  #expect(bench.record == "")
  let late = "-ERR The ID specified in XADD is equal or smaller than the target stream top item|"
  #expect(bench.run("XADD", "s", "1-1", "a", "1") == late)
  #expect(bench.run("XADD", "s", "1-*", "a", "1") == late)
  #expect(bench.run("XADD", "t", "0-0", "a", "1") == "-ERR The ID specified in XADD must be greater than 0-0|")
  #expect(bench.run("XADD", "t", "0-*", "a", "1") == "$3|0-1|")
  #expect(bench.run("XADD", "u", "NOMKSTREAM", "*", "a", "1") == "$-1|")
  #expect(bench.run("EXISTS", "u") == ":0|")
}

/// The last identifier there is ends a stream.
@Test func identifiersEnd() {
  let bench = Workbench()
  let greatest = "18446744073709551615-18446744073709551615"
  #expect(bench.run("XADD", "s", "18446744073709551615-*", "a", "1") == "$22|18446744073709551615-0|")
  #expect(bench.run("XADD", "s", "*", "a", "1") == "$22|18446744073709551615-1|")
  #expect(bench.run("XADD", "s", greatest, "a", "1") == "$41|\(greatest)|")
  for id in ["*", "18446744073709551615-*", greatest] {
    #expect(bench.run("XADD", "s", id, "a", "1").hasPrefix("-ERR The stream has exhausted the last possible ID"))
  }
  #expect(bench.run("XRANGE", "s", "(\(greatest)", "+") == "-ERR invalid start ID for the interval|")
  #expect(bench.run("XRANGE", "s", "-", "(0-0") == "-ERR invalid end ID for the interval|")
  #expect(bench.run("XREAD", "STREAMS", "s", greatest) == "*-1|")
}

/// Whatever is no identifier is refused by every command that takes one, before anything changes.
@Test(arguments: ["", "-", "+", "a", "1-", "-1", "1-1-1", "18446744073709551616", "1.0"])
func strangeIdentifiersAreRefused(id: String) {
  let bench = Workbench()
  bench.run("XADD", "s", "1-1", "a", "1")
  bench.run("XGROUP", "CREATE", "s", "g", "0")
  let refusal = "-ERR Invalid stream ID specified as stream command argument|"
  let commands = [
    ["XADD", "s", id, "a", "1"], ["XDEL", "s", "1-1", id], ["XSETID", "s", id], ["XACK", "s", "g", "1-1", id],
    ["XTRIM", "s", "MINID", id], ["XGROUP", "CREATE", "s", "h", id],
    ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", id],
  ]
  for command in commands where !(id == "+" && command[0] == "XREADGROUP") {
    #expect(bench.run(bytes: command.map { Array($0.utf8) }) == refusal, "\(command)")
  }
  #expect(bench.run("XLEN", "s") == ":1|")
}

/// An approximate trim is recorded as the exact one that it turned out to be.
@Test func trimsAreRecordedExactly() {
  let bench = Workbench()
  for number in 1...250 { bench.run("XADD", "s", "\(number)-0", "a", "1") }
  #expect(bench.run("XTRIM", "s", "MAXLEN", "~", "120") == ":100|")
  #expect(bench.record == "*5|$5|XTRIM|$1|s|$6|MAXLEN|$1|=|$3|150|")
  #expect(bench.events == ["xtrim s"])
  #expect(bench.run("XTRIM", "s", "MINID", "~", "240", "LIMIT", "10") == ":0|")
  #expect(bench.changes == 0)
  #expect(bench.run("XADD", "s", "MINID", "~", "205", "300-0", "a", "1") == "$5|300-0|")
  #expect(bench.record.hasPrefix("*8|$4|XADD|$1|s|$5|MINID|$1|=|$5|201-0|$5|300-0|"))
  #expect(bench.events == ["xadd s", "xtrim s"])
  #expect(bench.run("XTRIM", "s", "MAXLEN", "3") == ":48|")
  #expect(bench.record == "")
}

/// Reading for a group is recorded as what came of it, never as itself.
@Test func deliveriesAreRecordedAsClaims() {
  let bench = Workbench()
  bench.run("XADD", "s", "1-1", "a", "1")
  bench.run("XGROUP", "CREATE", "s", "g", "0")
  #expect(bench.run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    == "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|1|")
  #expect(
    bench.record
      == "*5|$6|XGROUP|$14|CREATECONSUMER|$1|s|$1|g|$1|c|"
      + "*14|$6|XCLAIM|$1|s|$1|g|$1|c|$1|0|$3|1-1|$4|TIME|$13|1700000000000|$10|RETRYCOUNT|$1|1|$5|FORCE|"
      + "$6|JUSTID|$6|LASTID|$3|1-1|"
      + "*7|$6|XGROUP|$5|SETID|$1|s|$1|g|$3|1-1|$11|ENTRIESREAD|$1|1|")
  #expect(bench.run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">") == "*-1|")
  #expect(bench.record == "")
  #expect(bench.run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0") == "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|1|")
  #expect(bench.record == "")
  bench.run("XDEL", "s", "1-1")
  #expect(bench.run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0") == "*1|*2|$1|s|*1|*2|$3|1-1|*-1|")
}

/// What the records of one server do on another makes the same stream, whatever the clock there says.
@Test func recordsMakeTheSameStream() {
  var random = RandomNumbers(seed: 31)
  let first = Workbench()
  let second = Workbench()
  second.nowMilliseconds += 1_000_000
  for step in 0..<1_500 {
    first.nowMilliseconds += 1
    let id = "\(Int.random(in: 0...step, using: &random))"
    let group = "g\(Int.random(in: 0...1, using: &random))"
    let consumer = "c\(Int.random(in: 0...2, using: &random))"
    let words: [String] =
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<8: ["XADD", "s", "\(step + 1)-*", "field", "\(step)"]
      case 8: ["XADD", "s", "MAXLEN", "~", "50", "\(step + 1)-*", "field", "\(step)"]
      case 9: ["XDEL", "s", id, "\(id)-1"]
      case 10: ["XGROUP", "CREATE", "s", group, id]
      case 11..<14: ["XREADGROUP", "GROUP", group, consumer, "COUNT", "3", "STREAMS", "s", ">"]
      case 14: ["XREADGROUP", "GROUP", group, consumer, "NOACK", "COUNT", "3", "STREAMS", "s", ">"]
      case 15: ["XACK", "s", group, id, "\(id)-1"]
      case 16: ["XCLAIM", "s", group, consumer, "0", id, "\(id)-1", "FORCE"]
      case 17: ["XAUTOCLAIM", "s", group, consumer, "5", id, "COUNT", "4"]
      case 18: ["XTRIM", "s", "MINID", "~", id]
      default: ["XGROUP", "DELCONSUMER", "s", group, consumer]
      }
    first.run(bytes: words.map { Array($0.utf8) })
    guard first.changes > 0 else { continue }
    let records = first.isReplaced ? first.recordedCommands : [words]
    for record in records { second.run(bytes: record.map { Array($0.utf8) }) }
  }
  for key in ["s"] {
    #expect(first.run("XRANGE", key, "-", "+") == second.run("XRANGE", key, "-", "+"))
    #expect(first.run("XINFO", "STREAM", key).replacing(#/nodes\|:\d+/#, with: "")
      == second.run("XINFO", "STREAM", key).replacing(#/nodes\|:\d+/#, with: ""))
    #expect(first.run("XINFO", "GROUPS", key) == second.run("XINFO", "GROUPS", key))
    for group in ["g0", "g1"] { #expect(first.run("XPENDING", key, group) == second.run("XPENDING", key, group)) }
  }
}

extension Workbench {
  fileprivate var isReplaced: Bool { execution.pointee.effects.isReplaced }

  /// The records of the last command, each as its words.
  fileprivate var recordedCommands: [[String]] {
    var commands: [[String]] = []
    var lines = String(decoding: rawRecord, as: UTF8.self).components(separatedBy: "\r\n")[...]
    while let head = lines.popFirst(), head.hasPrefix("*"), let count = Int(head.dropFirst()) {
      var words: [String] = []
      for _ in 0..<count {
        lines.removeFirst()
        words.append(lines.removeFirst())
      }
      commands.append(words)
    }
    return commands
  }
}

/// XDELEX and XACKDEL ask the groups.
@Test func deletionsAskTheGroups() {
  let bench = Workbench()
  for number in 1...4 { bench.run("XADD", "s", "\(number)-0", "a", "1") }
  bench.run("XGROUP", "CREATE", "s", "g", "0")
  bench.run("XREADGROUP", "GROUP", "g", "c", "COUNT", "3", "STREAMS", "s", ">")
  #expect(bench.run("XDELEX", "s", "ACKED", "IDS", "2", "1-0", "9-0") == "*2|:2|:-1|")
  #expect(bench.run("XACKDEL", "s", "g", "ACKED", "IDS", "2", "1-0", "4-0") == "*2|:1|:-1|")
  #expect(bench.run("XLEN", "s") == ":3|")
  #expect(bench.run("XDELEX", "s", "IDS", "1", "2-0") == "*1|:1|")
  #expect(bench.run("XPENDING", "s", "g").hasPrefix("*4|:2|"))
  #expect(bench.run("XDELEX", "s", "DELREF", "IDS", "1", "3-0") == "*1|:1|")
  #expect(bench.run("XPENDING", "s", "g").hasPrefix("*4|:1|"))
  #expect(bench.run("XDELEX", "s", "IDS", "2", "1-0").hasPrefix("-ERR The `numids` parameter must match"))
  #expect(bench.run("XDELEX", "s", "IDS", "1", "1-0", "2-0") == "-ERR syntax error|")
  #expect(bench.run("XDELEX", "s", "KEEPREF", "ACKED", "IDS", "1", "1-0") == "-ERR syntax error|")
  #expect(bench.run("XDELEX", "none", "IDS", "1", "1-0", "ACKED") == "*1|:-1|")
  #expect(bench.run("XDELEX", "s", "IDS", "0", "1-0") == "-ERR Number of IDs must be a positive integer|")
  #expect(bench.run("XDELEX", "none", "IDS", "1", "1-0") == "*1|:-1|")
}
