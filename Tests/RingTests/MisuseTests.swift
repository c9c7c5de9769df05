// MisuseTests.swift: each rule of the contract, broken on purpose. The simulation must say so.
import Bytes
import Glibc
import Testing

@testable import Ring

@Suite struct MisuseTests {
  private static let receive = Token(.receive, slot: 1, generation: 1)
  private static let send = Token(.send, slot: 1, generation: 1)
  private static let close = Token(.close, slot: 1, generation: 1)

  /// A world without faults, a ring on it, and one accepted connection.
  private func world(_ body: (inout SimulatedRing, SimulatedWorld, Int32, Int) throws -> Void) throws -> [String] {
    let world = SimulatedWorld(seed: 1, rates: .none)
    var options = RingOptions.small
    options.bufferBytes = 4096
    var ring = try SimulatedRing(world, options)
    let listener = world.listen()
    let peer = world.connect(to: listener)
    ring.accept(listener, Token(.accept, slot: 0, generation: 0))
    try ring.enter(timeoutNanoseconds: 1000)
    let accepted = try next(&ring)
    #expect(world.violations.isEmpty)
    try body(&ring, world, accepted.result, peer)
    return world.violations
  }

  private func next(_ ring: inout SimulatedRing) throws -> Completion {
    for _ in 0..<10 {
      if let completion = ring.next() { return completion }
      try ring.enter(timeoutNanoseconds: 1000)
    }
    let last = ring.next()
    return try #require(last)
  }

  @Test func correctUseIsSilent() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      world.write(peer, [1, 2, 3])
      let received = try next(&ring)
      #expect(Array(ring.bytes(of: received).buffer) == [1, 2, 3])
      ring.recycle(received)
      ring.cancel(Self.receive)
      let ended = try next(&ring)
      #expect(ended.isFinal)
      ring.close(descriptor, Self.close)
      let closed = try next(&ring)
      #expect(closed.result == 0)
    }
    #expect(found.isEmpty)
  }

  @Test func touchingASendTooEarly() throws {
    let found = try world { ring, world, descriptor, peer in
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8)
      defer { memory.deallocate() }
      memory.initializeMemory(as: UInt8.self, repeating: 7, count: 100)
      ring.send(descriptor, memory, count: 100, Self.send)
      memory.storeBytes(of: 8, toByteOffset: 50, as: UInt8.self)
      _ = try next(&ring)
    }
    #expect(found.contains { $0.contains("touched") })
  }

  @Test func touchingAReceiveTooEarly() throws {
    let found = try world { ring, world, descriptor, peer in
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8)
      defer { memory.deallocate() }
      ring.receive(descriptor, into: memory, count: 100, Self.receive)
      try ring.enter(timeoutNanoseconds: 0)
      memory.storeBytes(of: 8, toByteOffset: 99, as: UInt8.self)
      world.write(peer, [1])
      _ = try next(&ring)
    }
    #expect(found.contains { $0.contains("touched") })
  }

  @Test func recyclingTwice() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      world.write(peer, [1])
      let received = try next(&ring)
      ring.recycle(received)
      ring.recycle(received)
    }
    #expect(found.contains { $0.contains("recycled twice") })
  }

  @Test func neverRecycling() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      world.write(peer, [1])
      _ = try next(&ring)
      ring.cancel(Self.receive)
      _ = try next(&ring)
      ring.checkIdle()
    }
    #expect(found.contains { $0.contains("never recycled") })
  }

  @Test func readingAfterRecycling() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      world.write(peer, [1])
      let received = try next(&ring)
      let bytes = ring.bytes(of: received)
      ring.recycle(received)
      #expect(bytes[0] == SimulatedBuffers.poison)
      _ = ring.bytes(of: received)
    }
    #expect(found.contains { $0.contains("read after") })
  }

  @Test func writingAfterRecycling() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      world.write(peer, [1])
      let received = try next(&ring)
      let bytes = ring.bytes(of: received)
      ring.recycle(received)
      UnsafeMutableRawPointer(mutating: bytes.buffer.baseAddress!).storeBytes(of: 0, as: UInt8.self)
      world.write(peer, [2])
      _ = try next(&ring)
    }
    #expect(found.contains { $0.contains("written to after") })
  }

  @Test func closingWithOperationsInFlight() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      try ring.enter(timeoutNanoseconds: 0)
      ring.close(descriptor, Self.close)
    }
    #expect(found.contains { $0.contains("in flight") })
  }

  @Test func twoReceivesAndTwoSends() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      ring.receive(descriptor, Token(.receive, slot: 2, generation: 1))
      ring.send(descriptor, ("a" as StaticString).start, count: 1, Self.send)
      ring.send(descriptor, ("b" as StaticString).start, count: 1, Token(.send, slot: 2, generation: 1))
    }
    #expect(found.contains { $0.contains("two receives") } && found.contains { $0.contains("two sends") })
  }

  @Test func oneTokenForTwoOperations() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      ring.send(descriptor, ("a" as StaticString).start, count: 1, Self.receive)
    }
    #expect(found.contains { $0.contains("under one token") })
  }

  @Test func usingAClosedDescriptor() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.close(descriptor, Self.close)
      _ = try next(&ring)
      ring.receive(descriptor, Self.receive)
    }
    #expect(found.contains { $0.contains("not open") })
  }

  @Test func leavingOperationsBehind() throws {
    let found = try world { ring, world, descriptor, peer in
      ring.receive(descriptor, Self.receive)
      ring.checkIdle()
    }
    #expect(found.contains { $0.contains("still in flight") })
  }
}

extension StaticString {
  fileprivate var start: UnsafeRawPointer { UnsafeRawPointer(utf8Start) }
}
