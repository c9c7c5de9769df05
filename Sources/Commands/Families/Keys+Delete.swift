// Keys+Delete.swift — whether keys are there, and making them go.
import Bytes
import Store
import Wire

extension Keys {
  static func delete(_ execution: inout Execution) { delete(&execution, lazily: execution.rules.lazyFreeOnDelete) }

  static func unlink(_ execution: inout Execution) { delete(&execution, lazily: true) }

  private static func delete(_ execution: inout Execution, lazily: Bool) {
    var deleted = 0
    for index in 1..<execution.arguments.count {
      let key = execution.arguments[index]
      guard let location = execution.locate(key, execution.hash(of: key)) else { continue }
      execution.remove(location, lazily: lazily)
      execution.note(.generic, "del", key)
      execution.changed(key: key)
      deleted += 1
    }
    execution.changed(deleted)
    execution.reply.integer(deleted)
  }

  static func exists(_ execution: inout Execution) {
    var found = 0
    for index in 1..<execution.arguments.count where execution.peek(execution.arguments[index]) != nil { found += 1 }
    execution.reply.integer(found)
  }

  static func touch(_ execution: inout Execution) {
    var found = 0
    for index in 1..<execution.arguments.count where execution.read(execution.arguments[index]) != nil { found += 1 }
    execution.reply.integer(found)
  }

  static func type(_ execution: inout Execution) {
    guard let location = execution.peek(execution.arguments[1]) else { return execution.reply.simple("none") }
    execution.reply.simple(location.entry.type.name)
  }
}
