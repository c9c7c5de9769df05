// Lists+Inside.swift — elements by index and by value.
import Bytes
import Store
import Wire

extension Lists {
  /// The list at word 1 to be read; `absent` answers if there is none.
  private static func read(_ execution: inout Execution, absent: (Reply) -> Void) -> ListView? {
    switch execution.read(execution.arguments[1], as: .list) {
    case .refused: break
    case .absent: absent(execution.reply)
    case .found(let location):
      execution.pin(location, word: 1)
      return ListView(location.entry)
    }
    return nil
  }

  static func count(_ execution: inout Execution) {
    guard let list = read(&execution, absent: { $0.integer(0) }) else { return }
    execution.reply.integer(list.count)
  }

  static func element(_ execution: inout Execution) {
    guard let list = read(&execution, absent: { $0.null() }) else { return }
    guard let index = execution.integer(2) else { return }
    guard let element = list.element(Int(index)) else { return execution.reply.null() }
    execution.reply.bulk(element)
  }

  static func range(_ execution: inout Execution) {
    guard let start = execution.integer(2), let stop = execution.integer(3) else { return }
    guard let list = read(&execution, absent: { $0.array(0) }) else { return }
    let range = indexRange(start, stop, count: list.count)
    execution.reply.array(range.count)
    guard !range.isEmpty else { return }
    var elements = list.cursor(from: range.lowerBound)
    for _ in range {
      guard execution.mayGoOn() else { return }
      if let element = elements.next() { execution.reply.bulk(element) }
    }
  }

  /// The indices that LRANGE, LTRIM and their like mean: negative ones count from the end.
  static func indexRange(_ start: Int64, _ stop: Int64, count: Int) -> Range<Int> {
    let count = Int64(count)
    let first = max(0, start < 0 ? start + count : start)
    let last = min(count - 1, stop < 0 ? stop + count : stop)
    guard first <= last && first < count else { return 0..<0 }
    return Int(first)..<Int(last) + 1
  }

  static func setElement(_ execution: inout Execution) {
    let key = execution.arguments[1]
    switch execution.find(key, as: .list) {
    case .refused: return
    case .absent: execution.reply.error("ERR no such key")
    case .found(let location):
      guard let given = execution.integer(2) else { return }
      let (database, limits) = (execution.database, execution.rules.encodings)
      let value = execution.arguments[3]
      database.pointee.growList(location, bytes: value.count, count: 1, limits)
      let count = Int64(ListView(location.entry).count)
      let index = given < 0 ? given + count : given
      guard index >= 0 && index < count else { return execution.reply.error("ERR index out of range") }
      database.pointee.replaceElement(location, at: Int(index), with: value, limits)
      database.pointee.shrinkList(location, limits)
      execution.changed()
      execution.note(.list, "lset", key)
      execution.reply.ok()
    }
  }

  static func insert(_ execution: inout Execution) {
    let isBehind = execution.arguments[2].equalsIgnoringCase("after")
    guard isBehind || execution.arguments[2].equalsIgnoringCase("before") else { return execution.refuseSyntax() }
    let key = execution.arguments[1]
    switch execution.find(key, as: .list) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(var location):
      let (database, limits) = (execution.database, execution.rules.encodings)
      let value = execution.arguments[4]
      database.pointee.growList(location, bytes: value.count, count: 1, limits)
      execution.lock(key, location)
      var place = -1
      guard find(&execution, ListView(location.entry), execution.arguments[3], &place) else { return }
      guard place >= 0 else { return execution.reply.integer(-1) }
      let index = place
      location = execution.located(key, location)
      database.pointee.insertElement(location, value, at: isBehind ? index + 1 : index, limits)
      execution.changed()
      execution.note(.list, "linsert", key)
      execution.reply.integer(ListView(location.entry).count)
    }
  }

  /// Looks for the first element that equals `text`; −1 if there is none. False: nobody wants to know any more.
  private static func find(_ execution: inout Execution, _ list: ListView, _ text: ByteView, _ place: inout Int) -> Bool {
    var elements = list.cursor()
    var index = 0
    while let element = elements.next() {
      guard execution.mayGoOnChanging() else { return false }
      if element.equals(text) {
        place = index
        return true
      }
      index += 1
    }
    return true
  }

  static func remove(_ execution: inout Execution) {
    guard let given = execution.integer(2) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .list) {
    case .refused: return
    case .absent: execution.reply.integer(0)
    case .found(let location):
      execution.lock(key, location)
      guard let removed = remove(&execution, key, location, given) else { return }
      if removed > 0 {
        execution.changed(removed)
        execution.note(.list, "lrem", key)
        execution.settleList(key, execution.located(key, location))
      }
      execution.reply.integer(removed)
    }
  }

  /// Elements that are found before they are taken out together.
  private static let foundAtOnceMax = 1024

  /// Takes out equal elements: the first `wanted`, the last if it is negative, all if it is 0. Nil: nobody wants to
  /// know any more.
  private static func remove(
    _ execution: inout Execution, _ key: ByteView, _ location: Location, _ wanted: Int64
  ) -> Int? {
    let isBackward = wanted < 0
    let text = execution.arguments[3]
    let most = wanted == 0 ? UInt64.max : wanted.magnitude
    var location = location
    var removed = 0
    var next = isBackward ? ListView(location.entry).count - 1 : 0
    var found: [Int] = []
    repeat {
      found.removeAll(keepingCapacity: true)
      let list = ListView(location.entry)
      var elements = list.cursor(from: next, isBackward: isBackward)
      while found.count < foundAtOnceMax, UInt64(removed + found.count) < most, let element = elements.next() {
        guard execution.mayGoOnChanging() else { return nil }
        if element.equals(text) { found.append(next) }
        next += isBackward ? -1 : 1
      }
      guard !found.isEmpty else { break }
      if isBackward { found.reverse() } else { next -= found.count }
      location = execution.located(key, location)
      execution.database.pointee.removeElements(location, at: found)
      removed += found.count
    } while found.count == foundAtOnceMax && (isBackward ? next >= 0 : next < ListView(location.entry).count)
    return removed
  }

  static func trim(_ execution: inout Execution) {
    guard let start = execution.integer(2), let stop = execution.integer(3) else { return }
    let key = execution.arguments[1]
    switch execution.find(key, as: .list) {
    case .refused: return
    case .absent: execution.reply.ok()
    case .found(var location):
      let count = ListView(location.entry).count
      let kept = indexRange(start, stop, count: count)
      if !kept.isEmpty {
        execution.lock(key, location)
        guard execution.removeElements(count - kept.upperBound, key, location, .right),
          execution.removeElements(kept.lowerBound, key, location, .left)
        else { return }
        location = execution.located(key, location)
        execution.database.pointee.shrinkList(location, execution.rules.encodings)
      }
      execution.note(.list, "ltrim", key)
      execution.changed(count - kept.count)
      if kept.isEmpty { execution.removeEmptied(key, location) }
      execution.reply.ok()
    }
  }

  // MARK: LPOS

  private struct PositionOptions {
    /// The first match that counts: from the end if negative.
    var rank: Int64 = 1
    /// Matches to be told; nil: one, and not as an array.
    var count: Int64?
    /// Elements that are looked at, 0 for all.
    var lengthMax: Int64 = 0
  }

  static func position(_ execution: inout Execution) {
    guard let options = positionOptions(&execution) else { return }
    let isSeveral = options.count != nil
    guard let list = read(&execution, absent: { if isSeveral { $0.array(0) } else { $0.null() } }) else { return }
    let isBackward = options.rank < 0
    var skipped = options.rank.magnitude - 1
    var elements = list.cursor(from: isBackward ? list.count - 1 : 0, isBackward: isBackward)
    var index = isBackward ? list.count - 1 : 0
    var looked: Int64 = 0
    var found: [Int] = []
    let text = execution.arguments[2]
    while options.lengthMax == 0 || looked < options.lengthMax, let element = elements.next() {
      guard execution.mayGoOn() else { return }
      if element.equals(text) {
        if skipped > 0 {
          skipped -= 1
        } else {
          found.append(index)
          let count = options.count ?? 1
          if count > 0 && Int64(found.count) == count { break }
        }
      }
      looked += 1
      index += isBackward ? -1 : 1
    }
    guard isSeveral else {
      if let first = found.first { return execution.reply.integer(first) }
      return execution.reply.null()
    }
    execution.reply.array(found.count)
    for index in found {
      guard execution.mayGoOn() else { return }
      execution.reply.integer(index)
    }
  }

  /// Answers the error and nil.
  private static func positionOptions(_ execution: inout Execution) -> PositionOptions? {
    var options = PositionOptions()
    var index = 3
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      guard index + 1 < execution.arguments.count else {
        execution.refuseSyntax()
        return nil
      }
      if word.equalsIgnoringCase("rank") {
        guard let rank = execution.rankWord(index + 1) else { return nil }
        options.rank = rank
      } else if word.equalsIgnoringCase("count") {
        guard let count = execution.arguments[index + 1].int64, count >= 0 else {
          execution.reply.error("ERR COUNT can't be negative")
          return nil
        }
        options.count = count
      } else if word.equalsIgnoringCase("maxlen") {
        guard let length = execution.arguments[index + 1].int64, length >= 0 else {
          execution.reply.error("ERR MAXLEN can't be negative")
          return nil
        }
        options.lengthMax = length
      } else {
        execution.refuseSyntax()
        return nil
      }
      index += 2
    }
    return options
  }
}

extension Execution {
  /// The number behind RANK: neither 0 nor the one that has no counterpart. Answers the error and nil.
  fileprivate func rankWord(_ index: Int) -> Int64? {
    guard let rank = integer(index) else { return nil }
    guard rank > Int64.min else {
      reply.error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
      return nil
    }
    guard rank != 0 else {
      reply.error(
        """
        ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
        from the end of the list
        """)
      return nil
    }
    return rank
  }
}
