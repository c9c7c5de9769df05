// RDBCursor.swift — reading a snapshot's primitives from the bytes that are here.
//
//   window:  ───────────────┬───────────────────────────┐┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┐
//                       position                        end   not here yet   whole snapshot, if known
//
// Nothing here believes a length: bytes that are not in the window are asked for, those that
// cannot come because the snapshot is shorter are an error, and memory is never taken for either.
import Bytes

/// Why reading stopped.
enum RDBStop: Error {
  /// The window must reach at least to this offset.
  case needs(UInt64)
  case failed(RDBFailure.Reason)
}

/// A length, or the form of a string that has none.
enum RDBLength: BitwiseCopyable {
  case count(UInt64)
  case form(UInt8)
}

/// A string as it stands in the window.
enum RDBString: BitwiseCopyable {
  case bytes(ByteView)
  case integer(Int64)
  /// Compressed: so many bytes of text.
  case compressed(ByteView, textCount: Int)
}

struct RDBCursor: BitwiseCopyable {
  let window: ByteView
  /// Offset in the window of the next byte.
  var position: Int
  /// Bytes of the snapshot from the window's beginning; `UInt64.max` if nobody knows.
  let limit: UInt64

  /// No machine holds a string of more bytes, so none is waited for.
  private static var lengthMax: UInt64 { 1 << 40 }

  var available: Int { window.count - position }

  mutating func byte() throws(RDBStop) -> UInt8 {
    guard position < window.count else { throw missing(1) }
    defer { position += 1 }
    return window[position]
  }

  /// The next `count` bytes.
  mutating func bytes(_ count: UInt64) throws(RDBStop) -> ByteView {
    guard count <= UInt64(available) else { throw missing(count) }
    let start = position
    position += Int(count)
    return window[start..<position]
  }

  /// What to say when the next `count` bytes are not all here.
  func missing(_ count: UInt64) -> RDBStop {
    guard count <= RDBCursor.lengthMax else { return .failed(.length) }
    let needed = UInt64(position) + count
    return needed > limit ? .failed(.truncated) : .needs(needed)
  }

  mutating func littleEndian<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) throws(RDBStop) -> Word {
    let bytes = try bytes(UInt64(MemoryLayout<Word>.size))
    return unsafe Word(littleEndian: bytes.start.loadUnaligned(as: Word.self))
  }

  mutating func bigEndian<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) throws(RDBStop) -> Word {
    let bytes = try bytes(UInt64(MemoryLayout<Word>.size))
    return unsafe Word(bigEndian: bytes.start.loadUnaligned(as: Word.self))
  }

  mutating func lengthOrForm() throws(RDBStop) -> RDBLength {
    let first = try byte()
    switch first >> 6 {
    case 0: return .count(UInt64(first))
    case 1: return .count(UInt64(first & 0x3F) << 8 | UInt64(try byte()))
    case 2:
      switch first {
      case 0x80: return .count(UInt64(try bigEndian(UInt32.self)))
      case 0x81: return .count(try bigEndian(UInt64.self))
      default: throw .failed(.length)
      }
    default: return .form(first & 0x3F)
    }
  }

  mutating func length() throws(RDBStop) -> UInt64 {
    guard case .count(let count) = try lengthOrForm() else { throw .failed(.length) }
    return count
  }

  /// A string that is in the window as a whole.
  mutating func string() throws(RDBStop) -> RDBString {
    switch try lengthOrForm() {
    case .count(let count): return .bytes(try bytes(count))
    case .form(let form): return try string(form: form)
    }
  }

  /// The rest of a string that has a form instead of a length.
  mutating func string(form: UInt8) throws(RDBStop) -> RDBString {
    switch form {
    case RDBStringForm.int8: return .integer(Int64(try littleEndian(Int8.self)))
    case RDBStringForm.int16: return .integer(Int64(try littleEndian(Int16.self)))
    case RDBStringForm.int32: return .integer(Int64(try littleEndian(Int32.self)))
    case RDBStringForm.compressed:
      let count = try length()
      let claimed = try length()
      guard count <= UInt64(UInt32.max), let textCount = Int(exactly: claimed), claimed <= UInt64(UInt32.max),
        LZF.canExpand(Int(count), to: claimed)
      else { throw .failed(.compression) }
      return .compressed(try bytes(count), textCount: textCount)
    default: throw .failed(.length)
    }
  }

  /// Passes over a string without looking at it; how many of its bytes lie beyond the window.
  mutating func passString() throws(RDBStop) -> UInt64 {
    var count: UInt64
    switch try lengthOrForm() {
    case .count(let bytes): count = bytes
    case .form(RDBStringForm.compressed):
      count = try length()
      guard LZF.canExpand(Int(min(count, 1 << 40)), to: try length()) else { throw .failed(.compression) }
    case .form(let form):
      _ = try string(form: form)
      return 0
    }
    if case .failed(let reason) = missing(count), count > UInt64(available) { throw .failed(reason) }
    let here = min(count, UInt64(available))
    position += Int(here)
    count -= here
    return count
  }
}
