// Listener.swift — an address that connections come in by.
import Configuration
import Ring

struct Listener {
  enum Kind { case tcp, unix }

  let descriptor: Int32
  let kind: Kind
  /// What INFO and the log call it: "127.0.0.1" or a path.
  let name: String
  /// Distinguishes this listener from an earlier one at the same index.
  let generation: UInt32
  /// An accept is armed.
  var isArmed = false
  /// Replaced or stopping: its accept is not armed again.
  var isClosing = false
  /// Its descriptor is closed and its place is free.
  var isClosed = false
}

extension Server {
  /// Opens every address that the settings name. The log gets the words that tools look for.
  mutating func openListeners() throws(StartError) {
    if configuration.settings.network.port != 0 {
      for address in configuration.settings.network.bind { try openTCP(address, configuration.settings.network) }
      if !listeners.contains(where: { $0.kind == .tcp }) && !configuration.settings.network.bind.isEmpty {
        throw .failed("Failed listening on port \(configuration.settings.network.port) (tcp), aborting.")
      }
    }
    if !configuration.settings.network.unixSocket.isEmpty { try openUnixSocket() }
    if listeners.isEmpty { throw .failed("Configured to not listen anywhere, exiting.") }
  }

  /// One address; `-` in front makes it optional, and `*` stands for all of its family.
  mutating func openTCP(_ bind: BindAddress, _ network: NetworkSettings) throws(StartError) {
    let host = bind.host
    let isOptional = bind.isOptional
    let numeric = host == "*" ? "0.0.0.0" : host == "::*" ? "::" : host
    let port = UInt16(clamping: network.port)
    var lastError = "Name or service not known"
    let addresses = SocketAddress(numeric: numeric, port: port).map { [$0] }
      ?? (try? SocketAddress.resolve(host, port: port)) ?? []
    for address in addresses {
      do throws(Errno) {
        let descriptor = try listen(on: address, backlog: Int32(clamping: network.tcpBacklog))
        add(descriptor, .tcp, host)
        return
      } catch {
        lastError = error.text
        if isOptional && (error.isAddressUnavailable || error.isFamilyUnavailable) { return }
      }
    }
    if isOptional && addresses.isEmpty { return }
    log.warning("Warning: Could not create server TCP listening socket \(host):\(port): bind: \(lastError)")
    throw .failed("Failed listening on port \(port) (tcp), aborting.")
  }

  /// A ring that is torn down holds its listener a few milliseconds longer than its process lives: a port that a
  /// predecessor has just left is waited for, half a second at most.
  private func listen(on address: SocketAddress, backlog: Int32) throws(Errno) -> Int32 {
    for _ in 0..<20 {
      do throws(Errno) { return try Socket.listen(on: address, backlog: backlog) } catch {
        guard error.isAddressInUse else { throw error }
        Clock.sleep(nanoseconds: 25_000_000)
      }
    }
    return try Socket.listen(on: address, backlog: backlog)
  }

  private mutating func openUnixSocket() throws(StartError) {
    do throws(Errno) {
      let descriptor = try Socket.listen(
        unixPath: configuration.settings.network.unixSocket, permissions: configuration.settings.network.unixSocketPermissions == 0
          ? nil : UInt32(clamping: configuration.settings.network.unixSocketPermissions),
        backlog: Int32(clamping: configuration.settings.network.tcpBacklog))
      add(descriptor, .unix, configuration.settings.network.unixSocket)
    } catch {
      log.warning("Failed opening Unix socket: bind: \(error.text)")
      throw .failed("Failed listening on \(configuration.settings.network.unixSocket) (unix), aborting.")
    }
  }

  private mutating func add(_ descriptor: Int32, _ kind: Listener.Kind, _ name: String) {
    let listener = Listener(descriptor: descriptor, kind: kind, name: name, generation: newestListener + 1)
    if let free = listeners.firstIndex(where: \.isClosed) { listeners[free] = listener } else { listeners.append(listener) }
  }
}

extension Server {
  /// Generation of the listener opened last; 0 before the first.
  var newestListener: UInt32 { listeners.map(\.generation).max() ?? 0 }

  /// Nothing is accepted for this listener any more, and its place is free. The descriptor is the caller's to close,
  /// by the ring if the ring has ever seen it; nil if that has happened.
  mutating func abandonListener(_ index: Int) -> Int32? {
    guard !listeners[index].isClosed else { return nil }
    listeners[index].isClosing = true
    listeners[index].isClosed = true
    if listeners[index].kind == .unix { try? File.remove(listeners[index].name) }
    return listeners[index].descriptor
  }
}

/// Why the server does not start. The text goes to the log as it stands.
package enum StartError: Error {
  case failed(String)
}
