// Collections.swift — what the commands on lists, sets, hashes and sorted sets have in common.
//
// A value of another type is an error before anything is changed. A collection that became empty is no key any
// more. A result that is to be stored is made aside and put in the place of whatever was there.
import Bytes
import Store
import Wire

/// What looking for a value of one type came to.
public enum Lookup {
  case absent
  case found(Location)
  /// The key holds another type, which was answered.
  case refused
}

extension Execution {
  /// Looks for a value of `type` in order to change it.
  mutating func find(_ key: ByteView, as type: ValueType) -> Lookup {
    guard let location = find(key) else { return .absent }
    return checked(location, type)
  }

  /// Looks for a value of `type` in order to read it.
  mutating func read(_ key: ByteView, as type: ValueType) -> Lookup {
    guard let location = read(key) else { return .absent }
    return checked(location, type)
  }

  private func checked(_ location: Location, _ type: ValueType) -> Lookup {
    guard location.entry.type == type else {
      refuseType()
      return .refused
    }
    return .found(location)
  }

  /// A collection that has become empty goes, with an event.
  mutating func removeEmptied(_ key: ByteView, _ location: Location) {
    remove(location)
    note(.generic, "del", key)
  }

  /// Puts the value that was made aside in `scratch`, under the same key, in the place of whatever `key` holds. If
  /// nothing was made, what was there only goes. The size tells which: the number of elements.
  mutating func storeResult(
    _ key: ByteView, from scratch: inout Keyspace, count: Int, _ kind: KeyspaceEvents.Classes, _ event: StaticString
  ) {
    let hash = KeyHash(key)
    let isPresent = readsThePresent()
    let existing = locate(key, hash)
    if let existing { remove(existing, lazily: rules.lazyFreeOnOverwrite) }
    if count > 0, let made = scratch.find(key, hash) {
      let database = database
      database.pointee.put(scratch.take(made), key, hash)
      if existing == nil { note(.new, "new", key) }
      changed()
      note(kind, event, key)
    } else if existing != nil {
      changed()
      note(.generic, "del", key)
    }
    // Run again, it would find something else.
    if !isPresent { recordResult(key) }
    reply.integer(count)
  }

  /// A number of things that word `index` says, not negative. Answers the error and nil.
  func countWord(_ index: Int) -> Int? {
    guard let count = arguments[index].int64, count >= 0 else {
      reply.error("ERR value is out of range, must be positive")
      return nil
    }
    return Int(count)
  }

  /// So many random elements, repetitions included, are answered at most: beyond them no reply would end.
  static var randomElementsMax: Int { 1 << 26 }

  /// The number of random elements that word `index` asks for; negative: with repetitions. Answers the error and nil.
  func randomCountWord(_ index: Int) -> Int? {
    guard let count = integer(index) else { return nil }
    guard count > Int64.min else {
      reply.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
      return nil
    }
    guard count >= -Int64(Execution.randomElementsMax) else {
      reply.error("ERR value is out of range")
      return nil
    }
    return Int(count)
  }

  /// Whether the element whose turn it is belongs to a random choice of `wanted` among `left`: asked for one element
  /// after the other it chooses every subset with the same probability.
  mutating func chooses(_ wanted: Int, of left: Int) -> Bool {
    random.next(upperBound: UInt64(max(1, left))) < UInt64(wanted)
  }
}

extension Reply {
  /// An element as a bulk string.
  public func bulk(_ element: Element) {
    switch element {
    case .bytes(let bytes): bulk(bytes)
    case .integer(let value): bulk(value)
    }
  }
}
