// Gates.swift — what an answer depends on, per command: which keys, everything, or nothing.
//
// Made once from the commands' facts. A command whose keys stand at fixed places is looked at without
// asking its facts again; the others are asked through their key specifications.
import Bytes
import Commands
import Wire

struct Gate: BitwiseCopyable {
  enum Kind: UInt8 {
    /// The answer says nothing about the data: PING, INFO, CONFIG.
    case free
    /// It depends on the keys that the words name.
    case keys
    /// It depends on all keys of the data set: KEYS, SCAN, DBSIZE, RANDOMKEY.
    case everything
  }

  var kind = Kind.free
  /// A plain range of keys: first, last (counted from the end if negative) and step; first 0 if it is not plain.
  var first: Int16 = 0
  var last: Int16 = 0
  var step: Int16 = 1
  /// It may change a value where it stands, rather than replace or remove it.
  var changesValues = false
  /// It may look at or change keys that its words do not name, or all of them.
  private(set) var mayTouchAnything = false
  /// It changes what is known about a stream's groups, and not the stream: who watches the key is not concerned.
  private(set) var isAboutGroups = false
  /// It writes what its specifications say it reads: XREADGROUP leaves the stream as it is, but not its group.
  private var writesWhatItReads = false
  /// The keys of that range are written.
  private var isRangeWritten = false
  /// The first word of its requests as any server knows it, whatever rename-command made of it here.
  let name: ByteView

  /// Made once per command and kept as long as the process.
  init(_ facts: CommandFacts) {
    var text = facts.container ?? facts.name
    name = text.withUTF8 { bytes in
      let copy = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
      copy.copyMemory(from: UnsafeRawPointer(bytes.baseAddress ?? UnsafePointer(copy.assumingMemoryBound(to: UInt8.self))), byteCount: bytes.count)
      return ByteView(start: UnsafeRawPointer(copy), count: bytes.count)
    }
    mayTouchAnything = Self.touchingAnything.contains(facts.fullName)
    isAboutGroups = facts.container == "xgroup" || Self.aboutGroups.contains(facts.name)
    // WATCH says nothing about its keys: only EXEC does.
    if facts.name == "watch" { return }
    if facts.container == nil && Self.wholesale.contains(facts.name) {
      kind = .everything
    } else if facts.hasKeys {
      kind = .keys
      changesValues = facts.flags.contains(.write) && !Self.replacing.contains(facts.name)
        && facts.keys.contains { $0.flags.contains(.readWrite) }
      writesWhatItReads = facts.flags.contains(.write) && !facts.keys.isEmpty
        && facts.keys.allSatisfy { $0.flags.contains(.readOnly) }
      let range = KeyRange(facts.keys)
      // More than one specification, or one that depends on words, is asked.
      guard facts.keys.count == 1, range.first > 0, !facts.flags.contains(.movableKeys),
        case .range(_, _, let limit) = facts.keys[0].find, limit == 0
      else { return }
      first = Int16(clamping: range.first)
      isRangeWritten = !facts.keys[0].flags.contains(.readOnly)
      last = Int16(clamping: range.last)
      step = Int16(clamping: max(1, range.step))
    }
  }

  /// Commands that read and write a key without changing its value where it stands.
  private static let replacing: Set<String> = [
    "set", "getset", "getdel", "getex", "delifeq", "expire", "pexpire", "expireat", "pexpireat", "persist", "rename",
    "renamenx", "move",
  ]

  private static let touchingAnything: Set<String> = [
    "flushall", "flushdb", "swapdb", "save", "bgsave", "bgrewriteaof", "shutdown", "debug", "config|set", "sort", "sort_ro",
    "randomkey", "eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro",
  ]

  private static let aboutGroups: Set<String> = ["xsetid", "xack", "xclaim", "xautoclaim", "xreadgroup"]

  /// Commands that look at all keys.
  private static let wholesale: Set<String> = ["keys", "scan", "randomkey", "dbsize"]

  /// Calls `body` for the position of each key in a request that the command names in order to write.
  func forEachWrittenKey(_ arguments: Arguments, _ facts: CommandFacts, _ body: (Int) -> Void) {
    guard kind == .keys else { return }
    if writesWhatItReads { return forEachKey(arguments, facts, body) }
    if first > 0 {
      if isRangeWritten { forEachKey(arguments, facts, body) }
      return
    }
    for key in facts.keys(of: arguments) ?? [] where !key.flags.contains(.readOnly) { body(key.position) }
  }

  /// Calls `body` for the position of each key in a request.
  func forEachKey(_ arguments: Arguments, _ facts: CommandFacts, _ body: (Int) -> Void) {
    guard kind == .keys else { return }
    guard first > 0 else {
      for key in facts.keys(of: arguments) ?? [] { body(key.position) }
      return
    }
    let end = last >= 0 ? Int(last) : arguments.count + Int(last)
    var position = Int(first)
    while position <= end && position < arguments.count {
      body(position)
      position += Int(step)
    }
  }
}
