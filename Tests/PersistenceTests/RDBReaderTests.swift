// RDBReaderTests.swift — files of real servers, in windows of any size; and files that nobody should write.
import Bytes
import Store
import Testing

@testable import Persistence

/// What servers wrote is read as what they held; what is damaged is refused with its place, and never traps.
struct RDBReaderTests {
  static let sorted = (ServerFiles.records + [ServerFiles.recordOfDatabase3])
    .sorted { $0.key.lexicographicallyPrecedes($1.key) }

  @Test(arguments: [1, 2, 3, 7, 50, 1000]) func filesOfServers(window: Int) throws {
    for (file, version) in [(ServerFiles.redis70, "redis-ver"), (ServerFiles.valkey9, "valkey-ver")] {
      let reading = try Reading.read(file, window: window)
      #expect(reading.all == RDBReaderTests.sorted)
      #expect(reading.records[3] == [ServerFiles.recordOfDatabase3])
      #expect(reading.auxiliaries[version] != nil)
      #expect(reading.auxiliaries["redis-bits"] == "64")
      #expect(reading.sizes == [0: [11, 1], 3: [1, 0]])
      #expect(reading.confirmation == .checksum)
      #expect(reading.consumed == file.count)
    }
    #expect(try Reading.read(ServerFiles.idle, window: window).uses == [[97]: [591, nil]])
  }

  /// Behind a snapshot may stand something else: the commands of an old log.
  @Test func bytesBehindTheEndAreNotTaken() throws {
    let reading = try Reading.read(ServerFiles.redis70 + Array("*1\r\n".utf8))
    #expect(reading.consumed == ServerFiles.redis70.count)
  }

  @Test func everyVersionOfRedis() throws {
    for version in 1...12 {
      var file = Array("REDIS00\(version < 10 ? "0" : "")\(version)".utf8)
      // A key that expires at second 100, without milliseconds: as the oldest files say it.
      file += [0xFE, 0, 0xFD, 100, 0, 0, 0, 0, 1, 97, 1, 98, 0xFF]
      if version >= 5 { file += [UInt8](repeating: 0, count: 8) }
      let reading = try Reading.read(file)
      #expect(reading.all == [Record("a", "b", expiry: 100_000)])
      #expect(reading.consumed == file.count)
    }
  }

  @Test func magicAndVersion() {
    func reason(_ text: String) -> RDBFailure.Reason? { failure(Array(text.utf8))?.reason }
    #expect(reason("REDIS9999") == .version(9999))
    #expect(reason("REDIS0013") == .version(13))
    #expect(reason("REDIS0080") == .version(80))
    #expect(reason("REDIS0000") == .version(0))
    #expect(reason("VALKEY081") == .version(81))
    #expect(reason("VALKEY011") == .version(11))
    #expect(reason("REDIS00a1") == .notASnapshot)
    #expect(reason("REDIZ0011") == .notASnapshot)
    #expect(reason("*1\r\n$4\r\nPING\r\n") == .notASnapshot)
    #expect(reason("REDIS") == .truncated)
    #expect(reason("") == .truncated)
  }

  /// Cut anywhere, a file is cut short; with any bit turned over the checksum says so if nothing does before.
  @Test func everyPrefixAndEveryBit() {
    let file = ServerFiles.redis70
    for count in 0..<file.count {
      #expect(failure(Array(file.prefix(count)))?.reason == .truncated)
      #expect(failure(Array(file.prefix(count)), total: nil)?.reason == .truncated)
    }
    for bit in 0..<(file.count * 8) {
      var damaged = file
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(failure(damaged) != nil, "bit \(bit)")
    }
  }

  @Test func aWrongChecksumIsNamed() {
    var file = ServerFiles.redis70
    file[file.count - 1] ^= 1
    guard case .checksum(let stored, let computed)? = failure(file)?.reason else {
      Issue.record("no failure of the checksum")
      return
    }
    #expect(stored ^ computed == 1 << 56)
  }

  /// Lengths that nobody means, at every place where a length stands.
  @Test func claimedLengths() {
    let lengths: [[UInt8]] = [
      [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x81, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x81, 0x80, 0, 0, 0, 0, 0, 0, 0], [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xF7],
      [0x80, 0xFF, 0xFF, 0xFF, 0xFF], [0x81, 0, 0, 0, 1, 0, 0, 0, 0], [0x82], [0xC4], [0xFF], [0xC3, 0, 0],
    ]
    let magic = Array("REDIS0011".utf8)
    for length in lengths {
      for opcode: [UInt8] in [
        [0xFE], [0xFB], [0xFB, 1], [0xFA], [0xFA, 1, 97], [0xF5], [0xF8], [0xF4], [0xF4, 1, 2], [0xF7], [0, 1, 97], [0],
        [0xC3], [0, 1, 97, 0xC3], [0, 1, 97, 0xC3, 5],
      ] {
        let file = magic + opcode + length + [1, 2, 3]
        #expect(failure(file) != nil)
        #expect(failure(file, total: nil) != nil)
      }
    }
  }

  /// Ten bytes that claim to be a gigabyte, and text that refers to what is before its beginning.
  @Test func compressedStringsThatLie() {
    let magic = Array("REDIS0011".utf8) + [0, 1, 97]
    let claims: [[UInt8]] = [
      [0xC3, 10, 0x80, 0x40, 0, 0, 0] + [UInt8](repeating: 0, count: 10),
      [0xC3, 3, 5, 0xE0, 0, 0], [0xC3, 2, 5, 4, 1], [0xC3, 6, 4, 4, 1, 2, 3, 4, 5], [0xC3, 6, 6, 4, 1, 2, 3, 4, 5],
    ]
    for claim in claims {
      #expect(failure(magic + claim + [0xFF] + [UInt8](repeating: 0, count: 8))?.reason == .compression)
    }
    // A megabyte in 12 KiB is honest if it unpacks to that.
    var honest = magic + [0xC3]
    let stream: [UInt8] = [0, 120] + (0..<3971).flatMap { _ in [0xE0, 255, 0] as [UInt8] }
    let text = 1 + 3971 * 264
    honest += [0x80] + bigEndian(UInt32(stream.count)) + [0x80] + bigEndian(UInt32(text)) + stream
    let end = [0xFF] + [UInt8](repeating: 0, count: 8)
    #expect((try? Reading.read(honest + end))?.all == [Record([97], [UInt8](repeating: 120, count: text))])
  }

  @Test func placesAndKeysOfFailures() {
    let magic = Array("REDIS0011".utf8)
    let list = failure(magic + [1, 3] + Array("key".utf8) + [1, 1, 120])
    #expect(list?.reason == .unsupportedType(.list))
    #expect(list?.key == Array("key".utf8))
    #expect(list?.text == "a value of type list, which this version cannot load (at byte 14, key 'key')")
    #expect(failure(magic + [8])?.reason == .opcode(8))
    #expect(failure(magic + [8])?.offset == 9)
    #expect(failure(magic + [0xF6])?.reason == .functionOfCandidate)
    #expect(failure(magic + [0xFE, 0x81, 0, 0, 0, 0, 0x80, 0, 0, 0])?.reason == .database(1 << 31))
    #expect(failure(magic + [26])?.reason == .opcode(26))
    #expect(failure(Array("VALKEY080".utf8) + [24])?.reason == .opcode(24))
    #expect(failure(magic + [243])?.reason == .opcode(243))
  }

  private func failure(_ file: [UInt8], total: UInt64? = .max) -> RDBFailure? {
    var options = RDBReader.Options()
    if let total { options.totalBytes = min(total, UInt64(file.count)) }
    do throws(RDBFailure) {
      _ = try Reading.read(file, options)
      return nil
    } catch {
      return error
    }
  }

  private func bigEndian(_ number: UInt32) -> [UInt8] {
    [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
  }
}
