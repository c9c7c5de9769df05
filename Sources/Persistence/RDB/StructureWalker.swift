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

  /// The next datum of the value, nil at its end: the same steps for whoever wants what stands there.
  mutating func datum(
    _ cursor: inout RDBCursor, _ decoded: inout DecodedStrings
  ) throws(RDBStop) -> RDBDatum? {
    while step < steps.count {
      let before = cursor.position
      let here = step
      do throws(RDBStop) {
        if let datum = try read(steps[here], &cursor, &decoded) { return datum }
      } catch {
        if case .needs = error { cursor.position = before }
        throw error
      }
    }
    return nil
  }

  /// Reads one step, and only then moves on; nil if there is nothing to tell of it.
  private mutating func read(
    _ this: RDBStep, _ cursor: inout RDBCursor, _ decoded: inout DecodedStrings
  ) throws(RDBStop) -> RDBDatum? {
    var datum: RDBDatum?
    switch this {
    case .begin:
      let count = try cursor.length()
      take(count, at: step)
      return .count(count)
    case .end, .moduleValues:
      try take(this, &cursor)
      return nil
    case .string:
      datum = .string(try text(&cursor, &decoded))
    case .packed(let form):
      datum = .packed(form, try packedBytes(form, &cursor, &decoded))
    case .node:
      switch try cursor.length() {
      case 1:
        // An element with a node for itself is a large one.
        let element = try text(&cursor, &decoded)
        guard element.count > 0 else { throw .failed(.packed) }
        datum = .string(element)
      case 2: datum = .packed(.listpack, try packedBytes(.listpack, &cursor, &decoded))
      default: throw .failed(.packed)
      }
    case .length:
      datum = .number(try cursor.length())
    case .bytes(let count):
      datum = .bytes(try cursor.bytes(UInt64(count)))
    case .scoreText:
      datum = .score(try scoreText(&cursor))
    }
    step += 1
    return datum
  }

  private func text(_ cursor: inout RDBCursor, _ decoded: inout DecodedStrings) throws(RDBStop) -> ByteView {
    guard let text = decoded.view(try cursor.string()) else { throw .failed(.compression) }
    return text
  }

  private func packedBytes(
    _ form: PackedForm, _ cursor: inout RDBCursor, _ decoded: inout DecodedStrings
  ) throws(RDBStop) -> ByteView {
    let bytes = try text(&cursor, &decoded)
    guard form.isSound(bytes) else { throw .failed(.packed) }
    return bytes
  }

  /// A double behind its length: 253 is not a number, 254 and 255 are the infinities.
  private func scoreText(_ cursor: inout RDBCursor) throws(RDBStop) -> Double {
    let count = try cursor.byte()
    switch count {
    case 253: throw .failed(.packed)
    case 254: return .infinity
    case 255: return -.infinity
    default:
      let bytes = try cursor.bytes(UInt64(count))
      guard let score = Double(bytes.text), !score.isNaN else { throw .failed(.packed) }
      return score
    }
  }

  /// Begins a loop of `count` rounds.
  private mutating func take(_ count: UInt64, at begin: Int) {
    if count > 0 {
      loops.append(Loop(body: begin + 1, left: count))
      step = begin + 1
    } else {
      step = matchingEnd(of: begin) + 1
    }
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
