// StructureWalker.swift — passes over a value whose type is not loaded, whatever its size.
//
//   steps:   begin  string  begin  bytes  end  end        loops:  │ from 1, 3 more │ from 3, 9 more │
//                             ▲
//                           step
//
// Each step reads what is in the window and is taken back if it is not all there, so a value of a million
// elements is passed over in as many windows as it takes. A string needs not be in the window: what is
// missing of it is passed over as it comes. The loops nest three deep at most.
import Bytes

struct StructureWalker {
  private struct Loop {
    var body: Int
    var left: UInt64
  }

  private var steps: [RDBStep] = []
  private var step = 0
  private var loops: [Loop] = []
  /// Bytes of a string that are still to be passed over.
  private var passing: UInt64 = 0
  private var verifiesPacked = false

  mutating func begin(_ structure: RDBStructure, verifiesPacked: Bool) {
    steps = structure.steps
    step = 0
    loops.removeAll(keepingCapacity: true)
    passing = 0
    self.verifiesPacked = verifiesPacked
  }

  /// Goes on to the value's end. Stops where the window ends; `cursor` is then behind the last whole step.
  mutating func walk(_ cursor: inout RDBCursor) throws(RDBStop) {
    while true {
      if passing > 0 {
        let here = min(passing, UInt64(cursor.available))
        cursor.position += Int(here)
        passing -= here
        guard passing == 0 else { throw cursor.missing(1) }
      }
      guard step < steps.count else { return }
      let before = cursor.position
      do throws(RDBStop) {
        try take(steps[step], &cursor)
      } catch {
        // A failure is reported where it is, a step that is not all here begins again.
        if case .needs = error { cursor.position = before }
        throw error
      }
    }
  }

  /// Reads one step, and only then moves on.
  private mutating func take(_ this: RDBStep, _ cursor: inout RDBCursor) throws(RDBStop) {
    switch this {
    case .begin:
      let count = try cursor.length()
      if count > 0 {
        loops.append(Loop(body: step + 1, left: count))
      } else {
        step = matchingEnd(of: step)
      }
    case .end:
      loops[loops.count - 1].left -= 1
      if loops[loops.count - 1].left > 0 {
        step = loops[loops.count - 1].body
        return
      }
      loops.removeLast()
    case .string:
      passing = try cursor.passString()
    case .packed(let form):
      try packed(form, &cursor)
    case .node:
      switch try cursor.length() {
      case 1: passing = try cursor.passString()
      case 2: try packed(.listpack, &cursor)
      default: throw .failed(.packed)
      }
    case .length:
      _ = try cursor.length()
    case .bytes(let count):
      _ = try cursor.bytes(UInt64(count))
    case .scoreText:
      let count = try cursor.byte()
      if count < 253 { _ = try cursor.bytes(UInt64(count)) }
    case .moduleValues:
      // Each value is a step of its own: the program moves on at the end mark.
      guard try moduleValue(&cursor) else { return }
    }
    step += 1
  }

  private mutating func packed(_ form: PackedForm, _ cursor: inout RDBCursor) throws(RDBStop) {
    guard verifiesPacked else {
      passing = try cursor.passString()
      return
    }
    var decoded = DecodedStrings(blockBytes: 0)
    guard let bytes = decoded.view(try cursor.string()) else { throw .failed(.compression) }
    guard form.isSound(bytes) else { throw .failed(.packed) }
  }

  /// Reads one value of a module; true for the end mark.
  private mutating func moduleValue(_ cursor: inout RDBCursor) throws(RDBStop) -> Bool {
    switch try cursor.length() {
    case 0: return true
    case 1, 2: _ = try cursor.length()
    case 3: _ = try cursor.bytes(4)
    case 4: _ = try cursor.bytes(8)
    case 5: passing = try cursor.passString()
    default: throw .failed(.module)
    }
    return false
  }

  private func matchingEnd(of begin: Int) -> Int {
    var depth = 0
    var index = begin
    while true {
      if case .begin = steps[index] { depth += 1 }
      if case .end = steps[index] { depth -= 1 }
      if depth == 0 { return index }
      index += 1
    }
  }
}
