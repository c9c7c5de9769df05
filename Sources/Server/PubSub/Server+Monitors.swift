// Server+Monitors.swift — MONITOR: every request that runs, in one line, for those who watch.
//
//   +1795329147.101526 [0 127.0.0.1:41792] "SET" "k" "v"
//    second.microsecond [database address]  words, quoted; passwords are not shown
//
// A request is told when it has run, those of a transaction before its EXEC; commands for administrators are not told. With
// `appendfsync always` the line waits for what the request wrote or saw, like its answer.
import Bytes
import Commands
import Ring
import Wire

extension Server {
  /// The client watches from now on.
  mutating func beginMonitoring(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.session.flags.insert(.monitor)
    pubsub.monitors.append(client.pointee.slot)
  }

  /// The client does not watch any more.
  mutating func endMonitoring(_ client: UnsafeMutablePointer<Client>) {
    guard client.pointee.session.flags.contains(.monitor) else { return }
    client.pointee.session.flags.remove(.monitor)
    pubsub.monitors.removeAll { $0 == client.pointee.slot }
  }

  /// Tells those who watch of the request that the execution stands at. `busy`: the slot of a client that is in the
  /// middle of an answer.
  @inline(never) mutating func tellMonitors(
    of command: UnsafePointer<Command>, _ client: UnsafeMutablePointer<Client>, busy: UInt32 = Client.noSlot
  ) {
    guard command.pointee.flags.isDisjoint(with: [.admin, .skipMonitor]) else { return }
    tellMonitors(
      database: client.pointee.session.database, source: client.pointee.details.pointee.address,
      execution.pointee.arguments, hidden: hiddenWords(of: command), busy: busy)
  }

  /// The same for any words; `source` is an address, or what else the request came from.
  mutating func tellMonitors(
    database: Int32, source: String, _ arguments: Arguments, hidden: Range<Int> = 0..<0, busy: UInt32 = Client.noSlot
  ) {
    writeLine(database: database, source: source, arguments, hidden: hidden)
    pubsub.isPush = false
    for slot in pubsub.monitors {
      let client = clients[slot]
      guard !client.pointee.session.flags.contains(.replyOff) else { continue }
      tell(client, isBusy: slot == busy)
    }
    pubsub.isPush = true
    pubsub.message.pointee.discardAll()
    endOverfull()
  }

  /// Places of words that are secrets.
  private func hiddenWords(of command: UnsafePointer<Command>) -> Range<Int> {
    let arguments = execution.pointee.arguments
    switch table.facts[command.pointee.index].name {
    case "auth": return 1..<arguments.count
    case "hello":
      guard let place = (1..<arguments.count).first(where: { arguments[$0].equalsIgnoringCase("auth") }) else { return 0..<0 }
      return place + 1..<min(arguments.count, place + 3)
    default: return 0..<0
    }
  }

  private func writeLine(database: Int32, source: String, _ arguments: Arguments, hidden: Range<Int>) {
    let line = pubsub.message
    line.pointee.discardAll()
    let now = Clock.wallMicroseconds()
    line.pointee.append(ByteView("+"))
    DecimalText(now / 1_000_000).withView { line.pointee.append($0) }
    line.pointee.append(ByteView("."))
    // A leading one keeps the zeros.
    DecimalText(1_000_000 + now % 1_000_000).withView { line.pointee.append($0[1..<$0.count]) }
    line.pointee.append(ByteView(" ["))
    DecimalText(Int64(database)).withView { line.pointee.append($0) }
    var text = " \(source)]"
    text.withUTF8 { line.pointee.append(ByteView(UnsafeRawBufferPointer($0))) }
    for index in 0..<arguments.count {
      line.pointee.append(ByteView(" "))
      if hidden.contains(index) {
        line.pointee.append(ByteView("\"(redacted)\""))
      } else {
        Self.quote(arguments[index], into: &line.pointee)
      }
    }
    line.pointee.append(ByteView("\r\n"))
  }

  /// The word in quotes; what cannot be printed is escaped.
  private static func quote(_ word: ByteView, into line: inout OutputBuffer) {
    line.append(ByteView("\""))
    var plain = 0
    for index in 0..<word.count {
      let byte = word[index]
      guard byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
      line.append(word[plain..<index])
      plain = index + 1
      escape(byte, into: &line)
    }
    line.append(word[plain..<word.count])
    line.append(ByteView("\""))
  }

  private static func escape(_ byte: UInt8, into line: inout OutputBuffer) {
    let letter: StaticString? =
      switch byte {
      case UInt8(ascii: "\n"): "\\n"
      case UInt8(ascii: "\r"): "\\r"
      case UInt8(ascii: "\t"): "\\t"
      case 0x07: "\\a"
      case 0x08: "\\b"
      case UInt8(ascii: "\""): "\\\""
      case UInt8(ascii: "\\"): "\\\\"
      default: nil
      }
    if let letter { return line.append(ByteView(letter)) }
    let digits = ByteView("0123456789abcdef")
    let out = line.reserve(4)
    out[0] = UInt8(ascii: "\\")
    out[1] = UInt8(ascii: "x")
    out[2] = digits[Int(byte >> 4)]
    out[3] = digits[Int(byte & 15)]
    line.commit(4)
  }
}
