// SystemTests.swift: sockets, addresses, files and facts, against the real system.
import Bytes
import Glibc
import Testing

@testable import Ring

@Suite struct SystemTests {
  private func inDirectory(_ body: (String) throws -> Void) throws {
    let path = "/tmp/martlet-system-\(getpid())-\(Clock.monotonicNanoseconds())"
    try File.makeDirectory(path)
    defer {
      for name in (try? File.names(in: path)) ?? [] { try? File.remove("\(path)/\(name)") }
      try? File.removeDirectory(path)
    }
    try body(path)
  }

  @Test func addressesPrintAsClientsExpect() throws {
    #expect(SocketAddress(numeric: "127.0.0.1", port: 6379)?.text == "127.0.0.1:6379")
    #expect(SocketAddress(numeric: "::1", port: 1)?.text == "[::1]:1")
    #expect(SocketAddress(numeric: "2001:db8:0:0::5", port: 65535)?.text == "[2001:db8::5]:65535")
    #expect(SocketAddress(numeric: "::ffff:127.0.0.1", port: 2)?.text == "[::ffff:127.0.0.1]:2")
    #expect(SocketAddress(path: "/run/server.sock")?.text == "/run/server.sock:0")
    #expect(SocketAddress(numeric: "localhost", port: 1) == nil && SocketAddress(numeric: "", port: 1) == nil)
    #expect(SocketAddress(path: String(repeating: "x", count: 108)) == nil && SocketAddress(path: "") == nil)
    #expect(SocketAddress(path: String(repeating: "x", count: 107))?.host.utf8.count == 107)
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("127.255.3.4", true), ("::1", true), ("::ffff:127.1.2.3", true), ("10.0.0.1", false),
    ("::2", false), ("::ffff:10.0.0.1", false), ("fe80::1", false), ("128.0.0.1", false), ("0.0.0.0", false),
  ]) func loopback(_ host: String, _ expected: Bool) throws {
    #expect(SocketAddress(numeric: host, port: 1)?.isLoopback == expected)
  }

  @Test func resolves() throws {
    #expect(try SocketAddress.resolve("127.0.0.1", port: 5).map(\.text) == ["127.0.0.1:5"])
    #expect(throws: ResolveError.self) { try SocketAddress.resolve("no such host", port: 5) }
  }

  @Test(arguments: ["127.0.0.1", "::1"]) func listensAndKnowsBothEnds(_ host: String) throws {
    let address = try #require(SocketAddress(numeric: host, port: 0))
    let listener = try Socket.listen(on: address, backlog: 4)
    defer { Socket.close(listener) }
    let bound = try Socket.localAddress(listener)
    #expect(bound.host == host && bound.port != 0)
    #expect(throws: Errno(EADDRINUSE)) { _ = try Socket.listen(on: bound, backlog: 4) }
    let client = try Socket.make(bound)
    defer { Socket.close(client) }
    try? Socket.connect(client, to: bound)
    #expect(try Socket.peerAddress(client).text == bound.text)
    #expect(try Socket.localAddress(client).isLoopback)
    try Socket.setNoDelay(client)
    try Socket.setKeepAlive(client, seconds: 300)
    try Socket.setKeepAlive(client, seconds: 0)
    try Socket.setSendBuffer(client, bytes: 65536)
    #expect(Socket.pendingError(client) == 0)
  }

  @Test func unixSocketsHaveTheirPermissions() throws {
    try inDirectory { directory in
      let path = "\(directory)/server.sock"
      let listener = try Socket.listen(unixPath: path, permissions: 0o770, backlog: 4)
      #expect(try File.status(path).permissions == 0o770 && File.status(path).kind == .socket)
      #expect(try Socket.localAddress(listener).text == "\(path):0")
      Socket.close(listener)
      // A socket that was left behind gives way; a file does not.
      Socket.close(try Socket.listen(unixPath: path, permissions: 0o700, backlog: 4))
      #expect(try File.status(path).permissions == 0o700)
      try File.remove(path)
      try File.replace(path, with: ByteView("a file"))
      #expect(throws: Errno(EADDRINUSE)) { _ = try Socket.listen(unixPath: path, permissions: nil, backlog: 4) }
      #expect(try File.readAll(path) == Array("a file".utf8))
    }
  }

  @Test func filesAreReplacedWhole() throws {
    try inDirectory { directory in
      let path = "\(directory)/configuration"
      try File.replace(path, with: ByteView("first"))
      try File.replace(path, with: ByteView("second"), permissions: 0o600)
      #expect(try File.readAll(path) == Array("second".utf8))
      #expect(try File.status(path).permissions == 0o600)
      #expect(try File.names(in: directory) == ["configuration"], "no temporary file is left")
      let descriptor = try File.open(path, for: .append)
      try File.write(descriptor, ByteView(" and third"))
      try File.syncData(descriptor)
      try File.close(descriptor)
      #expect(try File.readAll(path) == Array("second and third".utf8))
      #expect(throws: Errno(ENOENT)) { _ = try File.readAll("\(directory)/nothing") }
      #expect(throws: Errno(EEXIST)) { _ = try File.open(path, for: .createNew) }
      #expect(throws: Errno.self) { try File.replace("\(directory)/no/where", with: ByteView("x")) }
      #expect(try File.realPath("\(directory)/./configuration") == path)
      try File.writeProcessNumber("\(directory)/pid")
      #expect(try File.readAll("\(directory)/pid") == Array("\(getpid())\n".utf8))
    }
    #expect(File.directory(of: "a") == "." && File.directory(of: "/a") == "/" && File.directory(of: "/b/a") == "/b")
  }

  @Test func factsAreThere() throws {
    #expect(ProcessFacts.residentBytes > 1 << 20 && ProcessFacts.fileLimit > 0)
    #expect(Machine.cores > 0 && Machine.memoryBytes > 1 << 20 && Machine.kernelVersion.major >= 4)
    #expect(Machine.name.system == "Linux")
    let usage = ProcessFacts.usage
    #expect(usage.userMicroseconds + usage.systemMicroseconds > 0)
    #expect(try Entropy.hexadecimal(bytes: 20).utf8.count == 40)
    #expect(try Entropy.number() != Entropy.number())
    #expect(Clock.wallMilliseconds() > 1_600_000_000_000)
    #expect(Clock.wallMicroseconds() / 1000 - Clock.wallMilliseconds() < 10_000)
    #expect(Errno(ENOENT).text == "No such file or directory")
  }

  /// The service manager hears one datagram.
  @Test func noticesArrive() throws {
    try inDirectory { directory in
      let path = "\(directory)/notify"
      let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      defer { Socket.close(receiver) }
      try Socket.bind(receiver, to: #require(SocketAddress(path: path)))
      setenv("NOTIFY_SOCKET", path, 1)
      defer { unsetenv("NOTIFY_SOCKET") }
      #expect(Notices.serviceManager("READY=1"))
      var buffer = [UInt8](repeating: 0, count: 64)
      let count = recv(receiver, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      #expect(count == 7 && buffer.prefix(7).elementsEqual("READY=1".utf8))
    }
  }
}

@Suite struct SmallStructureTests {
  /// The index against a dictionary, through growth and removal.
  @Test func tokenIndexIsADictionary() {
    var random = SeededRandom(seed: 1)
    var index = TokenIndex()
    var model: [UInt64: Int32] = [:]
    for step in 0..<20_000 {
      let token = Token(.receive, slot: UInt32(random.below(300)), generation: UInt32(random.below(2)))
      if model[token.bits] == nil && random.happens(600) {
        index.insert(token, Int32(step))
        model[token.bits] = Int32(step)
      } else if random.happens(500) {
        index.remove(token)
        model[token.bits] = nil
      }
      #expect(index.descriptor(of: token) == model[token.bits])
    }
    for (bits, descriptor) in model { #expect(index.descriptor(of: Token(bits: bits)) == descriptor) }
  }

  @Test func fifoKeepsOrderWhileItGrows() {
    var fifo = Fifo<Int>(capacity: 2)
    var (pushed, popped) = (0, 0)
    var random = SeededRandom(seed: 2)
    for _ in 0..<10_000 {
      if random.happens(520) {
        fifo.push(pushed)
        pushed += 1
      } else if let value = fifo.pop() {
        #expect(value == popped)
        popped += 1
      }
      #expect(fifo.count == pushed - popped)
    }
  }
}
