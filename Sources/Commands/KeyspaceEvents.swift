// KeyspaceEvents.swift — what happened to which key, for those who asked to be told.
//
// A command notes its events as it goes; the server takes them when the command is done and
// publishes them in this order. While nobody asked, or nobody listens, noting one is a test of a bit.
import Bytes

public struct KeyspaceEvents: ~Copyable {
  /// The classes that notify-keyspace-events turned on, while somebody listens to any channel.
  public var enabled: Classes = []
  public private(set) var pending: [Event] = []

  /// Something was noted, or somebody was told something: looked at after each command.
  public var isOpen = false

  public init() {}

  public var hasPending: Bool { !pending.isEmpty }

  public struct Event: Sendable {
    public let word: StaticString
    public let key: [UInt8]
    public let database: Int

    public var name: String { "\(word)" }
  }

  /// The letters of notify-keyspace-events that choose events.
  public struct Classes: OptionSet, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `g`: commands on keys of any type.
    @inlinable public static var generic: Classes { Classes(rawValue: 1 << 0) }
    /// `$`
    @inlinable public static var string: Classes { Classes(rawValue: 1 << 1) }
    /// `x`: a key was found expired.
    @inlinable public static var expired: Classes { Classes(rawValue: 1 << 2) }
    /// `m`: a key was read that is not there.
    @inlinable public static var miss: Classes { Classes(rawValue: 1 << 3) }
    /// `n`: a key came to be.
    @inlinable public static var new: Classes { Classes(rawValue: 1 << 4) }
    /// `l`
    @inlinable public static var list: Classes { Classes(rawValue: 1 << 5) }
    /// `s`
    @inlinable public static var set: Classes { Classes(rawValue: 1 << 6) }
    /// `h`
    @inlinable public static var hash: Classes { Classes(rawValue: 1 << 7) }
    /// `t`
    @inlinable public static var stream: Classes { Classes(rawValue: 1 << 9) }
    /// `e`: a key was evicted.
    @inlinable public static var evicted: Classes { Classes(rawValue: 1 << 10) }
    /// `z`
    @inlinable public static var sortedSet: Classes { Classes(rawValue: 1 << 8) }
  }

  @inlinable public mutating func note(_ kind: Classes, _ name: StaticString, _ key: ByteView, database: Int) {
    guard !enabled.isDisjoint(with: kind) else { return }
    add(name, key, database)
  }

  @usableFromInline mutating func add(_ name: StaticString, _ key: ByteView, _ database: Int) {
    isOpen = true
    pending.append(Event(word: name, key: Array(key.buffer), database: database))
  }

  /// Forgets what was noted.
  public mutating func discard() {
    pending.removeAll()
    isOpen = false
  }

  private static let keptMax = 64

  /// A command goes on that had noted these.
  mutating func giveBack(_ events: [Event]) {
    isOpen = true
    pending = events + pending
  }

  /// The events so far, which are forgotten here.
  public mutating func takeAll() -> [Event] {
    defer { pending.removeAll(keepingCapacity: pending.count <= Self.keptMax) }
    return pending
  }
}
