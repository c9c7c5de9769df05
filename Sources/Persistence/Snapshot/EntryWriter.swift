// EntryWriter.swift — whatever makes bytes of entries that come one after the other.
//
// There are two: `RDBWriter` makes a snapshot file, `CommandWriter` the commands that would lead to the same
// data. A walk is written for both and compiled for each: no call is looked up while it runs.
import Bytes
import Store

protocol EntryWriter: ~Copyable {
  /// What waits to be written out.
  var output: OutputBuffer { get }
  /// A long string is under way: `advance` until it is not.
  var isBusy: Bool { get }

  /// Entries of database `index` will come, about so many. Called once for each that has any.
  mutating func begin(database index: Int, keys: Int, volatile: Int)
  /// Appends a key with its value and expiry; a long string begins only.
  mutating func entry(_ entry: Entry, database index: Int)
  /// Handles about `bytes` of the long string under way.
  mutating func advance(bytes: Int)
  /// Nothing more comes.
  mutating func end()
  /// The first `bytes` of what was pending have been written out.
  mutating func release(_ bytes: Int)
}

extension RDBWriter: EntryWriter {}
