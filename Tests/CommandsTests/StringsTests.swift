// StringsTests.swift — the string family: replies, what is recorded, what is told.
import Testing

@testable import Commands

/// SET's words in all combinations that matter, with the reply of each.
@Test func setObeysItsConditions() {
  let bench = Workbench()
  #expect(bench.run("SET", "k", "1", "XX") == "$-1|")
  #expect(bench.run("SET", "k", "1", "NX") == "+OK|")
  #expect(bench.run("SET", "k", "2", "NX") == "$-1|")
  #expect(bench.run("SET", "k", "2", "GET") == "$1|1|")
  #expect(bench.run("SET", "k", "3", "XX", "GET") == "$1|2|")
  #expect(bench.run("SET", "k", "4", "NX", "GET") == "$1|3|")
  #expect(bench.run("SET", "k", "4", "IFEQ", "9") == "$-1|")
  #expect(bench.run("SET", "k", "4", "IFEQ", "3", "GET") == "$1|3|")
  #expect(bench.run("GET", "k") == "$1|4|")
  #expect(bench.run("SET", "new", "x", "IFEQ", "") == "$-1|")
  let wrongs = [["NX", "XX"], ["IFEQ", "a", "NX"], ["EX"], ["EX", "1", "PX", "1"], ["KEEPTTL", "EX", "1"], ["PERSIST"]]
  for wrong in wrongs {
    #expect(bench.run(bytes: (["SET", "k", "v"] + wrong).map { Array($0.utf8) }) == "-ERR syntax error|")
  }
}

/// An expiry is recorded as the instant it stands for, whatever unit it was given in.
@Test func expiriesAreRecordedAsInstants() {
  let bench = Workbench()
  #expect(bench.run("SET", "k", "v", "EX", "10") == "+OK|")
  #expect(bench.record == "*5|$3|SET|$1|k|$1|v|$4|PXAT|$13|1700000010000|")
  #expect(bench.events == ["new k", "set k", "expire k"])
  bench.run("GETEX", "k", "PX", "500")
  #expect(bench.record == "*3|$9|PEXPIREAT|$1|k|$13|1700000000500|")
  bench.run("GETEX", "k", "PERSIST")
  #expect(bench.record == "*2|$7|PERSIST|$1|k|")
  bench.run("GETEX", "k")
  #expect(bench.record == "" && bench.changes == 0)
  bench.run("GETEX", "k", "EXAT", "1")
  #expect(bench.record == "*2|$3|DEL|$1|k|")
  #expect(bench.run("EXISTS", "k") == ":0|")
}

/// What does not fit 64 bits milliseconds since 1970 names the command that it was given to.
@Test(arguments: ["0", "-5", "9223372036854775807", "9223372036854776"])
func impossibleExpiriesAreRefused(time: String) {
  let bench = Workbench()
  #expect(bench.run("SET", "k", "v", "EX", time) == "-ERR invalid expire time in 'set' command|")
  #expect(bench.run("SETEX", "k", time, "v") == "-ERR invalid expire time in 'setex' command|")
  #expect(bench.run("GETEX", "k", "EX", time) == "-ERR invalid expire time in 'getex' command|")
  #expect(bench.run("MSETEX", "1", "k", "v", "EX", time) == "-ERR invalid expire time in 'msetex' command|")
  #expect(bench.run("DBSIZE") == ":0|")
}

/// A key whose time has come is found by nobody, and its removal is recorded before what found it.
@Test func expiredKeysAreGone() {
  let bench = Workbench()
  bench.run("SET", "k", "v", "PX", "10")
  bench.nowMilliseconds += 10
  #expect(bench.run("GET", "k") == "$1|v|")
  bench.nowMilliseconds += 1
  #expect(bench.run("GET", "k") == "$-1|")
  #expect(bench.record == "*2|$3|DEL|$1|k|")
  #expect(bench.events == ["expired k", "keymiss k"])
  #expect(bench.execution.pointee.tallies.expiredKeys == 1)
  bench.run("SET", "k", "v", "PX", "10")
  bench.nowMilliseconds += 11
  #expect(bench.run("SET", "k", "w", "EX", "1") == "+OK|")
  #expect(bench.record.hasPrefix("*2|$3|DEL|$1|k|*5|$3|SET|"))
}

/// Additions are exact to the last of 64 bits.
@Test func integersEndWhereTheirBitsDo() {
  let bench = Workbench()
  bench.run("SET", "n", "9223372036854775806")
  #expect(bench.run("INCR", "n") == ":9223372036854775807|")
  #expect(bench.run("INCR", "n") == "-ERR increment or decrement would overflow|")
  #expect(bench.run("DECRBY", "n", "-9223372036854775808") == "-ERR decrement would overflow|")
  bench.run("SET", "n", "-9223372036854775807")
  #expect(bench.run("DECR", "n") == ":-9223372036854775808|")
  #expect(bench.run("DECR", "n") == "-ERR increment or decrement would overflow|")
  for text in ["", " 1", "1 ", "+1", "01", "-0", "1e3", "0x10", "9223372036854775808"] {
    bench.run("SET", "t", text)
    #expect(bench.run("INCR", "t") == "-ERR value is not an integer or out of range|", "\(text)")
    #expect(bench.run("INCRBY", "n", text) == "-ERR value is not an integer or out of range|", "\(text)")
  }
}

/// Decimal sums have the digits that Redis gives them, and are recorded as what came out.
@Test(arguments: [
  ("3.0e3", "200", "3200"), ("10.5", "0.1", "10.6"), ("5e3", "2e2", "5200"), ("1", "-1.1", "-0.1"),
  ("-0", "0", "0"), ("0.1", "0.2", "0.3"), ("9223372036854775807", "1", "9223372036854775808"),
  ("0x10", "1", "17"), ("1e-17", "0", "0.00000000000000001"), ("1e-18", "0", "0"),
])
func decimalSums(value: String, amount: String, sum: String) {
  let bench = Workbench()
  bench.run("SET", "f", value, "EX", "100")
  #expect(bench.run("INCRBYFLOAT", "f", amount) == "$\(sum.utf8.count)|\(sum)|")
  #expect(bench.record == "*4|$3|SET|$1|f|$\(sum.utf8.count)|\(sum)|$7|KEEPTTL|")
  #expect(bench.run("TTL", "f") == ":100|")
}

/// What is no number, or would be no finite one, changes nothing.
@Test func decimalErrors() {
  let bench = Workbench()
  bench.run("SET", "f", "1")
  for text in ["abc", " 1", "1 ", "", "1e5000", "nan", "1\0", "1e-5000"] {
    #expect(bench.run("INCRBYFLOAT", "f", text) == "-ERR value is not a valid float|", "\(text)")
  }
  #expect(bench.run("INCRBYFLOAT", "f", "inf") == "-ERR increment would produce NaN or Infinity|")
  #expect(bench.run("GET", "f") == "$1|1|")
}

/// Parts of strings, with ends beyond both ends.
@Test func rangesAreClamped() {
  let bench = Workbench()
  bench.run("SET", "s", "Hello World")
  for (start, end, expected) in [
    ("0", "4", "Hello"), ("-5", "-1", "World"), ("0", "-1", "Hello World"), ("5", "3", ""), ("-1", "-5", ""),
    ("-100", "2", "Hel"), ("8", "9223372036854775807", "rld"), ("-9223372036854775808", "0", "H"), ("100", "200", ""),
  ] {
    #expect(bench.run("GETRANGE", "s", start, end) == "$\(expected.utf8.count)|\(expected)|", "\(start) \(end)")
  }
  bench.run("SET", "n", "12345")
  #expect(bench.run("GETRANGE", "n", "1", "-2") == "$3|234|")
  #expect(bench.run("GETRANGE", "none", "0", "-1") == "$0||")
}

/// Strings grow with zeros, and no further than a client may send.
@Test func stringsGrowWithinBounds() {
  let bench = Workbench()
  #expect(bench.run("SETRANGE", "s", "3", "ab") == ":5|")
  #expect(bench.run("GET", "s") == "$5|\0\0\0ab|")
  #expect(bench.run("SETRANGE", "none", "5", "") == ":0|")
  #expect(bench.run("EXISTS", "none") == ":0|")
  #expect(bench.run("APPEND", "s", "c") == ":6|")
  #expect(bench.run("OBJECT", "ENCODING", "s") == "$3|raw|")
  #expect(bench.run("SETRANGE", "s", "-1", "x") == "-ERR offset is out of range|")
  for offset in ["536870911", "9223372036854775807"] {
    let text = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|"
    #expect(bench.run("SETRANGE", "s", offset, "xx") == text)
  }
  bench.execution.pointee.rules.bulkBytesMax = 8
  #expect(bench.run("APPEND", "s", "abc") == "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|")
  #expect(bench.run("APPEND", "s", "ab") == ":8|")
}

/// Several keys at once: all or none, the last of equal names wins, odd words are refused.
@Test func severalKeysAtOnce() {
  let bench = Workbench()
  #expect(bench.run("MSET", "a", "1", "b", "2", "a", "3") == "+OK|")
  #expect(bench.run("MGET", "a", "none", "b") == "*3|$1|3|$-1|$1|2|")
  #expect(bench.run("MSETNX", "c", "1", "b", "2") == ":0|")
  #expect(bench.run("EXISTS", "c") == ":0|")
  #expect(bench.run("MSET", "a", "1", "b") == "-ERR wrong number of arguments for 'mset' command|")
  #expect(bench.run("MSETEX", "2", "a", "1", "d", "2", "NX") == ":0|")
  #expect(bench.run("MSETEX", "2", "a", "1", "d", "2", "EX", "10") == ":1|")
  #expect(bench.record.contains("PXAT|$13|1700000010000|"))
  #expect(bench.run("MSETEX", "3", "a", "1", "d", "2") == "-ERR syntax error|")
  for count in ["0", "-1", "x", "2147483648", "9223372036854775807"] {
    #expect(bench.run("MSETEX", count, "a", "1") == "-ERR invalid numkeys value or out of range|", "\(count)")
  }
}

/// GETDEL, GETSET and DELIFEQ record what they did, not what they were called.
@Test func effectsInsteadOfNames() {
  let bench = Workbench()
  bench.run("SET", "k", "v")
  #expect(bench.run("GETSET", "k", "w") == "$1|v|")
  #expect(bench.record == "*3|$3|SET|$1|k|$1|w|")
  #expect(bench.run("DELIFEQ", "k", "v") == ":0|")
  #expect(bench.changes == 0)
  #expect(bench.run("GETDEL", "k") == "$1|w|")
  #expect(bench.record == "*2|$3|DEL|$1|k|")
  bench.run("SET", "n", "7")
  #expect(bench.run("DELIFEQ", "n", "07") == ":0|")
  #expect(bench.run("DELIFEQ", "n", "7") == ":1|")
}
