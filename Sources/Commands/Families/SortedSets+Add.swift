// SortedSets+Add.swift — ZADD and ZINCRBY.
//
//   NX: only members that are not there     GT, LT: only if the score rises, falls
//   XX: only members that are there         CH: count changes too    INCR: add, and answer the score
//
// All scores are read before the first is set: a command with one that is no number changes nothing.
import Bytes
import Store
import Wire

extension SortedSets {
  private struct AddOptions {
    var isNX = false
    var isXX = false
    var isGT = false
    var isLT = false
    var countsChanges = false
    var isIncrement = false
    /// The first word of scores and members.
    var begin = 2
  }

  static func add(_ execution: inout Execution) {
    var options = AddOptions()
    while options.begin < execution.arguments.count {
      let word = execution.arguments[options.begin]
      if word.equalsIgnoringCase("nx") {
        options.isNX = true
      } else if word.equalsIgnoringCase("xx") {
        options.isXX = true
      } else if word.equalsIgnoringCase("gt") {
        options.isGT = true
      } else if word.equalsIgnoringCase("lt") {
        options.isLT = true
      } else if word.equalsIgnoringCase("ch") {
        options.countsChanges = true
      } else if word.equalsIgnoringCase("incr") {
        options.isIncrement = true
      } else {
        break
      }
      options.begin += 1
    }
    let words = execution.arguments.count - options.begin
    guard words > 0 && words % 2 == 0 else { return execution.refuseSyntax() }
    guard !(options.isNX && options.isXX) else {
      return execution.reply.error("ERR XX and NX options at the same time are not compatible")
    }
    guard !(options.isNX && (options.isGT || options.isLT)), !(options.isGT && options.isLT) else {
      return execution.reply.error("ERR GT, LT, and/or NX options at the same time are not compatible")
    }
    guard !options.isIncrement || words == 2 else {
      return execution.reply.error("ERR INCR option supports a single increment-element pair")
    }
    add(&execution, options)
  }

  static func incrementBy(_ execution: inout Execution) {
    var options = AddOptions()
    options.isIncrement = true
    add(&execution, options)
  }

  private static func add(_ execution: inout Execution, _ options: AddOptions) {
    let words = stride(from: options.begin, to: execution.arguments.count, by: 2)
    for index in words where execution.arguments[index].score == nil {
      return execution.reply.error("ERR value is not a valid float")
    }
    let key = execution.arguments[1]
    let (database, limits) = (execution.database, execution.rules.encodings)
    var existing: Location?
    switch execution.find(key, as: .sortedSet) {
    case .refused: return
    case .found(let found): existing = found
    case .absent:
      if options.isXX { return options.isIncrement ? execution.reply.null() : execution.reply.integer(0) }
    }
    let isNew = existing == nil
    var location =
      existing
      ?? database.pointee.insertSortedSet(
        key, execution.hash(of: key), memberBytes: words.reduce(0) { max($0, execution.arguments[$1 + 1].count) },
        count: (execution.arguments.count - options.begin) / 2, limits)
    var added = 0
    var changed = 0
    var score: Double?
    execution.lock(key, location)
    for index in words {
      guard execution.mayGoOnChanging(after: 8) else { return }
      location = execution.located(key, location)
      guard let given = execution.arguments[index].score else { continue }
      let member = execution.arguments[index + 1]
      let old = SortedSetView(location.entry).score(member)
      guard old == nil ? !options.isXX : !options.isNX else { continue }
      let new = options.isIncrement ? old.map { $0 + given } ?? given : given
      guard !new.isNaN else {
        if isNew { database.pointee.remove(location) }
        return execution.reply.error("ERR resulting score is not a number (NaN)")
      }
      if let old, options.isGT && new <= old || options.isLT && new >= old { continue }
      score = new
      switch database.pointee.setScore(location, member, new, limits) {
      case .added: added += 1
      case .changed: changed += 1
      case .same: break
      }
    }
    // Made in vain.
    if isNew && SortedSetView(location.entry).count == 0 {
      database.pointee.remove(location)
    } else if isNew {
      execution.note(.new, "new", key)
    }
    if added + changed > 0 {
      execution.changed(added + changed)
      execution.note(.sortedSet, options.isIncrement ? "zincr" : "zadd", key)
    }
    guard options.isIncrement else {
      return execution.reply.integer(options.countsChanges ? added + changed : added)
    }
    if let score { execution.reply.score(score) } else { execution.reply.null() }
  }
}

extension Reply {
  /// A score: a double in RESP3, its text in RESP2.
  func score(_ score: Double) { ScoreText.with(score) { double(digits: $0) } }
}
