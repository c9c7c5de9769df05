// Streams+Range.swift — XRANGE and XREVRANGE.
import Bytes
import Store
import Wire

extension Streams {
  static func rangeForwards(_ execution: inout Execution) { range(&execution, first: 2, last: 3, isReversed: false) }

  static func rangeBackwards(_ execution: inout Execution) { range(&execution, first: 3, last: 2, isReversed: true) }

  private static func range(_ execution: inout Execution, first: Int, last: Int, isReversed: Bool) {
    guard let lower = execution.streamBound(first, isLower: true) else { return }
    guard let upper = execution.streamBound(last, isLower: false) else { return }
    var most = Int.max
    var index = 4
    while index < execution.arguments.count {
      guard execution.arguments[index].equalsIgnoringCase("count"), index + 1 < execution.arguments.count else {
        return execution.refuseSyntax()
      }
      guard let given = execution.integer(index + 1) else { return }
      most = Int(max(0, given))
      index += 2
    }
    switch execution.read(execution.arguments[1], as: .stream) {
    case .refused: break
    case .absent: execution.reply.array(0)
    case .found(let location):
      guard most > 0, let stream = location.entry.stream else { return execution.reply.nullArray() }
      execution.pin(location, word: 1)
      let reply = execution.reply
      let gap = reply.open()
      var cursor = stream.cursor(from: lower, through: upper, isReversed: isReversed)
      var count = 0
      while count < most, execution.mayGoOn(after: 2), let entry = cursor.next() {
        reply.streamEntry(entry)
        count += 1
      }
      reply.closeArray(gap, count: count)
    }
  }
}
