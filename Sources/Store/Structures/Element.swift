// Element.swift: one element of a collection, as it is kept.
//
// Packed collections keep what is the canonical text of an integer as the integer. Whoever reads them gets it
// as such, because most who do (replies, comparisons, snapshots) need no text made of it.
import Bytes
import CAllocator

/// Bytes in a collection, or a number whose decimal text is meant. Good until the collection changes.
public enum Element: BitwiseCopyable {
  case bytes(ByteView)
  case integer(Int64)

  /// What a packed collection makes of `text`: the integer if it is canonical.
  public init(packing text: ByteView) {
    if let value = text.int64 { self = .integer(value) } else { self = .bytes(text) }
  }

  /// Lends the element's text.
  @inlinable public func withView<Result>(_ body: (ByteView) -> Result) -> Result {
    switch self {
    case .bytes(let bytes): body(bytes)
    case .integer(let value): DecimalText(value).withView(body)
    }
  }

  /// Length of the text in bytes.
  public var count: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .integer(let value): Decimal.characters(value)
    }
  }

  /// The integer of which the text is the canonical form.
  public var int64: Int64? {
    switch self {
    case .bytes(let bytes): bytes.int64
    case .integer(let value): value
    }
  }

  public func equals(_ text: ByteView) -> Bool {
    switch self {
    case .bytes(let bytes): bytes == text
    case .integer(let value): text.int64 == value
    }
  }

  /// A copy that lives on its own.
  public func copied() -> Blob { Blob(adopting: withView { BlobReference.copy(of: $0) }) }
}

/// A text that is looked for in packed collections: compared with integers as one, with bytes as bytes.
struct Needle: BitwiseCopyable {
  let text: ByteView
  let integer: Int64?

  init(_ text: ByteView) {
    self.text = text
    integer = text.int64
  }

  @inline(__always) func matches(_ element: Element) -> Bool {
    switch element {
    case .bytes(let bytes): bytes.count == text.count && (unsafe memcmp(bytes.start, text.start, text.count)) == 0
    case .integer(let value): value == integer
    }
  }
}
