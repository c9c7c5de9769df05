// KeysTests.swift — the generic family: deleting, expiring, moving, walking, inspecting.
import Testing

@testable import Commands

/// The four EXPIREs and their conditions against keys with and without an expiry.
@Test func expireObeysItsConditions() {
  let bench = Workbench()
  bench.run("SET", "k", "v")
  #expect(bench.run("EXPIRE", "k", "10", "XX") == ":0|")
  #expect(bench.run("EXPIRE", "k", "10", "GT") == ":0|")
  #expect(bench.run("EXPIRE", "k", "10", "LT") == ":1|")
  #expect(bench.record == "*3|$9|PEXPIREAT|$1|k|$13|1700000010000|")
  #expect(bench.run("EXPIRE", "k", "20", "NX") == ":0|")
  #expect(bench.run("PEXPIRE", "k", "10000", "GT") == ":0|")
  #expect(bench.run("PEXPIRE", "k", "10001", "GT", "XX") == ":1|")
  #expect(bench.run("PTTL", "k") == ":10001|")
  #expect(bench.run("TTL", "k") == ":10|")
  #expect(bench.run("EXPIREAT", "k", "1700000100") == ":1|")
  #expect(bench.run("EXPIRETIME", "k") == ":1700000100|")
  #expect(bench.run("PEXPIRETIME", "k") == ":1700000100000|")
  #expect(bench.run("PERSIST", "k") == ":1|")
  #expect(bench.run("PERSIST", "k") == ":0|")
  #expect(bench.run("TTL", "k") == ":-1|")
  #expect(bench.run("TTL", "none") == ":-2|")
  #expect(bench.run("EXPIRE", "k", "1", "NX", "GT").hasPrefix("-ERR NX and XX, GT or LT options"))
  #expect(bench.run("EXPIRE", "k", "1", "LT", "GT").hasPrefix("-ERR GT and LT options"))
  #expect(bench.run("EXPIRE", "k", "1", "YY") == "-ERR Unsupported option YY|")
}

/// A time in the past deletes; one that 64 bits cannot hold is an error.
@Test func expireInThePastDeletes() {
  let bench = Workbench()
  bench.run("SET", "k", "v")
  #expect(bench.run("EXPIRE", "k", "9223372036854775807") == "-ERR invalid expire time in 'expire' command|")
  #expect(bench.run("EXPIRE", "k", "-9223372036854775808") == "-ERR invalid expire time in 'expire' command|")
  #expect(bench.run("PEXPIRE", "k", "9223372036854775807") == "-ERR invalid expire time in 'pexpire' command|")
  #expect(bench.run("PEXPIREAT", "k", "9223372036854775807") == ":1|")
  #expect(bench.run("PEXPIRETIME", "k") == ":9223372036854775807|")
  #expect(bench.run("EXPIRETIME", "k") == ":9223372036854775|")
  #expect(bench.run("PEXPIRE", "k", "-9223372036854775808") == ":1|")
  #expect(bench.record == "*2|$3|DEL|$1|k|")
  #expect(bench.events == ["del k"])
  #expect(bench.run("DBSIZE") == ":0|")
}

/// RENAME, COPY and MOVE carry the expiry and refuse what they must.
@Test func movesKeepTheExpiry() {
  let bench = Workbench()
  bench.run("SET", "a", "1", "EX", "50")
  bench.run("SET", "b", "2")
  #expect(bench.run("RENAMENX", "a", "b") == ":0|")
  #expect(bench.run("RENAME", "a", "b") == "+OK|")
  #expect(bench.events == ["new b", "rename_from a", "rename_to b"])
  #expect(bench.run("TTL", "b") == ":50|")
  #expect(bench.run("RENAME", "a", "c") == "-ERR no such key|")
  #expect(bench.run("RENAME", "b", "b") == "+OK|")
  #expect(bench.run("COPY", "b", "c") == ":1|")
  #expect(bench.run("COPY", "b", "c") == ":0|")
  #expect(bench.run("COPY", "b", "c", "REPLACE", "DB", "1") == ":1|")
  #expect(bench.run("MOVE", "c", "1") == ":0|")
  #expect(bench.run("MOVE", "b", "2") == ":1|")
  bench.run("SELECT", "2")
  #expect(bench.run("TTL", "b") == ":50|")
  #expect(bench.run("MOVE", "b", "2") == "-ERR source and destination objects are the same|")
  #expect(bench.run("MOVE", "b", "4") == "-ERR DB index is out of range|")
  #expect(bench.run("SWAPDB", "1", "2") == "+OK|")
  #expect(bench.run("EXISTS", "c") == ":1|")
  #expect(bench.run("FLUSHALL") == "+OK|")
  #expect(bench.run("DBSIZE") == ":0|")
}

/// SCAN tells every key that is there all the time, whatever COUNT, while others come and go.
@Test(arguments: UInt64(1)...8) func scanTellsWhatStays(seed: UInt64) {
  var random = RandomNumbers(seed: seed)
  let bench = Workbench()
  let stays = Set((0..<500).map { "stay:\($0)" })
  for key in stays { bench.run("SET", key, "v") }
  var told: Set<String> = []
  var cursor = "0"
  var passing = 0
  repeat {
    let count = String(Int.random(in: 1...60, using: &random))
    let reply = bench.run("SCAN", cursor, "MATCH", "stay:*", "COUNT", count).split(separator: "|")
    cursor = String(reply[2])
    told.formUnion(reply.dropFirst(4).filter { $0.hasPrefix("stay:") }.map(String.init))
    for _ in 0..<40 {
      bench.run(Bool.random(using: &random) ? "SET" : "GETSET", "passing:\(passing)", "x")
      bench.run("DEL", "passing:\(Int.random(in: 0...passing, using: &random))")
      passing += 1
    }
  } while cursor != "0"
  #expect(told == stays)
}

/// SCAN's words: a type that is none is an error, numbers are strict, expired keys are removed and not told.
@Test func scanObeysItsOptions() {
  let bench = Workbench()
  bench.run("SET", "a", "1")
  bench.run("SET", "b", "1", "PX", "5")
  bench.nowMilliseconds += 6
  #expect(bench.run("SCAN", "0", "COUNT", "100") == "*2|$1|0|*1|$1|a|")
  #expect(bench.record == "*2|$3|DEL|$1|b|")
  #expect(bench.run("DBSIZE") == ":1|")
  #expect(bench.run("SCAN", "0", "TYPE", "string") == "*2|$1|0|*1|$1|a|")
  #expect(bench.run("SCAN", "0", "TYPE", "hash") == "*2|$1|0|*0|")
  #expect(bench.run("SCAN", "0", "TYPE", "x") == "-ERR unknown type name 'x'|")
  #expect(bench.run("SCAN", "0", "COUNT", "9223372036854775807") == "*2|$1|0|*1|$1|a|")
  #expect(bench.run("SCAN", "18446744073709551615", "COUNT", "10").hasPrefix("*2|$1|0|"))
  for cursor in ["abc", "18446744073709551616", "-1", ""] {
    #expect(bench.run("SCAN", cursor) == "-ERR invalid cursor|")
  }
  #expect(bench.run("SCAN", "0", "COUNT", "0") == "-ERR syntax error|")
}

/// KEYS finds by pattern and passes over what has expired; RANDOMKEY removes it.
@Test func keysAndRandomKey() {
  let bench = Workbench()
  bench.run("MSET", "one", "1", "two", "2", "three", "3")
  #expect(bench.run("KEYS", "t*o") == "*1|$3|two|")
  #expect(bench.run("KEYS", "*").hasPrefix("*3|"))
  for key in ["one", "two", "three"] { bench.run("PEXPIRE", key, "1") }
  bench.nowMilliseconds += 2
  #expect(bench.run("KEYS", "*") == "*0|")
  #expect(bench.run("RANDOMKEY") == "$-1|")
  #expect(bench.run("DBSIZE") == ":0|")
  #expect(bench.execution.pointee.tallies.expiredKeys == 3)
}

/// Access is counted where Redis counts it, and OBJECT tells about it without changing it.
@Test func useIsNoted() {
  let bench = Workbench()
  bench.run("SET", "k", "v")
  bench.nowMilliseconds += 30_000
  #expect(bench.run("OBJECT", "IDLETIME", "k") == ":30|")
  bench.run("TTL", "k")
  #expect(bench.run("OBJECT", "IDLETIME", "k") == ":30|")
  bench.session.pointee.flags.insert(.noTouch)
  bench.run("GET", "k")
  #expect(bench.run("OBJECT", "IDLETIME", "k") == ":30|")
  bench.session.pointee.flags.remove(.noTouch)
  #expect(bench.run("TOUCH", "k", "k", "none") == ":2|")
  #expect(bench.run("OBJECT", "IDLETIME", "k") == ":0|")
  #expect(bench.run("OBJECT", "FREQ", "k").hasPrefix("-ERR An LFU maxmemory policy is not selected"))
  #expect(bench.run("OBJECT", "REFCOUNT", "k") == ":1|")
  #expect(bench.run("OBJECT", "ENCODING", "none") == "$-1|")
  let tallies = bench.execution.pointee.tallies
  bench.run("MGET", "k", "none")
  #expect(bench.execution.pointee.tallies.keyspaceHits == tallies.keyspaceHits + 1)
  #expect(bench.execution.pointee.tallies.keyspaceMisses == tallies.keyspaceMisses + 1)
}

/// The sweep between requests removes what has expired, and its records can be taken afterwards.
@Test func sweepRemovesExpiredKeys() {
  let bench = Workbench()
  for index in 0..<100 { bench.run("SET", "k\(index)", "v", "PX", index % 2 == 0 ? "1" : "100000") }
  bench.nowMilliseconds += 2
  bench.execution.pointee.effects.begin()
  var expired = 0
  for _ in 0..<200 {
    expired += bench.execution.pointee.expireSlice(database: 0, now: bench.nowMilliseconds, examinedMax: 20).expired
  }
  #expect(expired == 50)
  #expect(bench.run("DBSIZE") == ":50|")
}
