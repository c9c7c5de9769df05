// ScriptHeader.swift — the first line of a script that says what it may do.
//
//   #!lua flags=no-writes,allow-oom\n
//
// A script without such a line runs as scripts always did: whether it writes shows when it does.
import Bytes

/// What a script says of itself.
public struct ScriptFlags: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// It writes nothing: nothing that forbids writing forbids it.
  public static let noWrites = ScriptFlags(rawValue: 1 << 0)
  public static let allowOOM = ScriptFlags(rawValue: 1 << 1)
  public static let allowStale = ScriptFlags(rawValue: 1 << 2)
  public static let noCluster = ScriptFlags(rawValue: 1 << 3)
  public static let allowCrossSlotKeys = ScriptFlags(rawValue: 1 << 4)
  /// It has no such line.
  public static let isPlain = ScriptFlags(rawValue: 1 << 7)

  /// As they are written.
  static let names: [(name: String, flag: ScriptFlags)] = [
    ("no-writes", .noWrites), ("allow-oom", .allowOOM), ("allow-stale", .allowStale), ("no-cluster", .noCluster),
    ("allow-cross-slot-keys", .allowCrossSlotKeys),
  ]
}

/// The line, read.
public struct ScriptHeader: Equatable, Sendable {
  public let flags: ScriptFlags
  /// Bytes before the code. The line's end belongs to the code, so that lines are counted from it.
  public let byteCount: Int

  /// What is wrong with such a line, in the words of an answer.
  public struct Malformed: Error, Equatable {
    public let text: String
  }

  /// - Throws: the answer to whoever sent such a script.
  public init(_ script: ByteView) throws(Malformed) {
    guard script.count >= 2, script[0] == UInt8(ascii: "#"), script[1] == UInt8(ascii: "!") else {
      flags = .isPlain
      byteCount = 0
      return
    }
    guard let end = script.buffer.firstIndex(of: UInt8(ascii: "\n")) else {
      throw Malformed(text: "ERR Invalid script shebang")
    }
    let words = script[2..<end].text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard let engine = words.first else { throw Malformed(text: "ERR Invalid engine in script shebang") }
    guard engine == "lua" else { throw Malformed(text: "ERR Unexpected engine in script shebang: \(engine)") }
    var flags: ScriptFlags = []
    for word in words.dropFirst() {
      guard word.hasPrefix("flags=") else { throw Malformed(text: "ERR Unknown lua shebang option: \(word)") }
      for name in word.dropFirst("flags=".count).split(separator: ",") {
        guard let known = ScriptFlags.names.first(where: { $0.name == name }) else {
          throw Malformed(text: "ERR Unexpected flag in script shebang: \(name)")
        }
        flags.insert(known.flag)
      }
    }
    self.flags = flags
    byteCount = end
  }
}
