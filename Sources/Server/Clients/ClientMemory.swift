// ClientMemory.swift — maxmemory-clients: what all clients together make the server hold, and who has to go.
//
//   a client's input or output changes ──▶ it is weighed, the sum follows      (only while there is a limit)
//   the sum passes the limit           ──▶ before the next requests run, the heaviest clients are disconnected
//
// Nobody is stopped for it: reactors tell when the room for a client's unfinished requests has changed, and what they
// have not told yet is at most 16 KiB a client. Who has said CLIENT NO-EVICT counts and stays.
import Commands
import Configuration
import Ring

struct ClientMemory {
  /// Nil for no limit.
  fileprivate(set) var limitBytes: Int?
  /// Sum of all clients' weights.
  fileprivate(set) var totalBytes = 0

  var isLimited: Bool { limitBytes != nil }
  var isOver: Bool { limitBytes.map { totalBytes > $0 } ?? false }
}

extension Server {
  /// The directives have changed.
  mutating func limitClientMemory() {
    let limit = configuration.settings.clients.memoryMax.bytes(maxmemory: UInt64(configuration.settings.memory.limitBytes))
    let wasLimited = clientMemory.isLimited
    clientMemory.limitBytes = limit.map { Int(clamping: $0) }
    guard clientMemory.isLimited && !wasLimited else { return }
    // Weights are of an earlier time, or none.
    clientMemory.totalBytes = 0
    forEachClient { $0.pointee.weightBytes = 0 }
    for slot in 0..<clients.slotCount where clients.isTaken(slot) { reweigh(clients[slot]) }
  }

  /// After whatever changes what a client makes the server hold.
  @inline(__always)
  mutating func weigh(_ client: UnsafeMutablePointer<Client>) {
    if clientMemory.isLimited { reweigh(client) }
  }

  @inline(never)
  private mutating func reweigh(_ client: UnsafeMutablePointer<Client>) {
    // Buffers only, and short answers lie in chunks that come and go with each request: they are nobody's burden.
    let held = client.pointee.output.heldBytes
    let buffers = client.pointee.inputCapacity + (held > Self.passingBytesMax ? held : 0)
    let queued = client.pointee.transaction?.pointee.memoryBytes ?? 0
    let subscribed = client.pointee.subscriber?.pointee.memoryBytes ?? 0
    let weight = client.pointee.state == .closing ? 0 : buffers + queued + subscribed
    clientMemory.totalBytes += weight - client.pointee.weightBytes
    client.pointee.weightBytes = weight
  }

  /// It is gone, or as good as.
  mutating func unweigh(_ client: UnsafeMutablePointer<Client>) {
    guard clientMemory.isLimited else { return }
    clientMemory.totalBytes -= client.pointee.weightBytes
    client.pointee.weightBytes = 0
  }

  /// Disconnects the heaviest clients until the others are below the limit; if they are many, the rest in the next turn.
  @inline(never)
  mutating func evictClients() {
    var heaviest: [UnsafeMutablePointer<Client>] = []
    forEachClient { client in
      guard client.pointee.state != .closing, !client.pointee.session.flags.contains(.noEvict) else { return }
      if heaviest.count == Self.evictedPerTurnMax, let least = heaviest.last {
        guard client.pointee.weightBytes > least.pointee.weightBytes else { return }
        heaviest.removeLast()
      }
      let place = heaviest.firstIndex { $0.pointee.weightBytes < client.pointee.weightBytes } ?? heaviest.count
      heaviest.insert(client, at: place)
    }
    for client in heaviest where clientMemory.isOver {
      statistics.evictedClients += 1
      log.notice("Evicting client: \(describe(client))")
      close(client)
    }
  }

  private static var evictedPerTurnMax: Int { 64 }
  private static var passingBytesMax: Int { 16 << 10 }
}
