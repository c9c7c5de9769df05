// Execution+Keys.swift — finding keys the way commands mean it.
//
// A key whose time has come is not there: whoever comes across it removes it, records the
// removal, and goes on as if it had never been found. Reading counts hits and misses and
// moves the entry's access clock; looking a key up in order to change it does not count.
import Bytes
import Store
import Wire

extension Execution {
  /// Where the key stands, or nil. Leaves no trace, except that an expired key is gone afterwards.
  @inlinable public mutating func locate(_ key: ByteView, _ hash: KeyHash) -> Location? {
    guard let location = database.pointee.find(key, hash) else { return nil }
    guard location.entry.hasExpiry, location.entry.isExpired(nowMilliseconds) else { return location }
    expire(location, databaseIndex: Int(session.pointee.database))
    return nil
  }

  /// Where the key stands, or nil. For commands that change it: the entry was used now.
  @inlinable public mutating func find(_ key: ByteView, _ hash: KeyHash) -> Location? {
    guard let location = locate(key, hash) else { return nil }
    touch(location)
    return location
  }

  @inlinable public mutating func find(_ key: ByteView) -> Location? { find(key, hash(of: key)) }

  /// The hash of a word of the request: what the look-ahead has computed already is not computed again.
  @inlinable public func hash(of key: ByteView) -> KeyHash {
    key.start == hintedKey.start && key.count == hintedKey.count ? hintedHash : KeyHash(key)
  }

  /// Where the key stands, or nil. For commands that read it: counts a hit or a miss, and the entry was used now.
  @inlinable public mutating func read(_ key: ByteView) -> Location? {
    guard let location = peek(key) else { return nil }
    touch(location)
    return location
  }

  /// The same for commands that tell about the entry instead of using it, TTL and TYPE.
  @inlinable public mutating func peek(_ key: ByteView) -> Location? {
    guard let location = locate(key, hash(of: key)) else {
      tallies.keyspaceMisses &+= 1
      note(.miss, "keymiss", key)
      return nil
    }
    tallies.keyspaceHits &+= 1
    return location
  }

  /// The same for OBJECT, which looks at a key without asking for it: a miss is no event.
  public mutating func inspect(_ key: ByteView) -> Location? {
    let location = locate(key, hash(of: key))
    if location == nil { tallies.keyspaceMisses &+= 1 } else { tallies.keyspaceHits &+= 1 }
    return location
  }

  /// The entry was used now, unless the client asked not to leave traces.
  @inlinable public mutating func touch(_ location: Location) {
    guard !session.pointee.flags.contains(.noTouch) else { return }
    accessClock.touch(location.entry)
  }

  /// Adds a keyspace event on a key of the client's database.
  @inlinable public mutating func note(_ kind: KeyspaceEvents.Classes, _ event: StaticString, _ key: ByteView) {
    events.note(kind, event, key, database: Int(session.pointee.database))
  }

  /// The answer for a key of another type.
  @inlinable public func refuseType() {
    reply.error("WRONGTYPE Operation against a key holding the wrong kind of value")
  }

  @inlinable public func refuseSyntax() { reply.error("ERR syntax error") }

  /// `ERR wrong number of arguments` from a command that finds out by itself.
  public func refuseArity() {
    reply.beginError()
    reply.part("ERR wrong number of arguments for '")
    refusedName()
    reply.part("' command")
    reply.end()
  }

  /// The command's name as a part of an error.
  public func refusedName() {
    var name = table.facts[commandIndex].fullName
    name.withUTF8 { reply.part(ByteView(UnsafeRawBufferPointer($0))) }
  }

  /// The strict 64-bit integer that word `index` is; answers the error and nil if it is none.
  @inlinable public func integer(_ index: Int) -> Int64? {
    guard let value = arguments[index].int64 else {
      reply.error("ERR value is not an integer or out of range")
      return nil
    }
    return value
  }

  /// Sets the clock for the command to come: the wall clock in microseconds since 1970.
  @inlinable public mutating func setClock(microseconds: Int64) {
    nowMicroseconds = microseconds
    // Unsigned, so that a clock that was set back counts as moved too.
    if UInt64(bitPattern: microseconds &- accessSecondMicroseconds) >= 1_000_000 { moveAccessClock() }
  }

  /// Brings the access clock and what new entries get to this second.
  @usableFromInline mutating func moveAccessClock() {
    accessSecondMicroseconds = nowMicroseconds - nowMicroseconds % 1_000_000
    accessClock.advance(to: nowMilliseconds)
    for index in 0..<databaseCount { databases[index].stampOfNewEntry = accessClock.stampOfNewEntry }
  }
}
