// Strings+Set.swift — SET, and what is a SET in fewer words.
import Bytes
import Store
import Wire

extension Execution {
  /// Puts word `valueIndex` at `key`, whatever is there. A word in memory of its own is taken over, not copied.
  mutating func store(_ key: ByteView, valueIndex: Int, _ expiry: ExpiryChange) {
    let hash = hash(of: key)
    store(key, hash, at: find(key, hash), valueIndex: valueIndex, expiry)
  }

  /// The same where the key has been looked up already.
  mutating func store(
    _ key: ByteView, _ hash: KeyHash, at location: Location?, valueIndex: Int, _ expiry: ExpiryChange
  ) {
    changed()
    let blob = takeBlob(valueIndex)
    guard let location else {
      var instant: Milliseconds?
      if case .at(let given) = expiry { instant = given }
      if let blob {
        database.pointee.insert(key, hash, adopting: blob, expiry: instant)
      } else {
        database.pointee.insert(key, hash, string: arguments[valueIndex], expiry: instant)
      }
      return note(.new, "new", key)
    }
    if location.entry.isLarge && rules.lazyFreeOnOverwrite {
      let (database, graveyard) = (database, graveyard)
      database.pointee.emptyValue(location, into: &graveyard.pointee)
    }
    if let blob {
      database.pointee.overwrite(location, adopting: blob, expiry: expiry)
    } else {
      database.pointee.overwrite(location, string: arguments[valueIndex], expiry: expiry)
    }
  }
}

extension Strings {
  static func set(_ execution: inout Execution) {
    // The plain form is most of all SETs there are.
    if execution.arguments.count == 3 { return setPlainly(&execution) }
    guard let options = execution.stringOptions(from: 3, .set) else { return }
    set(&execution, options, valueIndex: 2)
  }

  private static func setPlainly(_ execution: inout Execution) {
    let key = execution.arguments[1]
    execution.store(key, valueIndex: 2, .clear)
    execution.note(.string, "set", key)
    execution.reply.ok()
  }

  private static func set(_ execution: inout Execution, _ options: StringOptions, valueIndex: Int) {
    let key = execution.arguments[1]
    var expiry = ExpiryChange.clear
    if options.expiry == .keep { expiry = .keep }
    if case .given(let unit) = options.expiry {
      guard let instant = execution.positiveExpiration(options.expiryIndex, unit) else { return }
      expiry = .at(instant)
    }
    if options.returnsOld { guard execution.answerString(at: key) else { return } }
    let hash = execution.hash(of: key)
    let location = execution.find(key, hash)
    guard let isMet = isMet(options, location, &execution) else { return }
    guard isMet else { return options.returnsOld ? () : execution.reply.null() }
    execution.store(key, hash, at: location, valueIndex: valueIndex, expiry)
    execution.note(.string, "set", key)
    if case .at(let instant) = expiry {
      execution.note(.generic, "expire", key)
      execution.recordSet(key, valueIndex: valueIndex, instant)
    } else if options.returnsOld || options.condition == .equal {
      execution.recordUnconditionally(key, valueIndex: valueIndex, keepsExpiry: options.expiry == .keep)
    }
    if !options.returnsOld { execution.reply.ok() }
  }

  /// Whether the condition holds; nil after WRONGTYPE.
  private static func isMet(_ options: StringOptions, _ location: Location?, _ execution: inout Execution) -> Bool? {
    switch options.condition {
    case .none: return true
    case .absent: return location == nil
    case .present: return location != nil
    case .equal:
      guard let location else { return false }
      guard location.entry.isString else {
        // GET has answered the same error before it came to this.
        execution.refuseType()
        return nil
      }
      return location.entry.holds(execution.arguments[options.comparisonIndex])
    }
  }

  static func setIfAbsent(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let hash = execution.hash(of: key)
    guard execution.find(key, hash) == nil else { return execution.reply.integer(0) }
    execution.store(key, hash, at: nil, valueIndex: 2, .clear)
    execution.note(.string, "set", key)
    execution.reply.integer(1)
  }

  static func setExpiringSeconds(_ execution: inout Execution) { setExpiring(&execution, .seconds) }

  static func setExpiringMilliseconds(_ execution: inout Execution) { setExpiring(&execution, .milliseconds) }

  private static func setExpiring(_ execution: inout Execution, _ unit: ExpirationUnit) {
    var options = StringOptions()
    options.expiry = .given(unit)
    options.expiryIndex = 2
    set(&execution, options, valueIndex: 3)
  }

  static func deleteIfEqual(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let location = execution.find(key) else { return execution.reply.integer(0) }
    guard location.entry.isString else { return execution.refuseType() }
    guard location.entry.holds(execution.arguments[2]) else { return execution.reply.integer(0) }
    execution.remove(location)
    execution.changed()
    execution.recordDeletion(key)
    execution.note(.generic, "del", key)
    execution.reply.integer(1)
  }

  /// With GET the old value is read, without it only overwritten. For COMMAND GETKEYSANDFLAGS.
  static let keyOfSet: KeyFinder = { arguments in
    guard arguments.count > 2 else { return nil }
    let reads = (3..<arguments.count).contains { arguments[$0].equalsIgnoringCase("get") }
    return [KeyReference(position: 1, flags: reads ? [.readWrite, .access, .update] : [.overwrite, .update])]
  }
}

extension Execution {
  /// A SET that answered or compared is recorded as one that does not.
  fileprivate mutating func recordUnconditionally(_ key: ByteView, valueIndex: Int, keepsExpiry: Bool) {
    guard keepsExpiry else { return recordSet(key, valueIndex: valueIndex) }
    effects.beginRecord(words: 4)
    effects.word("SET")
    effects.word(key)
    effects.word(arguments[valueIndex])
    effects.word("KEEPTTL")
  }
}

extension Entry {
  /// Whether this string is exactly `bytes`. An integer equals its canonical text only.
  public func holds(_ other: ByteView) -> Bool { isInteger ? other.int64 == integer : bytes == other }
}
