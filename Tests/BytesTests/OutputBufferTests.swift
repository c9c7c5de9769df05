import Testing

@testable import Bytes

/// Whatever is appended, in whatever pieces, leaves in order and complete, while sends of any length are
/// acknowledged in between; and every chunk is back in the pool when nothing waits.
@Suite struct OutputBufferTests {
  @Test(arguments: UInt64(1)...50)
  func bytesLeaveInOrder(seed: UInt64) {
    var random = SplitMix(state: seed)
    var pool = ChunkPool()
    withUnsafeMutablePointer(to: &pool) { pool in
      var output = OutputBuffer(pool: pool)
      var expected: [UInt8] = []
      var received: [UInt8] = []
      for _ in 0..<300 {
        switch random.next() % 4 {
        case 0:
          let bytes = random.bytes(Int(random.next() % 40_000))
          bytes.withUnsafeBytes { output.append(ByteView($0)) }
          expected += bytes
        case 1:
          let bytes = random.bytes(Int(random.next() % 100))
          let room = output.reserve(bytes.count)
          for i in bytes.indices { room[i] = bytes[i] }
          output.commit(bytes.count)
          expected += bytes
        case 2:
          // Something written and taken back leaves no trace.
          let mark = output.mark
          let bytes = random.bytes(Int(random.next() % 40_000))
          bytes.withUnsafeBytes { output.append(ByteView($0)) }
          if let first = bytes.first { #expect(output.firstByte(after: mark) == first) }
          output.rollback(to: mark)
        default:
          let limit = output.sent + random.next() % UInt64(max(1, output.pending + 1))
          var seen: [UInt8] = []
          let (_, listed) = output.stretches(upTo: limit, capacity: Int(random.next() % 5) + 1) { _, start, count in
            seen += UnsafeRawBufferPointer(start: start, count: count)
          }
          #expect(seen.count == listed)
          let taken = listed == 0 ? 0 : Int(random.next() % UInt64(listed + 1))
          received += seen[0..<taken]
          output.release(taken)
        }
      }
      _ = output.stretches(upTo: .max, capacity: .max) { _, start, count in
        received += UnsafeRawBufferPointer(start: start, count: count)
      }
      #expect(received == expected)
      #expect(output.appended == UInt64(expected.count))
      output.discardAll()
      #expect(output.chunkCount == 0 && output.heldBytes == 0)
      #expect(pool.pointee.lentBytes == 0)
    }
  }

  /// A gap filled after its contents are written stands in front of them.
  @Test func gapsAreFilledLater() {
    var pool = ChunkPool()
    withUnsafeMutablePointer(to: &pool) { pool in
      var output = OutputBuffer(pool: pool)
      output.append(ByteView("before "))
      let gap = output.leaveGap()
      output.append(ByteView("inside"))
      output.fill(gap, kind: UInt8(ascii: "*"), number: 12)
      var text = ""
      _ = output.stretches(upTo: .max, capacity: 8) { _, start, count in
        text += String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
      }
      #expect(text == "before *12\r\ninside")
      #expect(output.pending == text.utf8.count)
      output.discardAll()
      #expect(pool.pointee.lentBytes == 0)
    }
  }
}

/// A small generator: the same seed gives the same run everywhere.
struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
