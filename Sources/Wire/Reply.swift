// Reply.swift — answers, in RESP2 or RESP3, written straight into the output.
//
// Each writer makes one capacity decision for its whole header; everything after it is
// plain stores. Where the two protocol versions differ the writer decides, so a command
// says what it means (a map, a set, nothing) and not how it is spelled.
import Bytes
import CAllocator

@safe public struct Reply: BitwiseCopyable {
  /// Where the bytes go: the client's output, or a scratch buffer when nobody listens.
  public var output: UnsafeMutablePointer<OutputBuffer>
  /// Whether the client spoke HELLO 3.
  public var isRESP3: Bool

  public init(output: UnsafeMutablePointer<OutputBuffer>, isRESP3: Bool) {
    unsafe self.output = output
    self.isRESP3 = isRESP3
  }

  // MARK: lines

  /// `+OK`
  @inlinable public func ok() { raw("+OK\r\n") }

  /// `+text`: a literal of ours, so it cannot hold a line end.
  public func simple(_ text: StaticString) { line(UInt8(ascii: "+"), ByteView(text)) }

  /// `+text` of foreign origin: line ends become spaces.
  public func simple(_ text: ByteView) { line(UInt8(ascii: "+"), text) }

  /// `-CODE message`, a literal of ours that begins with its code.
  public func error(_ text: StaticString) { line(UInt8(ascii: "-"), ByteView(text)) }

  /// `-CODE message` with foreign parts in it: this is the one place where line ends are taken out of errors.
  public func error(_ text: ByteView) { line(UInt8(ascii: "-"), text) }

  /// `-` and `parts` one after the other, each made safe.
  public func error(_ prefix: StaticString, _ middle: ByteView, _ suffix: StaticString = "") {
    beginError()
    safe(ByteView(prefix))
    safe(middle)
    safe(ByteView(suffix))
    raw("\r\n")
  }

  /// For errors of more parts: `beginError`, any number of `part`, `end`.
  public func beginError() {
    countError()
    begin(UInt8(ascii: "-"))
  }
  public func part(_ text: StaticString) { safe(ByteView(text)) }
  public func part(_ text: ByteView) { safe(text) }
  public func part(text: String) {
    var text = text
    text.withUTF8 { unsafe safe(ByteView(UnsafeRawBufferPointer($0))) }
  }
  public func part(_ number: Int64) {
    let out = unsafe output.pointee.reserve(Decimal.digitsMax)
    unsafe output.pointee.commit(Decimal.write(number, to: out))
  }
  public func end() { raw("\r\n") }

  // MARK: numbers

  /// `:value`
  @inlinable public func integer(_ value: Int64) { header(UInt8(ascii: ":"), value) }
  @inlinable public func integer(_ value: Int) { header(UInt8(ascii: ":"), Int64(value)) }

  /// True or false: `#t` in RESP3, 1 or 0 in RESP2.
  public func boolean(_ value: Bool) {
    if isRESP3 { raw(value ? "#t\r\n" : "#f\r\n") } else { integer(value ? 1 : 0) }
  }

  /// A double whose digits the caller has: `,digits` in RESP3, a bulk string in RESP2.
  public func double(digits: ByteView) {
    if isRESP3 { line(UInt8(ascii: ","), digits) } else { bulk(digits) }
  }

  // MARK: strings

  /// `$count bytes`
  @inlinable public func bulk(_ value: ByteView) {
    if value.count <= 512 {
      let out = unsafe output.pointee.reserve(value.count + Decimal.digitsMax + 5)
      unsafe out[0] = UInt8(ascii: "$")
      var end = unsafe 1 + Decimal.write(UInt64(value.count), to: out + 1)
      unsafe out[end] = UInt8(ascii: "\r")
      unsafe out[end + 1] = UInt8(ascii: "\n")
      unsafe memcpy(out + end + 2, value.start, value.count)
      end += 2 + value.count
      unsafe out[end] = UInt8(ascii: "\r")
      unsafe out[end + 1] = UInt8(ascii: "\n")
      unsafe output.pointee.commit(end + 2)
      return
    }
    header(UInt8(ascii: "$"), Int64(value.count))
    unsafe output.pointee.append(value)
    raw("\r\n")
  }

  public func bulk(_ text: StaticString) { bulk(ByteView(text)) }

  /// For text built with String; not per request.
  public func bulk(text: String) {
    var text = text
    text.withUTF8 { unsafe bulk(ByteView(UnsafeRawBufferPointer($0))) }
  }

  /// The decimal text of a number as a bulk string.
  public func bulk(_ number: Int64) {
    DecimalText(number).withView { bulk($0) }
  }

  /// Text with a format hint: `=count format:bytes` in RESP3, a bulk string in RESP2.
  public func verbatim(_ format: StaticString, _ text: ByteView) {
    guard isRESP3 else { return bulk(text) }
    precondition(format.utf8CodeUnitCount == 3, "a verbatim string's format has three letters")
    header(UInt8(ascii: "="), Int64(text.count) + 4)
    unsafe output.pointee.append(ByteView(format))
    raw(":")
    unsafe output.pointee.append(text)
    raw("\r\n")
  }

  public func verbatim(_ format: StaticString, text: String) {
    var text = text
    text.withUTF8 { unsafe verbatim(format, ByteView(UnsafeRawBufferPointer($0))) }
  }

  // MARK: nothing

  /// No value: `_` in RESP3, the null bulk string in RESP2.
  @inlinable public func null() { if isRESP3 { raw("_\r\n") } else { raw("$-1\r\n") } }

  /// No array: `_` in RESP3, the null array in RESP2.
  public func nullArray() { if isRESP3 { raw("_\r\n") } else { raw("*-1\r\n") } }

  // MARK: aggregates

  /// `*count`; the elements follow.
  @inlinable public func array(_ count: Int) { header(UInt8(ascii: "*"), Int64(count)) }

  /// `%pairs` in RESP3, `*2·pairs` in RESP2; keys and values follow in turn.
  public func map(_ pairs: Int) {
    if isRESP3 { header(UInt8(ascii: "%"), Int64(pairs)) } else { array(pairs * 2) }
  }

  /// `~count` in RESP3, an array in RESP2.
  public func set(_ count: Int) {
    if isRESP3 { header(UInt8(ascii: "~"), Int64(count)) } else { array(count) }
  }

  /// `>count` in RESP3, an array in RESP2.
  public func push(_ count: Int) {
    if isRESP3 { header(UInt8(ascii: ">"), Int64(count)) } else { array(count) }
  }

  /// An aggregate whose length is known only after its elements: write them, then `close` with the count.
  public func open() -> OutputBuffer.Gap { unsafe output.pointee.leaveGap() }
  public func closeArray(_ gap: OutputBuffer.Gap, count: Int) {
    unsafe output.pointee.fill(gap, kind: UInt8(ascii: "*"), number: Int64(count))
  }
  public func closeMap(_ gap: OutputBuffer.Gap, pairs: Int) {
    unsafe output.pointee.fill(
      gap, kind: isRESP3 ? UInt8(ascii: "%") : UInt8(ascii: "*"), number: Int64(isRESP3 ? pairs : pairs * 2))
  }
  public func closeSet(_ gap: OutputBuffer.Gap, count: Int) {
    unsafe output.pointee.fill(gap, kind: isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"), number: Int64(count))
  }

  // MARK: pieces

  /// Bytes of ours that are a reply, or a piece of one, as they stand.
  @inlinable public func raw(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    let out = unsafe output.pointee.reserve(count)
    unsafe memcpy(out, text.utf8Start, count)
    unsafe output.pointee.commit(count)
  }

  /// `<kind><number>\r\n`
  @inlinable public func header(_ kind: UInt8, _ number: Int64) {
    let out = unsafe output.pointee.reserve(Decimal.digitsMax + 3)
    unsafe out[0] = kind
    let end = unsafe 1 + Decimal.write(number, to: out + 1)
    unsafe out[end] = UInt8(ascii: "\r")
    unsafe out[end + 1] = UInt8(ascii: "\n")
    unsafe output.pointee.commit(end + 2)
  }

  private func countError() { unsafe output.pointee.errorCount &+= 1 }

  private func begin(_ kind: UInt8) {
    let out = unsafe output.pointee.reserve(1)
    unsafe out[0] = kind
    unsafe output.pointee.commit(1)
  }

  private func line(_ kind: UInt8, _ text: ByteView) {
    if kind == UInt8(ascii: "-") { countError() }
    begin(kind)
    safe(text)
    raw("\r\n")
  }

  /// Appends `text` with CR and LF as spaces: one line stays one line.
  private func safe(_ text: ByteView) {
    var start = 0
    for i in 0..<text.count where text[i] == 0x0D || text[i] == 0x0A {
      unsafe output.pointee.append(text[start..<i])
      raw(" ")
      start = i + 1
    }
    unsafe output.pointee.append(text[start..<text.count])
  }
}
