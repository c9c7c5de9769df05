// Server+Describe.swift — a client in one line: CLIENT LIST, CLIENT INFO and the log.
import Bytes
import Commands
import Ring

extension Server {
  /// The fields of CLIENT LIST, in Redis's order, without a line end.
  func describe(_ client: UnsafeMutablePointer<Connection>) -> String {
    let details = client.pointee.details.pointee
    let session = client.pointee.session
    let output = client.pointee.output
    let now = clock.seconds
    var line = "id=\(session.id) addr=\(details.address) laddr=\(details.localAddress)"
    line += " fd=\(client.pointee.descriptor) name=\(details.name)"
    line += " age=\(max(0, now - details.createdAtSeconds)) idle=\(max(0, now - client.pointee.lastInteractionSeconds))"
    line += " flags=\(flagLetters(client)) capa=\(session.flags.contains(.redirectCapable) ? "r" : "")"
    line += " db=\(session.database) sub=0 psub=0 ssub=0 multi=-1 watch=0"
    line += " qbuf=\(client.pointee.input.count) qbuf-free=\(client.pointee.input.capacity - client.pointee.input.count)"
    line += " argv-mem=\(client.pointee.words.byteCount) multi-mem=0 rbs=0 rbp=0"
    line += " obl=\(output.pending) oll=\(max(0, output.chunkCount - 1)) omem=\(output.heldBytes)"
    line += " tot-mem=\(memoryBytes(of: client)) events=\(events(client)) cmd=\(lastCommandName(client))"
    line += " user=default redir=-1 resp=\(session.isRESP3 ? 3 : 2)"
    line += " lib-name=\(details.libraryName) lib-ver=\(details.libraryVersion) io-thread=0"
    line += " tot-net-in=\(details.bytesReceived) tot-net-out=\(details.bytesSent) tot-cmds=\(details.commands)"
    return line
  }

  /// Bytes that the client makes the server hold.
  func memoryBytes(of client: UnsafeMutablePointer<Connection>) -> Int {
    MemoryLayout<Connection>.stride + MemoryLayout<ClientDetails>.stride + client.pointee.input.capacity
      + client.pointee.output.heldBytes + client.pointee.largeWord.length
  }

  /// Redis's letters; `N` when none applies.
  func flagLetters(_ client: UnsafeMutablePointer<Connection>) -> String {
    var letters = ""
    let flags = client.pointee.session.flags
    if flags.contains(.closeAfterReply) || client.pointee.state == .draining { letters += "c" }
    if client.pointee.state == .closing { letters += "A" }
    if flags.contains(.unixSocket) { letters += "U" }
    if flags.contains(.noEvict) { letters += "e" }
    if flags.contains(.noTouch) { letters += "T" }
    if flags.contains(.importSource) { letters += "I" }
    return letters.isEmpty ? "N" : letters
  }

  private func events(_ client: UnsafeMutablePointer<Connection>) -> String {
    (client.pointee.marks.contains(.receiving) ? "r" : "") + (client.pointee.marks.contains(.sending) ? "w" : "")
  }

  private func lastCommandName(_ client: UnsafeMutablePointer<Connection>) -> String {
    client.pointee.lastCommand < 0 ? "NULL" : table.facts[Int(client.pointee.lastCommand)].fullName
  }
}
