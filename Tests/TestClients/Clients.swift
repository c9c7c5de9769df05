// Clients.swift — the other side of the connections, real or simulated, as the tests see it.
//
// What a test script plays on one engine it plays on all of them: the tests of the ring and the
// tests of the server talk to their sockets through this.
import Glibc
import Ring

/// What a client's read found.
public enum Heard: Equatable {
  case nothing
  case bytes([UInt8])
  case end
  case reset
}

/// The clients of one listener. Nothing here blocks.
public protocol Clients: AnyObject {
  var listener: Int32 { get }
  /// Starts a connection; the number names it.
  func connect() -> Int
  /// How many of the bytes went out.
  func write(_ client: Int, _ bytes: ArraySlice<UInt8>) -> Int
  func read(_ client: Int) -> Heard
  /// Ends this side; the other side's bytes can still be read.
  func endWriting(_ client: Int)
  func close(_ client: Int)
  func reset(_ client: Int)
}

/// TCP on the loopback interface.
public final class RealClients: Clients {
  public let listener: Int32
  private let address: SocketAddress
  private var descriptors: [Int32] = []
  /// Small socket buffers make short sends and full queues likely.
  private let bufferBytes: Int32?

  public init(bufferBytes: Int32? = nil) throws {
    guard let any = SocketAddress(numeric: "127.0.0.1", port: 0) else { throw Errno(EINVAL) }
    listener = try Socket.listen(on: any, backlog: 4096)
    if let bufferBytes { try Socket.setSendBuffer(listener, bytes: bufferBytes) }
    address = try Socket.localAddress(listener)
    self.bufferBytes = bufferBytes
  }

  deinit {
    for descriptor in descriptors where descriptor >= 0 { Socket.close(descriptor) }
  }

  public func connect() -> Int {
    guard let descriptor = try? Socket.make(address) else { return -1 }
    if let bufferBytes { try? Socket.setReceiveBuffer(descriptor, bytes: bufferBytes) }
    try? Socket.connect(descriptor, to: address)
    descriptors.append(descriptor)
    return descriptors.count - 1
  }

  public func write(_ client: Int, _ bytes: ArraySlice<UInt8>) -> Int {
    max(0, bytes.withUnsafeBytes { send(descriptors[client], $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) })
  }

  public func read(_ client: Int) -> Heard {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptors[client], &chunk, chunk.count, 0)
    if count > 0 { return .bytes(Array(chunk[..<count])) }
    if count == 0 { return .end }
    return errno == EAGAIN ? .nothing : .reset
  }

  public func endWriting(_ client: Int) { shutdown(descriptors[client], Int32(SHUT_WR)) }

  public func close(_ client: Int) {
    Socket.close(descriptors[client])
    descriptors[client] = -1
  }

  public func reset(_ client: Int) {
    try? Socket.setLinger(descriptors[client], seconds: 0)
    close(client)
  }
}

/// Peers of a simulated world.
public final class SimulatedClients: Clients {
  public let world: SimulatedWorld
  public let listener: Int32

  public init(_ world: SimulatedWorld) {
    self.world = world
    listener = world.listen()
  }

  public func connect() -> Int { world.connect(to: listener) }
  public func write(_ client: Int, _ bytes: ArraySlice<UInt8>) -> Int { world.write(client, bytes) }

  public func read(_ client: Int) -> Heard {
    let bytes = world.read(client)
    if !bytes.isEmpty { return .bytes(bytes) }
    if world.isReset(client) { return .reset }
    return world.hasEnded(client) ? .end : .nothing
  }

  public func endWriting(_ client: Int) { world.endWriting(client) }
  public func close(_ client: Int) { world.close(client) }
  public func reset(_ client: Int) { world.reset(client) }
}
