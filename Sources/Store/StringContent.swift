// StringContent.swift: a string on its way into an entry, with its encoding decided.
import Bytes
import CAllocator

struct StringContent {
  var encoding: Encoding
  /// An integer, or a blob whose ownership goes over to the entry.
  var payload: UInt64?
  /// What is copied into the entry; empty if there is a payload.
  var inline: ByteView

  init(_ value: Int64) {
    encoding = .int
    payload = UInt64(bitPattern: value)
    inline = .empty
  }

  init(_ string: ByteView, _ form: StringForm) {
    if form == .automatic, let value = string.int64 {
      encoding = .int
      payload = UInt64(bitPattern: value)
      inline = .empty
      return
    }
    encoding = form != .raw && string.count <= Encoding.embstrBytesMax ? .embstr : .raw
    if string.count <= EntryShape.inlineBytesMax {
      inline = string
    } else {
      payload = BlobReference.copy(of: string).bits
      inline = .empty
    }
  }

  init(adopting blob: BlobReference) {
    encoding = .raw
    payload = blob.bits
    inline = .empty
  }

  /// The blob that goes over, if there is one.
  var blob: BlobReference? {
    guard encoding != .int, let payload else { return nil }
    return BlobReference(bits: payload)
  }

  var kind: UInt8 { encoding.rawValue << 4 | ValueType.string.rawValue }
  var flags: UInt8 { payload == nil ? 0 : Entry.Flag.payload }

  /// Fills in an entry that has this content's kind, flags and inline length.
  func write(into entry: Entry) {
    if let payload {
      entry.payload = payload
    } else {
      unsafe memcpy(entry.inlineStart, inline.start, inline.count)
    }
  }
}

extension Decimal {
  /// Characters of `value`'s text.
  @usableFromInline static func characters(_ value: Int64) -> Int {
    digits(value.magnitude) + (value < 0 ? 1 : 0)
  }
}
