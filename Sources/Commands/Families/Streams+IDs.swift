// Streams+IDs.swift — identifiers of entries as clients write them, and back.
//
//     5        5-0, or 5-18446744073709551615 where an upper bound is meant
//     5-3      5-3                    5-*   the next one of that time (XADD)
//     -  +     the least, the greatest (where a bound is meant)
//     (5-3     the bound itself is not meant
import Bytes
import Store
import Wire

/// An identifier as text, held in the value itself.
struct StreamIDText {
  private var bytes = InlineArray<44, UInt8>(repeating: 0)
  private var count = 0

  init(_ id: StreamID) {
    var text = InlineArray<44, UInt8>(repeating: 0)
    var span = text.mutableSpan
    count = span.withUnsafeMutableBufferPointer { room in
      guard let out = room.baseAddress else { return 0 }
      var end = Decimal.write(id.milliseconds, to: out)
      out[end] = UInt8(ascii: "-")
      end += 1
      return end + Decimal.write(id.sequence, to: out + end)
    }
    bytes = text
  }

  func withView<Result>(_ body: (ByteView) -> Result) -> Result {
    bytes.span.withUnsafeBufferPointer { room in
      body(ByteView(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[0..<count])))
    }
  }
}

extension StreamID {
  /// `5-3`, or `5` with `missing` behind it; nil if it is neither.
  init?(_ text: ByteView, missing sequence: UInt64 = 0) {
    guard let dash = (0..<text.count).first(where: { text[$0] == UInt8(ascii: "-") }) else {
      guard let milliseconds = text.uint64 else { return nil }
      self.init(milliseconds, sequence)
      return
    }
    guard let milliseconds = text[0..<dash].uint64 else { return nil }
    guard let sequence = text[dash + 1..<text.count].uint64 else { return nil }
    self.init(milliseconds, sequence)
  }

  /// `5-*`: the time of an entry whose number is to be found.
  static func time(_ text: ByteView) -> UInt64? {
    guard text.count > 2, text[text.count - 2..<text.count] == ByteView("-*") else { return nil }
    return text[0..<text.count - 2].uint64
  }
}

extension Execution {
  /// The identifier that word `index` is, and nothing else. Answers the error and nil.
  func streamID(_ index: Int) -> StreamID? {
    guard let id = StreamID(arguments[index]) else {
      refuseStreamID()
      return nil
    }
    return id
  }

  func refuseStreamID() { reply.error("ERR Invalid stream ID specified as stream command argument") }

  /// The bound that word `index` is. Answers the error and nil.
  func streamBound(_ index: Int, isLower: Bool) -> StreamID? {
    let word = arguments[index]
    let isExclusive = word.count > 1 && word[0] == UInt8(ascii: "(")
    if !isExclusive {
      if word == ByteView("-") { return .zero }
      if word == ByteView("+") { return .greatest }
    }
    let text = isExclusive ? word[1..<word.count] : word
    guard let id = StreamID(text, missing: isLower ? 0 : .max) else {
      refuseStreamID()
      return nil
    }
    guard isExclusive else { return id }
    guard let neighbour = isLower ? id.next : id.previous else {
      reply.error(isLower ? "ERR invalid start ID for the interval" : "ERR invalid end ID for the interval")
      return nil
    }
    return neighbour
  }

  /// Every word from `index` on is an identifier. Answers the error and false.
  func areStreamIDs(from index: Int) -> Bool { areStreamIDs(in: index..<arguments.count) }

  /// The same for some of the words.
  func areStreamIDs(in words: Range<Int>) -> Bool {
    for word in words where StreamID(arguments[word]) == nil {
      refuseStreamID()
      return false
    }
    return true
  }
}

extension Reply {
  func streamID(_ id: StreamID) { StreamIDText(id).withView { bulk($0) } }

  /// `[id, [field, value, …]]`
  func streamEntry(_ entry: StreamEntry) {
    array(2)
    streamID(entry.id)
    array(entry.fieldCount * 2)
    var fields = entry.fields
    while let (field, value) = fields.next() {
      element(field)
      element(value)
    }
  }

  private func element(_ element: Element) {
    switch element {
    case .bytes(let bytes): bulk(bytes)
    case .integer(let value): bulk(value)
    }
  }
}

extension Effects {
  mutating func word(_ id: StreamID) { StreamIDText(id).withView { word($0) } }
}
