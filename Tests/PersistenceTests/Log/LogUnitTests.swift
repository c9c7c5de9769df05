// LogUnitTests.swift — MULTI and EXEC around records that stand for one change.
import Bytes
import Testing

@testable import Persistence

/// Two records or more have MULTI before the first and EXEC behind the last; one has neither, and none leaves nothing.
struct LogUnitTests {
  private let multi = "*1\r\n$5\r\nMULTI\r\n"
  private let exec = "*1\r\n$4\r\nEXEC\r\n"

  /// What a batch holds after units of these records, each with something before it and behind it.
  private func batch(_ units: [[(count: Int, text: String)]], before: String = "", sealed: Bool = false) -> String {
    var batch = LogBatch()
    if sealed { batch.beginSealed() }
    append(before, to: &batch)
    for records in units {
      var unit = LogUnit()
      for record in records {
        unit.add(record.count, to: &batch)
        append(record.text, to: &batch)
      }
      unit.end(in: &batch)
      append("|", to: &batch)
    }
    let bytes = Array(batch.bytes.array.dropFirst(sealed ? LogSeal.byteCount : 0))
    return String(decoding: bytes, as: UTF8.self)
  }

  private func append(_ text: String, to batch: inout LogBatch) { Array(text.utf8).viewed { batch.append($0) } }

  @Test(arguments: [false, true]) func aroundTwoOrMore(sealed: Bool) {
    #expect(batch([[(1, "a"), (1, "b")]], before: "x", sealed: sealed) == "x\(multi)ab\(exec)|")
    #expect(batch([[(2, "ab")]], sealed: sealed) == "\(multi)ab\(exec)|")
    #expect(batch([[(0, ""), (3, "abc"), (0, "")]], sealed: sealed) == "\(multi)abc\(exec)|")
  }

  @Test(arguments: [false, true]) func notAroundOne(sealed: Bool) {
    #expect(batch([[(1, "a long record that moves")]], before: "x", sealed: sealed) == "xa long record that moves|")
    #expect(batch([[], [(0, "")]], before: "x", sealed: sealed) == "x||")
    #expect(batch([[(1, "a")], [(1, "b"), (1, "c")], [(1, "d")]], sealed: sealed) == "a|\(multi)bc\(exec)|d|")
  }

  /// The database is selected before the first record, outside; between two it is a record like others.
  @Test func selections() {
    var batch = LogBatch()
    var unit = LogUnit()
    unit.addSelection()
    append("select 3 ", to: &batch)
    unit.add(1, to: &batch)
    append("a ", to: &batch)
    unit.addSelection()
    append("select 4 ", to: &batch)
    unit.add(1, to: &batch)
    append("b ", to: &batch)
    unit.end(in: &batch)
    #expect(String(decoding: batch.bytes.array, as: UTF8.self) == "select 3 \(multi)a select 4 b \(exec)")
  }

  /// Records larger than the batch's memory: MULTI is taken out of what has moved meanwhile.
  @Test(arguments: [70_000, 1 << 20]) func movesWhatIsLarge(count: Int) {
    let text = String(repeating: "r", count: count)
    #expect(batch([[(1, text)]], before: "x") == "x\(text)|")
    #expect(batch([[(1, text), (1, text)]]) == "\(multi)\(text)\(text)\(exec)|")
  }
}
