// BlockedRequest.swift — a request that waits, in memory of its own.
//
//   ┌ view │ view │ … ┐┌ bytes of all words ┐        one allocation; the views point into it
//
// It outlives the buffer that it came in, and runs again as often as one of its keys may have got what it waits for.
import Bytes
import Commands
import Wire

struct BlockedRequest: ~Copyable {
  /// Who came first is served first.
  let number: UInt64
  let command: UnsafePointer<Command>
  /// The client's database, which it cannot change while it waits.
  let database: Int
  /// Words that are keys, and those of them by which it is found.
  let keyWords: Range<Int>
  let places: [Effects.KeyPlace]
  /// On the monotonic clock; .max for never.
  let deadlineNanoseconds: UInt64
  /// It wants to hear that its key is gone, too.
  let seesRemoval: Bool

  private let memory: UnsafeMutableRawPointer
  private let wordCount: Int

  init(
    number: UInt64, _ command: UnsafePointer<Command>, _ arguments: Arguments, _ waiting: Waiting, database: Int,
    deadlineNanoseconds: UInt64, seesRemoval: Bool
  ) {
    self.number = number
    self.command = command
    self.database = database
    self.deadlineNanoseconds = deadlineNanoseconds
    self.seesRemoval = seesRemoval
    keyWords = waiting.keys
    places = waiting.keys.map { Effects.KeyPlace(hash: .init(arguments[$0]), database: database) }
    wordCount = arguments.count
    var bytes = MemoryLayout<ByteView>.stride * wordCount
    for index in 0..<wordCount { bytes += arguments[index].count }
    for substitute in waiting.substitutes { bytes += substitute.text.count }
    memory = .allocate(byteCount: max(1, bytes), alignment: MemoryLayout<ByteView>.alignment)
    let views = memory.assumingMemoryBound(to: ByteView.self)
    var end = memory + MemoryLayout<ByteView>.stride * wordCount
    for index in 0..<wordCount {
      var word = arguments[index]
      word.copy(to: end)
      if let substitute = waiting.substitutes.first(where: { $0.word == index }) {
        substitute.text.withUnsafeBytes { text in
          word = ByteView(text)
          word.copy(to: end)
        }
      }
      (views + index).initialize(to: ByteView(start: end, count: word.count))
      end += word.count
    }
  }

  deinit { memory.deallocate() }

  var arguments: Arguments { Arguments(first: memory.assumingMemoryBound(to: ByteView.self), count: wordCount) }

  /// The word that `place` stands for.
  func key(at place: Effects.KeyPlace) -> ByteView? {
    guard let index = places.firstIndex(of: place) else { return nil }
    return arguments[keyWords.lowerBound + index]
  }
}
