// Hashes+Fields.swift — setting fields and taking them out.
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
    guard let location = execution.hashToChange() else { return nil }
    let (database, limits) = (execution.database, execution.rules.encodings)
    var added = 0
    for index in stride(from: 2, to: execution.arguments.count, by: 2)
    where database.pointee.setField(location, execution.arguments[index], execution.arguments[index + 1], limits) {
      added += 1
    }
    execution.changed((execution.arguments.count - 2) / 2)
    execution.note(.hash, "hset", execution.arguments[1])
    return added
  }

  static func setIfAbsent(_ execution: inout Execution) {
    guard let location = execution.hashToChange() else { return }
    let field = execution.arguments[2]
    guard !HashView(location.entry).contains(field) else { return execution.reply.integer(0) }
    let database = execution.database
    database.pointee.setField(location, field, execution.arguments[3], execution.rules.encodings)
    execution.changed()
    execution.note(.hash, "hset", execution.arguments[1])
    execution.reply.integer(1)
  }

  static func delete(_ execution: inout Execution) {
    let key = execution.arguments[1]
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(let location):
      let deleted = delete(&execution, key, location, 2..<execution.arguments.count)
      execution.reply.integer(deleted)
    }
  }

  /// Takes the fields that words `range` name out, and the hash with the last of them; how many were there.
  private static func delete(
    _ execution: inout Execution, _ key: ByteView, _ location: Location, _ range: Range<Int>
  ) -> Int {
    let database = execution.database
    var deleted = 0
    var isEmpty = false
    for index in range where !isEmpty && database.pointee.removeField(location, execution.arguments[index]) {
      deleted += 1
      isEmpty = HashView(location.entry).count == 0
    }
    guard deleted > 0 else { return 0 }
    execution.changed(deleted)
    execution.note(.hash, "hdel", key)
    if isEmpty { execution.removeEmptied(key, location) }
    return deleted
  }

  /// HGETDEL key FIELDS n field …: recorded as the HDEL of what was there.
  static func getDelete(_ execution: inout Execution) {
    guard let fields = execution.fieldWords(at: 2) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .hash) {
    case .refused: return
    case .absent:
      execution.reply.array(fields.count)
      for _ in fields { execution.reply.null() }
    case .found(let location):
      // A field that is named twice is there once.
      execution.reply.array(fields.count)
      let database = execution.database
      var gone: [Int] = []
      for index in fields {
        guard let value = HashView(location.entry).value(execution.arguments[index]) else {
          execution.reply.null()
          continue
        }
        execution.reply.bulk(value)
        database.pointee.removeField(location, execution.arguments[index])
        gone.append(index)
      }
      guard !gone.isEmpty else { return }
      execution.changed(gone.count)
      execution.effects.beginRecord(words: 2 + gone.count)
      execution.effects.word("HDEL")
      execution.effects.word(key)
      for index in gone { execution.effects.word(execution.arguments[index]) }
      execution.note(.hash, "hdel", key)
      if HashView(location.entry).count == 0 { execution.removeEmptied(key, location) }
    }
  }
}

extension Execution {
  /// The words behind `FIELDS n` at word `index`, which end the request. Answers the error and nil.
  mutating func fieldWords(at index: Int) -> Range<Int>? {
    guard arguments[index].equalsIgnoringCase("fields") else {
      refuseSyntax()
      return nil
    }
    guard let number = integer(index + 1) else { return nil }
    guard number > 0 && number == Int64(arguments.count - index - 2) else {
      reply.error("ERR numfields should be greater than 0 and match the provided number of fields")
      return nil
    }
    return index + 2..<arguments.count
  }
}
