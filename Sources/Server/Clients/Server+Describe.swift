// Server+Describe.swift — a client in one line: CLIENT LIST, CLIENT INFO and the log.
import Bytes
import Commands
import Ring
import Wire

extension Server {
  /// The fields of CLIENT LIST, without a line end: those of Redis 7.0 in their order, newer ones behind them.
  /// `index` is the command that runs, for the client that asks: it counts as its last one, and its request is
  /// still in the buffer.
  func describe(_ client: UnsafeMutablePointer<Client>, running index: Int? = nil) -> String {
    let details = client.pointee.details.pointee
    let session = client.pointee.session
    let now = clock.seconds
    let inputBytes = client.pointee.inputBytes > 0 || index == nil
      ? client.pointee.inputBytes : client.pointee.requestBytes
    let argumentBytes = index == nil ? 0 : (0..<running.count).reduce(0) { $0 + running[$1].count }
    var line = "id=\(session.id) addr=\(details.address) laddr=\(details.localAddress)"
    line += " fd=\(client.pointee.descriptor) name=\(details.name)"
    line += " age=\(max(0, now - details.createdAtSeconds)) idle=\(max(0, now - client.pointee.lastInteractionSeconds))"
    line += " flags=\(flagLetters(client)) db=\(session.database)" + subscriptionFields(client)
    line += " multi=\(session.flags.contains(.inTransaction) ? client.pointee.transaction?.pointee.count ?? 0 : -1)"
    line += " qbuf=\(inputBytes) qbuf-free=\(max(0, inputRoom(client) - inputBytes))"
    line += " argv-mem=\(argumentBytes) multi-mem=\(transactionBytes(client)) " + outputFields(client)
    line += " tot-mem=\(memoryBytes(of: client)) events=\(events(client)) cmd=\(lastCommandName(client, index))"
    line += " user=default redir=\(redirection(client)) resp=\(session.isRESP3 ? 3 : 2)"
    line += " lib-name=\(details.libraryName) lib-ver=\(details.libraryVersion)"
    line += " capa=\(session.flags.contains(.redirectCapable) ? "r" : "") watch=\(client.pointee.transaction?.pointee.watchCount ?? 0) io-thread=\(client.pointee.reactor)"
    line += " tot-net-in=\(details.bytesReceived) tot-net-out=\(details.bytesSent) tot-cmds=\(details.commands)"
    return line
  }

  /// Room that the client's requests are read into: the buffers of the ring, which belong to nobody, as long as
  /// it uses them; more if its last request took more.
  private func inputRoom(_ client: UnsafeMutablePointer<Client>) -> Int {
    guard clock.seconds - client.pointee.lastInteractionSeconds < Self.inputIdleSeconds else {
      return client.pointee.inputCapacity
    }
    return max(Self.inputRoomMin, client.pointee.inputCapacity, client.pointee.requestBytes)
  }

  private static var inputIdleSeconds: Int64 { 2 }
  private static var inputRoomMin: Int { 16_384 }

  private func redirection(_ client: UnsafeMutablePointer<Client>) -> Int64 {
    let tracking = client.pointee.tracking
    return tracking.modes.contains(.on) ? Int64(clamping: tracking.redirection) : -1
  }

  private func subscriptionFields(_ client: UnsafeMutablePointer<Client>) -> String {
    guard let subscriber = client.pointee.subscriber?.pointee else { return " sub=0 psub=0 ssub=0" }
    return " sub=\(subscriber[.channel].count) psub=\(subscriber[.pattern].count) ssub=\(subscriber[.shardChannel].count)"
  }

  /// The first chunk of the output is what Redis calls the reply buffer, the others are its list.
  private func outputFields(_ client: UnsafeMutablePointer<Client>) -> String {
    let output = client.pointee.output
    let first = output.head.map { Int($0.pointee.capacity) + ChunkPool.headerBytes } ?? 0
    let isList = output.chunkCount > 1
    return "rbs=\(first) rbp=\(first) obl=\(isList ? 0 : output.pending) oll=\(max(0, output.chunkCount - 1))"
      + " omem=\(isList ? output.heldBytes - first : 0)"
  }

  /// Bytes that the client makes the server hold.
  func memoryBytes(of client: UnsafeMutablePointer<Client>) -> Int {
    MemoryLayout<Client>.stride + MemoryLayout<Connection>.stride + MemoryLayout<ClientDetails>.stride
      + client.pointee.inputCapacity + client.pointee.output.heldBytes + transactionBytes(client)
      + (client.pointee.subscriber?.pointee.memoryBytes ?? 0)
  }

  private func transactionBytes(_ client: UnsafeMutablePointer<Client>) -> Int {
    client.pointee.transaction?.pointee.memoryBytes ?? 0
  }

  /// Redis's letters; `N` when none applies.
  func flagLetters(_ client: UnsafeMutablePointer<Client>) -> String {
    var letters = ""
    let flags = client.pointee.session.flags
    if flags.contains(.monitor) { letters += "O" }
    if flags.contains(.subscribed) { letters += "P" }
    if flags.contains(.inTransaction) { letters += "x" }
    if client.pointee.blocked != nil { letters += "b" }
    let tracking = client.pointee.tracking.modes
    if tracking.contains(.on) { letters += "t" }
    if tracking.contains(.broken) { letters += "R" }
    if tracking.contains(.broadcast) { letters += "B" }
    if client.pointee.transaction?.pointee.isStale == true { letters += "d" }
    if flags.contains(.closeAfterReply) || client.pointee.state == .draining { letters += "c" }
    if client.pointee.state == .closing { letters += "A" }
    if flags.contains(.unixSocket) { letters += "U" }
    if flags.contains(.noEvict) { letters += "e" }
    if flags.contains(.noTouch) { letters += "T" }
    if flags.contains(.importSource) { letters += "I" }
    return letters.isEmpty ? "N" : letters
  }

  private func events(_ client: UnsafeMutablePointer<Client>) -> String {
    (client.pointee.state == .open ? "r" : "") + (client.pointee.marks.contains(.sending) ? "w" : "")
  }

  private func lastCommandName(_ client: UnsafeMutablePointer<Client>, _ running: Int?) -> String {
    var index = running ?? Int(client.pointee.lastCommand)
    // Between MULTI and EXEC nothing runs but what EXEC runs.
    if running != nil && client.pointee.session.flags.contains(.inTransaction) { index = transactions.exec }
    return index < 0 ? "NULL" : table.facts[index].fullName
  }
}
