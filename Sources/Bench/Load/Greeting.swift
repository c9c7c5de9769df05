// Greeting.swift: connecting, and what a connection says before the load starts.
//
// Blocking and one after the other: this is before the clock starts.
import Glibc
import Ring

struct Greeting {
  private let addresses: [SocketAddress]
  private let requests: [[String]]

  init(_ options: Options) throws(Complaint) {
    addresses = try Greeting.addresses(options)
    var requests: [[String]] = []
    let name = options.user ?? "default"
    switch (options.protocolVersion, options.password) {
    case (3, let password?): requests.append(["HELLO", "3", "AUTH", name, password])
    case (3, nil): requests.append(["HELLO", "3"])
    case (_, let password?): requests.append(options.user == nil ? ["AUTH", password] : ["AUTH", name, password])
    case (_, nil): break
    }
    if options.database != 0 { requests.append(["SELECT", String(options.database)]) }
    self.requests = requests
  }

  /// A connected, greeted, non-blocking socket.
  func connect() throws(Complaint) -> Int32 {
    var failure = Complaint("no address")
    for address in addresses {
      do {
        let descriptor = try Socket.make(address)
        do {
          try Socket.setNonBlocking(descriptor, false)
          try Socket.connect(descriptor, to: address)
          if address.family != .unix { try Socket.setNoDelay(descriptor) }
          for request in requests { try ask(descriptor, request) }
          try Socket.setNonBlocking(descriptor, true)
          return descriptor
        } catch {
          Socket.close(descriptor)
          throw error
        }
      } catch let complaint as Complaint {
        throw complaint
      } catch {
        failure = Complaint("\(address.text): \(error)")
      }
    }
    throw failure
  }

  private static func addresses(_ options: Options) throws(Complaint) -> [SocketAddress] {
    if let path = options.unixPath {
      guard let address = SocketAddress(path: path) else { throw Complaint("\(path): too long for a unix socket") }
      return [address]
    }
    do throws(ResolveError) {
      return try SocketAddress.resolve(options.host, port: options.port)
    } catch {
      throw Complaint("\(options.host): \(error.reason)")
    }
  }

  /// Sends one request and waits for one reply that is no error.
  private func ask(_ descriptor: Int32, _ words: [String]) throws {
    let request = Template(words: words, valueBytes: 0).bytes
    var sent = 0
    while sent < request.count {
      let count = request.withUnsafeBytes { bytes in
        send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Complaint("the connection broke at \(words[0])") }
      sent += count
    }
    var scanner = ReplyScanner()
    var replies = 0
    var chunk = [UInt8](repeating: 0, count: 4096)
    while replies == 0 {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { throw Complaint("the connection broke at \(words[0])") }
      replies = chunk.withUnsafeBytes { scanner.scan(UnsafeRawBufferPointer(rebasing: $0[..<count])).replies }
    }
    if let text = scanner.firstError { throw Complaint("\(words[0]): \(text)") }
  }
}
