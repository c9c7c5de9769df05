// Sets+Random.swift — members chosen by chance: SPOP takes them out, SRANDMEMBER only tells them.
//
// Chance is not recorded: SPOP's record is the SREM of what it took.
import Bytes
import Store
import Wire

extension Sets {
  static func pop(_ execution: inout Execution) {
    guard execution.arguments.count <= 3 else { return execution.refuseSyntax() }
    guard execution.arguments.count == 2 else { return popSeveral(&execution) }
    let key = execution.arguments[1]
    switch execution.find(key, as: .set) {
    case .refused: return
    case .absent: execution.reply.null()
    case .found(let location):
      guard let member = SetView(location.entry).random(execution.random.next())?.copied() else { return }
      execution.reply.bulk(member.bytes)
      let database = execution.database
      database.pointee.removeMember(location, member.bytes)
      execution.changed()
      execution.note(.set, "spop", key)
      execution.effects.beginRecord(words: 3)
      execution.effects.word("SREM")
      execution.effects.word(key)
      execution.effects.word(member.bytes)
      if SetView(location.entry).count == 0 { execution.removeEmptied(key, location) }
    }
  }

  private static func popSeveral(_ execution: inout Execution) {
    guard let wanted = execution.countWord(2) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .set) {
    case .refused: return
    case .absent: execution.reply.set(0)
    case .found(let location):
      guard wanted > 0 else { return execution.reply.set(0) }
      let set = SetView(location.entry)
      execution.lock(key, location)
      guard wanted < set.count else {
        guard execution.answer(set) else { return }
        execution.note(.set, "spop", key)
        execution.changed(wanted)
        execution.recordDeletion(key)
        return execution.removeEmptied(key, execution.located(key, location))
      }
      execution.reply.set(wanted)
      var left = wanted
      while left > 0 {
        let part = min(left, recordedMembersMax)
        guard popPart(&execution, key, location, part) else { return }
        left -= part
      }
      execution.note(.set, "spop", key)
      execution.changed(wanted)
    }
  }

  /// Members of one SREM.
  private static let recordedMembersMax = 1024

  /// False: nobody wants the rest any more.
  private static func popPart(
    _ execution: inout Execution, _ key: ByteView, _ location: Location, _ count: Int
  ) -> Bool {
    execution.effects.beginRecord(words: 2 + count)
    execution.effects.word("SREM")
    execution.effects.word(key)
    let database = execution.database
    for _ in 0..<count {
      guard execution.mayGoOnChanging(after: 8) else { return false }
      let location = execution.located(key, location)
      guard let member = SetView(location.entry).random(execution.random.next())?.copied() else { break }
      execution.reply.bulk(member.bytes)
      execution.effects.word(member.bytes)
      database.pointee.removeMember(location, member.bytes)
    }
    return true
  }

  static func randomMember(_ execution: inout Execution) {
    guard execution.arguments.count <= 3 else { return execution.refuseSyntax() }
    let isSeveral = execution.arguments.count == 3
    var wanted = 1
    if isSeveral {
      guard let count = execution.randomCountWord(2) else { return }
      wanted = count
    }
    switch execution.read(execution.arguments[1], as: .set) {
    case .refused: return
    case .absent: if isSeveral { execution.reply.array(0) } else { execution.reply.null() }
    case .found(let location):
      execution.pin(location, word: 1)
      let set = SetView(location.entry)
      if !isSeveral {
        guard let member = set.random(execution.random.next()) else { return execution.reply.null() }
        execution.reply.bulk(member)
      } else if wanted < 0 {
        execution.reply.array(-wanted)
        for _ in 0..<(-wanted) {
          guard execution.mayGoOn() else { return }
          if let member = set.random(execution.random.next()) { execution.reply.bulk(member) }
        }
      } else {
        tellDistinct(&execution, set, min(wanted, set.count))
      }
    }
  }

  /// Beyond this part of a set going through all of it is faster than drawing and finding what was drawn before.
  private static let drawnPart = 3

  private static func tellDistinct(_ execution: inout Execution, _ set: SetView, _ wanted: Int) {
    execution.reply.array(wanted)
    guard wanted > 0 else { return }
    if set.collection != nil && wanted < set.count / drawnPart { return draw(&execution, set, wanted) }
    var left = set.count
    var missing = wanted
    var members = set.cursor()
    while missing > 0, let member = members.next() {
      guard execution.mayGoOn() else { return }
      if execution.chooses(missing, of: left) {
        execution.reply.bulk(member)
        missing -= 1
      }
      left -= 1
    }
  }

  private static func draw(_ execution: inout Execution, _ set: SetView, _ wanted: Int) {
    var drawn = Keyspace()
    var missing = wanted
    while missing > 0 {
      guard execution.mayGoOn() else { return }
      guard case .bytes(let member)? = set.random(execution.random.next()) else { return }
      let hash = KeyHash(member)
      guard drawn.find(member, hash) == nil else { continue }
      drawn.insert(member, hash, string: .empty, form: .text)
      execution.reply.bulk(member)
      missing -= 1
    }
  }
}
