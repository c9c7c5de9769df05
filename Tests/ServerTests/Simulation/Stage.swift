// Stage.swift — a server without a process: no file, no signal, no socket of the kernel.
import Bytes
import CHash
import Commands
import Configuration
import Ring
import TestClients

@testable import Server

/// As in the tests of other modules, which run in the same process: keys are hashed under one secret.
private let seeded: Void = [UInt8](repeating: 7, count: 32).withUnsafeBytes {
  martlet_hash_seed($0.baseAddress, $0.count)
}

/// Owns a server for the length of a play.
@safe struct Stage: ~Copyable {
  let server: UnsafeMutablePointer<Server>

  init(listener: Int32, clientsMax: Int = 10_000) throws {
    seeded
    var configuration = Configuration()
    configuration.settings.general.logLevel = .nothing
    configuration.settings.network.protectedMode = false
    configuration.settings.persistence.savePoints = []
    configuration.settings.clients.clientsMax = clientsMax
    let identity = Identity(
      runID: String(repeating: "0", count: 40), startedAtNanoseconds: 0, executable: "", configurationFile: "", supervision: "no")
    let engine = EngineReport(name: "test", reason: "", tier: "", features: "")
    let errands = try FileErrands()
    server = .allocate(capacity: 1)
    server.initialize(
      to: Server(
        configuration: configuration, identity: identity, engine: engine, commands: AllCommands.list, signalDescriptor: -1,
        errands: errands))
    server.pointee.attach(server)
    server.pointee.listeners = [Listener(descriptor: listener, kind: .tcp, name: "test", generation: 1)]
  }

  deinit {
    server.deinitialize(count: 1)
    server.deallocate()
  }

  /// What the server holds although nobody is connected any more.
  var leftovers: [String] {
    var found: [String] = []
    let connections = server.pointee.clients.count
    if connections > 0 { found.append("\(connections) connections") }
    let chunks = server.pointee.pool.pointee.lentBytes
    if chunks > 0 { found.append("\(chunks) bytes of output chunks") }
    if server.pointee.drainingClients != 0 { found.append("\(server.pointee.drainingClients) draining connections") }
    return found
  }
}

/// These plays have one thread.
func refuseRing<Engine: CompletionRing & ~Copyable>() throws(RingError) -> Engine {
  throw .unavailable(errno: 11, reason: "one thread is enough")
}
