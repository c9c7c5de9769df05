// Batch.swift — the requests of one connection that are read ahead of being run.
//
//   bytes:   [ GET a ][ GET b ][ SET c 1 ][ GE          words:  GET a │ GET b │ SET c 1 │ GE…
//              item 0    item 1    item 2   unfinished           0..2    2..4    4..7
//
// Reading a few requests ahead lets the memory that they will need be asked for before the first of them runs. They
// still run one after the other, and any of them may stop the rest. A batch is made by a reactor, lent to the
// executor while it runs, and used again; its words point into bytes that stay where they are until then.
import Bytes
import Commands
import Ring
import Store
import Wire

@safe struct Batch: ~Copyable {
  struct Item {
    /// Offsets of the request in the bytes.
    var start: Int
    var end: Int
    /// Its words in the batch's vector, sealed.
    var words: Range<Int>
    var command: UnsafePointer<Command>?
    /// Its first key, if there is one to be looked up ahead (empty if not), and the key's hash.
    var key: ByteView
    var hash: KeyHash
  }

  let items: UnsafeMutablePointer<Item>
  let capacity: Int
  private(set) var count = 0
  var words = ArgumentVector()
  /// What the parser said after the last request.
  var outcome = RequestParser.Outcome.more
  /// What made the bytes behind the last request unreadable: said when all requests have run.
  var failure: ProtocolError?

  // MARK: for the executor

  /// When a reactor with a thread told of it, in clock ticks, if it is one of those that are timed; otherwise 0.
  var toldAtTicks: UInt64 = 0
  /// Long words of its only request.
  var largeWords: UnsafeMutablePointer<LargeWords>?
  /// Bytes received since the batch before, and what is held of unfinished requests.
  var bytesReceived: UInt64 = 0
  var inputBytes = 0
  var inputCapacity = 0

  // MARK: while it is under way

  /// Where the requests lie: in the ring's buffer of this completion, in the connection's input, or in `held`, which was
  /// its input until more arrived.
  var buffer: Completion?
  var isInInput = false
  var held = InputBuffer()
  /// Behind the last whole request.
  var end = 0
  var nextFree: UnsafeMutablePointer<Batch>?

  init(capacity: Int) {
    self.capacity = capacity
    items = .allocate(capacity: capacity)
  }

  deinit {
    items.deallocate()
    var words = words
    words.release()
    var held = held
    held.release()
  }

  /// Behind the words of the last whole request.
  var wordEnd: Int { count == 0 ? 0 : items[count - 1].words.upperBound }

  mutating func begin() {
    count = 0
    outcome = .more
    failure = nil
  }

  /// A whole request between these offsets of bytes that start at `base`.
  @inline(__always)
  mutating func add(start: Int, end: Int, words range: Range<Int>, base: UnsafeRawPointer) {
    precondition(count < capacity, "a batch that is full")
    words.seal(range, base: base + start)
    (items + count).initialize(
      to: Item(start: start, end: end, words: range, command: nil, key: .empty, hash: KeyHash(bits: 0)))
    count += 1
  }

  /// Finds the commands of the requests and the hashes of their first keys.
  func resolve(_ table: CommandTable) {
    for index in 0..<count {
      let item = items + index
      let arguments = words.views(item.pointee.words)
      guard let command = table.resolve(arguments[0], arguments.count > 1 ? arguments[1] : nil) else { continue }
      item.pointee.command = command
      let position = command.pointee.firstKey
      guard position > 0, position < arguments.count else { continue }
      item.pointee.key = arguments[position]
      item.pointee.hash = KeyHash(arguments[position])
    }
  }

  /// Asks memory for the keys: all buckets first, then all entries, so that the waits overlap.
  func prefetch(_ database: UnsafeMutablePointer<Keyspace>) {
    prefetchBuckets(database)
    prefetchEntries(database)
  }

  func prefetchBuckets(_ database: UnsafeMutablePointer<Keyspace>) {
    for index in 0..<count where !items[index].key.isEmpty { database.pointee.prefetchBucket(items[index].hash) }
  }

  func prefetchEntries(_ database: UnsafeMutablePointer<Keyspace>) {
    for index in 0..<count where !items[index].key.isEmpty { database.pointee.prefetchEntry(items[index].hash) }
  }
}
