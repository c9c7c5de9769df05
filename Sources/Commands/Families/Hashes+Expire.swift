// Hashes+Expire.swift — when fields of hashes end.
//
// As with keys the record says HPEXPIREAT and an instant, or HDEL when that has passed, and names only the fields
// that were changed: a copy that replays it later meets no condition.
import Bytes
import Store
import Wire

extension Hashes {
  static func expireSeconds(_ execution: inout Execution) { expire(&execution, .seconds) }
  static func expireMilliseconds(_ execution: inout Execution) { expire(&execution, .milliseconds) }
  static func expireAtSeconds(_ execution: inout Execution) { expire(&execution, .instantSeconds) }
  static func expireAtMilliseconds(_ execution: inout Execution) { expire(&execution, .instantMilliseconds) }

  /// HEXPIRE key time condition … FIELDS n field …
  private static func expire(_ execution: inout Execution, _ unit: ExpirationUnit) {
    guard let keyword = execution.fieldsKeyword(from: 3) else { return execution.refuseFieldCount() }
    guard let conditions = execution.expiryConditions(in: 3..<keyword) else { return }
    guard let words = execution.fieldWords(at: keyword) else { return }
    guard let instant = execution.fieldExpiration(2, unit) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent:
      execution.reply.array(words.count)
      for _ in words { execution.reply.integer(FieldAnswer.absent) }
    case .found(let location):
      execution.reply.array(words.count)
      var changed: [Int] = []
      let hasPassed = instant <= execution.nowMilliseconds
      let database = execution.database
      for index in words {
        let field = execution.arguments[index]
        guard case .live(let current) = execution.fields(of: location).state(field) else {
          execution.reply.integer(FieldAnswer.absent)
          continue
        }
        guard conditions.areMet(by: instant, current) else {
          execution.reply.integer(FieldAnswer.unchanged)
          continue
        }
        if hasPassed {
          database.pointee.removeField(location, field)
        } else {
          database.pointee.setFieldExpiry(location, field, at: instant)
        }
        execution.reply.integer(hasPassed ? FieldAnswer.deleted : FieldAnswer.changed)
        changed.append(index)
      }
      end(&execution, key, location, changed, at: instant)
    }
  }

  /// Tells everybody that the fields which these words name end at `instant`, and are gone if that has passed.
  static func end(
    _ execution: inout Execution, _ key: ByteView, _ location: Location, _ words: [Int], at instant: Milliseconds
  ) {
    guard !words.isEmpty else { return }
    execution.changed(words.count)
    guard instant <= execution.nowMilliseconds else {
      execution.recordFieldExpiry(key, endsAt: instant, words)
      return execution.note(.hash, "hexpire", key)
    }
    execution.recordFieldDeletion(key, words)
    execution.noteEnded(key, fields: words.count)
    if HashView(location.entry).count == 0 { execution.removeEmptied(key, location) }
  }

  /// HPERSIST key FIELDS n field …
  static func persist(_ execution: inout Execution) {
    guard let words = execution.fieldWords(at: 2) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent:
      execution.reply.array(words.count)
      for _ in words { execution.reply.integer(FieldAnswer.absent) }
    case .found(let location):
      execution.reply.array(words.count)
      var changed: [Int] = []
      for index in words {
        switch execution.fields(of: location).state(execution.arguments[index]) {
        case .absent, .expired: execution.reply.integer(FieldAnswer.absent)
        case .live(nil): execution.reply.integer(FieldAnswer.endless)
        case .live:
          let database = execution.database
          database.pointee.clearFieldExpiry(location, execution.arguments[index])
          changed.append(index)
          execution.reply.integer(FieldAnswer.changed)
        }
      }
      stay(&execution, key, changed)
    }
  }

  /// Tells everybody that the fields which these words name do not end any more.
  static func stay(_ execution: inout Execution, _ key: ByteView, _ words: [Int]) {
    guard !words.isEmpty else { return }
    execution.changed(words.count)
    execution.recordFieldExpiry(key, endsAt: nil, words)
    execution.note(.hash, "hpersist", key)
  }

  // MARK: asking

  static func ttl(_ execution: inout Execution) { answer(&execution) { ($0 - $1).roundedSeconds } }
  static func ttlMilliseconds(_ execution: inout Execution) { answer(&execution) { $0 - $1 } }
  static func expireTime(_ execution: inout Execution) { answer(&execution) { instant, _ in instant.roundedSeconds } }
  static func expireTimeMilliseconds(_ execution: inout Execution) { answer(&execution) { instant, _ in instant } }

  /// Per field what `figure` makes of its expiry, which has not passed, and of now.
  private static func answer(_ execution: inout Execution, _ figure: (Milliseconds, Milliseconds) -> Int64) {
    guard let words = execution.fieldWords(at: 2, .syntax) else { return }
    switch execution.read(execution.arguments[1], as: .hash) {
    case .refused: return
    case .absent:
      execution.reply.array(words.count)
      for _ in words { execution.reply.integer(FieldAnswer.absent) }
    case .found(let location):
      let hash = execution.fields(of: location)
      execution.reply.array(words.count)
      for index in words {
        switch hash.state(execution.arguments[index]) {
        case .absent, .expired: execution.reply.integer(FieldAnswer.absent)
        case .live(nil): execution.reply.integer(FieldAnswer.endless)
        case .live(let instant?): execution.reply.integer(figure(instant, execution.nowMilliseconds))
        }
      }
    }
  }
}

/// What is answered for one field.
private enum FieldAnswer {
  static let absent: Int64 = -2
  static let endless: Int64 = -1
  static let unchanged: Int64 = 0
  static let changed: Int64 = 1
  static let deleted: Int64 = 2
}

extension Milliseconds {
  /// The nearest second; half of one is a whole one.
  fileprivate var roundedSeconds: Int64 { self / 1_000 + (self % 1_000 >= 500 ? 1 : 0) }
}
