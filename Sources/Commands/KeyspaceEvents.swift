// KeyspaceEvents.swift — what happened to which key, for those who asked to be told.
//
// A command notes its events as it goes; the server takes them when the command is done and
// publishes them in this order. While nobody asked, noting one is a test of a bit.
import Bytes

package struct KeyspaceEvents: ~Copyable {
  /// The classes that notify-keyspace-events turned on.
  package var enabled: Classes = []
  package private(set) var pending: [Event] = []

  package init() {}

  package struct Event: Equatable, Sendable {
    package let name: String
    package let key: [UInt8]
    package let database: Int
  }

  /// The letters of notify-keyspace-events that choose events.
  package struct Classes: OptionSet, Sendable {
    package let rawValue: UInt16
    @inlinable package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `g`: commands on keys of any type.
    @inlinable package static var generic: Classes { Classes(rawValue: 1 << 0) }
    /// `$`
    @inlinable package static var string: Classes { Classes(rawValue: 1 << 1) }
    /// `x`: a key was found expired.
    @inlinable package static var expired: Classes { Classes(rawValue: 1 << 2) }
    /// `m`: a key was read that is not there.
    @inlinable package static var miss: Classes { Classes(rawValue: 1 << 3) }
    /// `n`: a key came to be.
    @inlinable package static var new: Classes { Classes(rawValue: 1 << 4) }
  }

  @inlinable package mutating func note(_ kind: Classes, _ name: StaticString, _ key: ByteView, database: Int) {
    guard !enabled.isDisjoint(with: kind) else { return }
    add(name, key, database)
  }

  @usableFromInline mutating func add(_ name: StaticString, _ key: ByteView, _ database: Int) {
    pending.append(Event(name: "\(name)", key: Array(key.buffer), database: database))
  }

  /// The events so far, which are forgotten here.
  package mutating func takeAll() -> [Event] {
    defer { pending.removeAll() }
    return pending
  }
}
