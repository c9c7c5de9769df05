// Lists+Waiting.swift — the commands on lists that wait for an element.
//
// With something to take each does what its sister without a B does, and is recorded as that.
import Bytes
import Store
import Wire

extension Lists {
  static var waiting: [CommandDefinition] {
    let several = [
      KeySpecification(.index(1), .range(last: -2, step: 1, limit: 0), [.readWrite, .access, .delete])
    ]
    let moved: [KeySpecification] = [.key(1, [.readWrite, .access, .delete]), .key(2, [.readWrite, .insert])]
    return [
      CommandDefinition(
        "blpop", arity: -3, [.write, .blocking], .list, keys: several, group: .list, since: "2.0.0",
        "Takes the first element of the first of several lists that has any, and waits for one.",
        complexity: "O(N), N being the number of keys", history: [.init("6.0.0", "`timeout` may have decimals.")],
        arguments: "key... timeout:double", run: waitLeft),
      CommandDefinition(
        "brpop", arity: -3, [.write, .blocking], .list, keys: several, group: .list, since: "2.0.0",
        "Takes the last element of the first of several lists that has any, and waits for one.",
        complexity: "O(N), N being the number of keys", history: [.init("6.0.0", "`timeout` may have decimals.")],
        arguments: "key... timeout:double", run: waitRight),
      CommandDefinition(
        "blmpop", arity: -5, [.write, .blocking], .list,
        keys: [.counted(at: 2, [.readWrite, .access, .delete])], group: .list, since: "7.0.0",
        "Takes elements from the first of several lists that has any, and waits for one.",
        complexity: "O(N+M), N being the number of keys and M that of elements taken",
        arguments: "timeout:double numkeys:integer key... where(LEFT|RIGHT) [COUNT count:integer]", run: waitForFirst),
      CommandDefinition(
        "blmove", arity: 6, [.write, .denyOOM, .blocking], .list, keys: moved, group: .list, since: "6.2.0",
        "Takes an element from one end of a list, waits for one if need be, and puts it at an end of another.",
        complexity: "O(1)",
        arguments: "source:key destination:key#1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT) timeout:double",
        run: waitAndMove),
      CommandDefinition(
        "brpoplpush", arity: 4, [.write, .denyOOM, .blocking], .list, keys: moved, group: .list, since: "2.2.0",
        deprecated: .init(since: "6.2.0", use: "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
        "Takes the last element of a list, waits for one if need be, and puts it at the head of another.",
        complexity: "O(1)", history: [.init("6.0.0", "`timeout` may have decimals.")],
        arguments: "source:key destination:key#1 timeout:double", run: waitAndRotate),
    ]
  }

  private static func waitLeft(_ execution: inout Execution) { wait(&execution, .left) }
  private static func waitRight(_ execution: inout Execution) { wait(&execution, .right) }

  private static func wait(_ execution: inout Execution, _ end: ListEnd) {
    let last = execution.arguments.count - 1
    guard let timeout = execution.timeoutSeconds(last) else { return }
    for index in 1..<last {
      let key = execution.arguments[index]
      switch execution.seek(key, as: .list) {
      case .refused: return
      case .absent: continue
      case .found(let location):
        let list = ListView(location.entry)
        execution.reply.array(2)
        execution.reply.bulk(key)
        if let element = list.element(end == .left ? 0 : -1) { execution.reply.bulk(element) }
        execution.effects.beginRecord(words: 2)
        execution.effects.word(end == .left ? "LPOP" : "RPOP")
        execution.effects.word(key)
        execution.changed(key: key)
        return execution.takeOff(1, of: list.count, key, location, end)
      }
    }
    execution.wait(for: 1..<last, timeout)
  }

  private static func waitForFirst(_ execution: inout Execution) {
    popFirst(&execution, at: 2, timeoutWord: 1)
  }

  private static func waitAndMove(_ execution: inout Execution) {
    guard let from = ListEnd(execution.arguments[3]), let to = ListEnd(execution.arguments[4]) else {
      return execution.refuseSyntax()
    }
    guard let timeout = execution.timeoutSeconds(5) else { return }
    move(&execution, from, to, timeout, record: "LMOVE")
  }

  private static func waitAndRotate(_ execution: inout Execution) {
    guard let timeout = execution.timeoutSeconds(3) else { return }
    move(&execution, .right, .left, timeout, record: "RPOPLPUSH")
  }

  private static func move(
    _ execution: inout Execution, _ from: ListEnd, _ to: ListEnd, _ timeout: Int64, record: StaticString
  ) {
    let source = execution.arguments[1]
    let target = execution.arguments[2]
    // Whichever has expired goes first, so that the other's place is good afterwards.
    _ = execution.locate(target, KeyHash(target))
    switch execution.seek(source, as: .list) {
    case .refused: return
    case .absent: return execution.wait(forElementOf: 1, timeout)
    case .found(let location):
      // Nobody waits for the target to become a list.
      if let other = execution.find(target), other.entry.type != .list { return execution.refuseType() }
      let words = execution.arguments
      let isMove = words.count == 6
      execution.effects.beginRecord(words: isMove ? 5 : 3)
      execution.effects.word(record)
      execution.effects.word(source)
      execution.effects.word(target)
      if isMove {
        execution.effects.word(words[3])
        execution.effects.word(words[4])
      }
      _ = execution.moveElement(source, location, from, target, to)
    }
  }
}
