// SortedSets+Waiting.swift — the commands on sorted sets that wait for a member.
import Bytes
import Store
import Wire

extension SortedSets {
  static var waiting: [CommandDefinition] {
    let several = [
      KeySpecification(.index(1), .range(last: -2, step: 1, limit: 0), [.readWrite, .access, .delete])
    ]
    return [
      CommandDefinition(
        "bzpopmin", arity: -3, [.write, .fast, .blocking], .sortedSet, keys: several, group: .sortedSet, since: "5.0.0",
        "Takes the member with the lowest score of the first of several sorted sets that has any, and waits for one.",
        complexity: "O(log(N)), N being the number of members",
        history: [.init("6.0.0", "`timeout` may have decimals.")], arguments: "key... timeout:double", run: waitLowest),
      CommandDefinition(
        "bzpopmax", arity: -3, [.write, .fast, .blocking], .sortedSet, keys: several, group: .sortedSet, since: "5.0.0",
        "Takes the member with the highest score of the first of several sorted sets that has any, and waits for one.",
        complexity: "O(log(N)), N being the number of members",
        history: [.init("6.0.0", "`timeout` may have decimals.")], arguments: "key... timeout:double", run: waitHighest),
      CommandDefinition(
        "bzmpop", arity: -5, [.write, .blocking], .sortedSet, keys: [.counted(at: 2, [.readWrite, .access, .delete])],
        group: .sortedSet, since: "7.0.0",
        "Takes members from an end of the first of several sorted sets that has any, and waits for one.",
        complexity: "O(K)+O(M*log(N)), K being the number of keys, N that of members and M that of those taken",
        arguments: "timeout:double numkeys:integer key... where(MIN|MAX) [COUNT count:integer]", run: waitForFirst),
    ]
  }

  private static func waitLowest(_ execution: inout Execution) { wait(&execution, .lowest) }
  private static func waitHighest(_ execution: inout Execution) { wait(&execution, .highest) }

  private static func wait(_ execution: inout Execution, _ end: ScoreEnd) {
    let last = execution.arguments.count - 1
    guard let timeout = execution.timeoutSeconds(last) else { return }
    for index in 1..<last {
      let key = execution.arguments[index]
      switch execution.seek(key, as: .sortedSet) {
      case .refused: return
      case .absent: continue
      case .found(let location):
        execution.reply.array(3)
        execution.reply.bulk(key)
        execution.effects.beginRecord(words: 2)
        execution.effects.word(end == .lowest ? "ZPOPMIN" : "ZPOPMAX")
        execution.effects.word(key)
        execution.changed(key: key)
        return execution.pop(1, key, location, end, isNested: false)
      }
    }
    execution.wait(for: 1..<last, timeout)
  }

  private static func waitForFirst(_ execution: inout Execution) {
    popFirst(&execution, at: 2, timeoutWord: 1)
  }
}
