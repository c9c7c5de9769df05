// LogSealTests.swift — the line that vouches for a batch.
import Bytes
import Testing

@testable import Persistence

/// A seal reads back as it was written; no byte of it, and none of its batch, can change unseen.
struct LogSealTests {
  static func line(_ seal: LogSeal) -> [UInt8] {
    var line = [UInt8](repeating: 0xEE, count: LogSeal.byteCount)
    unsafe line.withUnsafeMutableBufferPointer { unsafe seal.write(to: $0.baseAddress!) }
    return line
  }

  static func read(_ line: [UInt8]) -> LogSeal? { line.viewed { LogSeal($0) } }

  @Test func theLineItself() {
    let seal = LogSeal(number: 1, count: 0x1F, checksum: 0xFEDC_BA98_7654_3210, durable: .max)
    let text = "#MARTLET:0000000000000001:000000000000001f:fedcba9876543210:ffffffffffffffff\r\n"
    #expect(String(decoding: LogSealTests.line(seal), as: UTF8.self) == text)
    #expect(LogSeal.byteCount == text.utf8.count)
  }

  @Test(arguments: UInt64(1)...200) func readsBack(seed: UInt64) {
    var dice = Dice(independent: seed)
    func field() -> UInt64 { dice.next() >> UInt64(dice.below(64)) }
    let seal = LogSeal(number: field(), count: field(), checksum: field(), durable: field())
    #expect(LogSealTests.read(LogSealTests.line(seal)) == seal)
    #expect(LogSealTests.read(LogSealTests.line(seal) + dice.bytes(9)) == seal)
  }

  @Test func everyChangedByteIsSeen() {
    let seal = LogSeal(number: 0x0123_4567_89AB_CDEF, count: 77, checksum: 0xA5A5_5A5A_0F0F_F0F0, durable: 9)
    let line = LogSealTests.line(seal)
    for position in line.indices {
      for change in UInt8(1)...255 {
        var changed = line
        changed[position] ^= change
        #expect(LogSealTests.read(changed) != seal, "byte \(position) ^ \(change)")
      }
    }
    // Digits have one spelling.
    #expect(LogSealTests.read(Array(String(decoding: line, as: UTF8.self).uppercased().utf8)) == nil)
  }

  @Test func aPartIsNoSealButMayBecomeOne() {
    let line = LogSealTests.line(LogSeal(number: 5, count: 6, checksum: 7, durable: 4))
    for count in 0..<line.count {
      let part = Array(line.prefix(count))
      #expect(LogSealTests.read(part) == nil)
      #expect(part.viewed { LogSeal.mayBegin($0) })
    }
    for position in 0..<9 {
      var part = Array(line.prefix(9))
      part[position] ^= 1
      #expect(!part.viewed { LogSeal.mayBegin($0) })
    }
    #expect(!Array("#TS:1700000000\r\n".utf8).viewed { LogSeal.mayBegin($0) })
  }

  /// The line of a batch says how many bytes follow and what they sum up to, and every changed byte changes the sum.
  @Test(arguments: [0, 1, 63, 64, 4_000, 70_000]) func aSealedBatch(bytes: Int) {
    var dice = Dice(independent: UInt64(bytes))
    let content = dice.text(bytes)
    var batch = LogBatch()
    batch.beginSealed()
    // Only an empty batch takes a seal.
    batch.beginSealed()
    content.viewed { batch.append($0) }
    #expect(batch.count == LogSeal.byteCount + bytes)
    batch.seal(number: 12, durable: 11)
    #expect(batch.sealNumber == 12)
    let seal = LogSeal(batch.bytes)
    #expect(seal?.number == 12 && seal?.durable == 11 && seal?.count == UInt64(bytes))
    #expect(seal?.checksum == content.viewed { Checksum(of: $0).value })
    #expect(batch.bytes[LogSeal.byteCount..<batch.count].array == content)
    for _ in 0..<min(bytes, 50) {
      var changed = content
      changed[dice.below(bytes)] ^= UInt8(1 + dice.below(255))
      #expect(seal?.checksum != changed.viewed { Checksum(of: $0).value })
    }
  }

  @Test func aBatchWithoutASealStaysAsItIs() {
    var batch = LogBatch()
    Array("*1\r\n$4\r\nPING\r\n".utf8).viewed { batch.append($0) }
    batch.beginSealed()
    batch.seal(number: 3, durable: 2)
    #expect(batch.bytes.array == Array("*1\r\n$4\r\nPING\r\n".utf8))
    #expect(!batch.isSealed && batch.sealNumber == 0)
  }
}
