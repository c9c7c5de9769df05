// Lists+Moves.swift — an element goes from one list to another.
import Bytes
import Store
import Wire

extension Lists {
  static func move(_ execution: inout Execution) {
    guard let from = ListEnd(execution.arguments[3]), let to = ListEnd(execution.arguments[4]) else {
      return execution.refuseSyntax()
    }
    move(&execution, from, to)
  }

  static func rotate(_ execution: inout Execution) { move(&execution, .right, .left) }

  private static func move(_ execution: inout Execution, _ from: ListEnd, _ to: ListEnd) {
    let source = execution.arguments[1]
    let target = execution.arguments[2]
    // Whichever has expired goes first, so that the other's place is good afterwards.
    _ = execution.locate(target, KeyHash(target))
    guard let location = execution.find(source) else { return execution.reply.null() }
    guard location.entry.type == .list else { return execution.refuseType() }
    if let other = execution.find(target) {
      guard other.entry.type == .list else { return execution.refuseType() }
    }
    guard execution.moveElement(source, location, from, target, to) else { return execution.reply.null() }
  }
}

extension Execution {
  /// Takes an element off the list at `source` and puts it on the one at `target`, which is made if it is not there
  /// and is no other type; answers the element. False if the source is empty.
  mutating func moveElement(
    _ source: ByteView, _ location: Location, _ from: ListEnd, _ target: ByteView, _ to: ListEnd
  ) -> Bool {
    guard let element = ListView(location.entry).element(from == .left ? 0 : -1)?.copied() else { return false }
    let database = database
    let hash = KeyHash(target)
    let total = ListView(location.entry).count
    reply.bulk(element.bytes)
    if source == target {
      database.pointee.removeElements(location, at: from == .left ? 0 : total - 1, count: 1)
      push(element.bytes, location, to)
      changed()
      note(.list, to == .left ? "lpush" : "rpush", target)
      note(.list, from == .left ? "lpop" : "rpop", source)
      return true
    }
    database.pointee.removeElements(location, at: from == .left ? 0 : total - 1, count: 1)
    changed()
    let place: Location
    if let found = database.pointee.find(target, hash) {
      place = found
    } else {
      place = database.pointee.insertList(target, hash)
      note(.new, "new", target)
    }
    database.pointee.growList(place, bytes: element.bytes.count, count: 1, rules.encodings)
    push(element.bytes, place, to)
    note(.list, to == .left ? "lpush" : "rpush", target)
    note(.list, from == .left ? "lpop" : "rpop", source)
    if let rest = database.pointee.find(source, KeyHash(source)) { settleList(source, rest) }
    return true
  }
}
