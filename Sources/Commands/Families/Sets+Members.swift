// Sets+Members.swift — putting members in, taking them out, asking for them.
import Bytes
import Store
import Wire

extension Sets {
  static func add(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let limits = execution.rules.encodings
    var location: Location
    switch execution.find(key, as: .set) {
    case .refused: return
    case .found(let found): location = found
    case .absent:
      let count = execution.arguments.count - 2
      location = execution.database.pointee.insertSet(
        key, execution.hash(of: key), for: execution.arguments[2], count: count, limits)
      execution.note(.new, "new", key)
    }
    let database = execution.database
    var added = 0
    execution.lock(key, location)
    for index in 2..<execution.arguments.count {
      guard execution.mayGoOnChanging(after: 4) else { return }
      location = execution.located(key, location)
      if database.pointee.addMember(location, execution.arguments[index], limits) { added += 1 }
    }
    if added > 0 {
      execution.changed(added)
      execution.note(.set, "sadd", key)
    }
    execution.reply.integer(added)
  }

  static func remove(_ execution: inout Execution) {
    let key = execution.arguments[1]
    guard case .found(var location) = lookUp(&execution, key) else { return }
    let database = execution.database
    var removed = 0
    var isEmpty = false
    execution.lock(key, location)
    for index in 2..<execution.arguments.count {
      guard execution.mayGoOnChanging(after: 4) else { return }
      location = execution.located(key, location)
      guard database.pointee.removeMember(location, execution.arguments[index]) else { continue }
      removed += 1
      isEmpty = SetView(location.entry).count == 0
      if isEmpty { break }
    }
    if removed > 0 {
      execution.changed(removed)
      execution.note(.set, "srem", key)
      if isEmpty { execution.removeEmptied(key, location) }
    }
    execution.reply.integer(removed)
  }

  /// The set for a change of what is there; an absent one is answered with 0.
  private static func lookUp(_ execution: inout Execution, _ key: ByteView) -> Lookup {
    let lookup = execution.find(key, as: .set)
    if case .absent = lookup { execution.reply.integer(0) }
    return lookup
  }

  static func move(_ execution: inout Execution) {
    let source = execution.arguments[1]
    let target = execution.arguments[2]
    let member = execution.arguments[3]
    // Whichever has expired goes first, so that the other's place is good afterwards.
    _ = execution.locate(target, KeyHash(target))
    guard let from = execution.find(source) else { return execution.reply.integer(0) }
    guard from.entry.type == .set else { return execution.refuseType() }
    let to = execution.find(target)
    if let to { guard to.entry.type == .set else { return execution.refuseType() } }
    if source == target { return execution.reply.integer(SetView(from.entry).contains(member) ? 1 : 0) }
    let database = execution.database
    guard database.pointee.removeMember(from, member) else { return execution.reply.integer(0) }
    execution.changed()
    execution.changed(key: source)
    execution.note(.set, "srem", source)
    if SetView(from.entry).count == 0 { execution.removeEmptied(source, from) }
    let limits = execution.rules.encodings
    let hash = KeyHash(target)
    let place: Location
    if let found = database.pointee.find(target, hash) {
      place = found
    } else {
      place = database.pointee.insertSet(target, hash, for: member, count: 1, limits)
      execution.note(.new, "new", target)
    }
    if database.pointee.addMember(place, member, limits) {
      execution.changed()
      execution.changed(key: target)
      execution.note(.set, "sadd", target)
    }
    execution.reply.integer(1)
  }

  static func isMember(_ execution: inout Execution) {
    switch execution.read(execution.arguments[1], as: .set) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(let location):
      execution.reply.integer(SetView(location.entry).contains(execution.arguments[2]) ? 1 : 0)
    }
  }

  static func areMembers(_ execution: inout Execution) {
    let lookup = execution.read(execution.arguments[1], as: .set)
    if case .refused = lookup { return }
    execution.reply.array(execution.arguments.count - 2)
    for index in 2..<execution.arguments.count {
      guard case .found(let location) = lookup else {
        execution.reply.integer(0)
        continue
      }
      execution.reply.integer(SetView(location.entry).contains(execution.arguments[index]) ? 1 : 0)
    }
  }

  static func count(_ execution: inout Execution) {
    switch execution.read(execution.arguments[1], as: .set) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(let location): execution.reply.integer(SetView(location.entry).count)
    }
  }

  static func allMembers(_ execution: inout Execution) {
    switch execution.read(execution.arguments[1], as: .set) {
    case .refused: return
    case .absent: execution.reply.set(0)
    case .found(let location):
      execution.pin(location, word: 1)
      execution.answer(SetView(location.entry))
    }
  }

  static func scan(_ execution: inout Execution) {
    execution.scan(.set, namesOnlyWord: nil) { execution, entry, options, sweep in
      let reply = execution.reply
      let set = SetView(entry)
      if let collection = set.collection {
        return options.sweep(&execution, collection, &sweep) {
          reply.bulk($0.key)
          return 1
        }
      }
      sweep.end()
      var told = 0
      var members = set.cursor()
      while let member = members.next() {
        guard member.withView({ options.includes($0) }) else { continue }
        reply.bulk(member)
        told += 1
      }
      return told
    }
  }
}

extension Execution {
  /// All members of a set. False: nobody wants them any more.
  @discardableResult
  mutating func answer(_ set: SetView) -> Bool {
    reply.set(set.count)
    var members = set.cursor()
    while let member = members.next() {
      guard mayGoOn() else { return false }
      reply.bulk(member)
    }
    return true
  }
}
