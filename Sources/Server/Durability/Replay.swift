// Replay.swift — the records of one log file, run again.
//
// Records are parsed in place and their bodies called, without a client and without the clock: a key
// expires by the DEL that was logged for it, not because time has passed. A transaction runs
// when its EXEC is there. The end of the last whole record is always known, so a file that was
// torn is cut exactly there.
import Bytes
import Commands
import Persistence
import Ring
import Store
import Wire

struct Replay: ~Copyable {
  enum Outcome: Equatable {
    /// The slice is used up.
    case more
    /// The file is replayed to its end.
    case done
    /// It ends in the middle of a record or a transaction; `validEnd` is where the last whole one ends.
    case truncated
    /// What stands at `validEnd` is no record.
    case malformed
    /// A sealed batch is not what its seal says, and sound ones follow it: the disk has changed the bytes from
    /// `validEnd` on.
    case corrupt(bytes: UInt64)
    /// A command that this server does not have.
    case unknown(command: String)
    case unreadable(errno: Int32)
  }

  let name: String
  var window: ReplayWindow
  private var words = ArgumentVector()
  private var limits = RequestParser.Limits()
  /// Bytes of the window that belong to an open transaction, its MULTI included; 0 outside.
  private var transactionBytes = 0
  /// Offset in the file behind the last record that counts.
  private(set) var validEnd: Int64
  private(set) var records: UInt64 = 0
  /// The file has sealed batches.
  private var hasSeals: Bool { sealNumber > 0 }
  /// The seal of the last batch that was verified.
  private(set) var sealNumber: UInt64 = 0
  /// Zeros behind the last record, as preallocation leaves them.
  private(set) var hasZeroTail = false

  /// Length of the file when it was opened.
  private let fileBytes: Int64

  init(name: String, descriptor: Int32, offset: Int64) {
    self.name = name
    fileBytes = (try? File.status(descriptor).bytes) ?? 0
    window = ReplayWindow(descriptor: descriptor, offset: offset)
    validEnd = offset
    limits.bulkBytesMax = Int.max / 4
  }

  deinit {
    var words = words
    words.release()
  }

  /// Replays for about `requests` records.
  mutating func step(_ server: UnsafeMutablePointer<Server>, requests: Int) -> Outcome {
    var left = requests
    while left > 0 {
      var used = transactionBytes
      words.removeAll()
      let outcome = next(&used)
      switch outcome {
      case .request:
        left -= 1
        if let stop = take(server, end: used) { return stop }
      case .skip: if transactionBytes == 0 { pass(used) } else { transactionBytes = used }
      case .more:
        do throws(Errno) {
          if try !window.fill() { return atEnd() }
        } catch {
          return .unreadable(errno: error.code)
        }
      case .malformed:
        if isZeroTail(from: used) { return zeroTail() }
        if isTornTransaction(from: used) { return .truncated }
        // Where batches are sealed, whatever is no seal and no record is what a power cut has left of one.
        let first = window.bytes.isEmpty ? 0 : window.bytes[0]
        guard hasSeals || first == 0 || first == UInt8(ascii: "#"), transactionBytes == 0 else { return .malformed }
        let step = judgeTail(from: 0)
        if case .corrupt(let bytes) = step { return .corrupt(bytes: bytes) }
        return .truncated
      case .torn: return .truncated
      case .corrupt(let bytes): return .corrupt(bytes: bytes)
      }
    }
    return .more
  }

  private enum Step { case request, skip, more, malformed, torn, corrupt(UInt64) }

  /// Parses what stands at `used` and moves `used` behind it.
  private mutating func next(_ used: inout Int) -> Step {
    let rest = window.bytes[used..<window.count]
    guard !rest.isEmpty else { return .more }
    if rest[0] == UInt8(ascii: "#") {
      if rest.count < LogSeal.byteCount && LogSeal.mayBegin(rest) { return .more }
      if LogSeal.mayBegin(rest) {
        guard let seal = LogSeal(rest), transactionBytes == 0, used == 0 else { return .malformed }
        return verify(seal, rest, &used)
      }
      guard let end = rest.buffer.firstIndex(of: UInt8(ascii: "\n")) else { return rest.count > 4096 ? .malformed : .more }
      used += end + 1
      return .skip
    }
    guard rest[0] == UInt8(ascii: "*") else { return .malformed }
    var parser = RequestParser()
    do throws(ProtocolError) {
      switch try parser.next(in: rest, limits: limits, words: &words) {
      case .request(let end):
        words.seal(0..<words.count, base: rest.start)
        used += end
        return .request
      case .nothing: return .malformed
      case .more, .large: return .more
      }
    } catch {
      return .malformed
    }
  }

  /// A seal: the batch behind it is read whole and summed up before any of it is run.
  private mutating func verify(_ seal: LogSeal, _ rest: ByteView, _ used: inout Int) -> Step {
    // A length from a torn line must not make us read the rest of the file into memory.
    guard seal.count <= UInt64(max(0, fileBytes - window.offset)) else { return .torn }
    let end = LogSeal.byteCount + Int(seal.count)
    guard rest.count >= end else { return .more }
    if Checksum(of: rest[LogSeal.byteCount..<end]).value == seal.checksum {
      sealNumber = seal.number
      used += LogSeal.byteCount
      return .skip
    }
    return judgeTail(from: 1)
  }

  /// Something here is not as it was written. Torn, if nothing behind it vouches for it: then none of that was
  /// promised to anybody. Otherwise the disk has changed what was durable.
  private mutating func judgeTail(from start: Int) -> Step {
    let bad = sealNumber + 1
    var position = start
    while true {
      while position < window.count {
        guard let next = window.bytes.buffer[position...].firstIndex(of: UInt8(ascii: "#")) else {
          position = window.count
          break
        }
        position = next
        let rest = window.bytes[position..<window.count]
        if rest.count < LogSeal.byteCount { break }
        if let seal = LogSeal(rest), seal.number > bad, seal.durable >= bad { return .corrupt(UInt64(position)) }
        position += 1
      }
      guard (try? window.fill()) == true else { return .torn }
    }
  }

  /// Runs the record that ends at `end`, or keeps it for its transaction. Nil to go on.
  private mutating func take(_ server: UnsafeMutablePointer<Server>, end: Int) -> Outcome? {
    let arguments = words.views(0..<words.count)
    if transactionBytes > 0 {
      guard arguments[0].equalsIgnoringCase("exec") else {
        transactionBytes = end
        return nil
      }
      return runTransaction(server, end: end)
    }
    if arguments[0].equalsIgnoringCase("multi") {
      transactionBytes = end
      return nil
    }
    guard server.pointee.replay(arguments) else { return .unknown(command: arguments[0].text) }
    records += 1
    pass(end)
    return nil
  }

  /// The transaction is whole: its records run, one after the other.
  private mutating func runTransaction(_ server: UnsafeMutablePointer<Server>, end: Int) -> Outcome? {
    transactionBytes = 0
    var used = 0
    while used < end {
      words.removeAll()
      guard case .request = next(&used) else { continue }
      let arguments = words.views(0..<words.count)
      if arguments[0].equalsIgnoringCase("multi") || arguments[0].equalsIgnoringCase("exec") { continue }
      guard server.pointee.replay(arguments) else { return .unknown(command: arguments[0].text) }
      records += 1
    }
    pass(end)
    return nil
  }

  private mutating func pass(_ bytes: Int) {
    window.drop(bytes)
    validEnd = window.offset
  }

  private func atEnd() -> Outcome { window.count == 0 ? .done : .truncated }

  /// Whether nothing but zeros follows.
  private mutating func isZeroTail(from used: Int) -> Bool {
    guard transactionBytes == 0, used == 0 else { return false }
    while true {
      guard window.bytes.buffer.allSatisfy({ $0 == 0 }) else { return false }
      window.drop(window.count)
      guard let filled = try? window.fill() else { return false }
      if !filled { return true }
    }
  }

  /// The file was torn within a transaction, and zeros follow that were kept ready for the rest of it.
  private mutating func isTornTransaction(from used: Int) -> Bool {
    guard transactionBytes > 0 else { return false }
    var position = used
    while window.bytes.buffer[position...].allSatisfy({ $0 == 0 }) {
      position = window.count
      guard (try? window.fill()) == true else { return true }
    }
    return false
  }

  private mutating func zeroTail() -> Outcome {
    hasZeroTail = true
    return .done
  }
}

extension Server {
  /// Runs one record; false if there is no such command.
  mutating func replay(_ arguments: Arguments) -> Bool {
    guard let command = table.resolveRecord(arguments), command.pointee.accepts(words: arguments.count),
      // A log has what scripts did, not the scripts.
      !command.pointee.flags.contains(.runsScript)
    else { return false }
    running = arguments
    execution.pointee.arguments = arguments
    execution.pointee.largeWords = nil
    execution.pointee.session = replayer
    execution.pointee.reply = Reply(output: silence, isRESP3: false)
    execution.pointee.commandIndex = command.pointee.index
    execution.pointee.hint(.empty, KeyHash(bits: 0))
    // Before all expiries: what has expired since is removed later, by the sweep, not by a record that came across it.
    execution.pointee.nowMicroseconds = 0
    execution.pointee.effects.begin()
    command.pointee.body(&execution.pointee)
    silence.pointee.discardAll()
    running = .none
    return true
  }
}
