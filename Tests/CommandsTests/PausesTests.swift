// PausesTests.swift — proves that a command in slices of a few steps answers what it answers at once, while others
// write to the same keys in between; and that one that is given up in the middle leaves nothing behind.
import Bytes
import Stacks
import Store
import Testing
import Wire

@testable import Commands

/// A command on a stack of its own, entered slice by slice, as the executor does.
private final class Pauser {
  let bench: Workbench
  let output = UnsafeMutablePointer<OutputBuffer>.allocate(capacity: 1)
  private let argument = UnsafeMutablePointer<Task>.allocate(capacity: 1)
  private let stack: SideStack

  struct Task {
    let execution: UnsafeMutablePointer<Execution>
    var command: UnsafePointer<Command>?
  }

  init?(_ bench: Workbench) {
    self.bench = bench
    output.initialize(to: OutputBuffer(pool: bench.pool))
    argument.initialize(to: Task(execution: bench.execution))
    guard let made = SideStack() else { return nil }
    stack = made
  }

  deinit {
    output.pointee.discardAll()
    output.deallocate()
    argument.deallocate()
  }

  /// Runs a command in slices of `steps`; `between` runs after each and says whether somebody still wants the answer.
  func run(_ words: [String], steps: Int, between: (Int) -> Bool) -> [UInt8] {
    let execution = bench.execution
    let flat: [UInt8] = words.flatMap { Array($0.utf8) } + [UInt8(0)]
    var slices = 0
    flat.withUnsafeBytes { memory in
      var start = 0
      var views: [ByteView] = []
      for word in words {
        views.append(ByteView(UnsafeRawBufferPointer(rebasing: memory[start..<start + word.utf8.count])))
        start += word.utf8.count
      }
      views.withUnsafeBufferPointer { views in
        let arguments = Arguments(first: views.baseAddress, count: words.count)
        guard case .command(let command) = execution.pointee.table.resolve(arguments) else { return }
        execution.pointee.arguments = arguments
        execution.pointee.reply = Reply(output: output, isRESP3: bench.isRESP3)
        execution.pointee.setClock(microseconds: bench.nowMilliseconds * 1_000)
        execution.pointee.effects.begin()
        execution.pointee.commandIndex = command.pointee.index
        execution.pointee.pauses.door = stack.door
        execution.pointee.pauses.changes = execution.pointee.effects.changes
        argument.pointee.command = command
        execution.pointee.pauses.budget = steps
        var hasEnded = stack.door.begin(UnsafeMutableRawPointer(argument)) { argument in
          guard let task = argument?.assumingMemoryBound(to: Task.self) else { return }
          task.pointee.command?.pointee.body(&task.pointee.execution.pointee)
        }
        while !hasEnded {
          slices += 1
          let request = execution.pointee.putAside()
          let isWanted = between(slices)
          execution.pointee.takeUp(request, stack.door, isAbandoned: !isWanted)
          execution.pointee.pauses.budget = steps
          hasEnded = stack.door.goOn()
        }
        execution.pointee.releasePins()
        execution.pointee.pauses = Pauses()
      }
    }
    pauseCount += slices
    var all: [UInt8] = []
    _ = output.pointee.stretches(upTo: output.pointee.appended, capacity: .max) { _, start, count in
      all += UnsafeRawBufferPointer(start: start, count: count)
    }
    output.pointee.discardAll()
    return all
  }

  private(set) var pauseCount = 0
}

/// Commands by chance, over few keys of each type.
private struct Dice {
  var random: RandomNumbers

  mutating func number(_ bound: Int) -> Int { Int(random.next(upperBound: UInt64(bound))) }
  mutating func pick<T>(_ all: [T]) -> T { all[number(all.count)] }
  mutating func member() -> String { number(3) == 0 ? "\(number(200))" : "member:\(number(150))" }

  mutating func write() -> [String] {
    let (set, hash, zset, list) = (pick(["s1", "s2"]), pick(["h1"]), pick(["z1", "z2"]), pick(["l1"]))
    switch number(23) {
    case 0, 1: return ["SADD", set] + (0..<20).map { _ in member() }
    case 2, 3: return ["SREM", set] + (0..<5).map { _ in member() }
    case 4, 5: return ["HSET", hash] + (0..<10).flatMap { _ in [member(), "\(number(1000))"] }
    case 6: return ["HDEL", hash, member(), member()]
    case 7, 8: return ["ZADD", zset] + (0..<10).flatMap { _ in ["\(number(50))", member()] }
    case 9: return ["ZREM", zset, member(), member()]
    case 10, 11: return ["RPUSH", list] + (0..<10).map { _ in "\(number(99))" }
    case 12: return ["LPOP", list, "3"]
    case 13: return ["LSET", list, "0", member()]
    case 14, 15: return ["XADD", "x1", "*", "field", member()]
    case 16: return ["DEL", pick(["s1", "s2", "h1", "z1", "z2", "l1", "x1", "b1"])]
    case 17: return ["RENAME", pick(["s1", "z1", "l1"]), pick(["s2", "z2", "other"])]
    case 18: return ["SETRANGE", "b1", "\(number(20_000))", "some bytes"]
    case 19: return ["SET", "b2", String(repeating: member(), count: number(150))]

    case 20: return ["XTRIM", "x1", "MAXLEN", "\(number(100))"]
    case 21: return ["HPEXPIRE", hash, "100000", "FIELDS", "1", member()]
    default: return ["SET", "b3", String(repeating: member(), count: number(40))]
    }
  }

  mutating func read() -> [String] {
    let (set, zset) = (pick(["s1", "s2"]), pick(["z1", "z2"]))
    return pick([
      ["SMEMBERS", set], ["HGETALL", "h1"], ["HKEYS", "h1"], ["HVALS", "h1"], ["LRANGE", "l1", "0", "-1"],
      ["LPOS", "l1", "5", "COUNT", "0"], ["ZRANGE", zset, "0", "-1", "WITHSCORES"], ["ZREVRANGE", zset, "2", "40"],
      ["ZRANGEBYSCORE", zset, "(3", "40", "LIMIT", "1", "50"], ["XRANGE", "x1", "-", "+"], ["XREVRANGE", "x1", "+", "-"],
      ["XREAD", "STREAMS", "x1", "none", "0", "0"], ["SORT", "l1", "ALPHA"], ["SORT", set, "ALPHA", "DESC"],
      ["SORT", zset, "BY", "nosort"], ["SINTER", "s1", "s2"], ["SUNION", "s1", "s2", "s1"], ["SDIFF", "s1", "s2"],
      ["SINTERCARD", "2", "s1", "s2"], ["ZUNION", "2", "z1", "z2", "WITHSCORES"], ["ZINTER", "3", "z1", "z2", "s1"],
      ["ZDIFF", "2", "z1", "s1"], ["ZINTERCARD", "2", "z1", "s1"], ["SSCAN", set, "0", "COUNT", "900"],
      ["HSCAN", "h1", "0", "COUNT", "900"], ["ZSCAN", zset, "0", "COUNT", "900"], ["BITCOUNT", "b1"],
      ["BITPOS", "b1", "0"], ["GETRANGE", "b1", "3", "-2"], ["LCS", "b3", "b2"], ["LCS", "b2", "b3", "IDX"],
    ])
  }

  mutating func store(_ target: String) -> [String] {
    pick([
      ["SUNIONSTORE", target, "s1", "s2"], ["SINTERSTORE", target, "s1", "s2"], ["SDIFFSTORE", target, "s2", "s1"],
      ["ZUNIONSTORE", target, "2", "z1", "s1"], ["ZINTERSTORE", target, "2", "z1", "z2"],
      ["ZDIFFSTORE", target, "2", "z1", "z2"], ["ZRANGESTORE", target, "z1", "1", "80"],
      ["SORT", "l1", "ALPHA", "STORE", target], ["BITOP", "OR", target, "b1", "b2"], ["BITOP", "NOT", target, "b1"],
    ])
  }
}

private func filled(_ seed: UInt64) -> (Workbench, Dice) {
  let bench = Workbench()
  var dice = Dice(random: RandomNumbers(seed: seed))
  // Both forms of every type come about.
  bench.execution.pointee.rules.encodings.hashListpackEntries = 30
  bench.execution.pointee.rules.encodings.setListpackEntries = 30
  bench.execution.pointee.rules.encodings.setIntsetEntries = 30
  bench.execution.pointee.rules.encodings.sortedSetListpackEntries = 30
  bench.execution.pointee.rules.encodings.listListpackSize = 16
  bench.run("SETRANGE", "b1", "40000", "end")
  for _ in 0..<60 { bench.run(bytes: dice.write().map { Array($0.utf8) }) }
  return (bench, dice)
}

@Test(arguments: 1...12) func readsInSlicesSeeOneInstant(seed: UInt64) {
  var (bench, dice) = filled(seed)
  guard let pauser = Pauser(bench) else {
    Issue.record("no memory for a stack")
    return
  }
  for round in 0..<80 {
    bench.isRESP3 = round % 2 == 0
    let words = dice.read()
    let whole = bench.runRaw(words.map { Array($0.utf8) })
    let steps = 1 + dice.number(12)
    let parts = pauser.run(words, steps: steps) { slice in
      if slice < 40 { for _ in 0..<dice.number(3) { bench.run(bytes: dice.write().map { Array($0.utf8) }) } }
      return true
    }
    #expect(parts == whole, "\(words) in slices of \(steps)")
  }
  #expect(pauser.pauseCount > 300)
}

@Test(arguments: 1...8) func storesInSlicesKeepTheInstantAndAreRecordedAsWhatTheyMade(seed: UInt64) {
  var (bench, dice) = filled(seed)
  guard let pauser = Pauser(bench) else {
    Issue.record("no memory for a stack")
    return
  }
  for _ in 0..<60 {
    let saved = dice
    let words = dice.store("paused")
    var same = saved
    bench.run(bytes: same.store("whole").map { Array($0.utf8) })
    var isChanged = false
    var hasPaused = false
    _ = pauser.run(words, steps: 1 + dice.number(9)) { slice in
      hasPaused = true
      if slice == 2 {
        for key in ["s1", "s2", "z1", "z2", "l1", "b1", "b2"] {
          isChanged = bench.run("RENAME", key, "moved").hasPrefix("+") || isChanged
          bench.run("DEL", "moved")
        }
      }
      return true
    }
    let record = bench.record
    // The words themselves, or what makes the value from nothing.
    if !hasPaused { #expect(!record.contains("paused") || words[0] == "SORT") }
    if isChanged { #expect(record.contains("paused")) }
    for ask in [["SORT", "paused", "ALPHA"], ["ZRANGE", "paused", "0", "-1", "WITHSCORES"], ["LRANGE", "paused", "0", "-1"],
      ["GETRANGE", "paused", "0", "-1"], ["TYPE", "paused"], ["OBJECT", "ENCODING", "paused"]]
    {
      let wholeAsk = ask.map { Array(($0 == "paused" ? "whole" : $0).utf8) }
      #expect(bench.runRaw(ask.map { Array($0.utf8) }) == bench.runRaw(wholeAsk), "\(words)")
    }
    for _ in 0..<20 { bench.run(bytes: dice.write().map { Array($0.utf8) }) }
    bench.run("SETRANGE", "b1", "40000", "end")
  }
}

@Test(arguments: 1...8) func whatIsGivenUpLeavesNothing(seed: UInt64) {
  var (bench, dice) = filled(seed)
  guard let pauser = Pauser(bench) else {
    Issue.record("no memory for a stack")
    return
  }
  for round in 0..<80 {
    let words = round % 2 == 0 ? dice.read() : dice.store("target")
    let last = 1 + dice.number(20)
    var isWanted = true
    bench.run("DEL", "target")
    let before = bench.execution.pointee.effects.changes
    _ = pauser.run(words, steps: 1 + dice.number(5)) { slice in
      isWanted = slice < last
      return isWanted
    }
    if !isWanted { #expect(bench.execution.pointee.effects.changes == before, "\(words)") }
    if !isWanted { #expect(bench.run("EXISTS", "target") == ":0|", "\(words)") }
    #expect(bench.execution.pointee.pauses.pins.isEmpty)
    for _ in 0..<5 { bench.run(bytes: dice.write().map { Array($0.utf8) }) }
  }
}

/// KEYS goes on through whatever becomes of the table: what is there all the time is told.
@Test(arguments: 1...6) func keysAreToldWhateverBecomesOfTheTable(seed: UInt64) {
  let bench = Workbench()
  var dice = Dice(random: RandomNumbers(seed: seed))
  guard let pauser = Pauser(bench) else {
    Issue.record("no memory for a stack")
    return
  }
  for index in 0..<500 { bench.run("SET", "stays:\(index)", "x") }
  for index in 0..<dice.number(5_000) { bench.run("SET", "goes:\(index)", "x") }
  let answer = pauser.run(["KEYS", "*"], steps: 8) { slice in
    for _ in 0..<30 {
      bench.run("DEL", "goes:\(dice.number(5_000))")
      if seed % 2 == 0 { bench.run("SET", "comes:\(dice.number(50_000))", "x") }
    }
    return true
  }
  let text = String(decoding: answer, as: UTF8.self)
  let told = Set(text.split(separator: "\r\n").filter { $0.hasPrefix("stays:") })
  #expect(told.count == 500)
  #expect(pauser.pauseCount > 10)
}

/// A request that runs as a part of others, or in a test by itself, has no stack to leave: it never pauses.
@Test func withoutAStackNothingPauses() {
  let bench = Workbench()
  bench.run(bytes: ["SADD", "s"].map { Array($0.utf8) } + (0..<3_000).map { Array("m\($0)".utf8) })
  bench.execution.pointee.pauses.budget = 10
  #expect(bench.run("SMEMBERS", "s").hasPrefix("*3000|"))
}

@Test(arguments: 1...20) func mergesAreStableAndComplete(seed: UInt64) {
  let bench = Workbench()
  var dice = Dice(random: RandomNumbers(seed: seed))
  let count = dice.number(2_000)
  var elements = (0..<count).map { index in (key: dice.number(50), index: index) }
  let expected = elements.sorted { ($0.key, $0.index) < ($1.key, $1.index) }
  PausingSort.sort(&elements, &bench.execution.pointee) { $0.key < $1.key }
  #expect(elements.elementsEqual(expected) { $0 == $1 })
}
