// RDBItem.swift — what a snapshot consists of, one thing at a time.
//
// Views in items point into the caller's window or into the reader's memory of unpacked strings: they are
// good until the reader's next `settle` or `leave`.
import Bytes
import Store

/// A key and what is said about it before its value.
package struct RDBKey: BitwiseCopyable {
  package var name = ByteView.empty
  /// In milliseconds since 1970.
  package var expiry: Milliseconds?
  /// Seconds since its last use.
  package var idleSeconds: UInt64?
  /// Its LFU counter.
  package var frequency: UInt8?
}

package enum RDBStringValue: BitwiseCopyable {
  case bytes(ByteView)
  /// The text of this number.
  case integer(Int64)
}

/// How the end of a snapshot was confirmed.
package enum RDBConfirmation: Sendable {
  case checksum
  /// It was written without one.
  case none
}

package enum RDBItem {
  /// A fact that may be ignored.
  case auxiliary(name: ByteView, value: ByteView)
  /// The entries to come are of this database.
  case database(Int)
  /// What the database will hold, about.
  case sizes(keys: UInt64, volatile: UInt64)
  /// A slot of a cluster and what it will hold, about.
  case slot(UInt64, keys: UInt64, volatile: UInt64)
  /// A slot import of Valkey that was under way; its ranges are passed over.
  case slotImport(name: ByteView)
  /// The source of a function library.
  case function(ByteView)
  /// Data that a module keeps beside the keys; passed over.
  case moduleAuxiliary(UInt64)

  case string(RDBKey, RDBStringValue)
  /// A long string: `count` bytes follow in `piece` items.
  case stringBegins(RDBKey, count: UInt64)
  /// Never empty.
  case piece(ByteView)
  /// The last piece of a string has been given.
  case stringEnds
  /// A value of another type, which the next call passes over.
  case other(RDBKey, RDBType)

  /// The snapshot is complete.
  case end(RDBConfirmation)
}
