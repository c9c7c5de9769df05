// BitsTests.swift — the bitmap family against a model that knows one bit at a time.
import Bytes
import Testing

@testable import Commands

/// A string as its bits, most significant first.
private func bits(_ bytes: [UInt8]) -> [Bool] { bytes.flatMap { byte in (0..<8).map { byte & 0x80 >> $0 != 0 } } }

private func view<Result>(_ bytes: [UInt8], _ body: (ByteView) -> Result) -> Result {
  bytes.withUnsafeBytes { body(ByteView($0)) }
}

/// Counting and finding agree with the model for every range of many strings.
@Test func wordsCountAndFindAsBitsDo() {
  var random = RandomNumbers(seed: 11)
  for count in [1, 2, 7, 8, 9, 16, 23, 40] {
    let filler: UInt8 = [0, 0xFF, 0x40].randomElement(using: &random) ?? 0
    let bytes = (0..<count).map { _ in Bool.random(using: &random) ? filler : UInt8.random(in: 0...255, using: &random) }
    let model = bits(bytes)
    for _ in 0..<200 {
      let first = Int.random(in: 0...model.count, using: &random)
      let range = first..<Int.random(in: first...model.count, using: &random)
      #expect(view(bytes) { BitWords.count($0, bits: range) } == model[range].count { $0 })
      for value in [true, false] {
        #expect(view(bytes) { BitWords.first(value, in: $0, bits: range) } == model[range].firstIndex(of: value))
      }
    }
  }
}

/// Every operation over strings of different lengths, some longer than a stretch, is what it says bit by bit.
@Test(arguments: ["AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE"])
func operationsCombineBitByBit(name: String) throws {
  var random = RandomNumbers(seed: 12)
  let operation = try #require(view(Array(name.utf8)) { Bits.Operation($0) })
  for round in 0..<40 {
    let count = name == "NOT" ? 1 : Int.random(in: 2...5, using: &random)
    let sources = (0..<count).map { _ in
      (0..<Int.random(in: 0...(round % 10 == 0 ? 20_000 : 40), using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    let length = sources.map(\.count).max() ?? 0
    guard length > 0 else { continue }
    let expected = (0..<length).map { index in
      let column = sources.map { index < $0.count ? $0[index] : 0 }
      let others = column.dropFirst().reduce(0, |)
      return switch name {
      case "AND": column.reduce(0xFF, &)
      case "OR": column.reduce(0, |)
      case "XOR": column.reduce(0, ^)
      case "NOT": ~column[0]
      case "DIFF": column[0] & ~others
      case "DIFF1": others & ~column[0]
      case "ANDOR": column[0] & others
      default: (0..<8).reduce(UInt8(0)) { sum, bit in sum | (column.count { $0 & 1 << bit != 0 } == 1 ? 1 << UInt8(bit) : 0) }
      }
    }
    let flat = sources.flatMap(\.self)
    var result = [UInt8](repeating: 0xAA, count: length)
    flat.withUnsafeBytes { memory in
      var start = 0
      var views: [ByteView] = []
      for source in sources {
        views.append(ByteView(UnsafeRawBufferPointer(rebasing: memory[start..<start + source.count])))
        start += source.count
      }
      views.withUnsafeBufferPointer { views in
        result.withUnsafeMutableBytes { Bits.combine(operation, views, into: $0) }
      }
    }
    #expect(result == expected, "\(name) of \(sources.map(\.count))")
  }
}

/// Integers of every width are read back as written and touch nothing beside them.
@Test func fieldsHoldWhatWasWritten() throws {
  var random = RandomNumbers(seed: 13)
  for width in 1...64 {
    for letter in width == 64 ? ["i"] : ["i", "u"] {
      var field = try #require(view(Array("\(letter)\(width)".utf8)) { Bits.Field($0) })
      field.offset = Int.random(in: 0...30, using: &random)
      var bytes = (0..<13).map { _ in UInt8.random(in: 0...255, using: &random) }
      var model = bits(bytes)
      let raw = UInt64.random(in: .min ... .max, using: &random)
      let value = field.fitted(Int128(raw))
      for bit in 0..<width { model[field.offset + bit] = value & 1 << Int64(width - 1 - bit) != 0 }
      bytes.withUnsafeMutableBytes { field.write(value, $0) }
      #expect(bits(bytes) == model)
      #expect(bytes.withUnsafeBytes { field.read($0) } == value)
    }
  }
}

/// What does not fit wraps, stops at the end or fails, as was asked.
@Test func fieldsOverflowAsAsked() {
  let bench = Workbench()
  #expect(bench.run("BITFIELD", "k", "SET", "u8", "0", "255", "INCRBY", "u8", "0", "1") == "*2|:0|:0|")
  #expect(bench.run("BITFIELD", "k", "OVERFLOW", "SAT", "INCRBY", "i5", "100", "1000") == "*1|:15|")
  #expect(bench.run("BITFIELD", "k", "OVERFLOW", "SAT", "INCRBY", "i5", "100", "-1000") == "*1|:-16|")
  #expect(bench.run("BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "i5", "100", "-1") == "*1|$-1|")
  #expect(bench.changes == 0)
  let least = "-9223372036854775808"
  #expect(bench.run("BITFIELD", "k", "SET", "i64", "0", least, "OVERFLOW", "SAT", "INCRBY", "i64", "0", "-1")
    == "*2|:0|:\(least)|")
  #expect(bench.run("BITFIELD", "k", "INCRBY", "i64", "0", "-1") == "*1|:9223372036854775807|")
}

/// Strings that grew are told of even if every operation failed: the zeros must be in every copy.
@Test func growthIsAChange() {
  let bench = Workbench()
  #expect(bench.run("BITFIELD", "k", "OVERFLOW", "FAIL", "SET", "u2", "100", "9") == "*1|$-1|")
  #expect(bench.changes == 1)
  #expect(bench.run("STRLEN", "k") == ":13|")
  #expect(bench.run("SETBIT", "k", "7", "1") == ":0|")
  #expect(bench.changes == 1 && bench.events == ["setbit k"])
  #expect(bench.run("SETBIT", "k", "7", "1") == ":1|")
  #expect(bench.changes == 0 && bench.events == [])
  #expect(bench.run("SETBIT", "new", "8", "0") == ":0|")
  #expect(bench.events == ["new new", "setbit new"])
}

/// Numbers of bits end where strings do.
@Test(arguments: ["-1", "4294967296", "9223372036854775807", "x", "", "1.0"])
func offsetsOutsideStringsAreRefused(offset: String) {
  let bench = Workbench()
  let refusal = "-ERR bit offset is not an integer or out of range|"
  #expect(bench.run("SETBIT", "k", offset, "1") == refusal)
  #expect(bench.run("GETBIT", "k", offset) == refusal)
  #expect(bench.run("BITFIELD", "k", "GET", "u8", offset) == refusal)
  #expect(bench.run("BITFIELD", "k", "SET", "i64", "#" + offset, "1") == refusal)
  #expect(bench.run("EXISTS", "k") == ":0|")
}

/// The result may be stored over one of its sources, and nothing deletes the key.
@Test func operationsReplaceWhatWasThere() {
  let bench = Workbench()
  bench.run("SET", "a", "abc", "EX", "100")
  bench.run("SET", "n", "12")
  #expect(bench.run("BITOP", "OR", "a", "a", "n", "none") == ":3|")
  #expect(bench.run("GET", "a") == "$3|qrc|")
  #expect(bench.run("TTL", "a") == ":-1|")
  #expect(bench.run("OBJECT", "ENCODING", "a") == "$3|raw|")
  #expect(bench.run("BITOP", "AND", "a", "none", "none2") == ":0|")
  #expect(bench.events.last == "del a")
  #expect(bench.run("EXISTS", "a") == ":0|")
}

/// BITFIELD writes its key only if one of its operations does.
@Test func keyOfFieldIsReadOrWritten() throws {
  let table = CommandTable(Bits.definitions)
  let facts = try #require(view(Array("bitfield".utf8)) { table.find($0) }.map { table.facts[$0.pointee.index] })
  for (words, writes) in [(["GET", "u8", "0"], false), (["GET", "u8", "0", "SET", "u8", "0", "1"], true), ([], false)] {
    let all = ["bitfield", "k"] + words
    let flat = Array(all.joined().utf8)
    flat.withUnsafeBytes { memory in
      var start = 0
      let views = all.map { word in
        defer { start += word.utf8.count }
        return ByteView(UnsafeRawBufferPointer(rebasing: memory[start..<start + word.utf8.count]))
      }
      views.withUnsafeBufferPointer {
        let keys = facts.keys(of: .init(first: $0.baseAddress, count: all.count))
        #expect(keys?.first?.flags.contains(.readWrite) == writes)
      }
    }
  }
}
