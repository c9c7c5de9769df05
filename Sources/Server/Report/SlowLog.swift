// SlowLog.swift — the last commands that took long: SLOWLOG and COMMANDLOG.
//
// A ring of copies, newest first, bounded in entries, words and bytes per word as Redis's is.
import Bytes
import Commands
import Wire

struct SlowLog {
  struct Entry {
    let id: UInt64
    let wallSeconds: Int64
    let microseconds: UInt64
    let words: [[UInt8]]
    let clientAddress: String
    let clientName: String
  }

  /// Newest first.
  private(set) var entries: [Entry] = []
  private var nextID: UInt64 = 0
  /// The directive slowlog-max-len.
  var entriesMax = 128 {
    didSet { if entries.count > entriesMax { entries.removeLast(entries.count - entriesMax) } }
  }

  private static let wordsMax = 32
  private static let bytesPerWordMax = 128

  mutating func add(
    _ arguments: Arguments, microseconds: UInt64, client: ClientDetails, flags: CommandFlags, wallSeconds: Int64
  ) {
    guard entriesMax > 0, !flags.contains(.skipSlowlog) else { return }
    var words: [[UInt8]] = []
    for i in 0..<min(arguments.count, Self.wordsMax) {
      if i == Self.wordsMax - 1 && arguments.count > Self.wordsMax {
        words.append(Array("... (\(arguments.count - Self.wordsMax + 1) more arguments)".utf8))
        break
      }
      var word = Array(arguments[i].prefix(Self.bytesPerWordMax).buffer)
      let rest = arguments[i].count - word.count
      if rest > 0 { word += Array("... (\(rest) more bytes)".utf8) }
      words.append(word)
    }
    entries.insert(
      Entry(
        id: nextID, wallSeconds: wallSeconds, microseconds: microseconds, words: words, clientAddress: client.address,
        clientName: client.name), at: 0)
    nextID += 1
    if entries.count > entriesMax { entries.removeLast() }
  }

  mutating func reset() { entries = [] }
}
