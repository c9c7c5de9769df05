// Hashes+Ended.swift — fields whose time has come: who sees them, who takes them out, what is recorded of that.
//
//     HEXPIRE h 10 FIELDS 1 f     HPEXPIREAT h <instant> FIELDS 1 f     its time has come    HDEL h f
//     HSETEX h EX 10 FIELDS …     HSETEX h PXAT <instant> FIELDS …      HGETEX h PERSIST …   HPERSIST h FIELDS 1 f
//
// No client sees such a field; it stays until the sweep between requests takes it out or somebody sets it anew.
import Bytes
import Store
import Wire

extension Execution {
  /// The hash at `location` as clients see it now.
  func fields(of location: Location) -> HashView {
    var hash = HashView(location.entry)
    if hash.hasVolatileFields { hash.now = nowMilliseconds }
    return hash
  }

  /// So many fields that had ended, or were made to, are gone.
  mutating func noteEnded(_ key: ByteView, fields count: Int) {
    guard count > 0 else { return }
    tallies.expiredFields &+= UInt64(count)
    note(.hash, "hexpired", key)
  }

  // MARK: words

  /// What is told of a number of fields that is none, or not that of the words behind it.
  enum FieldCountComplaint { case number, syntax }

  /// The words behind `FIELDS n` at word `index`, which end the request. Answers the error and nil.
  mutating func fieldWords(at index: Int, _ complaint: FieldCountComplaint = .number) -> Range<Int>? {
    guard arguments[index].equalsIgnoringCase("fields") else {
      refuseSyntax()
      return nil
    }
    guard let number = integer(index + 1) else { return nil }
    guard number > 0 && number == Int64(arguments.count - index - 2) else {
      if complaint == .syntax { refuseSyntax() } else { refuseFieldCount() }
      return nil
    }
    return index + 2..<arguments.count
  }

  func refuseFieldCount() {
    reply.error("ERR numfields should be greater than 0 and match the provided number of fields")
  }

  /// The word FIELDS, looked for from word `start` on, with a word behind it; nil if there is none.
  func fieldsKeyword(from start: Int) -> Int? {
    for index in start..<max(start, arguments.count - 1) where arguments[index].equalsIgnoringCase("fields") {
      return index
    }
    return nil
  }

  func replyNulls(_ count: Int) {
    reply.array(count)
    for _ in 0..<count { reply.null() }
  }

  // MARK: records

  /// HDEL of the fields that these words name.
  mutating func recordFieldDeletion(_ key: ByteView, _ words: [Int]) {
    effects.beginRecord(words: 2 + words.count)
    effects.word("HDEL")
    effects.word(key)
    for index in words { effects.word(arguments[index]) }
  }

  /// HPEXPIREAT of the fields that these words name, or HPERSIST.
  mutating func recordFieldExpiry(_ key: ByteView, endsAt instant: Milliseconds?, _ words: [Int]) {
    effects.beginRecord(words: (instant == nil ? 4 : 5) + words.count)
    effects.word(instant == nil ? "HPERSIST" : "HPEXPIREAT")
    effects.word(key)
    if let instant { effects.word(instant) }
    effects.word("FIELDS")
    effects.word(Int64(words.count))
    for index in words { effects.word(arguments[index]) }
  }

  /// HSET of a field, or HSETEX if it ends.
  mutating func recordField(_ key: ByteView, _ field: ByteView, _ value: ByteView, endsAt instant: Milliseconds?) {
    effects.beginRecord(words: instant == nil ? 4 : 8)
    effects.word(instant == nil ? "HSET" : "HSETEX")
    effects.word(key)
    if let instant {
      effects.word("PXAT")
      effects.word(instant)
      effects.word("FIELDS")
      effects.word(1)
    }
    effects.word(field)
    effects.word(value)
  }

  /// The value of a field that a pattern of SORT leads to.
  mutating func fieldForSort(_ location: Location, _ field: ByteView) -> Element? {
    let hash = fields(of: location)
    if hash.hasVolatileFields && hash.state(field) == .expired { hasMetEndedField = true }
    return hash.value(field)
  }

  // MARK: between requests

  /// Looks for fields that have ended in one database: at most about `examinedMax` hashes, buckets and fields, those
  /// first that were due first; none if nothing is due. The removals are in `effects.records` afterwards.
  public mutating func expireFieldSlice(
    database index: Int, now: Milliseconds, examinedMax: Int
  ) -> (examined: Int, expired: Int) {
    var slice = FieldSlice(budget: examinedMax)
    let database = databases + index
    while let location = database.pointee.nextExpiredFields(&slice, now: now) {
      removeEnded(slice.names, location, databaseIndex: index)
    }
    return (slice.examined, slice.expired)
  }

  private mutating func removeEnded(_ names: [ByteView], _ location: Location, databaseIndex: Int) {
    let database = databases + databaseIndex
    let graveyard = graveyard
    let key = location.entry.key
    effects.beginPrelude(words: 2 + names.count)
    effects.word("HDEL")
    effects.word(key)
    for name in names { effects.word(name) }
    effects.expires(key, database: databaseIndex)
    tallies.expiredFields &+= UInt64(names.count)
    events.note(.hash, "hexpired", key, database: databaseIndex)
    for name in names { database.pointee.removeField(location, name) }
    guard HashView(location.entry).count == 0 else { return }
    events.note(.generic, "del", key, database: databaseIndex)
    database.pointee.remove(location, into: &graveyard.pointee)
  }
}
