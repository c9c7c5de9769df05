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
}

extension Server {
  /// Opens every address that the settings name. The text says what is wrong, in the words that tools look for.
  mutating func openListeners() throws(StartError) {
    if settings.port != 0 {
      for address in settings.bindAddresses { try openTCP(address) }
      if !listeners.contains(where: { $0.kind == .tcp }) && !settings.bindAddresses.isEmpty {
        throw .failed("Failed listening on port \(settings.port) (tcp), aborting.")
      }
    }
    if !settings.unixSocket.isEmpty {
      do throws(Errno) {
        let descriptor = try Socket.listen(
          unixPath: settings.unixSocket, permissions: settings.unixSocketPermissions,
          group: settings.unixSocketGroup, backlog: settings.tcpBacklog)
        add(Listener(descriptor: descriptor, kind: .unix, name: settings.unixSocket, generation: nextListenerGeneration()))
      } catch {
        log.warning("Failed opening Unix socket: bind: \(error.text)")
        throw .failed("Failed listening on \(settings.unixSocket) (unix), aborting.")
      }
    }
    if listeners.isEmpty { throw .failed("Configured to not listen anywhere, exiting.") }
  }

  /// One address; `-` in front makes it optional, and `*` stands for all.
  private mutating func openTCP(_ address: String) throws(StartError) {
    let isOptional = address.hasPrefix("-")
    let host = isOptional ? String(address.dropFirst()) : address
    do throws(Errno) {
      let descriptor = try Socket.listen(host: host, port: UInt16(settings.port), backlog: settings.tcpBacklog)
      add(Listener(descriptor: descriptor, kind: .tcp, name: host, generation: nextListenerGeneration()))
    } catch {
      if isOptional && error.isAddressUnavailable { return }
      log.warning("Warning: Could not create server TCP listening socket \(host):\(settings.port): bind: \(error.text)")
      throw .failed("Failed listening on port \(settings.port) (tcp), aborting.")
    }
  }

  private mutating func add(_ listener: Listener) { listeners.append(listener) }

  private func nextListenerGeneration() -> UInt32 { (listeners.last?.generation ?? 0) + 1 }
}

/// Why the server does not start. The text goes to the log as it stands.
package enum StartError: Error {
  case failed(String)
}
