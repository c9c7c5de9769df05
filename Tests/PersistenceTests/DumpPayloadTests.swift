// DumpPayloadTests.swift — DUMP's payloads are those of Redis, and RESTORE believes none of them.
import Bytes
import Store
import Testing

@testable import Persistence

/// Payloads of real servers are taken, ours are theirs but for the version, and damaged ones are refused.
struct DumpPayloadTests {
  /// As redis-server 7.0.15 answered them.
  static let ofRedis: [(key: String, payload: String)] = [
    ("text", "000568656c6c6f0a006372df766534200a"), ("empty", "00000a005d9b5c400f7fa2da"),
    ("n8", "00c0f90a005e26d130d7a242ab"), ("n16", "00c139300a009d94ea2793fc08b9"),
    ("n32", "00c22efd69b60a007eb9a0bbd8bcb523"),
    ("n64", "0013313233343536373839303132333435363738390a00c7096ffa89cd7101"),
    ("almost", "00033030370a007258e27b4c69bad9"), ("lzf", "00c30b406c0361626361e05d020162630a003a5d5106e7c69684"),
    // Valkey's.
    ("n32", "00c22efd69b65000b193692a46eed2d7"), ("text", "000568656c6c6f5000ac5816e7fb6647fe"),
  ]

  private func payload(_ entry: Entry, _ databases: Databases) -> [UInt8] {
    var output = unsafe OutputBuffer(pool: databases.pool)
    DumpPayload.append(entry, compresses: true, to: &output)
    var bytes: [UInt8] = []
    _ = unsafe output.stretches(upTo: output.appended, capacity: .max) { _, start, count in
      unsafe bytes += UnsafeRawBufferPointer(start: start, count: count)
    }
    output.discardAll()
    return bytes
  }

  private func restore(_ payload: [UInt8], _ key: String, into databases: Databases) throws(DumpPayload.Refusal) {
    let name = Blob(bytes: Array(key.utf8))
    try payload.viewed { (bytes) throws(DumpPayload.Refusal) in
      let value = try DumpPayload.value(bytes)
      unsafe databases.keyspaces[0].insert(name.bytes, KeyHash(name.bytes), restored: value, expiry: nil)
    }
  }

  private func refusal(_ payload: [UInt8]) -> DumpPayload.Refusal? {
    do throws(DumpPayload.Refusal) {
      try restore(payload, "k", into: Databases())
      return nil
    } catch {
      return error
    }
  }

  @Test func payloadsOfServers() throws {
    for (key, text) in DumpPayloadTests.ofRedis {
      let databases = Databases()
      let record = try #require(ServerFiles.records.first { $0.key == Array(key.utf8) })
      let theirs = [UInt8](hex: text)
      try restore(theirs, key, into: databases)
      #expect(databases.records() == [record])
      let ours = payload(try #require(databases.entry(key)), databases)
      #expect(ours.dropLast(10) == theirs.dropLast(10))
      #expect(Array(ours.suffix(10).prefix(2)) == [9, 0])
    }
  }

  @Test(arguments: [0, 1, 20, 21, 1_000, 65_536, 65_537, 1_000_000]) func roundTrip(count: Int) throws {
    var dice = Dice(seed: UInt64(count))
    for value in [dice.bytes(min(count, 100_000)), [UInt8](repeating: 120, count: count)] {
      let databases = Databases()
      databases.set(Record(Array("k".utf8), value))
      try restore(payload(try #require(databases.entry("k")), databases), "copy", into: databases)
      #expect(databases.records().first { $0.key == Array("copy".utf8) }?.value == value)
    }
  }

  @Test func whatIsChangedIsRefused() {
    let original = [UInt8](hex: "000568656c6c6f0a006372df766534200a")
    for bit in 0..<(original.count * 8) {
      var payload = original
      payload[bit / 8] ^= 1 << (bit % 8)
      #expect(refusal(payload) == .versionOrChecksum)
    }
    for count in 0..<original.count { #expect(refusal(Array(original.prefix(count))) == .versionOrChecksum) }
  }

  /// Sealed with a right checksum, so that only the value itself is wrong.
  @Test func valuesThatLie() {
    let values: [[UInt8]] = [
      [], [0], [1, 0], [8], [255], [0, 0xC9], [0, 6, 104, 101, 108, 108, 111], [0, 0xC3, 0, 0], [0, 0xC3],
      [0, 0x81, 255, 255, 255, 255, 255, 255, 255, 0xF7, 1], [0, 0x81, 0x7F, 255, 255, 255, 255, 255, 255, 255, 1],
      [0, 0x80, 255, 255, 255, 255, 1], [0, 0xC3, 10, 0x80, 0x40, 0, 0, 0] + [UInt8](repeating: 0, count: 10),
      [0xFC, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 97], [0, 0xC3, 3, 5, 0xE0, 0, 0],
    ]
    for value in values { #expect(refusal(sealed(value)) == .format, "\(value)") }
    for version: UInt16 in [0, 1, 6, 9, 12, 80] { #expect(refusal(sealed([0, 1, 97], version)) == nil) }
    for version: UInt16 in [13, 79, 81, 65_535] { #expect(refusal(sealed([0, 1, 97], version)) == .versionOrChecksum) }
  }

  /// The recipe of Redis's own fuzzer: real payloads with a few bytes changed and the checksum made right.
  @Test(arguments: UInt64(1)...20) func mutatedPayloads(seed: UInt64) {
    var dice = Dice(seed: seed)
    for _ in 0..<200 {
      let text = DumpPayloadTests.ofRedis[dice.below(DumpPayloadTests.ofRedis.count)].payload
      var body = Array([UInt8](hex: text).dropLast(10))
      for _ in 0...dice.below(3) { body[dice.below(body.count)] = UInt8(dice.below(256)) }
      _ = refusal(sealed(body))
    }
  }

  private func sealed(_ value: [UInt8], _ version: UInt16 = 9) -> [UInt8] {
    let bytes = value + [UInt8(version & 255), UInt8(version >> 8)]
    let sum = bytes.viewed { Checksum(of: $0).value }
    return bytes + (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
  }
}

extension Blob {
  init(bytes: [UInt8]) {
    self.init(capacity: bytes.count)
    unsafe start.copyMemory(from: bytes, byteCount: bytes.count)
    count = bytes.count
  }
}
