// CollectionsTests.swift — lists, sets, hashes and sorted sets: what is recorded, what is told, when a key goes.
//
// Replies in all their variety are compared with real servers elsewhere; here is what a connection does not show.
import Testing

@testable import Commands

private func bench() -> Workbench {
  let bench = Workbench()
  bench.execution.pointee.events.enabled.formUnion([.list, .set, .hash, .sortedSet])
  return bench
}

/// Chance is recorded as what came of it.
@Test func poppedMembersAreRecorded() {
  let bench = bench()
  #expect(bench.run("SADD", "s", "a") == ":1|")
  #expect(bench.events == ["new s", "sadd s"])
  #expect(bench.record.isEmpty && bench.changes == 1)
  #expect(bench.run("SADD", "s", "a") == ":0|")
  #expect(bench.changes == 0 && bench.events.isEmpty)
  #expect(bench.run("SRANDMEMBER", "s") == "$1|a|")
  #expect(bench.changes == 0)
  #expect(bench.run("SPOP", "s") == "$1|a|")
  #expect(bench.record == "*3|$4|SREM|$1|s|$1|a|")
  #expect(bench.events == ["spop s", "del s"])
  #expect(bench.run("EXISTS", "s") == ":0|")
  bench.run("SADD", "s", "1", "2", "3")
  #expect(bench.run("SPOP", "s", "2").hasPrefix("*2|"))
  #expect(bench.record.hasPrefix("*4|$4|SREM|$1|s|") && bench.changes == 2)
  #expect(bench.run("SPOP", "s", "5").hasPrefix("*1|"))
  #expect(bench.record == "*2|$3|DEL|$1|s|")
}

/// Every SREM of a large SPOP is a record of at most 1,024 members.
@Test func largePopsAreRecordedInParts() {
  let bench = bench()
  bench.run(bytes: ["SADD", "s"].map { Array($0.utf8) } + (0..<5_000).map { Array("m\($0)".utf8) })
  #expect(bench.run("SPOP", "s", "3000").hasPrefix("*3000|"))
  #expect(bench.record.components(separatedBy: "|SREM|").count == 4)
  #expect(bench.record.hasPrefix("*1026|"))
  #expect(bench.run("SCARD", "s") == ":2000|")
}

@Test func sumsOfFieldsAreRecordedAsSets() {
  let bench = bench()
  #expect(bench.run("HSET", "h", "f", "1") == ":1|")
  #expect(bench.events == ["new h", "hset h"])
  #expect(bench.run("HINCRBYFLOAT", "h", "f", "0.5") == "$3|1.5|")
  #expect(bench.record == "*4|$4|HSET|$1|h|$1|f|$3|1.5|")
  #expect(bench.events == ["hincrbyfloat h"])
  #expect(bench.run("HINCRBY", "h", "f", "1") == "-ERR hash value is not an integer|")
  #expect(bench.run("HINCRBYFLOAT", "none", "f", "x") == "-ERR value is not a valid float|")
  #expect(bench.run("EXISTS", "none") == ":0|")
  #expect(bench.run("HGETDEL", "h", "FIELDS", "2", "f", "g") == "*2|$3|1.5|$-1|")
  #expect(bench.record == "*3|$4|HDEL|$1|h|$1|f|")
  #expect(bench.events == ["hdel h", "del h"])
}

@Test func popsOfSeveralKeysAreRecordedAsOfOne() {
  let bench = bench()
  bench.run("RPUSH", "l", "a", "b", "c")
  #expect(bench.run("LMPOP", "2", "none", "l", "RIGHT", "COUNT", "2") == "*2|$1|l|*2|$1|c|$1|b|")
  #expect(bench.record == "*3|$4|RPOP|$1|l|$1|2|")
  #expect(bench.run("LMOVE", "l", "m", "LEFT", "RIGHT") == "$1|a|")
  #expect(bench.events == ["new m", "rpush m", "lpop l", "del l"])
  bench.run("ZADD", "z", "1", "a", "2", "b")
  #expect(bench.run("ZMPOP", "1", "z", "MAX") == "*2|$1|z|*1|*2|$1|b|$1|2|")
  #expect(bench.record == "*3|$7|ZPOPMAX|$1|z|$1|1|")
}

/// A command that cannot do all does nothing, and leaves no key behind.
@Test func failedCommandsLeaveNothing() {
  let bench = bench()
  #expect(bench.run("ZADD", "z", "1", "a", "x", "b") == "-ERR value is not a valid float|")
  #expect(bench.run("ZADD", "z", "XX", "1", "a") == ":0|")
  #expect(bench.run("ZADD", "z", "GT", "INCR", "XX", "1", "a") == "$-1|")
  #expect(bench.run("DBSIZE") == ":0|")
  #expect(bench.run("ZADD", "z", "inf", "a") == ":1|")
  #expect(bench.run("ZINCRBY", "z", "-inf", "a") == "-ERR resulting score is not a number (NaN)|")
  bench.run("SET", "string", "v")
  for words in [
    ["SADD", "string", "a"], ["LPUSH", "string", "a"], ["HSET", "string", "f", "v"], ["ZADD", "string", "1", "a"],
    ["SUNION", "none", "string"], ["ZUNION", "1", "string"], ["LMOVE", "z", "string", "LEFT", "LEFT"],
  ] {
    #expect(bench.run(bytes: words.map { Array($0.utf8) }).hasPrefix("-WRONGTYPE"), "\(words)")
  }
}

/// What a result is stored over goes, its expiry too; an empty result removes it.
@Test func storedCollectionsReplaceWhatWasThere() {
  let bench = bench()
  bench.run("SADD", "a", "1", "2")
  bench.run("SADD", "b", "2", "3")
  bench.run("SET", "target", "v", "EX", "100")
  #expect(bench.run("SINTERSTORE", "target", "a", "b") == ":1|")
  #expect(bench.events == ["sinterstore target"])
  #expect(bench.run("TTL", "target") == ":-1|")
  #expect(bench.run("SDIFFSTORE", "a", "a", "a") == ":0|")
  #expect(bench.events == ["del a"])
  #expect(bench.run("SUNIONSTORE", "b", "b", "target") == ":2|")
  #expect(bench.run("ZUNIONSTORE", "z", "1", "b", "WEIGHTS", "2") == ":2|")
  #expect(bench.run("ZRANGE", "z", "0", "-1", "WITHSCORES") == "*4|$1|2|$1|2|$1|3|$1|2|")
}

/// SSCAN tells every member that stays, while others come and go and the table grows and shrinks.
@Test func scanTellsWhatStays() {
  let bench = bench()
  bench.run(bytes: ["SADD", "s"].map { Array($0.utf8) } + (0..<1_000).map { Array("stays:\($0)".utf8) })
  var told: Set<String> = []
  var cursor = "0"
  var round = 0
  repeat {
    let reply = bench.run("SSCAN", "s", cursor, "COUNT", "20").split(separator: "|").map(String.init)
    cursor = reply[2]
    told.formUnion(reply.filter { $0.hasPrefix("stays:") })
    for number in 0..<100 {
      bench.run(round % 20 < 10 ? "SADD" : "SREM", "s", "passes:\(round % 10 * 100 + number)")
    }
    round += 1
  } while cursor != "0"
  #expect(told.count == 1_000)
}
