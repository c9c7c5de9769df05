// IntrospectionTests.swift — COMMAND answers in the shapes that clients read.
import Bytes
import Testing

@testable import Commands

/// INFO and DOCS in both protocol versions, byte for byte.
@Test func infoHasRedisShape() {
  let bench = Workbench()
  #expect(
    bench.run("COMMAND", "INFO", "getdel", "none")
      == "*2|*10|$6|getdel|:2|*2|+write|+fast|:1|:1|:1|*3|+@write|+@string|+@fast|*0|*1|*6|$5|flags|*3|+RW|+access|"
      + "+delete|$12|begin_search|*4|$4|type|$5|index|$4|spec|*2|$5|index|:1|$9|find_keys|*4|$4|type|$5|range|"
      + "$4|spec|*6|$7|lastkey|:0|$7|keystep|:1|$5|limit|:0|*0|*-1|")
  bench.isRESP3 = true
  #expect(bench.run("COMMAND", "INFO", "time") == "*1|*10|$4|time|:1|~3|+loading|+stale|+fast|:0|:0|:0|~1|+@fast|"
    + "~1|$23|nondeterministic_output|~0|~0|")
  #expect(bench.run("COMMAND", "INFO", "object|encoding").hasPrefix("*1|*10|$15|object|encoding|:3|"))
  #expect(bench.run("COMMAND", "DOCS", "ttl", "none").hasPrefix("%1|$3|ttl|%6|$7|summary|"))
  #expect(
    bench.run("COMMAND", "DOCS", "expire").contains(
      "%5|$4|name|$9|condition|$4|type|$5|oneof|$5|since|$5|7.0.0|$5|flags|~1|+optional|$9|arguments|*4|"))
}

/// Everything at once, and the counts agree.
@Test func allOfThem() {
  let bench = Workbench()
  let count = CommandTable.dataCommands.count + 1
  #expect(bench.run("COMMAND", "COUNT") == ":\(count)|")
  #expect(bench.run("COMMAND").hasPrefix("*\(count)|*10|"))
  #expect(bench.run("COMMAND", "DOCS").hasPrefix("*\(count * 2)|"))
  #expect(bench.run("COMMAND", "LIST").contains("|$15|command|getkeys|"))
  #expect(bench.run("COMMAND", "LIST", "FILTERBY", "PATTERN", "SETE*") == "*1|$5|setex|")
  #expect(bench.run("COMMAND", "LIST", "FILTERBY", "ACLCAT", "transaction") == "*0|")
  #expect(bench.run("COMMAND", "LIST", "FILTERBY", "MODULE", "x") == "*0|")
  #expect(bench.run("COMMAND", "LIST", "FILTERBY") == "-ERR syntax error|")
}

/// GETKEYS finds keys by specification, says what is done with them, and does not believe numbers that lie.
@Test func keysOfRequests() {
  let bench = Workbench()
  #expect(bench.run("COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2") == "*2|$1|a|$1|b|")
  #expect(bench.run("COMMAND", "GETKEYS", "MSETEX", "2", "a", "1", "b", "2") == "*2|$1|a|$1|b|")
  #expect(bench.run("COMMAND", "GETKEYS", "LCS", "a", "b") == "*2|$1|a|$1|b|")
  #expect(bench.run("COMMAND", "GETKEYS", "OBJECT", "ENCODING", "a") == "*1|$1|a|")
  #expect(bench.run("COMMAND", "GETKEYSANDFLAGS", "SET", "a", "1") == "*1|*2|$1|a|*2|+OW|+update|")
  #expect(bench.run("COMMAND", "GETKEYSANDFLAGS", "SET", "a", "1", "GET") == "*1|*2|$1|a|*3|+RW|+access|+update|")
  for lie in ["0", "-5", "4", "2147483647", "4294967297", "9223372036854775807", "x", ""] {
    let reply = bench.run("COMMAND", "GETKEYS", "MSETEX", lie, "a", "1")
    #expect(reply == "-ERR Invalid arguments specified for command|", "\(lie)")
  }
  #expect(bench.run("COMMAND", "GETKEYS", "nosuch", "a") == "-ERR Invalid command specified|")
  #expect(bench.run("COMMAND", "GETKEYS", "OBJECT", "NOSUCH") == "-ERR Invalid command specified|")
  #expect(bench.run("COMMAND", "GETKEYS", "ping", "a") == "-ERR The command has no key arguments|")
  #expect(bench.run("COMMAND", "GETKEYS", "get") == "-ERR Invalid number of arguments specified for command|")
}

/// The kinds of specification that commands of later families need.
@Test func specificationsOfAllKinds() {
  func run(_ specification: KeySpecification, _ words: [StaticString]) -> KeyRunSearch {
    let views = words.map { ByteView($0) }
    return views.withUnsafeBufferPointer { specification.run(in: .init(first: $0.baseAddress, count: words.count)) }
  }
  let streams = KeySpecification(.keyword("STREAMS", from: 1), .range(last: -1, step: 1, limit: 2), .readOnly)
  #expect(run(streams, ["xread", "streams", "a", "b", "0", "0"]) == .run(KeyRun(first: 2, last: 3, step: 1)))
  #expect(run(streams, ["xread", "a", "b"]) == .absent)
  let migrated = KeySpecification(.keyword("KEYS", from: -2), .range(last: -1, step: 1, limit: 0), .readWrite)
  let migrate: [StaticString] = ["migrate", "h", "1", "", "0", "9", "keys", "a", "b"]
  #expect(run(migrated, migrate) == .run(KeyRun(first: 7, last: 8, step: 1)))
  let counted = KeySpecification.counted(at: 2, .readOnly)
  #expect(run(counted, ["eval", "x", "2", "a", "b", "c"]) == .run(KeyRun(first: 3, last: 4, step: 1)))
  #expect(run(counted, ["eval", "x", "4", "a", "b", "c"]) == .invalid)
  #expect(run(counted, ["eval", "x"]) == .invalid)
}
