// StructureTests.swift — values of types that are not loaded are passed over exactly.
import Bytes
import Store
import Testing

@testable import Persistence

/// Files of real servers with every type are read to their end and confirmed by their checksums, in windows of
/// any size; forms that those servers no longer write are made by hand.
struct StructureTests {
  static var options: RDBReader.Options {
    var options = RDBReader.Options()
    options.skipsOthers = true
    return options
  }

  static let types: [String: RDBType] = [
    "list": .listQuicklist2, "list-small": .listQuicklist2, "list-plain": .listQuicklist2, "set-int": .setIntset,
    "set-int-wide": .setIntset, "set": .set, "zset-small": .sortedSetListpack, "zset": .sortedSet,
    "hash-small": .hashListpack, "hash": .hash,
  ]

  @Test(arguments: [1, 13, 100, 5000], [false, true]) func everyTypeOfServers(window: Int, verifies: Bool) throws {
    var options = StructureTests.options
    options.verifiesPacked = verifies
    var wanted = StructureTests.types
    wanted.merge(["set-small": .set, "stream": .stream2, "empty-stream": .stream2]) { $1 }
    try check(ServerFiles.typesOfRedis70, wanted, window: window, options)
    wanted.merge([
      "set-small": .setListpack, "set": .setListpack, "stream": .stream3, "empty-stream": .stream3, "hash-expiry": .hashValkey,
    ]) { $1 }
    try check(ServerFiles.typesOfValkey9, wanted, window: window, options)
  }

  private func check(
    _ file: [UInt8], _ wanted: [String: RDBType], window: Int, _ options: RDBReader.Options
  ) throws {
    let reading = try Reading.read(file, window: window, options)
    let types = reading.others.map { (String(decoding: $0.key, as: UTF8.self), $0.type) }
    #expect(Dictionary(uniqueKeysWithValues: types) == wanted)
    #expect(reading.all == [Record("string", "s"), Record("volatile", "v", expiry: 4_102_444_800_000)])
    #expect(reading.functions.count == 1)
    #expect(reading.confirmation == .checksum)
    #expect(reading.consumed == file.count)
  }

  /// Without leave to pass over them the first value of another type ends the reading, by its name.
  @Test func unsupportedTypesAreNamed() {
    #expect(throws: RDBFailure.self) { try Reading.read(ServerFiles.typesOfRedis70) }
    for type in RDBType.allCases where type != .string && type != .hashValkey {
      let file = Array("REDIS0012".utf8) + [type.rawValue, 1, 107, 0]
      do throws(RDBFailure) {
        _ = try Reading.read(file)
        Issue.record("\(type) was read")
      } catch {
        #expect(error.reason == .unsupportedType(type))
        #expect(error.text.contains("type \(type.name)"))
      }
    }
  }

  /// Forms that today's servers only read: each value is given as bytes, and is the whole rest of the file.
  static let handmade: [(type: RDBType, value: [UInt8])] = [
    (.list, [2, 1, 97, 0xC0, 7]), (.list, [0]),
    (.sortedSetText, [4, 1, 97, 3] + Array("1.5".utf8) + [1, 98, 253, 1, 99, 254, 1, 100, 255]),
    (.hashZipmap, packed([2, 1, 97, 2, 1, 120, 121, 0, 3, 98, 99, 100, 0, 0, 255])),
    (.listZiplist, packed(ziplist)), (.sortedSetZiplist, packed(ziplist)), (.hashZiplist, packed(ziplist)),
    (.listQuicklist, [2] + packed(ziplist) + packed(ziplist)),
    (.hashExpiryOfCandidate, [2, 0, 1, 97, 1, 98, 0x41, 0, 1, 99, 1, 100]),
    (.hashExpiry, [1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 1, 97, 1, 98]),
    (.hashListpackExpiryOfCandidate, packed(listpack)),
    (.hashListpackExpiry, [1, 2, 3, 4, 5, 6, 7, 8] + packed(listpack)),
    (
      .module,
      [0x81, 1, 2, 3, 4, 5, 6, 7, 8, 1, 9, 2, 0x41, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 97, 98, 0]
    ),
    (.stream1, stream(generation: 1)), (.stream2, stream(generation: 2)), (.stream3, stream(generation: 3)),
  ]

  /// Three entries: "ab", 5 in one byte, a 16-bit number.
  static let ziplist: [UInt8] = [21, 0, 0, 0, 16, 0, 0, 0, 3, 0, 0, 2, 97, 98, 4, 0xF6, 2, 0xC0, 1, 0, 255]
  /// "a", 5.
  static let listpack: [UInt8] = [12, 0, 0, 0, 2, 0, 0x81, 97, 2, 5, 1, 255]

  static func packed(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }

  static func stream(generation: Int) -> [UInt8] {
    let eight = [UInt8](repeating: 9, count: 8)
    var bytes: [UInt8] = [1, 16] + eight + eight + packed(listpack) + [1, 2, 3]
    if generation >= 2 { bytes += [1, 1, 0, 0, 1] }
    bytes += [1, 1, 103, 2, 3]
    if generation >= 2 { bytes += [1] }
    bytes += [1] + eight + eight + eight + [1]
    bytes += [1, 1, 99] + eight
    if generation >= 3 { bytes += eight }
    return bytes + [1] + eight + eight
  }

  @Test func formsOfOtherServers() throws {
    for (type, value) in StructureTests.handmade {
      let file = Array("REDIS0012".utf8) + [type.rawValue, 1, 107] + value + [0, 1, 115, 1, 116, 255]
        + [UInt8](repeating: 0, count: 8)
      for window in [1, 5, 1000] {
        var options = StructureTests.options
        options.verifiesPacked = window != 5
        do throws(RDBFailure) {
          let reading = try Reading.read(file, window: window, options)
          #expect(reading.others.map(\.type) == [type])
          #expect(reading.all == [Record("s", "t")])
        } catch {
          Issue.record("\(type): \(error.text)")
        }
      }
    }
  }

  @Test func slotsAndModuleData() throws {
    let file = Array("VALKEY080".utf8) + [
      0xF4, 0x40, 100, 5, 1,
      // An import of two ranges of slots.
      0xF3, 3, 106, 111, 98, 2, 0, 5, 7, 9,
      // A module's data: its number, when to load it, a number.
      0xF7, 0x81, 1, 2, 3, 4, 5, 6, 7, 8, 2, 1, 2, 50, 0, 0, 1, 97, 1, 98, 255,
    ] + [UInt8](repeating: 0, count: 8)
    for window in [1, 1000] {
      let reading = try Reading.read(file, window: window)
      #expect(reading.slots == [100])
      #expect(reading.all == [Record("a", "b")])
    }
  }

  /// Whatever stands in the place of a value, passing over it ends: with an error or at the end of the bytes.
  @Test(arguments: UInt64(1)...40) func damagedValues(seed: UInt64) {
    var dice = Dice(seed: seed)
    for original in [ServerFiles.typesOfRedis70, ServerFiles.typesOfValkey9] {
      for _ in 0..<10 {
        var file = original
        while file == original {
          for _ in 0...dice.below(4) { file[9 + dice.below(file.count - 9)] = UInt8(dice.below(256)) }
        }
        var options = StructureTests.options
        options.verifiesPacked = seed % 2 == 0
        if seed % 3 != 0 { options.totalBytes = UInt64(file.count) }
        #expect(throws: RDBFailure.self) { try Reading.read(file, window: 1 + dice.below(500), options) }
      }
    }
  }

  /// Lengths inside a packed value that contradict each other.
  @Test func unsoundPackedValues() {
    func isSound(_ form: PackedForm, _ bytes: [UInt8]) -> Bool { bytes.viewed { form.isSound($0) } }
    let sound: [(PackedForm, [UInt8])] = [
      (.listpack, StructureTests.listpack), (.ziplist, StructureTests.ziplist),
      (.intset, [2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 1, 0]),
      (.zipmap, [1, 1, 97, 2, 1, 120, 121, 0, 255]),
    ]
    for (form, bytes) in sound {
      #expect(isSound(form, bytes), "\(form)")
      for count in 0..<bytes.count { #expect(!isSound(form, Array(bytes.prefix(count))), "\(form) \(count)") }
    }
    // A wrong back length, a wrong count, an entry beyond the end.
    #expect(!isSound(.listpack, [12, 0, 0, 0, 2, 0, 0x81, 97, 3, 5, 1, 255]))
    #expect(!isSound(.listpack, [12, 0, 0, 0, 3, 0, 0x81, 97, 2, 5, 1, 255]))
    #expect(!isSound(.listpack, [12, 0, 0, 0, 2, 0, 0xBF, 97, 2, 5, 1, 255]))
    #expect(!isSound(.listpack, [12, 0, 0, 0, 1, 0, 0xF0, 255, 255, 255, 255, 255]))
    // Not ascending.
    #expect(!isSound(.intset, [2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0]))
    #expect(!isSound(.intset, [3, 0, 0, 0, 0, 0, 0, 0]))
    #expect(!isSound(.intset, [2, 0, 0, 0, 255, 255, 255, 255]))
    // The length of the entry before is another.
    var ziplist = StructureTests.ziplist
    ziplist[14] = 5
    #expect(!isSound(.ziplist, ziplist))
    ziplist = StructureTests.ziplist
    ziplist[4] = 15
    #expect(!isSound(.ziplist, ziplist))
  }
}
