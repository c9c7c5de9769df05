// ExpiryTests.swift: finding what has expired.
import Bytes
import Testing
@testable import Store

private func fill(_ keyspace: inout Keyspace, _ count: Int, expiry: (Int) -> Milliseconds?) {
  seeded
  for number in 0..<count {
    let key = Array("\(number)".utf8)
    key.viewed { k in _ = keyspace.insert(k, KeyHash(k), string: k, expiry: expiry(number)) }
  }
}

/// One round of the sweep, in slices of any size, finds every expired key and no other, although its caller
/// removes what it finds and the table shrinks under it.
@Test(arguments: [1, 2, 7, 100, 1_000_000]) func sweepFindsAllExpiredKeys(budget: Int) {
  var keyspace = Keyspace()
  fill(&keyspace, 5_000) { $0 % 3 == 0 ? nil : $0 % 3 == 1 ? Milliseconds($0) : 1_000_000 + Milliseconds($0) }
  var sweep = ExpirySweep()
  var found = 0
  var slices = 0
  while sweep.rounds == 0 {
    sweep.beginSlice(budget: budget)
    while let location = keyspace.nextExpired(&sweep, now: 500_000) {
      #expect(location.entry.isExpired(500_000))
      found += 1
      keyspace.remove(location)
    }
    #expect(sweep.expired <= budget && sweep.budget > -30)
    _ = sweep.endSlice()
    slices += 1
  }
  #expect(found == 1_667 && keyspace.count == 3_333 && keyspace.volatileCount == 1_666)
  #expect(budget > 10_000 || slices > 20)
  keyspace.checkInvariants()
}

/// A key is alive in the millisecond of its expiry and expired in the next.
@Test func expiryIsExclusive() {
  seeded
  var keyspace = Keyspace()
  let key = ByteView("key")
  let location = keyspace.insert(key, KeyHash(key), integer: 1, expiry: 100)
  #expect(!location.entry.isExpired(100) && location.entry.isExpired(101))
  keyspace.setExpiry(location, at: .max)
  #expect(!location.entry.isExpired(.max))
  keyspace.setExpiry(location, at: .min)
  #expect(location.entry.isExpired(0))
}

/// Without expiries the sweep costs nothing: it says so before it visits a bucket.
@Test func sweepRestsWithoutExpiries() {
  var keyspace = Keyspace()
  fill(&keyspace, 1_000) { _ in nil }
  var sweep = ExpirySweep()
  sweep.beginSlice(budget: 100)
  let found = keyspace.nextExpired(&sweep, now: 5)
  #expect(found == nil)
  #expect(sweep.budget == 100 && sweep.examined == 0)
}

/// Many stale keys ask for another slice at once, few do not; the averages follow what was seen.
@Test func sweepHurriesWhenManyAreStale() {
  var keyspace = Keyspace()
  fill(&keyspace, 2_000) { $0 % 2 == 0 ? 10 : 10_000 }
  var sweep = ExpirySweep()
  sweep.beginSlice(budget: 500)
  while let location = keyspace.nextExpired(&sweep, now: 1_000) { keyspace.remove(location) }
  let isHurried = sweep.endSlice()
  #expect(isHurried)
  #expect(sweep.staleRatio > 0.01 && sweep.staleRatio < 0.04)
  #expect(sweep.averageTimeToLive == 9_000)
  var calm = false
  for _ in 0..<200 where !calm {
    sweep.beginSlice(budget: 500)
    while let location = keyspace.nextExpired(&sweep, now: 1_000) { keyspace.remove(location) }
    calm = !sweep.endSlice()
  }
  #expect(calm && keyspace.count >= 1_000)
}

/// Expiries at both ends of the range do not overflow the averages.
@Test func extremeExpiriesAreSwept() {
  var keyspace = Keyspace()
  fill(&keyspace, 100) { $0 % 2 == 0 ? .max : .min }
  var sweep = ExpirySweep()
  sweep.beginSlice(budget: 10_000)
  var found = 0
  while let location = keyspace.nextExpired(&sweep, now: -5) {
    found += 1
    keyspace.remove(location)
  }
  _ = sweep.endSlice()
  #expect(found == 50)
}
