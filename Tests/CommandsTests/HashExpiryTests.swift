// HashExpiryTests.swift — fields that end: what is recorded, what is told, what the sweep between requests does.
//
// A record must lead to the same data when it is replayed at the beginning of time, where nothing has ended yet.
import Testing

@testable import Commands

private let now = "1700000000000"

private func bench() -> Workbench {
  let bench = Workbench()
  bench.execution.pointee.events.enabled.formUnion([.hash, .list])
  return bench
}

/// A hash with the fields a, b and c, of which a has ended.
private func benchWithEnded() -> Workbench {
  let bench = bench()
  bench.run("HSET", "h", "a", "1", "b", "2", "c", "3")
  bench.run("HPEXPIRE", "h", "10", "FIELDS", "1", "a")
  bench.nowMilliseconds += 11
  return bench
}

@Test func expiriesAreRecordedAsInstantsOfWhatChanged() {
  let bench = bench()
  bench.run("HSET", "h", "a", "1", "b", "2")
  #expect(bench.run("HEXPIRE", "h", "10", "NX", "FIELDS", "3", "a", "zz", "a") == "*3|:1|:-2|:0|")
  #expect(bench.record == "*6|$10|HPEXPIREAT|$1|h|$13|1700000010000|$6|FIELDS|$1|1|$1|a|")
  #expect(bench.events == ["hexpire h"] && bench.changes == 1)
  #expect(bench.run("HEXPIRE", "h", "5", "GT", "FIELDS", "2", "a", "b") == "*2|:0|:0|")
  #expect(bench.record.isEmpty && bench.changes == 0 && bench.events.isEmpty)
  #expect(bench.run("HPTTL", "h", "FIELDS", "3", "a", "b", "c") == "*3|:10000|:-1|:-2|")
  #expect(bench.run("HPERSIST", "h", "FIELDS", "3", "a", "a", "zz") == "*3|:1|:-1|:-2|")
  #expect(bench.record == "*5|$8|HPERSIST|$1|h|$6|FIELDS|$1|1|$1|a|")
  #expect(bench.events == ["hpersist h"])
  #expect(bench.run("HPEXPIREAT", "h", now, "FIELDS", "2", "a", "b") == "*2|:2|:2|")
  #expect(bench.record == "*4|$4|HDEL|$1|h|$1|a|$1|b|")
  #expect(bench.events == ["hexpired h", "del h"] && bench.changes == 2)
  #expect(bench.execution.pointee.tallies.expiredFields == 2)
}

@Test func gettingAndChangingIsRecordedAsTheChange() {
  let bench = bench()
  bench.run("HSET", "h", "a", "1", "b", "2")
  #expect(bench.run("HGETEX", "h", "FIELDS", "2", "a", "zz") == "*2|$1|1|$-1|")
  #expect(bench.changes == 0 && bench.record.isEmpty)
  #expect(bench.run("HGETEX", "h", "EX", "10", "FIELDS", "2", "a", "zz") == "*2|$1|1|$-1|")
  #expect(bench.record == "*6|$10|HPEXPIREAT|$1|h|$13|1700000010000|$6|FIELDS|$1|1|$1|a|")
  #expect(bench.events == ["hexpire h"])
  #expect(bench.run("HGETEX", "h", "PERSIST", "FIELDS", "2", "a", "b") == "*2|$1|1|$1|2|")
  #expect(bench.record == "*5|$8|HPERSIST|$1|h|$6|FIELDS|$1|1|$1|a|")
  #expect(bench.run("HGETEX", "h", "PXAT", "1", "FIELDS", "2", "a", "b") == "*2|$1|1|$1|2|")
  #expect(bench.record == "*4|$4|HDEL|$1|h|$1|a|$1|b|")
  #expect(bench.events == ["hexpired h", "del h"])
}

@Test func settingIsRecordedWithoutConditions() {
  let bench = bench()
  #expect(bench.run("HSETEX", "h", "NX", "FNX", "EX", "10", "FIELDS", "1", "a", "1") == ":1|")
  #expect(bench.record == "*8|$6|HSETEX|$1|h|$4|PXAT|$13|1700000010000|$6|FIELDS|$1|1|$1|a|$1|1|")
  #expect(bench.events == ["new h", "hset h", "hexpire h"])
  #expect(bench.run("HSETEX", "h", "FNX", "FIELDS", "2", "b", "1", "a", "1") == ":0|")
  #expect(bench.run("HEXISTS", "h", "b") == ":0|")
  #expect(bench.run("HSETEX", "h", "KEEPTTL", "FXX", "FIELDS", "1", "a", "2") == ":1|")
  #expect(bench.record == "*7|$6|HSETEX|$1|h|$7|KEEPTTL|$6|FIELDS|$1|1|$1|a|$1|2|")
  #expect(bench.run("HTTL", "h", "FIELDS", "1", "a") == "*1|:10|")
  #expect(bench.run("HSETEX", "h", "FIELDS", "1", "a", "3") == ":1|")
  #expect(bench.record == "*4|$4|HSET|$1|h|$1|a|$1|3|")
  #expect(bench.run("HTTL", "h", "FIELDS", "1", "a") == "*1|:-1|")
  #expect(bench.run("HSETEX", "h", "PXAT", "1", "FIELDS", "2", "a", "4", "zz", "5") == ":1|")
  #expect(bench.record == "*3|$4|HDEL|$1|h|$1|a|")
  #expect(bench.events == ["hset h", "hexpire h", "hexpired h", "del h"])
  #expect(bench.run("HSETEX", "new", "PXAT", "1", "FIELDS", "1", "a", "1") == ":1|")
  #expect(bench.record.isEmpty && bench.changes == 0)
  #expect(bench.run("EXISTS", "new", "h") == ":0|")
}

/// A sum keeps the field's time, and so does its record.
@Test func sumsKeepTheTime() {
  let bench = bench()
  bench.run("HSETEX", "h", "PX", "500", "FIELDS", "1", "n", "1")
  #expect(bench.run("HINCRBY", "h", "n", "2") == ":3|")
  #expect(bench.record.isEmpty)
  #expect(bench.run("HINCRBYFLOAT", "h", "n", "0.5") == "$3|3.5|")
  #expect(bench.record == "*8|$6|HSETEX|$1|h|$4|PXAT|$13|1700000000500|$6|FIELDS|$1|1|$1|n|$3|3.5|")
  #expect(bench.run("HPTTL", "h", "FIELDS", "1", "n") == "*1|:500|")
  #expect(bench.run("HSET", "h", "n", "1") == ":0|")
  #expect(bench.run("HPTTL", "h", "FIELDS", "1", "n") == "*1|:-1|")
}

@Test func endedFieldsAreNotThere() {
  let bench = benchWithEnded()
  for (words, answer) in [
    (["HGET", "h", "a"], "$-1|"), (["HEXISTS", "h", "a"], ":0|"), (["HSTRLEN", "h", "a"], ":0|"),
    (["HMGET", "h", "a", "b"], "*2|$-1|$1|2|"), (["HDEL", "h", "a"], ":0|"), (["HLEN", "h"], ":3|"),
    (["HTTL", "h", "FIELDS", "1", "a"], "*1|:-2|"), (["HPERSIST", "h", "FIELDS", "1", "a"], "*1|:-2|"),
    (["HEXPIRE", "h", "10", "FIELDS", "1", "a"], "*1|:-2|"), (["HGETEX", "h", "EX", "10", "FIELDS", "1", "a"], "*1|$-1|"),
    (["HGETDEL", "h", "FIELDS", "1", "a"], "*1|$-1|"), (["HSETEX", "h", "FXX", "FIELDS", "1", "a", "1"], ":0|"),
  ] {
    #expect(bench.run(bytes: words.map { Array($0.utf8) }) == answer, "\(words)")
    #expect(bench.changes == 0 && bench.record.isEmpty, "\(words)")
  }
  #expect(bench.run("HGETALL", "h").hasPrefix("*4|"))
  #expect(bench.run("HKEYS", "h").hasPrefix("*2|"))
  #expect(bench.run("HVALS", "h").hasPrefix("*2|"))
  #expect(bench.run("HSCAN", "h", "0").hasPrefix("*2|$1|0|*4|"))
  #expect(bench.run("HRANDFIELD", "h", "10").hasPrefix("*2|"))
  #expect(bench.run("HRANDFIELD", "h", "-10").hasPrefix("*10|"))
  #expect(!bench.run("HRANDFIELD", "h", "-50").contains("|a|"))
  bench.isRESP3 = true
  #expect(bench.run("HGETALL", "h").hasPrefix("%2|"))
}

/// Who sets a field that has ended makes a new one, and the record says so to whoever still has the old one.
@Test func endedFieldsAreMadeAnew() {
  var bench = benchWithEnded()
  #expect(bench.run("HSET", "h", "a", "x", "b", "y") == ":1|")
  #expect(bench.record.isEmpty && bench.events == ["hexpired h", "hset h"])
  bench = benchWithEnded()
  #expect(bench.run("HSETNX", "h", "a", "x") == ":1|")
  #expect(bench.record == "*4|$4|HSET|$1|h|$1|a|$1|x|")
  bench = benchWithEnded()
  #expect(bench.run("HINCRBY", "h", "a", "5") == ":5|")
  #expect(bench.record == "*4|$4|HSET|$1|h|$1|a|$1|5|" && bench.events == ["hexpired h", "hincrby h"])
  #expect(bench.run("HTTL", "h", "FIELDS", "1", "a") == "*1|:-1|")
  bench = benchWithEnded()
  #expect(bench.run("HINCRBYFLOAT", "h", "a", "5") == "$1|5|")
  #expect(bench.record == "*4|$4|HSET|$1|h|$1|a|$1|5|")
  bench = benchWithEnded()
  #expect(bench.run("HSETEX", "h", "KEEPTTL", "FIELDS", "2", "b", "y", "a", "x") == ":1|")
  #expect(bench.record == "*4|$4|HSET|$1|h|$1|a|$1|x|*7|$6|HSETEX|$1|h|$7|KEEPTTL|$6|FIELDS|$1|1|$1|b|$1|y|")
  #expect(bench.run("HTTL", "h", "FIELDS", "1", "a") == "*1|:-1|")
  bench = benchWithEnded()
  #expect(bench.run("HDEL", "h", "a", "b") == ":1|")
  #expect(bench.record == "*3|$4|HDEL|$1|h|$1|b|")
  #expect(bench.run("HSETEX", "h", "PXAT", "1", "FIELDS", "1", "a", "x") == ":1|")
  #expect(bench.record == "*3|$4|HDEL|$1|h|$1|a|")
}

/// What SORT stores depends on fields that a replay would still find: the list is recorded as it is.
@Test func sortsByEndedFieldsAreRecordedAsLists() {
  let bench = benchWithEnded()
  bench.run("RPUSH", "l", "h")
  bench.run("SORT", "l", "BY", "nosort", "GET", "*->a", "GET", "*->b", "STORE", "t")
  #expect(bench.record == "*2|$3|DEL|$1|t|*4|$5|RPUSH|$1|t|$0||$1|2|")
  bench.run("SORT", "l", "BY", "nosort", "GET", "*->b", "STORE", "t")
  #expect(bench.record.isEmpty)
}

@Test func theSweepTakesOutWhatHasEnded() {
  let bench = benchWithEnded()
  let execution = bench.execution
  execution.pointee.effects.begin()
  #expect(execution.pointee.expireFieldSlice(database: 0, now: bench.nowMilliseconds, examinedMax: 200).expired == 1)
  #expect(bench.record == "*3|$4|HDEL|$1|h|$1|a|")
  #expect(execution.pointee.events.takeAll().map(\.name) == ["hexpired"])
  #expect(bench.run("HLEN", "h") == ":2|")
  #expect(execution.pointee.expireFieldSlice(database: 0, now: bench.nowMilliseconds, examinedMax: 200).examined == 0)
  bench.run("HPEXPIRE", "h", "10", "FIELDS", "2", "b", "c")
  execution.pointee.effects.begin()
  let later = bench.nowMilliseconds + 11
  #expect(execution.pointee.expireFieldSlice(database: 0, now: later, examinedMax: 200).expired == 2)
  #expect(bench.rawRecord.starts(with: Array("*4\r\n$4\r\nHDEL".utf8)))
  #expect(execution.pointee.events.takeAll().map(\.name) == ["hexpired", "del"])
  #expect(bench.run("EXISTS", "h") == ":0|")
  #expect(execution.pointee.tallies.expiredFields == 3)
}

/// Errors in the order in which they are found.
@Test func mistakesAreNamed() {
  let bench = bench()
  let count = "-ERR numfields should be greater than 0 and match the provided number of fields|"
  bench.run("HSET", "h", "a", "1")
  bench.run("SET", "s", "1")
  for (words, answer) in [
    ("HEXPIRE h 5 FIELDS 2 a", count), ("HEXPIRE h 5 FOO 1 a", count), ("HEXPIRE h 5 FOO FIELDS 1 a", "-ERR Unsupported option FOO|"),
    ("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command|"),
    ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command|"),
    ("HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range|"),
    ("HEXPIRE h 5 FIELDS 1 a XX", count), ("HTTL h FIELDS 2 a", "-ERR syntax error|"), ("HPERSIST h FIELDS 2 a", count),
    ("HTTL s FIELDS 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value|"),
    ("HSETEX h FIELDS 4611686018427387905 a 1", count), ("HSETEX h FNX FXX FIELDS 1 a 1", "-ERR syntax error|"),
    ("HGETEX h EX FIELDS 1 a", "-ERR syntax error|"), ("HGETEX h KEEPTTL FIELDS 1 a", "-ERR syntax error|"),
  ] { #expect(bench.run(bytes: words.split(separator: " ").map { Array($0.utf8) }) == answer, "\(words)") }
}
