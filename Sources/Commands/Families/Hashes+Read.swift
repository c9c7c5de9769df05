// Hashes+Read.swift — asking for fields and values: by name, all of them, some by chance.
import Bytes
import Store
import Wire

extension Hashes {
  /// Calls `body` with the hash at word 1, or `absent` if there is none; answers WRONGTYPE.
  private static func read(
    _ execution: inout Execution, absent: (Reply) -> Void, _ body: (inout Execution, HashView) -> Void
  ) {
    switch execution.read(execution.arguments[1], as: .hash) {
    case .refused: return
    case .absent: absent(execution.reply)
    case .found(let location): body(&execution, HashView(location.entry))
    }
  }

  static func get(_ execution: inout Execution) {
    read(&execution, absent: { $0.null() }) { execution, hash in
      guard let value = hash.value(execution.arguments[2]) else { return execution.reply.null() }
      execution.reply.bulk(value)
    }
  }

  static func getSeveral(_ execution: inout Execution) {
    let count = execution.arguments.count - 2
    read(
      &execution,
      absent: { reply in
        reply.array(count)
        for _ in 0..<count { reply.null() }
      },
      { execution, hash in
        execution.reply.array(count)
        for index in 2..<execution.arguments.count {
          if let value = hash.value(execution.arguments[index]) {
            execution.reply.bulk(value)
          } else {
            execution.reply.null()
          }
        }
      })
  }

  static func getAll(_ execution: inout Execution) {
    read(&execution, absent: { $0.map(0) }) { execution, hash in
      execution.reply.map(hash.count)
      var fields = hash.cursor()
      while let item = fields.next() {
        execution.reply.bulk(item.name)
        execution.reply.bulk(item.value)
      }
    }
  }

  static func allFields(_ execution: inout Execution) {
    read(&execution, absent: { $0.array(0) }) { execution, hash in
      execution.reply.array(hash.count)
      var fields = hash.cursor()
      while let item = fields.next() { execution.reply.bulk(item.name) }
    }
  }

  static func allValues(_ execution: inout Execution) {
    read(&execution, absent: { $0.array(0) }) { execution, hash in
      execution.reply.array(hash.count)
      var fields = hash.cursor()
      while let item = fields.next() { execution.reply.bulk(item.value) }
    }
  }

  static func count(_ execution: inout Execution) {
    read(&execution, absent: { $0.integer(0) }) { $0.reply.integer($1.count) }
  }

  static func valueLength(_ execution: inout Execution) {
    read(&execution, absent: { $0.integer(0) }) { $0.reply.integer($1.value($0.arguments[2])?.count ?? 0) }
  }

  static func exists(_ execution: inout Execution) {
    read(&execution, absent: { $0.integer(0) }) { $0.reply.integer($1.contains($0.arguments[2]) ? 1 : 0) }
  }

  static func scan(_ execution: inout Execution) {
    execution.scan(.hash, namesOnlyWord: "novalues") { execution, entry, options, sweep in
      let reply = execution.reply
      let hash = HashView(entry)
      if let collection = hash.collection {
        return options.sweep(collection, &sweep) {
          reply.bulk($0.key)
          if options.namesOnly { return 1 }
          reply.bulk($0.bytes)
          return 2
        }
      }
      sweep.end()
      var told = 0
      var fields = hash.cursor()
      while let item = fields.next() {
        guard item.name.withView({ options.includes($0) }) else { continue }
        reply.bulk(item.name)
        told += 1
        guard !options.namesOnly else { continue }
        reply.bulk(item.value)
        told += 1
      }
      return told
    }
  }

  // MARK: chance

  static func randomField(_ execution: inout Execution) {
    guard execution.arguments.count > 2 else {
      return read(&execution, absent: { $0.null() }) { execution, hash in
        guard let item = hash.random(execution.random.next()) else { return execution.reply.null() }
        execution.reply.bulk(item.name)
      }
    }
    guard let wanted = execution.randomCountWord(2) else { return }
    var withValues = false
    if execution.arguments.count > 3 {
      guard execution.arguments.count == 4, execution.arguments[3].equalsIgnoringCase("withvalues") else {
        return execution.refuseSyntax()
      }
      guard wanted.magnitude <= UInt(Int.max / 2) else { return execution.reply.error("ERR value is out of range") }
      withValues = true
    }
    read(&execution, absent: { $0.array(0) }) { execution, hash in
      if wanted < 0 {
        execution.beginPairs(-wanted, withValues)
        for _ in 0..<(-wanted) {
          if let item = hash.random(execution.random.next()) { execution.answer(item, withValues) }
        }
        return
      }
      let count = min(wanted, hash.count)
      execution.beginPairs(count, withValues)
      if hash.collection != nil && count < hash.count / 3 { return draw(&execution, hash, count, withValues) }
      var left = hash.count
      var missing = count
      var fields = hash.cursor()
      while missing > 0, let item = fields.next() {
        if execution.chooses(missing, of: left) {
          execution.answer(item, withValues)
          missing -= 1
        }
        left -= 1
      }
    }
  }

  private static func draw(_ execution: inout Execution, _ hash: HashView, _ wanted: Int, _ withValues: Bool) {
    var drawn = Keyspace()
    var missing = wanted
    while missing > 0 {
      guard let item = hash.random(execution.random.next()), case .bytes(let field) = item.name else { return }
      let fieldHash = KeyHash(field)
      guard drawn.find(field, fieldHash) == nil else { continue }
      drawn.insert(field, fieldHash, string: .empty, form: .text)
      execution.answer(item, withValues)
      missing -= 1
    }
  }
}

extension Execution {
  /// The header for `count` names, or pairs: a pair is an array of its own in RESP3, two words in RESP2.
  func beginPairs(_ count: Int, _ arePairs: Bool) {
    reply.array(arePairs && !reply.isRESP3 ? count * 2 : count)
  }

  /// A field, with its value if they are pairs.
  func answer(_ item: Item, _ withValue: Bool) {
    if withValue && reply.isRESP3 { reply.array(2) }
    reply.bulk(item.name)
    if withValue { reply.bulk(item.value) }
  }
}
