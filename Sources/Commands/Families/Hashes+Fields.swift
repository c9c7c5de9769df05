// Hashes+Fields.swift — setting fields and taking them out.
//
// A field whose time has come is one that is not there, though its memory may be: who sets it makes a new one. What is
// recorded must not depend on that, because no time passes while a log is read: an HSETNX that found such a
// field is recorded as HSET, an HDEL by what it took out.
import Bytes
import Store
import Wire

extension Execution {
  /// The hash at word 1 for a change, made if it is not there. Nil after WRONGTYPE.
  mutating func hashToChange() -> Location? {
    let key = arguments[1]
    switch find(key, as: .hash) {
    case .refused: return nil
    case .found(let location): return location
    case .absent:
      let location = database.pointee.insertHash(key, hash(of: key), rules.encodings)
      note(.new, "new", key)
      return location
    }
  }
}

extension Hashes {
  static func set(_ execution: inout Execution) {
    guard let added = setFields(&execution) else { return }
    execution.reply.integer(added)
  }

  static func setSeveral(_ execution: inout Execution) {
    guard setFields(&execution) != nil else { return }
    execution.reply.ok()
  }

  /// Sets what words 2 and following say; how many fields are new. Nil after an error.
  private static func setFields(_ execution: inout Execution) -> Int? {
    guard execution.arguments.count % 2 == 0 else {
      execution.refuseArity()
      return nil
    }
    guard var location = execution.hashToChange() else { return nil }
    let (database, limits) = (execution.database, execution.rules.encodings)
    let key = execution.arguments[1]
    execution.lock(key, location)
    let isVolatile = location.entry.hasVolatileFields
    var added = 0
    var ended = 0
    for index in stride(from: 2, to: execution.arguments.count, by: 2) {
      guard execution.mayGoOnChanging(after: 4) else { return nil }
      location = execution.located(key, location)
      let field = execution.arguments[index]
      if isVolatile && execution.fields(of: location).state(field) == .expired { ended += 1 }
      if database.pointee.setField(location, field, execution.arguments[index + 1], limits) { added += 1 }
    }
    execution.changed((execution.arguments.count - 2) / 2)
    execution.noteEnded(key, fields: ended)
    execution.note(.hash, "hset", key)
    return added + ended
  }

  static func setIfAbsent(_ execution: inout Execution) {
    guard let location = execution.hashToChange() else { return }
    let (key, field) = (execution.arguments[1], execution.arguments[2])
    let state = execution.fields(of: location).state(field)
    if case .live = state { return execution.reply.integer(0) }
    let database = execution.database
    database.pointee.setField(location, field, execution.arguments[3], execution.rules.encodings)
    execution.changed()
    if state == .expired {
      execution.noteEnded(key, fields: 1)
      execution.recordField(key, field, execution.arguments[3], endsAt: nil)
    }
    execution.note(.hash, "hset", key)
    execution.reply.integer(1)
  }

  static func delete(_ execution: inout Execution) {
    let key = execution.arguments[1]
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(let location):
      execution.lock(key, location)
      guard let deleted = delete(&execution, key, location) else { return }
      execution.reply.integer(deleted)
    }
  }

  /// Takes the fields that words 2 and following name out, and the hash with the last of them; how many were there.
  /// Nil: nobody wants to know any more.
  private static func delete(_ execution: inout Execution, _ key: ByteView, _ location: Location) -> Int? {
    if location.entry.hasVolatileFields { return deleteLive(&execution, key, location) }
    let database = execution.database
    var location = location
    var deleted = 0
    var isEmpty = false
    for index in 2..<execution.arguments.count where !isEmpty {
      guard execution.mayGoOnChanging(after: 4) else { return nil }
      location = execution.located(key, location)
      guard database.pointee.removeField(location, execution.arguments[index]) else { continue }
      deleted += 1
      isEmpty = HashView(location.entry).count == 0
    }
    guard deleted > 0 else { return 0 }
    execution.changed(deleted)
    execution.note(.hash, "hdel", key)
    if isEmpty { execution.removeEmptied(key, location) }
    return deleted
  }

  /// The same among fields of which some may have ended.
  private static func deleteLive(_ execution: inout Execution, _ key: ByteView, _ location: Location) -> Int? {
    let database = execution.database
    var location = location
    var gone: [Int] = []
    for index in 2..<execution.arguments.count {
      guard execution.mayGoOnChanging(after: 4) else { return nil }
      location = execution.located(key, location)
      let field = execution.arguments[index]
      guard execution.fields(of: location).contains(field) else { continue }
      database.pointee.removeField(location, field)
      gone.append(index)
    }
    guard !gone.isEmpty else { return 0 }
    execution.changed(gone.count)
    execution.recordFieldDeletion(key, gone)
    execution.note(.hash, "hdel", key)
    if HashView(location.entry).count == 0 { execution.removeEmptied(key, location) }
    return gone.count
  }

  /// HGETDEL key FIELDS n field …: recorded as the HDEL of what was there.
  static func getDelete(_ execution: inout Execution) {
    guard let words = execution.fieldWords(at: 2) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent: execution.replyNulls(words.count)
    case .found(let location):
      // A field that is named twice is there once.
      execution.reply.array(words.count)
      let database = execution.database
      var gone: [Int] = []
      for index in words {
        guard let value = execution.fields(of: location).value(execution.arguments[index]) else {
          execution.reply.null()
          continue
        }
        execution.reply.bulk(value)
        database.pointee.removeField(location, execution.arguments[index])
        gone.append(index)
      }
      guard !gone.isEmpty else { return }
      execution.changed(gone.count)
      execution.recordFieldDeletion(key, gone)
      execution.note(.hash, "hdel", key)
      if HashView(location.entry).count == 0 { execution.removeEmptied(key, location) }
    }
  }
}
