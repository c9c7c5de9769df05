// SweepTests.swift: the order of visits, and what SCAN promises.
import Bytes
import Testing
@testable import Store

/// A key that is there from the first call to the last is returned at least once, although between calls
/// the table grows and shrinks by many levels, and although only the 64-bit cursor is kept.
@Test(arguments: UInt64(1)...30) func scanMissesNothing(seed: UInt64) {
  var dice = Dice(seed: seed)
  var keyspace = Keyspace()
  let permanent = (0..<(50 + dice.below(500))).map { Array("stays:\($0)".utf8) }
  for key in permanent { key.viewed { k in _ = keyspace.set(k, KeyHash(k), string: ByteView("x")) } }
  var passing: [[UInt8]] = []
  var seen: Set<[UInt8]> = []
  var cursor: UInt64 = 0
  var calls = 0
  repeat {
    var sweep = Sweep(cursor: cursor)
    for _ in 0...dice.below(4) {
      guard var entries = keyspace.visit(&sweep) else { break }
      while let location = entries.next() { seen.insert(location.entry.key.array) }
    }
    cursor = sweep.cursor
    #expect(sweep.isDone == (cursor == 0))
    calls += 1
    if calls / 20 % 2 == 0 {
      for _ in 0..<dice.below(300) {
        let key = Array("passes:\(dice.below(20_000))".utf8)
        if key.viewed({ k in !keyspace.set(k, KeyHash(k), string: ByteView("x")) }) { passing.append(key) }
      }
    } else {
      for _ in 0..<min(passing.count, dice.below(400)) {
        let key = passing.swapAt(dice.below(passing.count))
        key.viewed { k in keyspace.remove(keyspace.find(k, KeyHash(k))!) }
      }
    }
  } while cursor != 0
  keyspace.checkInvariants()
  for key in permanent { #expect(seen.contains(key)) }
}

/// While nothing changes, a sweep sees every key exactly once, in increasing order of the hash read
/// backwards from bucket to bucket, whatever the size of the table.
@Test func sweepSeesEachKeyOnceInHashOrder() {
  var keyspace = Keyspace()
  seeded
  for count in 0..<500 {
    var sweep = Sweep()
    var seen = 0
    var before: UInt64 = 0
    while true {
      let begin = sweep.position
      guard var entries = keyspace.visit(&sweep) else { break }
      while let location = entries.next() {
        let hash = KeyHash(location.entry.key)
        #expect(hash.position >= begin && sweep.hasPassed(hash))
        seen += 1
      }
      #expect(sweep.isDone || sweep.position > before)
      before = sweep.position
    }
    #expect(seen == count)
    let key = Array("\(count)".utf8)
    key.viewed { k in _ = keyspace.insert(k, KeyHash(k), integer: 1) }
  }
}

/// Whether a key was visited follows from its hash and the sweep alone: of keys that came and went while the
/// sweep was under way, those behind it are `hasPassed` and those before it are still seen.
@Test(arguments: UInt64(1)...20) func sweepDividesTheKeys(seed: UInt64) {
  var dice = Dice(seed: seed)
  var keyspace = Keyspace()
  var sweep = Sweep()
  var owed: Set<[UInt8]> = []
  var live: [[UInt8]] = []
  for step in 0..<3_000 {
    let key = Array("\(step)".utf8)
    let hash = key.viewed(KeyHash.init)
    key.viewed { k in _ = keyspace.insert(k, hash, integer: 1) }
    live.append(key)
    if !sweep.hasPassed(hash) { owed.insert(key) }
    if dice.below(3) == 0 {
      let gone = live.swapAt(dice.below(live.count))
      owed.remove(gone)
      gone.viewed { k in keyspace.remove(keyspace.find(k, KeyHash(k))!) }
    }
    if dice.below(4) == 0, var entries = keyspace.visit(&sweep) {
      while let location = entries.next() { owed.remove(location.entry.key.array) }
    }
  }
  while var entries = keyspace.visit(&sweep) {
    while let location = entries.next() { owed.remove(location.entry.key.array) }
  }
  #expect(owed.isEmpty)
}

/// Cursors of small tables are small numbers: clients keep them in 53 bits and less.
@Test func cursorsAreSmall() {
  var keyspace = Keyspace()
  seeded
  for number in 0..<10_000 {
    let key = Array("\(number)".utf8)
    key.viewed { k in _ = keyspace.insert(k, KeyHash(k), integer: 1) }
  }
  var sweep = Sweep()
  while keyspace.visit(&sweep) != nil { #expect(sweep.cursor < 1 << 12) }
}

/// Any 64 bits that a client sends as a cursor end in a finished sweep.
@Test func foreignCursorsEnd() {
  var keyspace = Keyspace()
  var dice = Dice(seed: 9)
  for round in 0..<300 {
    var sweep = Sweep(cursor: round % 3 == 0 ? UInt64.max - dice.next() % 4 : dice.next())
    var visits = 0
    while keyspace.visit(&sweep) != nil { visits += 1 }
    #expect(visits <= max(1, keyspace.table.bucketCount))
    let key = Array("\(round)".utf8)
    key.viewed { k in _ = keyspace.insert(k, KeyHash(k), integer: 1) }
  }
}

/// Random draws reach every key, none of them more than a few times as often as another.
@Test func randomReachesAll() {
  var dice = Dice(seed: 4)
  var keyspace = Keyspace()
  let none = keyspace.random(dice.next())
  #expect(none == nil)
  var hits: [[UInt8]: Int] = [:]
  for number in 0..<100 {
    let key = Array("\(number)".utf8)
    key.viewed { k in _ = keyspace.insert(k, KeyHash(k), integer: 1) }
    hits[key] = 0
  }
  for _ in 0..<50_000 { hits[keyspace.random(dice.next())!.entry.key.array]! += 1 }
  #expect(hits.values.min()! > 200)
  #expect(hits.values.max()! < 1_000)
}

extension Array {
  /// Takes the element at `index` out, in no order.
  mutating func swapAt(_ index: Int) -> Element {
    swapAt(index, count - 1)
    return removeLast()
  }
}
