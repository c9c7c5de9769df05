// AccessClockTests.swift: how entries remember their use.
import Bytes
import Testing
@testable import Store

/// Idle times are whole seconds since the last touch, also over the wrap of the 24 bits.
@Test func idleTimesAreSeconds() {
  seeded
  var keyspace = Keyspace()
  var clock = AccessClock()
  let wrap: Milliseconds = 1 << 24 * 1_000
  clock.advance(to: wrap - 5_000)
  keyspace.stampOfNewEntry = clock.stampOfNewEntry
  let location = ByteView("key").inserted(into: &keyspace)
  clock.advance(to: wrap + 10_000)
  #expect(clock.idleSeconds(location.entry) == 15)
  clock.touch(location.entry)
  #expect(clock.idleSeconds(location.entry) == 0)
  #expect(location.entry.key == ByteView("key") && location.entry.bytes == ByteView("x"))
  location.entry.accessStamp = clock.stamp(idleSeconds: 77)
  #expect(clock.idleSeconds(location.entry) == 77)
}

/// The counter starts at 5, grows with the logarithm of the uses and shrinks by one per period without use.
@Test func frequenciesGrowSlowlyAndDecay() {
  seeded
  var keyspace = Keyspace()
  var clock = AccessClock(policy: .leastFrequentlyUsed, seed: 42)
  clock.advance(to: 600_000)
  keyspace.stampOfNewEntry = clock.stampOfNewEntry
  let entry = ByteView("key").inserted(into: &keyspace).entry
  #expect(clock.frequency(entry) == 5)
  for _ in 0..<100 { clock.touch(entry) }
  #expect((7...14).contains(clock.frequency(entry)))
  for _ in 0..<100_000 { clock.touch(entry) }
  let busy = clock.frequency(entry)
  #expect((120...170).contains(busy))
  clock.advance(to: 600_000 + 10 * 60_000)
  #expect(clock.frequency(entry) == busy - 10)
  clock.decayMinutes = 5
  #expect(clock.frequency(entry) == busy - 2)
  clock.decayMinutes = 0
  #expect(clock.frequency(entry) == busy)
  clock.decayMinutes = 1
  clock.advance(to: 600_000 + 60_000 * 1_000)
  #expect(clock.frequency(entry) == 0)
  entry.accessStamp = clock.stamp(frequency: 200)
  #expect(clock.frequency(entry) == 200)
  clock.logFactor = 0
  for _ in 0..<100 { clock.touch(entry) }
  #expect(clock.frequency(entry) == 255)
}
