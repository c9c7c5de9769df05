// Bits+Operation.swift — BITOP: strings combined bit by bit.
//
//     AND    in all                 DIFF    in the first and in none of the others
//     OR     in any                 DIFF1   not in the first, but in one of the others
//     XOR    in an odd number       ANDOR   in the first and in one of the others
//     NOT    not in the only one    ONE     in exactly one
//
// Shorter strings go on with zeros. The result is made stretch by stretch, so that it stays in the
// processor's cache while one source after the other is combined into it.
import Bytes
import CAllocator
import Store
import Wire

extension Bits {
  enum Operation {
    case and, or, exclusiveOr, not, difference, differenceFromFirst, andOr, one

    init?(_ word: ByteView) {
      if word.equalsIgnoringCase("and") {
        self = .and
      } else if word.equalsIgnoringCase("or") {
        self = .or
      } else if word.equalsIgnoringCase("xor") {
        self = .exclusiveOr
      } else if word.equalsIgnoringCase("not") {
        self = .not
      } else if word.equalsIgnoringCase("diff") {
        self = .difference
      } else if word.equalsIgnoringCase("diff1") {
        self = .differenceFromFirst
      } else if word.equalsIgnoringCase("andor") {
        self = .andOr
      } else if word.equalsIgnoringCase("one") {
        self = .one
      } else {
        return nil
      }
    }

    /// What a wrong number of sources is answered with; nil if so many are right.
    func refusal(sources count: Int) -> StaticString? {
      switch self {
      case .not where count != 1: "ERR BITOP NOT must be called with a single source key."
      case .difference where count < 2: "ERR BITOP DIFF must be called with at least two source keys."
      case .differenceFromFirst where count < 2: "ERR BITOP DIFF1 must be called with at least two source keys."
      case .andOr where count < 2: "ERR BITOP ANDOR must be called with at least two source keys."
      default: nil
      }
    }
  }

  static func operation(_ execution: inout Execution) {
    guard let operation = Operation(execution.arguments[1]) else { return execution.refuseSyntax() }
    let sources = 3..<execution.arguments.count
    if let refusal = operation.refusal(sources: sources.count) { return execution.reply.error(refusal) }
    // Looking a key up may remove it, which ends every view: first all are looked up, then all are viewed.
    var scratchBytes = 0
    for index in sources {
      guard let location = execution.read(execution.arguments[index]) else { continue }
      guard location.entry.isString else { return execution.refuseType() }
      scratchBytes += Execution.inlineRoom(location.entry)
    }
    withUnsafeTemporaryAllocation(of: ByteView.self, capacity: sources.count) { views in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, scratchBytes)) { scratch in
        guard var room = scratch.baseAddress else { return }
        for index in sources {
          views.initializeElement(at: index - 3, to: execution.pinnedBytes(word: index, &room))
        }
        store(operation, UnsafeBufferPointer(views), &execution)
      }
    }
  }

  private static func store(
    _ operation: Operation, _ sources: UnsafeBufferPointer<ByteView>, _ execution: inout Execution
  ) {
    let key = execution.arguments[2]
    let count = sources.reduce(0) { max($0, $1.count) }
    guard count > 0 else {
      if let location = execution.find(key) {
        execution.remove(location)
        execution.changed()
        execution.note(.generic, "del", key)
      }
      return execution.reply.integer(0)
    }
    var result = Blob(capacity: count)
    combine(operation, sources, into: UnsafeMutableRawBufferPointer(start: result.start, count: count)) {
      execution.mayGoOn(after: 16 * sources.count)
    }
    guard !execution.pauses.isAbandoned else { return }
    result.count = count
    if !execution.readsThePresent() {
      execution.effects.beginRecord(words: 3)
      execution.effects.word("SET")
      execution.effects.word(key)
      execution.effects.word(result.bytes)
    }
    execution.storeRaw(key, result)
    execution.changed()
    execution.note(.string, "set", key)
    execution.reply.integer(count)
  }

  /// Bytes of the result that are made at a time.
  private static var stretchBytes: Int { 8 << 10 }

  /// Fills `target`, which is as long as the longest source. There is at least one source.
  static func combine(
    _ operation: Operation, _ sources: UnsafeBufferPointer<ByteView>, into target: UnsafeMutableRawBufferPointer,
    mayGoOn: () -> Bool = { true }
  ) {
    withUnsafeTemporaryAllocation(byteCount: stretchBytes, alignment: 8) { scratch in
      guard let start = target.baseAddress, let repeated = scratch.baseAddress else { return }
      for offset in stride(from: 0, to: target.count, by: stretchBytes) {
        let stretch = Stretch(offset: offset, count: min(stretchBytes, target.count - offset))
        stretch.combine(operation, sources, into: start + offset, repeated)
        guard mayGoOn() else { return }
      }
    }
  }

  /// A part of the result that is made at once.
  private struct Stretch {
    let offset: Int
    let count: Int

    /// How much of `source` lies in this stretch.
    func part(of source: ByteView) -> ByteView {
      let begin = min(offset, source.count)
      return source[begin..<min(offset + count, source.count)]
    }

    /// `repeated` has room for the stretch: bits that more than one source has.
    func combine(
      _ operation: Operation, _ sources: UnsafeBufferPointer<ByteView>, into target: UnsafeMutableRawPointer,
      _ repeated: UnsafeMutableRawPointer
    ) {
      let first = part(of: sources[0])
      let others = sources.dropFirst()
      switch operation {
      case .and:
        begin(target, first)
        for source in others {
          let part = part(of: source)
          BitWords.and(target, part.start, part.count)
          (target + part.count).initializeMemory(as: UInt8.self, repeating: 0, count: count - part.count)
        }
      case .or:
        begin(target, first)
        unite(others, into: target)
      case .exclusiveOr:
        begin(target, first)
        for source in others { BitWords.exclusiveOr(target, part(of: source).start, part(of: source).count) }
      case .not:
        begin(target, first)
        BitWords.invert(target, count)
      case .difference:
        begin(repeated, .empty)
        unite(others, into: repeated)
        begin(target, first)
        BitWords.andNot(target, repeated, count)
      case .differenceFromFirst:
        begin(target, .empty)
        unite(others, into: target)
        BitWords.andNot(target, first.start, first.count)
      case .andOr:
        begin(repeated, .empty)
        unite(others, into: repeated)
        begin(target, first)
        BitWords.and(target, repeated, count)
      case .one:
        begin(target, first)
        begin(repeated, .empty)
        for source in others { addOnce(part(of: source), target, repeated) }
        BitWords.andNot(target, repeated, count)
      }
    }

    private func begin(_ target: UnsafeMutableRawPointer, _ source: ByteView) {
      source.copy(to: target)
      (target + source.count).initializeMemory(as: UInt8.self, repeating: 0, count: count - source.count)
    }

    private func unite(_ sources: Slice<UnsafeBufferPointer<ByteView>>, into target: UnsafeMutableRawPointer) {
      for source in sources { BitWords.or(target, part(of: source).start, part(of: source).count) }
    }

    /// repeated |= target & source, then target |= source
    private func addOnce(_ source: ByteView, _ target: UnsafeMutableRawPointer, _ repeated: UnsafeMutableRawPointer) {
      BitWords.orAnd(repeated, target, source.start, source.count)
      BitWords.or(target, source.start, source.count)
    }
  }
}

extension Execution {
  /// Bytes of a string that lie in its entry, or are to be written as digits: what `pinnedBytes` needs room for.
  static func inlineRoom(_ entry: Entry) -> Int {
    entry.isInteger ? Decimal.digitsMax : entry.stringCount <= Encoding.inlineBytesMax ? entry.stringCount : 0
  }

  /// The bytes of the string at word `index`, none if it is not there. They stay until the command ends: the blob is
  /// pinned, or they are copied to `room`, which moves on.
  mutating func pinnedBytes(word index: Int, _ room: inout UnsafeMutablePointer<UInt8>) -> ByteView {
    let key = arguments[index]
    let location = locate(key, KeyHash(key))
    pin(location, word: index)
    guard let entry = location?.entry else { return .empty }
    let bytes = entry.bytes(scratch: room)
    guard !entry.isInteger, bytes.count <= Encoding.inlineBytesMax else {
      if entry.isInteger { room += Decimal.digitsMax }
      return bytes
    }
    bytes.copy(to: UnsafeMutableRawPointer(room))
    defer { room += bytes.count }
    return ByteView(start: UnsafeRawPointer(room), count: bytes.count)
  }

  /// Puts a string that reports `raw` at `key`, whatever is there, without an expiry.
  mutating func storeRaw(_ key: ByteView, _ blob: consuming Blob) {
    let hash = hash(of: key)
    let isLarge = blob.count > Encoding.embstrBytesMax
    guard let location = find(key, hash) else {
      if isLarge {
        database.pointee.insert(key, hash, adopting: blob)
      } else {
        database.pointee.insert(key, hash, string: blob.bytes, form: .raw)
      }
      return note(.new, "new", key)
    }
    if isLarge {
      database.pointee.overwrite(location, adopting: blob, expiry: .clear)
    } else {
      database.pointee.overwrite(location, string: blob.bytes, form: .raw, expiry: .clear)
    }
  }
}
