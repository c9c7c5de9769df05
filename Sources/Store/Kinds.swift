// Kinds.swift: what a value is, and how it is kept.
//
// Both numbers share the first byte of an entry's header. The names are those that TYPE and
// OBJECT ENCODING answer, because clients, DUMP payloads and snapshots see them.

/// What TYPE answers.
public enum ValueType: UInt8, Sendable, CaseIterable {
  case string = 0, list, set, sortedSet, hash, stream

  public var name: StaticString {
    switch self {
    case .string: "string"
    case .list: "list"
    case .set: "set"
    case .sortedSet: "zset"
    case .hash: "hash"
    case .stream: "stream"
    }
  }
}

/// How a value is kept: what OBJECT ENCODING answers, but for small lists and sets (`encoding-names`).
public enum Encoding: UInt8, Sendable, CaseIterable {
  /// A string that was changed in place, or is longer than 44 bytes.
  case raw = 0
  /// The canonical text of a 64-bit integer, kept as the integer.
  case int
  /// A string of at most 44 bytes.
  case embstr
  case listpack, quicklist, intset, hashtable, skiplist, stream

  public var name: StaticString {
    switch self {
    case .raw: "raw"
    case .int: "int"
    case .embstr: "embstr"
    case .listpack: "listpack"
    case .quicklist: "quicklist"
    case .intset: "intset"
    case .hashtable: "hashtable"
    case .skiplist: "skiplist"
    case .stream: "stream"
    }
  }

  /// The longest string, in bytes, that reports `embstr`.
  @inlinable public static var embstrBytesMax: Int { 44 }
  /// Longer strings are never kept in their entries.
  public static var inlineBytesMax: Int { EntryShape.inlineBytesMax }
}

/// How a new string chooses its encoding.
public enum StringForm: Sendable {
  /// `int` if the bytes are canonical, else by length: what SET does.
  case automatic
  /// By length, never `int`: what INCRBYFLOAT leaves.
  case text
  /// `raw` whatever the length: what SETRANGE, SETBIT and APPEND leave.
  case raw
}

/// What overwriting a value does with the key's expiry.
public enum ExpiryChange: Sendable {
  case keep
  case clear
  /// In milliseconds since 1970.
  case at(Milliseconds)

  /// The instant that is set, or nil.
  var instant: Milliseconds? {
    guard case .at(let instant) = self else { return nil }
    return instant
  }
}
