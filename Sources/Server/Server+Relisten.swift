// Server+Relisten.swift — CONFIG SET port and bind: other doors while the house is open.
//
// A listener that is given up is shut down at once, so that its address is free; its accept
// still ends through the ring, and only then is its descriptor closed.
import Configuration
import Ring

extension Server {
  /// Listens where `new` says. With a new port the old one goes on until the new one is there. Otherwise addresses
  /// that stay keep their listener, and the others are given up first: "*" and one address of it exclude each other.
  mutating func relisten(_ old: NetworkSettings, _ new: NetworkSettings) throws(Refusal) {
    let newest = newestListener
    if new.port != old.port {
      try open(
        new, on: new.bind, parameter: "port", refusal: "Unable to listen on this port. Check server logs.")
      retireTCP(upTo: newest, except: [])
    } else {
      retireTCP(upTo: newest, except: new.bind.map(\.host))
      do {
        try open(
          new, on: missing(new.bind), parameter: "bind", refusal: "Failed to bind to specified addresses.")
      } catch {
        try? open(old, on: missing(old.bind), parameter: "bind", refusal: "")
        wishes.add(.listen)
        throw error
      }
    }
    wishes.add(.listen)
  }

  private func missing(_ addresses: [BindAddress]) -> [BindAddress] {
    addresses.filter { address in
      !listeners.contains { $0.kind == .tcp && !$0.isClosing && $0.name == address.host }
    }
  }

  /// All of the addresses or none.
  private mutating func open(
    _ network: NetworkSettings, on addresses: [BindAddress], parameter: String, refusal: String
  ) throws(Refusal) {
    guard network.port != 0 else { return }
    let newest = newestListener
    do throws(StartError) {
      for address in addresses { try openTCP(address, network) }
    } catch {
      for index in listeners.indices where listeners[index].generation > newest {
        if let descriptor = abandonListener(index) { Socket.close(descriptor) }
      }
      throw Refusal(refusal, parameter: parameter)
    }
  }

  /// Stops listening at once; the accept in flight ends with the next turn, and with it the descriptor.
  private mutating func retireTCP(upTo newest: UInt32, except hosts: [String]) {
    for index in listeners.indices
    where listeners[index].kind == .tcp && !listeners[index].isClosing && listeners[index].generation <= newest
      && !hosts.contains(listeners[index].name) {
      listeners[index].isClosing = true
      try? Socket.shutdown(listeners[index].descriptor)
    }
  }
}
