// Records.swift — what a command that depends on time or chance is recorded as.
//
//     GETDEL k            DEL k                  EXPIRE k 10     PEXPIREAT k <instant>
//     SET k v EX 10       SET k v PXAT <…>       INCRBYFLOAT     SET k <sum> KEEPTTL
import Bytes
import Store

extension Execution {
  mutating func recordDeletion(_ key: ByteView) {
    effects.beginRecord(words: 2)
    effects.word("DEL")
    effects.word(key)
  }

  mutating func recordExpiry(_ key: ByteView, _ instant: Milliseconds) {
    effects.beginRecord(words: 3)
    effects.word("PEXPIREAT")
    effects.word(key)
    effects.word(instant)
  }

  mutating func recordPersistence(_ key: ByteView) {
    effects.beginRecord(words: 2)
    effects.word("PERSIST")
    effects.word(key)
  }

  /// A plain SET of word `valueIndex`.
  mutating func recordSet(_ key: ByteView, valueIndex: Int) {
    effects.beginRecord(words: 3)
    effects.word("SET")
    effects.word(key)
    effects.word(arguments[valueIndex])
  }

  /// SET with the instant that the value expires at.
  mutating func recordSet(_ key: ByteView, valueIndex: Int, _ instant: Milliseconds) {
    effects.beginRecord(words: 5)
    effects.word("SET")
    effects.word(key)
    effects.word(arguments[valueIndex])
    effects.word("PXAT")
    effects.word(instant)
  }
}

extension Execution {
  /// The list, set or sorted set at `key` as it is, whatever it was made from: DEL, and its elements, some at a time.
  mutating func recordResult(_ key: ByteView) {
    recordDeletion(key)
    guard effects.isRecording, let location = locate(key, KeyHash(key)) else { return }
    let command: StaticString
    switch location.entry.type {
    case .list: command = "RPUSH"
    case .set: command = "SADD"
    case .sortedSet: command = "ZADD"
    case .hash, .stream, .string: return
    }
    let wordsPerElement = location.entry.type == .sortedSet ? 2 : 1
    var elements = location.entry.items()
    var left = elements.count
    while left > 0 {
      let count = min(left, Execution.elementsPerRecord)
      left -= count
      effects.beginRecord(words: 2 + count * wordsPerElement)
      effects.word(command)
      effects.word(key)
      for _ in 0..<count {
        guard let element = elements.next() else { break }
        if wordsPerElement == 2 { ScoreText.with(element.score) { effects.word($0) } }
        element.name.withView { effects.word($0) }
      }
    }
  }

  private static var elementsPerRecord: Int { 1_024 }
}
