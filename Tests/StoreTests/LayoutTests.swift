// LayoutTests.swift: every shape that an entry can have.
import Bytes
import CAllocator
import Testing
@testable import Store

private let keyCounts = [0, 1, 8, 16, 255, 256, 5_000]
private let valueCounts = [0, 8, 44, 45, 500, 1_024, 1_025, 40_000]

/// Text that is no integer.
private func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(0x61 + $0 % 26) } }

/// Keys of every length class with values of every representation, with and without an expiry, give back what
/// was put in, also after the expiry was set, moved and cleared and the value replaced by every other one.
@Test(arguments: keyCounts) func shapesGiveBackWhatWasPutIn(keyCount: Int) {
  seeded
  let key = [UInt8](repeating: 0x6B, count: keyCount)
  let hash = key.viewed(KeyHash.init)
  let values = valueCounts.map(text) + [Array("-9223372036854775808".utf8), Array("42".utf8)]
  let leaked = bytesLeaked {
    for first in values {
      for second in values {
        var keyspace = Keyspace()
        let location = key.viewed { k in first.viewed { keyspace.insert(k, hash, string: $0, expiry: 77) } }
        func check(_ value: [UInt8], _ expiry: Milliseconds?) {
          let entry = location.entry
          #expect(entry.key.array == key && stringBytes(entry) == value && entry.expiry == expiry)
          keyspace.checkInvariants()
        }
        check(first, 77)
        keyspace.clearExpiry(location)
        check(first, nil)
        second.viewed { keyspace.overwrite(location, string: $0, expiry: .keep) }
        check(second, nil)
        keyspace.setExpiry(location, at: 88)
        check(second, 88)
        first.viewed { keyspace.overwrite(location, string: $0, expiry: .keep) }
        check(first, 88)
        second.viewed { keyspace.overwrite(location, string: $0, expiry: .at(99)) }
        check(second, 99)
        first.viewed { keyspace.overwrite(location, string: $0, expiry: .clear) }
        check(first, nil)
      }
    }
  }
  #expect(leaked == 0)
}

/// The encodings are those that OBJECT ENCODING of a Redis 7.0 answers.
@Test func encodingsAreReported() {
  seeded
  var keyspace = Keyspace()
  func encoding(_ string: String, _ form: StringForm = .automatic) -> Encoding {
    let key = Array("key".utf8)
    return key.viewed { k in
      Array(string.utf8).viewed { _ = keyspace.set(k, KeyHash(k), string: $0, form: form) }
      return keyspace.find(k, KeyHash(k))!.entry.encoding
    }
  }
  #expect(encoding("0") == .int)
  #expect(encoding("-1") == .int)
  #expect(encoding("9223372036854775807") == .int)
  #expect(encoding("-9223372036854775808") == .int)
  #expect(encoding("9223372036854775808") == .embstr)
  for text in ["", "-", "-0", "00", "+1", " 1", "1 ", "1.0", "01", "1e3", "a"] { #expect(encoding(text) == .embstr) }
  #expect(encoding(String(repeating: "1", count: 21)) == .embstr)
  #expect(encoding(String(repeating: "x", count: 44)) == .embstr)
  #expect(encoding(String(repeating: "x", count: 45)) == .raw)
  #expect(encoding("12", .text) == .embstr)
  #expect(encoding("12", .raw) == .raw)

  // Changed in place: raw, and an integer again after INCR.
  let location = Array("key".utf8).viewed { k in keyspace.find(k, KeyHash(k))! }
  _ = keyspace.append(location, ByteView("3"))
  #expect(location.entry.encoding == .raw)
  keyspace.setInteger(location, 124)
  #expect(location.entry.encoding == .int && location.entry.integer == 124 && location.entry.stringCount == 3)
  _ = keyspace.setRange(location, offset: 5, ByteView("6"))
  #expect(location.entry.encoding == .raw && stringBytes(location.entry) == Array("124\0\u{0}6".utf8))
  keyspace.setInteger(location, -5)
  _ = unsafe keyspace.mutableBytes(location, growingTo: 0)
  #expect(location.entry.encoding == .raw && stringBytes(location.entry) == Array("-5".utf8))
}

/// Setting the same key again to a value of the same size class allocates nothing, in whichever representation,
/// with and without expiries; nor do INCR on an integer and APPEND within the spare room.
@Test func overwritingReusesMemory() {
  seeded
  var keyspace = Keyspace()
  let key = Array("a key of 16 byte".utf8)
  let hash = key.viewed(KeyHash.init)
  for count in [3, 32, 45, 1_000, 1_024, 1_025, 70_000] {
    let value = text(count)
    key.viewed { k in value.viewed { _ = keyspace.set(k, hash, string: $0, expiry: .at(5)) } }
    let before = allocatedBytes()
    for round in 0..<20 {
      let expiry: ExpiryChange = round % 2 == 0 ? .keep : .at(6)
      key.viewed { k in value.viewed { _ = keyspace.set(k, hash, string: $0, expiry: expiry) } }
    }
    #expect(allocatedBytes() == before)
  }
  let location = key.viewed { k in keyspace.find(k, hash)! }
  keyspace.setInteger(location, 1)
  let before = allocatedBytes()
  for number in 0..<20 { keyspace.setInteger(location, Int64(number) << 40) }
  #expect(allocatedBytes() == before)
}

/// n appends of a byte copy O(n) bytes: the allocations are few and their sum is within a small factor.
@Test func appendsGrowGeometrically() {
  seeded
  var keyspace = Keyspace()
  let location = ByteView("key").inserted(into: &keyspace)
  let before = allocatedBytes()
  let piece = [UInt8](repeating: 0x61, count: 10)
  for _ in 0..<100_000 { _ = piece.viewed { keyspace.append(location, $0) } }
  #expect(location.entry.stringCount == 1_000_000 + 1)
  #expect(allocatedBytes() - before < 8_000_000)
  keyspace.checkInvariants()
}

/// Sanitizers bring an allocator of their own.
private let hasSizeClasses = Heap.allocatorName != "sanitizer"

/// What a header says of a size is what the allocator gives.
@Test(.enabled(if: hasSizeClasses, "a sanitizer's allocator has none")) func sizeClassesAreTheAllocators() {
  let sizes = Array(9..<20_000) + Array(stride(from: 20_000, to: 5_000_000, by: 997))
  let wrong = sizes.filter { SizeClass.round($0) != martlet_size_class($0) }
  #expect(wrong.isEmpty, "\(wrong.count) sizes, the first \(wrong.prefix(3))")
}

/// A class's number stands for its size, and for no other, up to the largest blob.
@Test func sizeClassesHaveNumbers() {
  var size = 0
  for index in UInt8(0)...139 {
    size = SizeClass.round(size + 1)
    #expect(SizeClass.size(ofClass: index) == size)
    #expect(SizeClass.index(ofSize: size) == index)
  }
  #expect(size == BlobReference.memoryBytesMax)
}

/// More owners than can be counted get copies.
@Test func ownersBeyondCountingGetCopies() {
  let blob = BlobReference.copy(of: ByteView("bytes"))
  for _ in 1..<BlobReference.ownersMax { #expect(blob.shared() == blob) }
  let copy = blob.shared()
  #expect(copy != blob && !copy.isPinned && copy.bytes == ByteView("bytes"))
  copy.release()
  for _ in 1..<BlobReference.ownersMax { blob.release() }
  #expect(!blob.isPinned && blob.count == 5)
  blob.release()
}

/// The memory that the keyspace claims to use is what was allocated for it.
@Test(.enabled(if: hasSizeClasses, "a sanitizer's allocator counts nothing")) func memoryIsAccountedFor() {
  var dice = Dice(seed: 3)
  var keyspace = Keyspace()
  #expect(keyspace.memoryBytes == 0)
  let start = heldBytes()
  for number in 0..<30_000 {
    let key = makeKey(number)
    let value = makeValue(&dice)
    key.viewed { k in value.viewed { _ = keyspace.set(k, KeyHash(k), string: $0) } }
  }
  let held = heldBytes() - start
  // Segments are padded by the allocator, each by at most a page.
  #expect(held >= keyspace.memoryBytes && held - keyspace.memoryBytes <= 8_192 * (keyspace.table.segmentCount + 1))
  let location = keyspace.random(1)!
  #expect(keyspace.memoryBytes(location) > location.entry.memoryBytes)
}

/// Bytes that this thread has allocated so far.
private func allocatedBytes() -> UInt64 {
  var allocated: UInt64 = 0
  var freed: UInt64 = 0
  unsafe martlet_thread_traffic(&allocated, &freed)
  return allocated
}

/// Bytes that this thread allocated and did not free.
private func heldBytes() -> Int {
  var allocated: UInt64 = 0
  var freed: UInt64 = 0
  unsafe martlet_thread_traffic(&allocated, &freed)
  return Int(allocated) - Int(freed)
}

extension ByteView {
  func inserted(into keyspace: inout Keyspace) -> Location {
    keyspace.insert(self, KeyHash(self), string: ByteView("x"))
  }
}
