// Bits+Range.swift — bits counted and found, in a string or a part of it.
//
//     BITCOUNT key      [start [end [BYTE | BIT]]]       both ends count, and negative ones count from behind
//     BITPOS   key bit  [start [end [BYTE | BIT]]]
//
// BITPOS takes a string to go on with zeros behind its end, unless the end was given.
import Bytes
import Store
import Wire

extension Bits {
  /// The part of a string that was asked for, as written.
  private struct Part {
    var start: Int64 = 0
    var end: Int64 = -1
    var isEndGiven = false
    var countsBits = false

    /// Two negative ends in the wrong order are nothing, even where clamping would make them meet.
    var isBackwards: Bool { start < 0 && end < 0 && start > end }

    /// The bits of a string of `count` bytes that this is; empty where the ends do not meet.
    func bits(of count: Int) -> Range<Int> {
      let total = Int64(count) * (countsBits ? 8 : 1)
      let first = max(0, start < 0 ? total + start : start)
      let last = min(total - 1, max(0, end < 0 ? total + end : end))
      guard first <= last else { return 0..<0 }
      return countsBits ? Int(first)..<Int(last) + 1 : Int(first) * 8..<(Int(last) + 1) * 8
    }
  }

  /// Reads the words from `first` on. Answers the error and nil.
  private static func part(from first: Int, _ execution: inout Execution) -> Part? {
    let count = execution.arguments.count - first
    var part = Part()
    guard count <= 3 else {
      execution.refuseSyntax()
      return nil
    }
    if count > 0 {
      guard let start = execution.integer(first) else { return nil }
      part.start = start
    }
    if count > 2 {
      let unit = execution.arguments[first + 2]
      part.countsBits = unit.equalsIgnoringCase("bit")
      guard part.countsBits || unit.equalsIgnoringCase("byte") else {
        execution.refuseSyntax()
        return nil
      }
    }
    if count > 1 {
      guard let end = execution.integer(first + 1) else { return nil }
      part.end = end
      part.isEndGiven = true
    }
    return part
  }

  static func count(_ execution: inout Execution) {
    guard let part = part(from: 2, &execution) else { return }
    guard let location = execution.read(execution.arguments[1]) else { return execution.reply.integer(0) }
    guard location.entry.isString else { return execution.refuseType() }
    guard !part.isBackwards else { return execution.reply.integer(0) }
    execution.pin(location, word: 1)
    let count = location.entry.withStringBytes { bytes in
      var count = 0
      forEachStretch(of: part.bits(of: bytes.count), &execution) {
        count += BitWords.count(bytes, bits: $0)
        return true
      }
      return count
    }
    execution.reply.integer(count)
  }

  /// Bits that are looked at without a pause: more than a string has that lies in its entry.
  private static let stretchBits = 8 * 8192

  /// Calls `body` with parts of a range, one behind the other, until it says false.
  private static func forEachStretch(
    of bits: Range<Int>, _ execution: inout Execution, _ body: (Range<Int>) -> Bool
  ) {
    var begin = bits.lowerBound
    while begin < bits.upperBound {
      let end = min(bits.upperBound, (begin / stretchBits + 1) * stretchBits)
      guard body(begin..<end) else { return }
      begin = end
      guard begin == bits.upperBound || execution.mayGoOn(after: 16) else { return }
    }
  }

  static func position(_ execution: inout Execution) {
    guard let bit = execution.integer(2) else { return }
    guard bit == 0 || bit == 1 else { return execution.reply.error("ERR The bit argument must be 1 or 0.") }
    guard let part = part(from: 3, &execution) else { return }
    guard let location = execution.read(execution.arguments[1]) else {
      return execution.reply.integer(bit == 0 ? 0 : -1)
    }
    guard location.entry.isString else { return execution.refuseType() }
    execution.pin(location, word: 1)
    let position = location.entry.withStringBytes { bytes in
      let bits = part.bits(of: bytes.count)
      var found: Int?
      forEachStretch(of: bits, &execution) {
        found = BitWords.first(bit == 1, in: bytes, bits: $0)
        return found == nil
      }
      if let found { return found }
      return bit == 0 && !part.isEndGiven && !bits.isEmpty ? bytes.count * 8 : -1
    }
    execution.reply.integer(position)
  }
}
