// Batch.swift — the requests of one client that are read ahead of being run.
//
//   bytes:   [ GET a ][ GET b ][ SET c 1 ][ GE          words:  GET a │ GET b │ SET c 1 │ GE…
//              item 0    item 1    item 2   unfinished           0..2    2..4    4..7
//
// Reading a few requests ahead lets the memory that they will need be asked for before the first of
// them runs. They still run one after the other, and any of them may stop the rest.
import Bytes
import Commands
import Store
import Wire

@safe struct Batch: ~Copyable {
  struct Item {
    /// Offsets of the request in the bytes.
    var start: Int
    var end: Int
    /// Its words in the connection's vector.
    var words: Range<Int>
    var command: UnsafePointer<Command>?
    /// Its first key, if that was looked up ahead (empty if not), and the key's hash.
    var key: ByteView
    var hash: KeyHash
  }

  static let requestsMax = 16

  let items: UnsafeMutablePointer<Item>
  private(set) var count = 0
  /// What the parser said after the last request.
  var outcome = RequestParser.Outcome.more
  /// What made the bytes behind the last request unreadable.
  var failure: ProtocolError?
  /// Where reading goes on if not all of the batch could run.
  var stoppedAt = 0

  init() { items = .allocate(capacity: Self.requestsMax) }

  deinit { items.deallocate() }

  /// Behind the words of the last whole request.
  var wordEnd: Int { count == 0 ? 0 : items[count - 1].words.upperBound }

  mutating func begin() {
    count = 0
    outcome = .more
    failure = nil
  }

  mutating func add(start: Int, end: Int, words: Range<Int>) {
    precondition(count < Self.requestsMax, "a batch that is full")
    (items + count).initialize(
      to: Item(start: start, end: end, words: words, command: nil, key: .empty, hash: KeyHash(bits: 0)))
    count += 1
  }
}
