// Bits+Field.swift — BITFIELD: integers of 1 to 64 bits, anywhere within a string.
//
//     BITFIELD key  GET u4 0  OVERFLOW SAT  INCRBY i16 #3 100  SET u8 8 255
//                       │ │                        └ the fourth integer of 16 bits
//                       │ └ begins at bit 0
//                       └ unsigned (up to 63 bits), or i: signed (up to 64)
//
// All words are read and checked before the first operation runs; then they are read again, one
// operation at a time, so nothing is kept in between.
import Bytes
import Store
import Wire

extension Bits {
  /// What becomes of a number that does not fit.
  fileprivate enum Overflow { case wrap, saturate, fail }

  /// An integer's place in a string.
  struct Field: Equatable {
    var isSigned: Bool
    /// 1 to 64; at most 63 if unsigned.
    var width: Int
    /// The bit it begins with.
    var offset = 0

    /// `i16`, `u8`; nil if it is none.
    init?(_ word: ByteView) {
      guard let letter = word.isEmpty ? nil : word[0] else { return nil }
      isSigned = letter == UInt8(ascii: "i")
      guard isSigned || letter == UInt8(ascii: "u") else { return nil }
      guard let bits = word[1..<word.count].int64, bits >= 1, bits <= (isSigned ? 64 : 63) else { return nil }
      width = Int(bits)
    }

    /// Bytes of a string that has it whole.
    var end: Int { (offset + width - 1) / 8 + 1 }

    var bounds: ClosedRange<Int128> {
      let reach = Int128(1) << Int128(isSigned ? width - 1 : width)
      return (isSigned ? -reach : 0)...reach - 1
    }

    /// The integer in `bytes`, which go on with zeros.
    func read(_ bytes: UnsafeRawBufferPointer) -> Int64 {
      var window: UInt128 = 0
      for index in offset / 8..<offset / 8 + 9 {
        window = window << 8 | UInt128(index < bytes.count ? bytes[index] : 0)
      }
      return fitted(Int128(truncatingIfNeeded: window >> UInt128(72 - offset % 8 - width)))
    }

    /// The low bits of `value`, taken for an integer of this kind.
    func fitted(_ value: Int128) -> Int64 {
      let bits = UInt64(truncatingIfNeeded: value) << UInt64(64 - width)
      return isSigned ? Int64(bitPattern: bits) >> Int64(64 - width) : Int64(bitPattern: bits >> UInt64(64 - width))
    }

    /// Writes the low bits of `value` into `bytes`, which have the whole place.
    func write(_ value: Int64, _ bytes: UnsafeMutableRawBufferPointer) {
      var rest = UInt64(bitPattern: value)
      var left = width
      var bit = offset + width
      while left > 0 {
        // The last byte first: the bits that it shares with the field, from its bit `low` upwards.
        let low = (8 - bit % 8) % 8
        let taken = min(left, 8 - low)
        let mask = UInt8(truncatingIfNeeded: (1 << taken) - 1) << UInt8(low)
        let index = (bit - 1) / 8
        bytes[index] = bytes[index] & ~mask | UInt8(truncatingIfNeeded: rest) << UInt8(low) & mask
        rest >>= UInt64(taken)
        left -= taken
        bit -= taken
      }
    }
  }

  fileprivate enum Action { case get, set, increment }

  /// One operation of the request.
  fileprivate struct Step {
    var action: Action
    var field: Field
    /// What SET sets and INCRBY adds.
    var operand: Int64 = 0
    var wordCount: Int
  }

  /// What the words of a request amount to.
  private struct Outline {
    var steps = 0
    var isReadOnly = true
    /// Bytes that the operations which write need.
    var byteCount = 0
  }

  static func field(_ execution: inout Execution) {
    guard let outline = outline(&execution) else { return }
    guard !outline.isReadOnly else { return readFields(&execution, outline) }
    writeFields(&execution, outline)
  }

  static func fieldReadOnly(_ execution: inout Execution) {
    guard let outline = outline(&execution) else { return }
    guard outline.isReadOnly else {
      return execution.reply.error("ERR BITFIELD_RO only supports the GET subcommand")
    }
    readFields(&execution, outline)
  }

  // MARK: reading the words

  private static func outline(_ execution: inout Execution) -> Outline? {
    var outline = Outline()
    var index = 2
    while index < execution.arguments.count {
      if execution.arguments[index].equalsIgnoringCase("overflow") && index + 1 < execution.arguments.count {
        guard overflow(execution.arguments[index + 1]) != nil else {
          execution.reply.error("ERR Invalid OVERFLOW type specified")
          return nil
        }
        index += 2
        continue
      }
      guard let step = step(at: index, &execution) else { return nil }
      outline.steps += 1
      if step.action != .get {
        outline.isReadOnly = false
        outline.byteCount = max(outline.byteCount, step.field.end)
      }
      index += step.wordCount
    }
    return outline
  }

  private static func overflow(_ word: ByteView) -> Overflow? {
    if word.equalsIgnoringCase("wrap") { return .wrap }
    if word.equalsIgnoringCase("sat") { return .saturate }
    if word.equalsIgnoringCase("fail") { return .fail }
    return nil
  }

  /// Answers the error and nil.
  private static func step(at index: Int, _ execution: inout Execution) -> Step? {
    let word = execution.arguments[index]
    let behind = execution.arguments.count - index - 1
    let action: Action
    if word.equalsIgnoringCase("get") && behind >= 2 {
      action = .get
    } else if word.equalsIgnoringCase("set") && behind >= 3 {
      action = .set
    } else if word.equalsIgnoringCase("incrby") && behind >= 3 {
      action = .increment
    } else {
      execution.refuseSyntax()
      return nil
    }
    guard var field = Field(execution.arguments[index + 1]) else {
      execution.reply.error(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
      return nil
    }
    guard let offset = execution.bitOffset(index + 2, width: field.width) else { return nil }
    field.offset = offset
    guard action != .get else { return Step(action: .get, field: field, wordCount: 3) }
    guard let operand = execution.integer(index + 3) else { return nil }
    return Step(action: action, field: field, operand: operand, wordCount: 4)
  }

  // MARK: running

  private static func readFields(_ execution: inout Execution, _ outline: Outline) {
    let location = execution.read(execution.arguments[1])
    guard location?.entry.isString ?? true else { return execution.refuseType() }
    guard let location else {
      run(&execution, outline, UnsafeMutableRawBufferPointer(start: nil, count: 0))
      return
    }
    location.entry.withStringBytes { bytes in
      // Nothing among the operations writes.
      _ = run(&execution, outline, UnsafeMutableRawBufferPointer(mutating: bytes.buffer))
    }
  }

  private static func writeFields(_ execution: inout Execution, _ outline: Outline) {
    let key = execution.arguments[1]
    guard let (bytes, hasGrown) = execution.writableString(key, atLeast: outline.byteCount) else { return }
    let changes = run(&execution, outline, bytes, countsAll: hasGrown)
    if changes > 0 {
      execution.changed(changes)
      execution.note(.string, "setbit", key)
    } else if hasGrown {
      // Every operation has failed, but the zeros are there and must be in every copy.
      execution.changed()
    }
  }

  /// Answers every operation; how many of those that write have changed something, or, if it `countsAll`, have not
  /// failed.
  @discardableResult
  private static func run(
    _ execution: inout Execution, _ outline: Outline, _ bytes: UnsafeMutableRawBufferPointer, countsAll: Bool = false
  ) -> Int {
    execution.reply.array(outline.steps)
    var changes = 0
    var mode = Overflow.wrap
    var index = 2
    while index < execution.arguments.count {
      if execution.arguments[index].equalsIgnoringCase("overflow") {
        mode = overflow(execution.arguments[index + 1]) ?? mode
        index += 2
        continue
      }
      guard let step = step(at: index, &execution) else { return changes }
      index += step.wordCount
      let before = step.field.read(UnsafeRawBufferPointer(bytes))
      guard step.action != .get else {
        execution.reply.integer(before)
        continue
      }
      guard let after = step.result(before, mode) else {
        execution.reply.null()
        continue
      }
      step.field.write(after, bytes)
      if countsAll || after != before { changes += 1 }
      execution.reply.integer(step.action == .set ? before : after)
    }
    return changes
  }
}

extension Bits.Step {
  /// What the field holds afterwards; nil if that does not fit and must not be made to.
  fileprivate func result(_ before: Int64, _ mode: Bits.Overflow) -> Int64? {
    // An unsigned field is set to a negative number as to one of 64 bits without a sign.
    let set = field.isSigned ? Int128(operand) : Int128(UInt64(bitPattern: operand))
    let wanted = action == .set ? set : Int128(before) + Int128(operand)
    let bounds = field.bounds
    guard !bounds.contains(wanted) else { return field.fitted(wanted) }
    switch mode {
    case .wrap: return field.fitted(wanted)
    case .saturate: return Int64(truncatingIfNeeded: wanted < bounds.lowerBound ? bounds.lowerBound : bounds.upperBound)
    case .fail: return nil
    }
  }
}
