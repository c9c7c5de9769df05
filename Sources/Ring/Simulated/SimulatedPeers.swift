// SimulatedPeers.swift: connections as two byte queues, and what a test does at their far end.
import Glibc

/// One connection: the server's descriptor at one end, a peer at the other.
public final class SimulatedStream {
  /// Bytes on their way to the server, and from it.
  var inbound: [UInt8] = []
  var outbound: [UInt8] = []
  /// Room for bytes from the server that the peer has not read.
  var outboundMax: Int
  var peerHasEnded = false
  var peerHasClosed = false
  var isReset = false
  var serverHasClosed = false

  init(outboundMax: Int) { self.outboundMax = outboundMax }
}

/// A socket that waits for connections.
public final class SimulatedListener {
  var backlog: [SimulatedStream] = []
}

extension SimulatedWorld {
  /// Names one peer.
  public typealias Peer = Int

  /// A listening descriptor.
  public func listen() -> Int32 { add(.listener(SimulatedListener())) }

  /// A socket that the server may connect from.
  public func makeSocket() -> Int32 { add(.stream(makeStream())) }

  private func makeStream() -> SimulatedStream { SimulatedStream(outboundMax: 64 + random.below(8192)) }

  /// A new connection, which the server has still to accept.
  public func connect(to listener: Int32) -> Peer {
    let stream = makeStream()
    if case .listener(let listener) = resources[listener] {
      listener.backlog.append(stream)
    } else {
      stream.isReset = true
    }
    peers.append(stream)
    return peers.count - 1
  }

  /// Sends to the server; how many bytes it took.
  @discardableResult
  public func write(_ peer: Peer, _ bytes: ArraySlice<UInt8>) -> Int {
    let stream = peers[peer]
    guard !stream.peerHasEnded && !stream.isReset && !stream.serverHasClosed else { return 0 }
    let room = max(0, 65536 - stream.inbound.count)
    stream.inbound.append(contentsOf: bytes.prefix(room))
    return min(room, bytes.count)
  }

  /// Everything that has arrived from the server.
  public func read(_ peer: Peer) -> [UInt8] {
    defer { peers[peer].outbound.removeAll(keepingCapacity: true) }
    return peers[peer].outbound
  }

  /// The server has closed, and everything it sent has been read.
  public func hasEnded(_ peer: Peer) -> Bool {
    let stream = peers[peer]
    return !stream.isReset && stream.serverHasClosed && stream.outbound.isEmpty
  }

  /// The connection has ended by force.
  public func isReset(_ peer: Peer) -> Bool { peers[peer].isReset }

  /// The server hears the end of the stream after what was written.
  public func endWriting(_ peer: Peer) { peers[peer].peerHasEnded = true }

  /// Ends both directions; what the server sends after that fails.
  public func close(_ peer: Peer) {
    peers[peer].peerHasEnded = true
    peers[peer].peerHasClosed = true
  }

  /// What is on its way is lost, both ways.
  public func reset(_ peer: Peer) {
    peers[peer].isReset = true
    peers[peer].peerHasClosed = true
    peers[peer].inbound.removeAll()
    peers[peer].outbound.removeAll()
  }
}
