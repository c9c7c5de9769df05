// Hashes+Read.swift — asking for fields and values: by name, or for all of them.
import Bytes
import Store
import Wire

extension Hashes {
  /// Calls `body` with the hash at word 1, or `absent` if there is none; answers WRONGTYPE.
  static func read(
    _ execution: inout Execution, absent: (Reply) -> Void, _ body: (inout Execution, HashView) -> Void
  ) {
    switch execution.read(execution.arguments[1], as: .hash) {
    case .refused: return
    case .absent: absent(execution.reply)
    case .found(let location):
      execution.pin(location, word: 1)
      body(&execution, execution.fields(of: location))
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
      let reply = execution.reply
      tell(&execution, hash, { reply.map($0) }, { reply.closeMap($0, pairs: $1) }) {
        reply.bulk($0.name)
        reply.bulk($0.value)
      }
    }
  }

  static func allFields(_ execution: inout Execution) {
    read(&execution, absent: { $0.array(0) }) { execution, hash in
      let reply = execution.reply
      tell(&execution, hash, { reply.array($0) }, { reply.closeArray($0, count: $1) }) { reply.bulk($0.name) }
    }
  }

  static func allValues(_ execution: inout Execution) {
    read(&execution, absent: { $0.array(0) }) { execution, hash in
      let reply = execution.reply
      tell(&execution, hash, { reply.array($0) }, { reply.closeArray($0, count: $1) }) { reply.bulk($0.value) }
    }
  }

  /// Tells all fields. How many they are is said before them by `announce`, or by `close` afterwards if some may have
  /// ended.
  @inline(__always) private static func tell(
    _ execution: inout Execution, _ hash: HashView, _ announce: (Int) -> Void,
    _ close: (OutputBuffer.Gap, Int) -> Void, _ body: (Item) -> Void
  ) {
    var fields = hash.cursor()
    guard hash.hasVolatileFields else {
      announce(hash.count)
      while let item = fields.next() {
        guard execution.mayGoOn() else { return }
        body(item)
      }
      return
    }
    let gap = execution.reply.open()
    var told = 0
    while let item = fields.next() {
      guard execution.mayGoOn() else { return }
      body(item)
      told += 1
    }
    close(gap, told)
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
        let now = execution.nowMilliseconds
        return options.sweep(&execution, collection, &sweep) {
          guard !$0.isExpired(now) else { return 0 }
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
}
