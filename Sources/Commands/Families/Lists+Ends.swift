// Lists+Ends.swift — pushing and popping.
//
// What takes elements off a list and what puts one on stand by themselves, for the commands that wait for elements: a
// client that is served does what the command without waiting would have done.
import Bytes
import Store
import Wire

/// An end of a list.
public enum ListEnd: Sendable {
  case left, right

  /// What LEFT and RIGHT say; nil for any other word.
  init?(_ word: ByteView) {
    guard word.equalsIgnoringCase("left") || word.equalsIgnoringCase("right") else { return nil }
    self = word.equalsIgnoringCase("left") ? .left : .right
  }
}

extension Execution {
  /// Puts an element on a list that is there; `growList` knows of it.
  mutating func push(_ element: ByteView, _ location: Location, _ end: ListEnd) {
    let database = database
    let index = end == .left ? 0 : ListView(location.entry).count
    database.pointee.insertElement(location, element, at: index, rules.encodings)
  }

  /// After elements were taken off the list at `key`: it takes another form, or goes if it is empty.
  mutating func settleList(_ key: ByteView, _ location: Location) {
    guard ListView(location.entry).count > 0 else { return removeEmptied(key, location) }
    let database = database
    database.pointee.shrinkList(location, rules.encodings)
  }

  /// Answers `count` elements of an end of the list at `key` as an array and takes them off; `count` is at most the
  /// list's.
  mutating func pop(_ count: Int, _ key: ByteView, _ location: Location, _ end: ListEnd) {
    let list = ListView(location.entry)
    let total = list.count
    reply.array(count)
    var elements = list.cursor(from: end == .left ? 0 : total - 1, isBackward: end == .right)
    for _ in 0..<count {
      guard mayGoOnChanging() else { return }
      if let element = elements.next() { reply.bulk(element) }
    }
    let location = located(key, location)
    guard count < total else { return takeOff(count, of: total, key, location, end) }
    guard removeElements(count, key, location, end) else { return }
    tookOff(count, key, located(key, location), end)
  }

  /// Takes elements off an end, not all, some at a time. False: nobody wants them any more.
  mutating func removeElements(_ count: Int, _ key: ByteView, _ location: Location, _ end: ListEnd) -> Bool {
    var location = located(key, location)
    let database = database
    var left = count
    while left > 0 {
      let part = min(left, Self.takenAtOnceMax)
      database.pointee.removeElements(
        location, at: end == .left ? 0 : ListView(location.entry).count - part, count: part)
      left -= part
      guard left > 0 else { break }
      guard mayGoOnChanging(after: Self.takenAtOnceMax) else { return false }
      location = located(key, location)
    }
    return true
  }

  /// Elements that go between two looks at the clock: whole nodes, mostly.
  private static var takenAtOnceMax: Int { 512 }

  /// Takes elements off an end, with the event and the count of changes.
  mutating func takeOff(_ count: Int, of total: Int, _ key: ByteView, _ location: Location, _ end: ListEnd) {
    let database = database
    database.pointee.removeElements(location, at: end == .left ? 0 : total - count, count: count)
    tookOff(count, key, location, end)
  }

  private mutating func tookOff(_ count: Int, _ key: ByteView, _ location: Location, _ end: ListEnd) {
    changed(count)
    note(.list, end == .left ? "lpop" : "rpop", key)
    settleList(key, location)
  }
}

extension Lists {
  static func pushLeft(_ execution: inout Execution) { push(&execution, .left, makesList: true) }
  static func pushRight(_ execution: inout Execution) { push(&execution, .right, makesList: true) }
  static func pushLeftIfPresent(_ execution: inout Execution) { push(&execution, .left, makesList: false) }
  static func pushRightIfPresent(_ execution: inout Execution) { push(&execution, .right, makesList: false) }

  private static func push(_ execution: inout Execution, _ end: ListEnd, makesList: Bool) {
    let key = execution.arguments[1]
    var location: Location
    let database = execution.database
    switch execution.find(key, as: .list) {
    case .refused: return
    case .found(let found): location = found
    case .absent:
      guard makesList else { return execution.reply.integer(0) }
      location = database.pointee.insertList(key, execution.hash(of: key))
      execution.note(.new, "new", key)
    }
    let words = 2..<execution.arguments.count
    // No request holds more bytes than fit a word.
    let bytes = words.reduce(0) { $0 &+ execution.arguments[$1].count }
    database.pointee.growList(location, bytes: bytes, count: words.count, execution.rules.encodings)
    execution.lock(key, location)
    for index in words {
      guard execution.mayGoOnChanging(after: 2) else { return }
      location = execution.located(key, location)
      execution.push(execution.arguments[index], location, end)
    }
    execution.changed(words.count)
    execution.note(.list, end == .left ? "lpush" : "rpush", key)
    execution.reply.integer(ListView(location.entry).count)
  }

  static func popLeft(_ execution: inout Execution) { pop(&execution, .left) }
  static func popRight(_ execution: inout Execution) { pop(&execution, .right) }

  private static func pop(_ execution: inout Execution, _ end: ListEnd) {
    guard execution.arguments.count <= 3 else { return execution.refuseArity() }
    let key = execution.arguments[1]
    var wanted: Int?
    if execution.arguments.count == 3 {
      guard let count = execution.countWord(2) else { return }
      wanted = count
    }
    switch execution.find(key, as: .list) {
    case .refused: return
    case .absent: if wanted == nil { execution.reply.null() } else { execution.reply.nullArray() }
    case .found(let location):
      let list = ListView(location.entry)
      guard let wanted else {
        if let element = list.element(end == .left ? 0 : -1) { execution.reply.bulk(element) }
        return execution.takeOff(1, of: list.count, key, location, end)
      }
      guard wanted > 0 else { return execution.reply.array(0) }
      execution.lock(key, location)
      execution.pop(min(wanted, list.count), key, location, end)
    }
  }

  /// LMPOP n key … LEFT|RIGHT [COUNT n], recorded as the pop that it comes to.
  static func popFirst(_ execution: inout Execution) {
    popFirst(&execution, at: 1, timeoutWord: nil)
  }

  /// The same with its words from `index` on; with a timeout it waits.
  static func popFirst(_ execution: inout Execution, at index: Int, timeoutWord: Int?) {
    execution.popFirst(.list, at: index, timeoutWord: timeoutWord, { ListEnd($0) }) { execution, request, key, location in
      let count = min(request.count, ListView(location.entry).count)
      execution.lock(key, location)
      execution.pop(count, key, location, request.end)
      execution.recordPop(request.end == .left ? "LPOP" : "RPOP", key, count)
    }
  }
}

extension Execution {
  /// Finds the first key of the request that holds something of `type`, begins the answer with its name and has `pop`
  /// answer and take what is asked for; if there is none the answer is no array, or with a timeout the client waits.
  mutating func popFirst<End>(
    _ type: ValueType, at index: Int, timeoutWord: Int?, _ end: (ByteView) -> End?,
    _ pop: (inout Execution, PopRequest<End>, ByteView, Location) -> Void
  ) {
    guard let request = PopRequest(&self, at: index, end) else { return }
    var timeout: Int64?
    if let timeoutWord {
      timeout = timeoutSeconds(timeoutWord)
      guard timeout != nil else { return }
    }
    for index in request.keys {
      let key = arguments[index]
      switch seek(key, as: type) {
      case .refused: return
      case .absent: continue
      case .found(let location):
        reply.array(2)
        reply.bulk(key)
        changed(key: key)
        return pop(&self, request, key, location)
      }
    }
    if let timeout { wait(for: request.keys, timeout) } else { reply.nullArray() }
  }

  /// The command is recorded as the pop that it comes to.
  mutating func recordPop(_ name: StaticString, _ key: ByteView, _ count: Int) {
    effects.beginRecord(words: 3)
    effects.word(name)
    effects.word(key)
    effects.word(Int64(count))
  }
}

/// What LMPOP and ZMPOP say: `n key … end [COUNT n]`.
struct PopRequest<End> {
  let keys: Range<Int>
  let end: End
  let count: Int

  /// Answers the error and nil.
  init?(_ execution: inout Execution, at index: Int, _ end: (ByteView) -> End?) {
    guard let number = execution.arguments[index].int64, number > 0 else {
      execution.reply.error("ERR numkeys should be greater than 0")
      return nil
    }
    // The end stands behind the keys.
    guard number < Int64(execution.arguments.count - index - 1) else {
      execution.refuseSyntax()
      return nil
    }
    keys = index + 1..<index + 1 + Int(number)
    guard let found = end(execution.arguments[keys.upperBound]) else {
      execution.refuseSyntax()
      return nil
    }
    self.end = found
    var count: Int?
    var next = keys.upperBound + 1
    while next < execution.arguments.count {
      guard count == nil, execution.arguments[next].equalsIgnoringCase("count"), next + 1 < execution.arguments.count
      else {
        execution.refuseSyntax()
        return nil
      }
      guard let given = execution.arguments[next + 1].int64, given > 0 else {
        execution.reply.error("ERR count should be greater than 0")
        return nil
      }
      count = Int(given)
      next += 2
    }
    self.count = count ?? 1
  }
}
