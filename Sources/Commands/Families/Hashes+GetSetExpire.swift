// Hashes+GetSetExpire.swift — HSETEX and HGETEX: fields and their time together.
//
// What is recorded has no condition and no time from now. Under KEEPTTL a field that had ended gets no time, while
// a log that is replayed would find the old one: it is recorded as an HSET of its own, before the others.
import Bytes
import Store
import Wire

extension Hashes {
  // MARK: HGETEX

  /// HGETEX key time FIELDS n field …
  static func getExpire(_ execution: inout Execution) {
    guard let keyword = execution.fieldsKeyword(from: 2) else { return execution.refuseFieldCount() }
    guard let options = execution.stringOptions(from: 2, to: keyword, .getExpire) else { return }
    guard let words = execution.fieldWords(at: keyword) else { return }
    let key = execution.arguments[1]
    let found = execution.read(key, as: .hash)
    if case .refused = found { return }
    var instant: Milliseconds?
    if case .given(let unit) = options.expiry {
      guard let given = execution.fieldExpiration(options.expiryIndex, unit) else { return }
      instant = given
    }
    guard case .found(let location) = found else { return execution.replyNulls(words.count) }
    execution.reply.array(words.count)
    let database = execution.database
    var changed: [Int] = []
    for index in words {
      let field = execution.arguments[index]
      guard let value = execution.fields(of: location).value(field) else {
        execution.reply.null()
        continue
      }
      execution.reply.bulk(value)
      if let instant {
        if instant <= execution.nowMilliseconds {
          database.pointee.removeField(location, field)
        } else {
          database.pointee.setFieldExpiry(location, field, at: instant)
        }
        changed.append(index)
      } else if options.expiry == .persist && database.pointee.clearFieldExpiry(location, field) {
        changed.append(index)
      }
    }
    if let instant { end(&execution, key, location, changed, at: instant) } else { stay(&execution, key, changed) }
  }

  // MARK: HSETEX

  /// HSETEX key condition time FIELDS n field value …
  static func setExpire(_ execution: inout Execution) {
    guard let keyword = execution.fieldsKeyword(from: 2) else { return execution.refuseFieldCount() }
    guard let options = execution.stringOptions(from: 2, to: keyword, .setFields) else { return }
    guard let pairs = pairWords(&execution, keyword) else { return }
    let key = execution.arguments[1]
    var existing: Location?
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent: break
    case .found(let location): existing = location
    }
    if options.condition == (existing == nil ? .present : .absent) { return execution.reply.integer(0) }
    var instant: Milliseconds?
    if case .given(let unit) = options.expiry {
      guard let given = execution.fieldExpiration(options.expiryIndex, unit) else { return }
      instant = given
    }
    guard areMet(options.fieldCondition, existing, pairs, &execution) else { return execution.reply.integer(0) }
    execution.reply.integer(1)
    if let instant, instant <= execution.nowMilliseconds {
      return setEnded(&execution, key, existing, pairs, at: instant)
    }
    guard let location = existing ?? execution.hashToChange() else { return }
    set(&execution, key, location, pairs, options.expiry == .keep ? .keep : instant.map { .at($0) } ?? .clear)
  }

  /// Where the fields stand, each with its value behind it. Answers the error and nil.
  private static func pairWords(_ execution: inout Execution, _ keyword: Int) -> [Int]? {
    guard let number = execution.integer(keyword + 1) else { return nil }
    let count = execution.arguments.count - keyword - 2
    let (wanted, overflow) = number.multipliedReportingOverflow(by: 2)
    guard number > 0 && !overflow && wanted == Int64(count) else {
      execution.refuseFieldCount()
      return nil
    }
    return Array(stride(from: keyword + 2, to: execution.arguments.count, by: 2))
  }

  /// Whether all fields are there, or none is, as the condition wants it.
  private static func areMet(
    _ condition: StringOptions.Condition, _ location: Location?, _ pairs: [Int], _ execution: inout Execution
  ) -> Bool {
    guard condition != .none else { return true }
    guard let location else { return condition == .absent }
    let hash = execution.fields(of: location)
    for index in pairs where hash.contains(execution.arguments[index]) != (condition == .present) { return false }
    return true
  }

  private static func set(
    _ execution: inout Execution, _ key: ByteView, _ location: Location, _ pairs: [Int], _ expiry: ExpiryChange
  ) {
    let (database, limits) = (execution.database, execution.rules.encodings)
    var others: [Int] = []
    var ended: [Int] = []
    for index in pairs {
      let field = execution.arguments[index]
      let hasEnded = execution.fields(of: location).state(field) == .expired
      var change = expiry
      if hasEnded, case .keep = expiry { change = .clear }
      database.pointee.setField(location, field, execution.arguments[index + 1], limits, expiry: change)
      if hasEnded { ended.append(index) } else { others.append(index) }
    }
    execution.changed(ended.count + others.count)
    execution.noteEnded(key, fields: ended.count)
    execution.note(.hash, "hset", key)
    switch expiry {
    case .clear:
      execution.recordPairs(key, pairs)
    case .at(let instant):
      execution.recordPairs(key, pairs, "PXAT", instant)
      execution.note(.hash, "hexpire", key)
    case .keep:
      if !ended.isEmpty { execution.recordPairs(key, ended) }
      if !others.isEmpty { execution.recordPairs(key, others, "KEEPTTL") }
    }
  }

  /// The fields are set and end at once: they are gone afterwards, and a hash that was not there was never made.
  private static func setEnded(
    _ execution: inout Execution, _ key: ByteView, _ existing: Location?, _ pairs: [Int],
    at instant: Milliseconds
  ) {
    let database = execution.database
    var gone: [Int] = []
    if let existing {
      for index in pairs where database.pointee.removeField(existing, execution.arguments[index]) { gone.append(index) }
    } else {
      execution.note(.new, "new", key)
    }
    if !gone.isEmpty {
      execution.changed(gone.count)
      execution.recordFieldDeletion(key, gone)
    }
    execution.note(.hash, "hset", key)
    execution.note(.hash, "hexpire", key)
    execution.noteEnded(key, fields: pairs.count)
    guard let existing else { return execution.note(.generic, "del", key) }
    if HashView(existing.entry).count == 0 { execution.removeEmptied(key, existing) }
  }
}

extension Execution {
  /// HSET of fields and values; HSETEX with an option: PXAT and its instant, or KEEPTTL.
  fileprivate mutating func recordPairs(
    _ key: ByteView, _ words: [Int], _ option: StaticString? = nil, _ instant: Milliseconds? = nil
  ) {
    let optionWords = option == nil ? 0 : instant == nil ? 3 : 4
    effects.beginRecord(words: 2 + optionWords + 2 * words.count)
    effects.word(option == nil ? "HSET" : "HSETEX")
    effects.word(key)
    if let option {
      effects.word(option)
      if let instant { effects.word(instant) }
      effects.word("FIELDS")
      effects.word(Int64(words.count))
    }
    for index in words {
      effects.word(arguments[index])
      effects.word(arguments[index + 1])
    }
  }
}
