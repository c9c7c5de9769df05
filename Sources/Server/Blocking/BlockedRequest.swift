// BlockedRequest.swift — a request that waits, in memory of its own.
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

  private let words: KeptWords

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
    words = KeptWords(arguments, substitutes: waiting.substitutes)
  }

  var arguments: Arguments { words.arguments }

  /// The word that `place` stands for.
  func key(at place: Effects.KeyPlace) -> ByteView? {
    guard let index = places.firstIndex(of: place) else { return nil }
    return arguments[keyWords.lowerBound + index]
  }
}
