// Execution+Waiting.swift — a command that has found nothing, and whose client is to wait until there is something.
//
//   BLPOP a b 0 ──▶ neither is there ──▶ `wait`: the executor keeps the words and asks the client nothing more
//   RPUSH b x   ──▶ b may be what it waits for ──▶ the same words run again, as a `retry`
//
// The body looks twice, then, and knows no difference, except that on a retry a key of another type is one that is
// not there yet. What it answered in vain is nothing: a body that waits has written no answer.
import Bytes
import Store
import Wire

/// What a command waits for. When its time is up the answer is no array, whatever it would have been.
public struct Waiting {
  /// Words of the request that are keys.
  public let keys: Range<Int>
  /// Milliseconds; 0 for as long as it takes.
  public let timeoutMilliseconds: Int64
  /// Words that mean something else later than now, and what they mean now: `$` of XREAD.
  public var substitutes: [Substitute] = []
  /// Where it cannot wait, in a transaction, the answer is no element instead of no array.
  public var answersElement = false

  public typealias Substitute = (word: Int, text: [UInt8])

  public init(keys: Range<Int>, timeoutMilliseconds: Int64) {
    self.keys = keys
    self.timeoutMilliseconds = timeoutMilliseconds
  }
}

extension Execution {
  /// The client waits for one of these keys; the body returns without an answer.
  public mutating func wait(for keys: Range<Int>, _ timeoutMilliseconds: Int64) {
    waiting = Waiting(keys: keys, timeoutMilliseconds: timeoutMilliseconds)
  }

  /// The same for a command that moves one element.
  public mutating func wait(forElementOf key: Int, _ timeoutMilliseconds: Int64) {
    waiting = Waiting(keys: key..<key + 1, timeoutMilliseconds: timeoutMilliseconds)
    waiting?.answersElement = true
  }

  /// Looks for a value of `type` in order to change it, as a command does that may wait.
  mutating func seek(_ key: ByteView, as type: ValueType) -> Lookup {
    guard isRetry else { return find(key, as: type) }
    guard let location = find(key), location.entry.type == type else { return .absent }
    return .found(location)
  }

  /// The seconds of a timeout, in whole milliseconds; answers the error and nil. A part of a millisecond is a whole one.
  func timeoutSeconds(_ index: Int) -> Int64? {
    guard let seconds = arguments[index].double, !seconds.isNaN else {
      reply.error("ERR timeout is not a float or out of range")
      return nil
    }
    let milliseconds = (seconds * 1000).rounded(.up)
    guard seconds >= 0 else {
      reply.error("ERR timeout is negative")
      return nil
    }
    guard let whole = Int64(exactly: milliseconds), whole <= Int64.max - nowMilliseconds else {
      reply.error("ERR timeout is out of range")
      return nil
    }
    return whole
  }
}
