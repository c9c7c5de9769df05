// KeySpecification.swift — where the keys of a request stand.
//
//     SET  key  value            begin: index 1          find: 1 word
//     MSET k v k v               begin: index 1          find: to the end, every second
//     ZUNION 2  k k  WEIGHTS …   begin: index 1          find: as many as word 0 says, from word 1
//     XREAD … STREAMS k k id id  begin: keyword STREAMS  find: the first half of the rest
//
// First the place is found where a run of keys begins, then how far the run goes. Both are
// counted in words; ranges are relative to where the run begins.

/// One run of keys and what the command does with them.
public struct KeySpecification: Sendable {
  public let begin: Begin
  public let find: Find
  public let flags: KeyFlags
  public let notes: String?

  public enum Begin: Sendable {
    case unknown
    case index(Int)
    /// Behind the keyword, which is looked for from word `from` on; backwards from the end if negative.
    case keyword(String, from: Int)
  }

  public enum Find: Sendable {
    case unknown
    /// Every `step`th word up to `last`, counted from the beginning of the run or, if negative, from the end
    /// of the request. With -1 a `limit` over 1 divides what is left by it.
    case range(last: Int, step: Int, limit: Int)
    /// A word `index` says how many keys there are; the first is word `first`.
    case counted(index: Int, first: Int, step: Int)
  }

  public init(_ begin: Begin, _ find: Find, _ flags: KeyFlags, notes: String? = nil) {
    self.begin = begin
    self.find = find
    self.flags = flags
    self.notes = notes
  }

  /// The one key at word `index`.
  public static func key(_ index: Int, _ flags: KeyFlags, notes: String? = nil) -> KeySpecification {
    KeySpecification(.index(index), .range(last: 0, step: 1, limit: 0), flags, notes: notes)
  }

  /// Keys from word `index` to the end, every `step`th.
  public static func keys(from index: Int, step: Int = 1, _ flags: KeyFlags) -> KeySpecification {
    KeySpecification(.index(index), .range(last: -1, step: step, limit: 0), flags)
  }

  /// As many keys as word `index` says, directly behind it.
  public static func counted(at index: Int, step: Int = 1, _ flags: KeyFlags) -> KeySpecification {
    KeySpecification(.index(index), .counted(index: 0, first: 1, step: step), flags)
  }

  /// The place does not depend on what the words say.
  public var isPositional: Bool {
    guard case .index = begin, case .range = find else { return false }
    return true
  }
}

/// What a command does with a key: the first four with the entry, the next four with what is in it.
public struct KeyFlags: OptionSet, Sendable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Reads the value.
  public static let readOnly = KeyFlags(rawValue: 1 << 0)
  /// Changes the value in a way that depends on it.
  public static let readWrite = KeyFlags(rawValue: 1 << 1)
  /// Overwrites whatever is there.
  public static let overwrite = KeyFlags(rawValue: 1 << 2)
  /// Removes the entry.
  public static let remove = KeyFlags(rawValue: 1 << 3)
  /// Returns, copies or compares what the user stored.
  public static let access = KeyFlags(rawValue: 1 << 4)
  public static let update = KeyFlags(rawValue: 1 << 5)
  /// Adds without changing what is there.
  public static let insert = KeyFlags(rawValue: 1 << 6)
  public static let delete = KeyFlags(rawValue: 1 << 7)
  /// Names no key of the keyspace, but belongs to a slot as a key does.
  public static let notKey = KeyFlags(rawValue: 1 << 8)
  /// Does not find all keys that it should.
  public static let incomplete = KeyFlags(rawValue: 1 << 9)
  /// The flags depend on other words.
  public static let variableFlags = KeyFlags(rawValue: 1 << 10)

  public static let names: [StaticString] = [
    "RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
  ]
}

/// The legacy triple of COMMAND INFO: first and last key and the step between them; zeros if there is none.
public struct KeyRange: Equatable, Sendable {
  public var first = 0
  public var last = 0
  public var step = 0

  /// What can be said of `specifications` in three numbers: runs of single keys that follow each other count as one.
  public init(_ specifications: [KeySpecification]) {
    if specifications.count == 1, case .index(let begin) = specifications[0].begin,
      case .range(let end, let stride, _) = specifications[0].find
    {
      (first, last, step) = (begin, end >= 0 ? begin + end : end, stride)
      return
    }
    var previous = 0
    for specification in specifications {
      guard case .index(let begin) = specification.begin, case .range(let end, 1, _) = specification.find else {
        continue
      }
      guard previous == 0 || previous == begin - 1 else { continue }
      let absolute = end >= 0 ? begin + end : end
      if first == 0 || begin < first { first = begin }
      // A negative end reaches further than any other.
      if last >= 0 && (absolute < 0 || absolute > last) { last = absolute }
      previous = absolute
      step = 1
    }
  }
}
