// Keys+Move.swift — keys under another name, in another database, or twice.
//
// Values do not move: an entry is taken out and put in again. Looking a key up may remove an
// expired one and so move the others, so the entry that is taken is looked up last.
import Bytes
import Store
import Wire

extension Execution {
  /// A database's number in word `index`, of which there are `databaseCount`. Answers the error and nil.
  public func databaseIndex(_ index: Int) -> Int? {
    guard let number = integer(index) else { return nil }
    guard let small = Int32(exactly: number) else {
      reply.error("ERR value is out of range, value must between -2147483648 and 2147483647")
      return nil
    }
    guard small >= 0 && Int(small) < databaseCount else {
      reply.error("ERR DB index is out of range")
      return nil
    }
    return Int(small)
  }

  /// Where the key stands in any database, or nil; an expired one is gone afterwards.
  mutating func locate(_ key: ByteView, in index: Int) -> Location? {
    guard let location = databases[index].find(key, KeyHash(key)) else { return nil }
    guard location.entry.isExpired(nowMilliseconds) else { return location }
    expire(location, databaseIndex: index)
    return nil
  }
}

extension Keys {
  static func rename(_ execution: inout Execution) {
    guard rename(&execution, overwriting: true) != nil else { return }
    execution.reply.ok()
  }

  static func renameIfAbsent(_ execution: inout Execution) {
    guard let isDone = rename(&execution, overwriting: false) else { return }
    execution.reply.integer(isDone ? 1 : 0)
  }

  /// Whether the key has the new name now; nil after an error.
  private static func rename(_ execution: inout Execution, overwriting: Bool) -> Bool? {
    let source = execution.arguments[1]
    let target = execution.arguments[2]
    guard execution.find(source) != nil else {
      execution.reply.error("ERR no such key")
      return nil
    }
    guard source != target else { return false }
    if let existing = execution.find(target) {
      guard overwriting else { return false }
      execution.remove(existing)
    }
    execution.note(.new, "new", target)
    guard let location = execution.locate(source, KeyHash(source)) else { return false }
    let entry = execution.database.pointee.take(location)
    execution.database.pointee.put(entry, target, KeyHash(target))
    execution.changed()
    execution.note(.generic, "rename_from", source)
    execution.note(.generic, "rename_to", target)
    return true
  }

  static func move(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let target = execution.databaseIndex(2) else { return }
    guard target != Int(execution.session.pointee.database) else {
      return execution.reply.error("ERR source and destination objects are the same")
    }
    execution.effects.touches(key, database: target)
    guard let location = execution.find(key) else { return execution.reply.integer(0) }
    guard execution.locate(key, in: target) == nil else { return execution.reply.integer(0) }
    let entry = execution.database.pointee.take(location)
    let other = execution.databases + target
    other.pointee.put(entry, key, KeyHash(key))
    execution.changed()
    execution.changed(key: key)
    execution.effects.changes(key, database: target)
    execution.events.note(.new, "new", key, database: target)
    execution.note(.generic, "move_from", key)
    execution.events.note(.generic, "move_to", key, database: target)
    execution.reply.integer(1)
  }

  static func copy(_ execution: inout Execution) {
    let source = execution.arguments[1]
    let copy = execution.arguments[2]
    let database = Int(execution.session.pointee.database)
    var target = database
    var replaces = false
    var index = 3
    while index < execution.arguments.count {
      if execution.arguments[index].equalsIgnoringCase("replace") {
        replaces = true
      } else if execution.arguments[index].equalsIgnoringCase("db") && index + 1 < execution.arguments.count {
        guard let given = execution.databaseIndex(index + 1) else { return }
        target = given
        index += 1
      } else {
        return execution.refuseSyntax()
      }
      index += 1
    }
    guard target != database || source != copy else {
      return execution.reply.error("ERR source and destination objects are the same")
    }
    if target != database { execution.effects.touches(copy, database: target) }
    guard execution.read(source) != nil else { return execution.reply.integer(0) }
    let other = execution.databases + target
    guard replaces || execution.locate(copy, in: target) == nil else { return execution.reply.integer(0) }
    guard let location = execution.locate(source, KeyHash(source)) else { return execution.reply.integer(0) }
    guard let made = execution.copied(source, location) else { return }
    if let existing = execution.locate(copy, in: target) {
      let graveyard = execution.graveyard
      other.pointee.remove(existing, into: &graveyard.pointee)
    }
    other.pointee.put(made, copy, KeyHash(copy))
    execution.changed()
    execution.effects.changes(copy, database: target)
    execution.events.note(.new, "new", copy, database: target)
    execution.events.note(.generic, "copy_to", copy, database: target)
    execution.reply.integer(1)
  }
}

extension Execution {
  /// Elements that are copied between two looks at the clock.
  private static var copiedAtOnceMax: Int { 64 }

  /// A copy of the entry of `key`, which stays as it is until the command has ended. Nil: nobody wants it any more.
  fileprivate mutating func copied(_ key: ByteView, _ location: Location) -> LooseEntry? {
    guard var copy = CollectionCopy(of: location.entry) else { return LooseEntry(copying: location.entry) }
    lock(key, location, changes: false)
    while !copy.advance(Self.copiedAtOnceMax) {
      guard mayGoOnChanging(after: Self.copiedAtOnceMax) else { return nil }
    }
    return copy.finish(as: located(key, location).entry)
  }
}
