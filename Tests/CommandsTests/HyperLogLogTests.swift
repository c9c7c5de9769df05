// HyperLogLogTests.swift — the sparse and the dense form agree, and hostile strings are refused.
import Bytes
import Testing

@testable import Commands

private func place(_ text: String) -> (register: Int, value: UInt8) {
  Array(text.utf8).withUnsafeBytes { HyperLogLog.place(ByteView($0)) }
}

/// The bytes of a HyperLogLog: a header that says what `encoding` says, and `body`.
private func forged(encoding: UInt8, _ body: [UInt8]) -> [UInt8] {
  Array("HYLL".utf8) + [encoding, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0x80] + body
}

/// Random registers raised in the sparse form are those that were raised, before and after it becomes dense.
@Test(arguments: [3_000, 40, 100_000])
func editorKeepsRegisters(sparseBytesMax: Int) {
  var random = RandomNumbers(seed: 21)
  var model = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
  let done: Void? = HyperLogLogEditor.with(nil, sparseBytesMax: sparseBytesMax) { editor in
    for step in 0..<4_000 {
      // Neighbours and equal values, so that runs are split and joined.
      let near = Int.random(in: 0..<600, using: &random)
      let register = step % 3 == 0 ? Int.random(in: 0..<model.count, using: &random) : near
      let value = UInt8.random(in: 1...(step < 3_990 ? 6 : 50), using: &random)
      let expected = model[register] < value ? HyperLogLogEditor.Change.raised : .none
      #expect(editor.raise(register, to: value) == expected)
      model[register] = max(model[register], value)
      if step % 500 == 0 || step > 3_990 {
        var registers = [UInt8](repeating: 0, count: model.count)
        #expect(HyperLogLogValue(editor.bytes)?.merge(into: &registers) == true)
        #expect(registers == model)
      }
    }
    #expect(editor.isDense)
  }
  #expect(done != nil)
}

/// The estimate of known numbers of elements, as redis-server gives it.
@Test(arguments: [(10, 10), (100, 99), (1_000, 997), (10_000, 10_017)])
func estimatesAreThoseOfRedis(elements: Int, expected: Int) {
  let bench = Workbench()
  for element in 0..<elements { bench.run("PFADD", "k", "element:\(element)") }
  #expect(bench.run("PFCOUNT", "k") == ":\(expected)|")
  #expect(bench.changes == 1)
  #expect(bench.run("PFCOUNT", "k") == ":\(expected)|")
  #expect(bench.changes == 0)
  #expect(bench.run("PFCOUNT", "k", "none") == ":\(expected)|")
}

/// Adding nothing makes an empty one; adding what is there changes nothing.
@Test func onlyNewElementsAreChanges() {
  let bench = Workbench()
  #expect(bench.run("PFADD", "k") == ":1|")
  #expect(bench.events == ["new k", "pfadd k"])
  #expect(bench.run("PFADD", "k") == ":0|")
  #expect(bench.run("STRLEN", "k") == ":18|")
  #expect(bench.run("PFADD", "k", "a", "b", "a") == ":1|")
  #expect(bench.changes == 2)
  #expect(bench.run("PFADD", "k", "a", "b") == ":0|")
  #expect(bench.changes == 0 && bench.events == [])
  #expect(bench.run("PFMERGE", "to", "k", "none") == "+OK|")
  #expect(bench.run("PFCOUNT", "to") == ":2|")
  #expect(bench.run("PFDEBUG", "ENCODING", "to") == "+sparse|")
  #expect(bench.run("PFDEBUG", "TODENSE", "to") == ":1|")
  #expect(bench.run("PFMERGE", "k", "to") == "+OK|")
  #expect(bench.run("PFDEBUG", "ENCODING", "k") == "+dense|")
  #expect(bench.run("PFSELFTEST") == "+OK|")
}

/// Strings that pretend to be HyperLogLogs are refused by every command, and none of them is changed.
@Test func pretendersAreRefused() {
  let bench = Workbench()
  let invalid = "-WRONGTYPE Key is not a valid HyperLogLog string value.|"
  let corrupt = "-INVALIDOBJ Corrupted HLL object detected|"
  let strange: [[UInt8]] = [
    [], Array("HYLL".utf8), forged(encoding: 0, []), forged(encoding: 2, [0x7F, 0xFF]),
    forged(encoding: 0, Array(repeating: 0, count: 12_289)), Array("123".utf8),
  ]
  for bytes in strange {
    _ = bench.runRaw([Array("SET".utf8), [0x6B], bytes])
    for command in [["PFADD", "k", "a"], ["PFCOUNT", "k"], ["PFCOUNT", "k", "k"], ["PFMERGE", "k", "k"], ["PFDEBUG", "GETREG", "k"]] {
      #expect(bench.run(bytes: command.map { Array($0.utf8) }) == invalid, "\(command) \(bytes.prefix(20))")
    }
  }
  // Too few registers, too many, an instruction that is cut off, more instructions than registers.
  let broken: [[UInt8]] = [[], [0x00], [0x7F], [0x7F, 0xFE], [0x7F, 0xFF, 0x00], Array(repeating: 0, count: 100_000)]
  for body in broken {
    _ = bench.runRaw([Array("SET".utf8), [0x6B], forged(encoding: 1, body)])
    for command in [["PFCOUNT", "k"], ["PFCOUNT", "k", "k"], ["PFMERGE", "k", "k"], ["PFDEBUG", "GETREG", "k"], ["PFDEBUG", "TODENSE", "k"]] {
      #expect(bench.run(bytes: command.map { Array($0.utf8) }) == corrupt, "\(command) \(body.prefix(20))")
    }
    // Whether it has the element's register is chance; it must only not trap.
    bench.run("PFADD", "k", "a")
  }
  // Registers that no hash comes to are counted without an end.
  _ = bench.runRaw([Array("SET".utf8), [0x6B], forged(encoding: 0, Array(repeating: 0xFF, count: 12_288))])
  #expect(bench.run("PFCOUNT", "k").hasPrefix(":"))
}

/// Random bodies behind a good header never trap.
@Test func randomBytesNeverTrap() {
  var random = RandomNumbers(seed: 22)
  let bench = Workbench()
  for _ in 0..<2_000 {
    let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    _ = bench.runRaw([Array("SET".utf8), [0x6B], forged(encoding: 1, body)])
    bench.run("PFADD", "k", "a", "b", "c", "d", "e", "f", "g")
    bench.run("PFCOUNT", "k")
    bench.run("PFDEBUG", "DECODE", "k")
    bench.run("PFMERGE", "k", "other")
  }
}
