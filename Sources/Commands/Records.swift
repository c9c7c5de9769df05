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
