// Strings+Get.swift — reading strings whole, also those that are changed or deleted by it.
import Bytes
import Store
import Wire

extension Execution {
  /// Answers the string of `entry`, which is one.
  @inlinable public func answer(_ entry: Entry) {
    if entry.isInteger { reply.bulk(entry.integer) } else { reply.bulk(entry.bytes) }
  }

  /// Answers the string at `key`, null or WRONGTYPE. False after an error.
  @usableFromInline mutating func answerString(at key: ByteView) -> Bool {
    guard let location = read(key) else {
      reply.null()
      return true
    }
    guard location.entry.isString else {
      refuseType()
      return false
    }
    answer(location.entry)
    return true
  }
}

extension Strings {
  static func get(_ execution: inout Execution) {
    guard let location = execution.read(execution.arguments[1]) else { return execution.reply.null() }
    guard location.entry.isString else { return execution.refuseType() }
    execution.answer(location.entry)
  }

  static func strlen(_ execution: inout Execution) {
    guard let location = execution.read(execution.arguments[1]) else { return execution.reply.integer(0) }
    guard location.entry.isString else { return execution.refuseType() }
    execution.reply.integer(location.entry.stringCount)
  }

  /// A key of another type is answered with null here, not with an error.
  static func getSeveral(_ execution: inout Execution) {
    execution.reply.array(execution.arguments.count - 1)
    for index in 1..<execution.arguments.count {
      if let location = execution.read(execution.arguments[index]), location.entry.isString {
        execution.answer(location.entry)
      } else {
        execution.reply.null()
      }
    }
  }

  static func getDelete(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let location = execution.read(key) else { return execution.reply.null() }
    guard location.entry.isString else { return execution.refuseType() }
    execution.answer(location.entry)
    execution.remove(location)
    execution.changed()
    execution.recordDeletion(key)
    execution.note(.generic, "del", key)
  }

  static func getSet(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard execution.answerString(at: key) else { return }
    execution.store(key, valueIndex: 2, .clear)
    execution.recordSet(key, valueIndex: 2)
    execution.note(.string, "set", key)
  }

  /// What it did to the expiry is recorded; that it read is not.
  static func getExpire(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard let options = execution.stringOptions(from: 2, .getExpire) else { return }
    var instant: Milliseconds = 0
    if case .given(let unit) = options.expiry {
      guard let given = execution.positiveExpiration(options.expiryIndex, unit) else { return }
      instant = given
    }
    guard let location = execution.read(key) else { return execution.reply.null() }
    guard location.entry.isString else { return execution.refuseType() }
    execution.answer(location.entry)
    switch options.expiry {
    case .given(let unit):
      // Only a time since 1970 can have passed already.
      if unit.isInstant && instant <= execution.nowMilliseconds {
        execution.remove(location)
        execution.changed()
        execution.recordDeletion(key)
        return execution.note(.generic, "del", key)
      }
      execution.database.pointee.setExpiry(location, at: instant)
      execution.changed()
      execution.recordExpiry(key, instant)
      execution.note(.generic, "expire", key)
    case .persist:
      guard execution.database.pointee.clearExpiry(location) else { return }
      execution.changed()
      execution.recordPersistence(key)
      execution.note(.generic, "persist", key)
    case .none, .keep: break
    }
  }
}
