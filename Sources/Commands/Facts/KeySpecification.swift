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
package struct KeySpecification: Sendable {
  package let begin: Begin
  package let find: Find
  package let flags: KeyFlags
  package let notes: String?

  package enum Begin: Sendable {
    case unknown
    case index(Int)
    /// Behind the keyword, which is looked for from word `from` on; backwards from the end if negative.
    case keyword(String, from: Int)
  }

  package enum Find: Sendable {
    case unknown
    /// Every `step`th word up to `last`, counted from the beginning of the run or, if negative, from the end
    /// of the request. With -1 a `limit` over 1 divides what is left by it.
    case range(last: Int, step: Int, limit: Int)
    /// A word `index` says how many keys there are; the first is word `first`.
    case counted(index: Int, first: Int, step: Int)
  }

  package init(_ begin: Begin, _ find: Find, _ flags: KeyFlags, notes: String? = nil) {
    self.begin = begin
    self.find = find
    self.flags = flags
    self.notes = notes
  }

  /// The one key at word `index`.
  package static func key(_ index: Int, _ flags: KeyFlags, notes: String? = nil) -> KeySpecification {
    KeySpecification(.index(index), .range(last: 0, step: 1, limit: 0), flags, notes: notes)
  }

  /// Keys from word `index` to the end, every `step`th.
  package static func keys(from index: Int, step: Int = 1, _ flags: KeyFlags) -> KeySpecification {
    KeySpecification(.index(index), .range(last: -1, step: step, limit: 0), flags)
  }

  /// As many keys as word `index` says, directly behind it.
  package static func counted(at index: Int, step: Int = 1, _ flags: KeyFlags) -> KeySpecification {
    KeySpecification(.index(index), .counted(index: 0, first: 1, step: step), flags)
  }

  /// The place does not depend on what the words say.
  package var isPositional: Bool {
    guard case .index = begin, case .range = find else { return false }
    return true
  }
}

/// What a command does with a key: the first four with the entry, the next four with what is in it.
package struct KeyFlags: OptionSet, Sendable {
  package let rawValue: UInt16
  @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Reads the value.
  package static let readOnly = KeyFlags(rawValue: 1 << 0)
  /// Changes the value in a way that depends on it.
  package static let readWrite = KeyFlags(rawValue: 1 << 1)
  /// Overwrites whatever is there.
  package static let overwrite = KeyFlags(rawValue: 1 << 2)
  /// Removes the entry.
  package static let remove = KeyFlags(rawValue: 1 << 3)
  /// Returns, copies or compares what the user stored.
  package static let access = KeyFlags(rawValue: 1 << 4)
  package static let update = KeyFlags(rawValue: 1 << 5)
  /// Adds without changing what is there.
  package static let insert = KeyFlags(rawValue: 1 << 6)
  package static let delete = KeyFlags(rawValue: 1 << 7)
  /// Names no key of the keyspace, but belongs to a slot as a key does.
  package static let notKey = KeyFlags(rawValue: 1 << 8)
  /// Does not find all keys that it should.
  package static let incomplete = KeyFlags(rawValue: 1 << 9)
  /// The flags depend on other words.
  package static let variableFlags = KeyFlags(rawValue: 1 << 10)

  package static let names: [StaticString] = [
    "RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
  ]
}

/// The legacy triple of COMMAND INFO: first and last key and the step between them; zeros if there is none.
package struct KeyRange: Equatable, Sendable {
  package var first = 0
  package var last = 0
  package var step = 0

  /// What can be said of `specifications` in three numbers: runs of single keys that follow each other count as one.
  package init(_ specifications: [KeySpecification]) {
    if specifications.count == 1, case .index(let begin) = specifications[0].begin,
      case .range(let end, let stride, _) = specifications[0].find
    {
      (first, last, step) = (begin, end >= 0 ? begin + end : end, stride)
      return
    }
    var previous = 0
    for specification in specifications {
      guard case .index(let begin) = specification.begin, case .range(let end, 1, _) = specification.find else { continue }
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
