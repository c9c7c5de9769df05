// CommandLog.swift — the last commands that stood out: SLOWLOG and COMMANDLOG.
//
//   ┌ oldest ─────────────────────────── newest ┐
//   │ id, when, how much, words, address, name  │      one log each: slow, large request, large reply
//
// Entries are copies, bounded in number, words and bytes per word. Secrets never get in.
import Bytes
import Commands
import Configuration
import Wire

struct CommandLog {
  struct Entry {
    let id: UInt64
    let wallSeconds: Int64
    /// Microseconds, or bytes in the logs of large requests and replies.
    let amount: UInt64
    let words: [[UInt8]]
    let clientAddress: String
    let clientName: String
  }

  /// Entries before `first` are gone; the array moves up when they are the greater part.
  private var storage: [Entry] = []
  private var first = 0
  private var nextID: UInt64 = 0

  /// As many are kept as the directive says.
  var entriesMax = 128 {
    didSet { trim() }
  }

  var count: Int { storage.count - first }

  /// At most `limit` entries, newest first.
  func newest(_ limit: Int) -> some Sequence<Entry> {
    storage[first...].suffix(max(0, limit)).reversed()
  }

  /// Copies a command, unless it must not be logged.
  mutating func add(
    _ arguments: Arguments, amount: UInt64, client: ClientDetails, flags: CommandFlags, wallSeconds: Int64
  ) {
    guard entriesMax > 0, !flags.contains(.skipSlowlog) else { return }
    storage.append(
      Entry(
        id: nextID, wallSeconds: wallSeconds, amount: amount, words: Self.copy(arguments),
        clientAddress: client.address, clientName: client.name))
    nextID += 1
    trim()
  }

  mutating func reset() {
    storage = []
    first = 0
  }

  private mutating func trim() {
    guard count > entriesMax else { return }
    first = storage.count - entriesMax
    guard first * 2 > storage.count else { return }
    storage.removeFirst(first)
    first = 0
  }

  // MARK: copying

  private static let wordsMax = 32
  private static let bytesPerWordMax = 128

  private static func copy(_ arguments: Arguments) -> [[UInt8]] {
    var words: [[UInt8]] = []
    for i in 0..<min(arguments.count, wordsMax) {
      if i == wordsMax - 1 && arguments.count > wordsMax {
        words.append(Array("... (\(arguments.count - wordsMax + 1) more arguments)".utf8))
      } else if Redaction.hides(i, of: arguments) {
        words.append(Array("(redacted)".utf8))
      } else {
        words.append(copy(arguments[i]))
      }
    }
    return words
  }

  private static func copy(_ word: ByteView) -> [UInt8] {
    let kept = Array(word.prefix(bytesPerWordMax).buffer)
    guard word.count > kept.count else { return kept }
    return kept + Array("... (\(word.count - kept.count) more bytes)".utf8)
  }
}

/// Which words of a request are secrets.
enum Redaction {
  static func hides(_ index: Int, of arguments: Arguments) -> Bool {
    guard index > 0 else { return false }
    let name = arguments[0]
    if name.equalsIgnoringCase("auth") { return true }
    if name.equalsIgnoringCase("hello") {
      // HELLO version AUTH user password
      return isCredential(index, of: arguments)
    }
    guard name.equalsIgnoringCase("config"), index >= 3, index % 2 == 1, arguments[1].equalsIgnoringCase("set") else {
      return false
    }
    return DirectiveTable.find(arguments[index - 1].text)?.isSensitive ?? false
  }

  private static func isCredential(_ index: Int, of arguments: Arguments) -> Bool {
    for distance in 1...2 where index - distance >= 2 {
      if arguments[index - distance].equalsIgnoringCase("auth") { return true }
    }
    return false
  }
}
