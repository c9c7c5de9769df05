// CollectionPayloadTests.swift — values of many elements: every old form is read, and nothing hostile is believed.
import Bytes
import Store
import Testing

@testable import Persistence

struct CollectionPayloadTests {
  /// A payload of `version` around a value, with a checksum that is right.
  private func payload(_ type: UInt8, _ value: [UInt8], version: UInt8 = 9) -> [UInt8] {
    let summed = [type] + value + [version, 0]
    let sum = summed.viewed { Checksum(of: $0).value }
    return summed + (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt64($0))) }
  }

  /// A string of under 64 bytes as it stands in a snapshot.
  private func string(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }

  private func ziplist(_ entries: [[UInt8]]) -> [UInt8] {
    var body: [UInt8] = []
    var before = 0
    var last = 10
    for entry in entries {
      last = 10 + body.count
      body += [UInt8(before)] + entry
      before = entry.count + 1
    }
    let total = 10 + body.count + 1
    return [UInt8(total), 0, 0, 0, UInt8(last), 0, 0, 0, UInt8(entries.count), 0] + body + [0xFF]
  }

  /// Restores into fresh databases; what is there then, nil if the payload was refused.
  private func restored(_ payload: [UInt8], _ databases: Databases = Databases()) -> [String]? {
    let name = Blob(bytes: Array("k".utf8))
    let isTaken = payload.viewed { bytes in
      do throws(DumpPayload.Refusal) {
        let value = try DumpPayload.value(bytes)
        unsafe databases.keyspaces[0].insert(name.bytes, KeyHash(name.bytes), restored: value, expiry: nil)
        return true
      } catch {
        return false
      }
    }
    guard isTaken, let entry = databases.entry("k") else { return nil }
    unsafe databases.keyspaces[0].checkInvariants()
    var texts: [String] = []
    var items = entry.items()
    while let item = items.next() {
      texts.append(item.name.withView { $0.text })
      if entry.type == .hash { texts.append(item.value.withView { $0.text } + (item.expiry.map { " until \($0)" } ?? "")) }
      if entry.type == .sortedSet { texts.append("\(item.score)") }
    }
    return texts
  }

  @Test func ziplists() {
    let list = ziplist([
      [1] + Array("a".utf8), [0xC0, 0x00, 0x04], [0xFE, 0xFD], [0xF4], [0xD0, 0, 0, 1, 0], [0xF0, 0, 0, 0x80],
      [0xE0, 0, 0, 0, 0, 0, 0, 0, 0x80], [0x40, 2] + Array("bc".utf8),
    ])
    let texts = ["a", "1024", "-3", "3", "65536", "-8388608", "-9223372036854775808", "bc"]
    #expect(restored(payload(10, string(list))) == texts)
    #expect(restored(payload(14, [2] + string(list) + string(list))) == texts + texts)
    #expect(restored(payload(13, string(list))) == texts)
    let scores = ziplist([[1, 97], [3] + Array("1.5".utf8), [1, 98], [0xF3]])
    #expect(restored(payload(12, string(scores))) == ["a", "1.5", "b", "2.0"])
    // A score that is none, a member twice, a field without a value.
    #expect(restored(payload(12, string(ziplist([[1, 97], [1, 98]])))) == nil)
    #expect(restored(payload(12, string(ziplist([[1, 97], [0xF2], [1, 97], [0xF3]])))) == nil)
    #expect(restored(payload(13, string(ziplist([[1, 97]])))) == nil)
  }

  @Test func zipmaps() {
    let map: [UInt8] = [2, 1, 97, 2, 0, 49, 50, 1, 98, 1, 1, 120, 0, 0xFF]
    #expect(restored(payload(9, string(map))) == ["a", "12", "b", "x"])
    #expect(restored(payload(9, string([2, 1, 97, 9, 0, 49, 0xFF]))) == nil)
  }

  /// Hashes of which fields end, in every form: type 22 means one thing to Valkey and another to Redis.
  @Test func fieldsThatEnd() {
    func instant(_ value: Int64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * Int64($0))) } }
    func sorted(_ texts: [String]?) -> [String]? { texts.map { Set($0).sorted() } }
    let (a, b) = (string([97]), string([98]))
    #expect(sorted(restored(payload(22, [2] + a + a + instant(500) + b + b + instant(-1), version: 80))) == ["a", "a until 500", "b"])
    #expect(restored(payload(22, [1] + a + a + instant(-1), version: 80)) == ["a", "a"])
    #expect(restored(payload(22, [1] + a + a + instant(-2), version: 80)) == nil)
    #expect(restored(payload(22, [2] + a + a + instant(5) + a + a + instant(5), version: 80)) == nil)
    #expect(restored(payload(22, [1] + a + a + [1, 2, 3], version: 80)) == nil)
    #expect(restored(payload(22, [0], version: 80)) == nil)
    // Redis: from the first instant on, plus one.
    #expect(sorted(restored(payload(24, instant(500) + [2, 1] + a + a + [0] + b + b, version: 12))) == ["a", "a until 500", "b"])
    #expect(restored(payload(24, instant(500) + [1, 0x40, 101] + a + a, version: 12)) == ["a", "a until 600"])
    #expect(restored(payload(24, instant(.max) + [1, 2] + a + a, version: 12)) == nil)
    #expect(restored(payload(24, instant(-5) + [1, 2] + a + a, version: 12)) == nil)
    let far: [UInt8] = [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    #expect(restored(payload(24, instant(1) + [1] + far + a + a, version: 12)) == nil)
    #expect(sorted(restored(payload(22, [2, 0x41, 0xF4] + a + a + [0] + b + b, version: 12))) == ["a", "a until 500", "b"])
    // Packed: field, value, instant; a number, not below zero.
    func packed(_ elements: [UInt8], _ count: UInt8) -> [UInt8] {
      string([UInt8(elements.count + 7), 0, 0, 0, count, 0] + elements + [0xFF])
    }
    let (one, two): ([UInt8], [UInt8]) = ([0x81, 97, 2, 0x81, 120, 2, 50, 1], [0x81, 98, 2, 7, 1, 0, 1])
    #expect(sorted(restored(payload(25, instant(50) + packed(one + two, 6), version: 12))) == ["7", "a", "b", "x until 50"])
    #expect(sorted(restored(payload(23, packed(one + two, 6), version: 12))) == ["7", "a", "b", "x until 50"])
    #expect(restored(payload(25, instant(50) + packed(one + one, 6), version: 12)) == nil)
    #expect(restored(payload(25, instant(50) + packed(Array(one.dropLast(2)), 2), version: 12)) == nil)
    #expect(restored(payload(25, instant(50) + packed([0x81, 97, 2, 1, 1, 0x81, 120, 2], 3), version: 12)) == nil)
    #expect(restored(payload(25, instant(50) + packed([0x81, 97, 2, 1, 1, 0xDF, 0xFF, 2], 3), version: 12)) == nil)
    #expect(restored(payload(25, instant(50) + packed(one, 3) , version: 80)) == nil)
  }

  /// What is dumped is restored, and says that only Valkey 9 has its type.
  @Test func dumpsOfFieldsThatEnd() {
    let databases = Databases()
    let limits = EncodingLimits()
    let key = ByteView("h")
    let location = unsafe databases.keyspaces[0].insertHash(key, KeyHash(key), limits)
    let long = [UInt8](repeating: 66, count: 100_000)
    for (field, value, end) in [("a", Array("1".utf8), 50 as Int64?), ("b", long, 1 << 60), ("c", long, nil)] {
      Array(field.utf8).viewed { name in
        value.viewed { text in
          unsafe _ = databases.keyspaces[0].setField(location, name, text, limits, expiry: end.map { .at($0) } ?? .clear)
        }
      }
    }
    var output = unsafe OutputBuffer(pool: databases.pool)
    DumpPayload.append(location.entry, compresses: false, to: &output)
    var bytes: [UInt8] = []
    _ = unsafe output.stretches(upTo: output.appended, capacity: .max) { unsafe bytes += UnsafeRawBufferPointer(start: $1, count: $2) }
    output.discardAll()
    #expect(bytes.first == 22 && bytes[bytes.count - 10] == 80)
    let text = String(decoding: long, as: UTF8.self)
    #expect(restored(bytes).map(Set.init) == ["a", "b", "c", "1 until 50", "\(text) until \(1 << 60)", text])
    // Once nothing ends any more any server can take it.
    unsafe databases.keyspaces[0].clearFieldExpiry(location, ByteView("a"))
    unsafe databases.keyspaces[0].clearFieldExpiry(location, ByteView("b"))
    DumpPayload.append(location.entry, compresses: false, to: &output)
    var type: UInt8?
    _ = unsafe output.stretches(upTo: output.appended, capacity: 1) { unsafe type = UnsafeRawBufferPointer(start: $1, count: $2).first }
    #expect(type == 4)
    output.discardAll()
  }

  @Test func unpackedForms() {
    #expect(restored(payload(1, [3] + string([97]) + string([98]) + [0xC0, 7])) == ["a", "b", "7"])
    #expect(restored(payload(2, [2] + string([97]) + [0xC0, 7])) == ["a", "7"])
    #expect(restored(payload(2, [2] + string([97]) + string([97]))) == nil)
    #expect(restored(payload(4, [1] + string([97]) + string([98]))) == ["a", "b"])
    #expect(restored(payload(3, [2] + string([97]) + [254] + string([98]) + [3] + Array("2.5".utf8))) == ["b", "2.5", "a", "inf"])
    #expect(restored(payload(3, [1] + string([97]) + [253])) == nil)
    let nan: [UInt8] = [0, 0, 0, 0, 0, 0, 0xF8, 0x7F]
    #expect(restored(payload(5, [1] + string([97]) + nan)) == nil)
    #expect(restored(payload(5, [1] + string([97]) + [0, 0, 0, 0, 0, 0, 0xF8, 0x3F])) == ["a", "1.5"])
  }

  /// Nothing without elements, no count that the bytes do not bear out, no type that is none.
  @Test func emptyAndCutShort() {
    for type: UInt8 in [1, 2, 4, 5, 14, 18] { #expect(restored(payload(type, [0], version: 10)) == nil) }
    #expect(restored(payload(2, [0x80, 0xFF, 0xFF, 0xFF, 0xFF])) == nil)
    #expect(restored(payload(2, [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] + string([97]))) == nil)
    #expect(restored(payload(18, [1, 3] + string([97]), version: 10)) == nil)
    #expect(restored(payload(18, [1, 1] + string([97]), version: 10)) == ["a"])
    #expect(restored(payload(8, [1])) == nil)
  }

  /// Any byte of a good payload changed, and any number of bytes missing: refused, or another sound value.
  @Test func changedBytesAreNoDanger() {
    let pack: [UInt8] = [13, 0, 0, 0, 4, 0, 0x81, 97, 2, 1, 1, 0x81, 98, 2]
    let listpack = [UInt8(pack.count + 4), 0, 0, 0] + pack[4...] + [0xC0, 5, 2, 0xFF]
    for type: UInt8 in [16, 17, 18, 20] {
      let value = type == 18 ? [1, 2] + string(Array(listpack)) : string(Array(listpack))
      for index in value.indices {
        for change: UInt8 in [1, 0x40, 0x80, 0xFF] {
          var changed = value
          changed[index] ^= change
          _ = restored(payload(type, changed, version: 11))
        }
        _ = restored(payload(type, Array(value.prefix(index)), version: 11))
      }
    }
  }

  /// What was made here is taken here, and has the same form.
  @Test func ownPayloads() throws {
    var limits = EncodingLimits()
    for isSmall in [true, false] {
      if !isSmall {
        limits.setListpackEntries = 2
        limits.setIntsetEntries = 2
        limits.hashListpackEntries = 2
        limits.sortedSetListpackEntries = 2
        limits.listListpackSize = 2
      }
      let key = Blob(bytes: Array("k".utf8))
      let hash = KeyHash(key.bytes)
      for kind in 0..<4 {
        let databases = Databases()
        for number in 0..<10 {
          Array("m\(number)".utf8).viewed { m in
            let keyspace = unsafe databases.keyspaces
            let found = unsafe keyspace[0].find(key.bytes, hash)
            switch kind {
            case 0:
              let place = unsafe found ?? keyspace[0].insertSet(key.bytes, hash, for: m, count: 1, limits)
              unsafe keyspace[0].addMember(place, m, limits)
            case 1:
              let place = unsafe found ?? keyspace[0].insertHash(key.bytes, hash, limits)
              unsafe keyspace[0].setField(place, m, m, limits)
            case 2:
              let place = unsafe found ?? keyspace[0].insertSortedSet(key.bytes, hash, memberBytes: 2, limits)
              unsafe keyspace[0].setScore(place, m, Double(number), limits)
            default:
              let place = unsafe found ?? keyspace[0].insertList(key.bytes, hash)
              unsafe keyspace[0].growList(place, bytes: 2, count: 1, limits)
              unsafe keyspace[0].insertElement(place, m, at: number, limits)
            }
          }
        }
        let entry = try #require(databases.entry("k"))
        var output = unsafe OutputBuffer(pool: databases.pool)
        DumpPayload.append(entry, compresses: true, to: &output)
        var bytes: [UInt8] = []
        _ = unsafe output.stretches(upTo: output.appended, capacity: .max) { _, start, count in
          unsafe bytes += UnsafeRawBufferPointer(start: start, count: count)
        }
        output.discardAll()
        let copy = Databases()
        #expect(restored(bytes, copy) != nil)
        #expect(copy.records() == databases.records())
      }
    }
  }
}
