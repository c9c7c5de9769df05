// SortedSets+Read.swift — scores, ranks and counts, and members by chance.
import Bytes
import CDecimal
import Store
import Wire

extension SortedSets {
  /// The sorted set at word 1 to be read; `absent` answers if there is none.
  static func read(_ execution: inout Execution, absent: (Reply) -> Void) -> SortedSetView? {
    switch execution.read(execution.arguments[1], as: .sortedSet) {
    case .refused: break
    case .absent: absent(execution.reply)
    case .found(let location):
      execution.pin(location, word: 1)
      return SortedSetView(location.entry)
    }
    return nil
  }

  static func score(_ execution: inout Execution) {
    guard let set = read(&execution, absent: { $0.null() }) else { return }
    guard let score = set.score(execution.arguments[2]) else { return execution.reply.null() }
    execution.reply.score(score)
  }

  static func scores(_ execution: inout Execution) {
    let words = 2..<execution.arguments.count
    guard
      let set = read(
        &execution,
        absent: { reply in
          reply.array(words.count)
          for _ in words { reply.null() }
        })
    else { return }
    execution.reply.array(words.count)
    for index in words {
      if let score = set.score(execution.arguments[index]) {
        execution.reply.score(score)
      } else {
        execution.reply.null()
      }
    }
  }

  static func count(_ execution: inout Execution) {
    guard let set = read(&execution, absent: { $0.integer(0) }) else { return }
    execution.reply.integer(set.count)
  }

  static func countByScore(_ execution: inout Execution) {
    guard let range = execution.scoreRange(2, 3) else { return }
    guard let set = read(&execution, absent: { $0.integer(0) }) else { return }
    execution.reply.integer(range.ranks(set).count)
  }

  static func countByMember(_ execution: inout Execution) {
    guard let range = execution.memberRange(2, 3) else { return }
    guard let set = read(&execution, absent: { $0.integer(0) }) else { return }
    execution.reply.integer(range.ranks(set).count)
  }

  static func rank(_ execution: inout Execution) { rank(&execution, isReversed: false) }
  static func reverseRank(_ execution: inout Execution) { rank(&execution, isReversed: true) }

  private static func rank(_ execution: inout Execution, isReversed: Bool) {
    guard execution.arguments.count <= 4 else { return execution.refuseArity() }
    let withScore = execution.arguments.count == 4
    guard !withScore || execution.arguments[3].equalsIgnoringCase("withscore") else { return execution.refuseSyntax() }
    let absent: (Reply) -> Void = { if withScore { $0.nullArray() } else { $0.null() } }
    guard let set = read(&execution, absent: absent) else { return }
    guard let found = set.rank(execution.arguments[2]) else { return absent(execution.reply) }
    if withScore { execution.reply.array(2) }
    execution.reply.integer(isReversed ? set.count - 1 - found.rank : found.rank)
    if withScore { execution.reply.score(found.score) }
  }

  static func scan(_ execution: inout Execution) {
    execution.scan(.sortedSet, namesOnlyWord: "noscores") { execution, entry, options, sweep in
      let reply = execution.reply
      let set = SortedSetView(entry)
      // Scores in scans are text in RESP3 too: as they are kept, or with all their digits where they are kept as doubles.
      func tell(_ item: Item, isPacked: Bool) -> Int {
        reply.bulk(item.name)
        if options.namesOnly { return 1 }
        guard !isPacked else {
          ScoreText.with(item.score) { reply.bulk($0) }
          return 2
        }
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
          guard let out = buffer.baseAddress else { return }
          reply.bulk(ByteView(start: out, count: martlet_decimal_seventeen(item.score, out)))
        }
        return 2
      }
      if let collection = set.collection {
        return options.sweep(&execution, collection, &sweep) { tell(SortedSetView.item($0), isPacked: false) }
      }
      sweep.end()
      var told = 0
      var members = set.cursor()
      while let item = members.next() {
        if item.name.withView({ options.includes($0) }) { told += tell(item, isPacked: true) }
      }
      return told
    }
  }

  // MARK: chance

  static func randomMember(_ execution: inout Execution) {
    guard execution.arguments.count > 2 else {
      guard let set = read(&execution, absent: { $0.null() }) else { return }
      guard let item = set.random(execution.random.next()) else { return execution.reply.null() }
      return execution.reply.bulk(item.name)
    }
    guard let wanted = execution.randomCountWord(2) else { return }
    let withScores = execution.arguments.count > 3
    if withScores {
      guard execution.arguments.count == 4, execution.arguments[3].equalsIgnoringCase("withscores") else {
        return execution.refuseSyntax()
      }
      guard wanted.magnitude <= UInt(Int.max / 2) else { return execution.reply.error("ERR value is out of range") }
    }
    guard let set = read(&execution, absent: { $0.array(0) }) else { return }
    if wanted < 0 {
      execution.beginPairs(-wanted, withScores)
      for _ in 0..<(-wanted) {
        guard execution.mayGoOn() else { return }
        if let item = set.random(execution.random.next()) { execution.answer(member: item, withScores) }
      }
      return
    }
    let count = min(wanted, set.count)
    execution.beginPairs(count, withScores)
    if set.collection != nil && count < set.count / 3 { return draw(&execution, set, count, withScores) }
    var left = set.count
    var missing = count
    var members = set.cursor()
    while missing > 0, let item = members.next() {
      guard execution.mayGoOn() else { return }
      if execution.chooses(missing, of: left) {
        execution.answer(member: item, withScores)
        missing -= 1
      }
      left -= 1
    }
  }

  private static func draw(_ execution: inout Execution, _ set: SortedSetView, _ wanted: Int, _ withScores: Bool) {
    var drawn = Keyspace()
    var missing = wanted
    while missing > 0 {
      guard execution.mayGoOn() else { return }
      guard let item = set.random(execution.random.next()), case .bytes(let member) = item.name else { return }
      let hash = KeyHash(member)
      guard drawn.find(member, hash) == nil else { continue }
      drawn.insert(member, hash, string: .empty, form: .text)
      execution.answer(member: item, withScores)
      missing -= 1
    }
  }
}

extension Execution {
  /// A member, with its score if they are pairs.
  func answer(member item: Item, _ withScore: Bool) {
    if withScore && reply.isRESP3 { reply.array(2) }
    reply.bulk(item.name)
    if withScore { reply.score(item.score) }
  }
}
