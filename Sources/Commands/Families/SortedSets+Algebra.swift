// SortedSets+Algebra.swift — what several sorted sets have in common, together, or one alone.
//
//   ZUNION n key … [WEIGHTS w …] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]
//
// Sets take part too: each of their members has the score 1. The result is made as a sorted set of its own.
import Bytes
import Store
import Wire

/// A set or sorted set that takes part.
private enum Operand: BitwiseCopyable {
  case none
  case set(SetView)
  case sorted(SortedSetView)

  var count: Int {
    switch self {
    case .none: 0
    case .set(let set): set.count
    case .sorted(let set): set.count
    }
  }

  func score(_ member: ByteView) -> Double? {
    switch self {
    case .none: nil
    case .set(let set): set.contains(member) ? 1 : nil
    case .sorted(let set): set.score(member)
    }
  }

  /// Calls `body` with every member until it says false.
  func forEach(_ body: (Element, Double) -> Bool) {
    switch self {
    case .none: return
    case .set(let set):
      var members = set.cursor()
      while let member = members.next() { guard body(member, 1) else { return } }
    case .sorted(let set):
      var members = set.cursor()
      while let item = members.next() { guard body(item.name, item.score) else { return } }
    }
  }
}

private enum Aggregate { case sum, minimum, maximum }

private struct Algebra {
  var operands: [(operand: Operand, weight: Double)] = []
  var aggregate = Aggregate.sum
  var withScores = false

  func weighted(_ score: Double, _ weight: Double) -> Double {
    let product = score * weight
    return product.isNaN ? 0 : product
  }

  func combined(_ one: Double, _ other: Double) -> Double {
    switch aggregate {
    case .sum:
      // Two infinities of different signs.
      let sum = one + other
      return sum.isNaN ? 0 : sum
    case .minimum: return min(one, other)
    case .maximum: return max(one, other)
    }
  }
}

extension SortedSets {
  private enum Operation { case union, intersection, difference }

  static func union(_ execution: inout Execution) { tell(&execution, .union) }
  static func intersection(_ execution: inout Execution) { tell(&execution, .intersection) }
  static func difference(_ execution: inout Execution) { tell(&execution, .difference) }
  static func storeUnion(_ execution: inout Execution) { store(&execution, .union, "zunionstore") }
  static func storeIntersection(_ execution: inout Execution) { store(&execution, .intersection, "zinterstore") }
  static func storeDifference(_ execution: inout Execution) { store(&execution, .difference, "zdiffstore") }

  private static func tell(_ execution: inout Execution, _ operation: Operation) {
    guard let algebra = algebra(&execution, operation, at: 1, isStore: false) else { return }
    var result = SortedSetResult(key: .empty, limits: execution.rules.encodings)
    guard make(&result, algebra, operation, &execution) else { return result.discard(&execution) }
    execution.beginPairs(result.count, algebra.withScores)
    guard let set = result.view else { return }
    var members = set.cursor()
    while let item = members.next(), execution.mayGoOn() { execution.answer(member: item, algebra.withScores) }
    result.discard(&execution)
  }

  private static func store(_ execution: inout Execution, _ operation: Operation, _ event: StaticString) {
    guard let algebra = algebra(&execution, operation, at: 2, isStore: true) else { return }
    var result = SortedSetResult(key: execution.arguments[1], limits: execution.rules.encodings)
    guard make(&result, algebra, operation, &execution) else { return result.discard(&execution) }
    result.store(event, &execution)
  }

  /// False if nobody wants it any more.
  private static func make(
    _ result: inout SortedSetResult, _ algebra: Algebra, _ operation: Operation, _ execution: inout Execution
  ) -> Bool {
    switch operation {
    case .union:
      for (operand, weight) in algebra.operands {
        operand.forEach { element, score in
          element.withView { member in
            let own = algebra.weighted(score, weight)
            result.add(member, result.score(member).map { algebra.combined($0, own) } ?? own)
          }
          return execution.mayGoOn(after: 4)
        }
      }
    case .intersection:
      forEachCommon(algebra, &execution) { member, score in
        result.add(member, score)
        return true
      }
    case .difference:
      guard let first = algebra.operands.first?.operand else { break }
      let others = algebra.operands.dropFirst()
      first.forEach { element, score in
        element.withView { member in
          if !others.contains(where: { $0.operand.score(member) != nil }) { result.add(member, score) }
        }
        return execution.mayGoOn(after: 2 + 2 * others.count)
      }
    }
    return !execution.pauses.isAbandoned
  }

  /// Calls `body` with every member that all have and its score until it says false. The smallest is gone through;
  /// scores are combined from there on.
  private static func forEachCommon(
    _ algebra: Algebra, _ execution: inout Execution, _ body: (ByteView, Double) -> Bool
  ) {
    let operands = algebra.operands.sorted { $0.operand.count < $1.operand.count }
    guard let smallest = operands.first, smallest.operand.count > 0 else { return }
    smallest.operand.forEach { element, score in
      guard execution.mayGoOn(after: 2 * operands.count) else { return false }
      return element.withView { member in
        var sum = algebra.weighted(score, smallest.weight)
        for other in operands.dropFirst() {
          guard let own = other.operand.score(member) else { return true }
          sum = algebra.combined(sum, algebra.weighted(own, other.weight))
        }
        return body(member, sum)
      }
    }
  }

  static func intersectionCount(_ execution: inout Execution) {
    guard let keys = inputKeys(&execution, at: 1), let operands = operands(&execution, keys) else { return }
    var limit = 0
    var index = keys.upperBound
    while index < execution.arguments.count {
      guard execution.arguments[index].equalsIgnoringCase("limit"), index + 1 < execution.arguments.count else {
        return execution.refuseSyntax()
      }
      guard let given = execution.limitWord(index + 1) else { return }
      limit = given
      index += 2
    }
    var count = 0
    forEachCommon(Algebra(operands: operands.map { ($0, 1) }), &execution) { _, _ in
      count += 1
      return limit == 0 || count < limit
    }
    execution.reply.integer(count)
  }

  // MARK: words

  /// The words of the keys whose number word `index` says. Answers the error and nil.
  private static func inputKeys(_ execution: inout Execution, at index: Int) -> Range<Int>? {
    guard let number = execution.integer(index) else { return nil }
    guard number >= 1 else {
      execution.reply.beginError()
      execution.reply.part("ERR at least 1 input key is needed for '")
      execution.refusedName()
      execution.reply.part("' command")
      execution.reply.end()
      return nil
    }
    guard number <= Int64(execution.arguments.count - index - 1) else {
      execution.refuseSyntax()
      return nil
    }
    return index + 1..<index + 1 + Int(number)
  }

  /// Sets and sorted sets at words `keys`. Answers WRONGTYPE and nil.
  private static func operands(_ execution: inout Execution, _ keys: Range<Int>) -> [Operand]? {
    var operands: [Operand] = []
    for index in keys {
      guard let location = execution.read(execution.arguments[index]) else {
        operands.append(.none)
        execution.pin(nil, word: index)
        continue
      }
      execution.pin(location, word: index)
      switch location.entry.type {
      case .set: operands.append(.set(SetView(location.entry)))
      case .sortedSet: operands.append(.sorted(SortedSetView(location.entry)))
      default:
        execution.refuseType()
        return nil
      }
    }
    return operands
  }

  private static func algebra(
    _ execution: inout Execution, _ operation: Operation, at index: Int, isStore: Bool
  ) -> Algebra? {
    guard let keys = inputKeys(&execution, at: index), let operands = operands(&execution, keys) else { return nil }
    var algebra = Algebra(operands: operands.map { ($0, 1) })
    var next = keys.upperBound
    while next < execution.arguments.count {
      let word = execution.arguments[next]
      let left = execution.arguments.count - next - 1
      if operation != .difference && left >= keys.count && word.equalsIgnoringCase("weights") {
        for number in 0..<keys.count {
          guard let weight = execution.arguments[next + 1 + number].double else {
            execution.reply.error("ERR weight value is not a float")
            return nil
          }
          algebra.operands[number].weight = weight
        }
        next += 1 + keys.count
      } else if operation != .difference && left >= 1 && word.equalsIgnoringCase("aggregate") {
        let kind = execution.arguments[next + 1]
        if kind.equalsIgnoringCase("sum") {
          algebra.aggregate = .sum
        } else if kind.equalsIgnoringCase("min") {
          algebra.aggregate = .minimum
        } else if kind.equalsIgnoringCase("max") {
          algebra.aggregate = .maximum
        } else {
          execution.refuseSyntax()
          return nil
        }
        next += 2
      } else if !isStore && word.equalsIgnoringCase("withscores") {
        algebra.withScores = true
        next += 1
      } else {
        execution.refuseSyntax()
        return nil
      }
    }
    return algebra
  }
}
