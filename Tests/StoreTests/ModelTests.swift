// ModelTests.swift: the keyspace against a dictionary.
import Bytes
import Testing
@testable import Store

/// What the keyspace should hold under one key.
private struct Model: Equatable {
  var bytes: [UInt8]
  var expiry: Milliseconds?
  var encoding: Encoding
}

/// Random operations on a keyspace and on a dictionary leave the same keys, values, expiries and encodings,
/// through growth and shrinkage by many splits and merges, for keys short, long and empty and for values as
/// integers, inline and in blobs.
@Test(arguments: UInt64(1)...12) func keyspaceIsADictionary(seed: UInt64) {
  var dice = Dice(seed: seed)
  var keyspace = Keyspace()
  var model: [[UInt8]: Model] = [:]
  let keyCount = [40, 400, 2_000, 6_000][Int(seed % 4)]

  func encoding(_ bytes: [UInt8]) -> Encoding {
    if bytes.viewed({ $0.int64 }) != nil { return .int }
    return bytes.count <= 44 ? .embstr : .raw
  }

  for round in 0..<(keyCount * 12) {
    // The dice lean towards inserting, then towards removing, and so on.
    let isGrowing = round / (keyCount * 2) % 2 == 0
    let number = dice.below(keyCount)
    let key = makeKey(number)
    let hash = key.viewed(KeyHash.init)
    let location = key.viewed { keyspace.find($0, hash) }
    #expect((location == nil) == (model[key] == nil))
    let pick = dice.below(20)
    if isGrowing ? pick < 8 : pick < 1 {
      let value = makeValue(&dice)
      let expiry: Milliseconds? = dice.below(3) == 0 ? Milliseconds(dice.below(1_000_000)) : nil
      let change: ExpiryChange = expiry.map { .at($0) } ?? .clear
      let existed = key.viewed { k in value.viewed { keyspace.set(k, hash, string: $0, expiry: change) } }
      #expect(existed == (model[key] != nil))
      model[key] = Model(bytes: value, expiry: expiry, encoding: encoding(value))
      continue
    }
    guard let location else { continue }
    if isGrowing ? pick < 9 : pick < 10 {
      keyspace.remove(location)
      model[key] = nil
    } else if pick == 11 {
      let value = makeValue(&dice)
      value.viewed { keyspace.overwrite(location, string: $0, expiry: .keep) }
      model[key]!.bytes = value
      model[key]!.encoding = encoding(value)
    } else if pick == 12 {
      keyspace.setExpiry(location, at: Milliseconds(round))
      model[key]!.expiry = Milliseconds(round)
    } else if pick == 13 {
      let wasVolatile = keyspace.clearExpiry(location)
      #expect(wasVolatile == (model[key]!.expiry != nil))
      model[key]!.expiry = nil
    } else if pick == 14 {
      let number = Int64(bitPattern: dice.next()) >> Int64(dice.below(60))
      keyspace.setInteger(location, number)
      model[key]!.bytes = Array(String(number).utf8)
      model[key]!.encoding = .int
    } else if pick < 17 {
      let tail = dice.bytes(dice.below(dice.below(10) == 0 ? 2_000 : 30))
      let count = tail.viewed { keyspace.append(location, $0) }
      model[key]!.bytes += tail
      model[key]!.encoding = .raw
      #expect(count == model[key]!.bytes.count)
    } else if pick == 17 {
      let offset = dice.below(dice.below(5) == 0 ? 3_000 : 60)
      let patch = dice.bytes(dice.below(50))
      let count = patch.viewed { keyspace.setRange(location, offset: offset, $0) }
      var bytes = model[key]!.bytes
      bytes += [UInt8](repeating: 0, count: max(0, offset + patch.count - bytes.count))
      bytes.replaceSubrange(offset..<offset + patch.count, with: patch)
      model[key]!.bytes = bytes
      model[key]!.encoding = .raw
      #expect(count == bytes.count)
    } else {
      let entry = location.entry
      #expect(Model(bytes: stringBytes(entry), expiry: entry.expiry, encoding: entry.encoding) == model[key])
      #expect(entry.stringCount == model[key]!.bytes.count)
      #expect(entry.key.array == key)
    }
    if round % (keyCount * 3) == 0 { keyspace.checkInvariants() }
  }

  keyspace.checkInvariants()
  #expect(keyspace.count == model.count)
  #expect(keyspace.volatileCount == model.values.count { $0.expiry != nil })
  var seen = 0
  var sweep = Sweep()
  while var entries = keyspace.visit(&sweep) {
    while let location = entries.next() {
      let entry = location.entry
      seen += 1
      #expect(
        Model(bytes: stringBytes(entry), expiry: entry.expiry, encoding: entry.encoding) == model[entry.key.array])
    }
  }
  #expect(seen == model.count)
}

/// A key for a number: mostly short, some over 255 bytes, one empty.
func makeKey(_ number: Int) -> [UInt8] {
  if number == 0 { return [] }
  let text = Array("key:\(number)".utf8)
  switch number % 16 {
  case 3: return text + [UInt8](repeating: 0x6C, count: 251)
  case 4: return text + [UInt8](repeating: 0x6D, count: 1_000)
  case 5: return text + [UInt8](repeating: 0x6E, count: 240)
  default: return text
  }
}

func makeValue(_ dice: inout Dice) -> [UInt8] {
  switch dice.below(8) {
  case 0: Array(String(Int64(bitPattern: dice.next())).utf8)
  case 1: Array("007".utf8)
  case 2: dice.bytes(dice.below(3_000))
  case 3: dice.bytes(40 + dice.below(10))
  case 4: dice.bytes(EntryShape.inlineBytesMax - 1 + dice.below(3))
  default: dice.bytes(dice.below(64))
  }
}
