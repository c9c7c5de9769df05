// Server+ChangedKeys.swift — which keys the command that has just run has changed: the one place that knows.
//
//   what the command says itself (it names several, and DEL found only one of them), or
//   the keys that its words name in order to write, by its key specifications; and keys that were found expired
//
// Four ask: the log (readers of what is not on disk wait), clients that wait for a key, clients that watch one, and those
// that have copies of what they read.
import Bytes
import Commands
import Store
import Wire

extension Server {
  /// Calls `body` for each key that a command that wrote has changed. Commands on whole databases name none.
  func forEachChangedKey(_ index: Int, database: Int32, _ body: (Effects.KeyPlace) -> Void) {
    let said = execution.pointee.effects.changedKeys
    guard said.isEmpty else { return said.forEach(body) }
    let arguments = execution.pointee.arguments
    gates[index].forEachWrittenKey(arguments, table.facts[index]) { position in
      body(.init(hash: execution.pointee.hash(of: arguments[position]), database: Int(database)))
    }
  }

  /// The databases that a command changes as a whole; nil if it is none of those.
  func changedDatabases(_ index: Int, database: Int32) -> [Int]? {
    let arguments = execution.pointee.arguments
    switch table.facts[index].name {
    case "flushall": return Array(0..<execution.pointee.databaseCount)
    case "flushdb": return [Int(database)]
    case "swapdb":
      let both = (1...2).compactMap { arguments[$0].int64.flatMap { Int(exactly: $0) } }
      return both.first == both.last ? [] : both
    default: return nil
    }
  }

  /// A command has changed something, or has come across keys that had expired, while somebody waits for keys or
  /// watches them.
  @inline(never) mutating func noteChanges(_ command: UnsafePointer<Command>, _ before: BeforeRecord) {
    let index = command.pointee.index
    let expired = execution.pointee.effects.expiredKeys
    defer { execution.pointee.effects.isWatched = areKeysWatched }
    let busy = execution.pointee.isAtomic ? execution.pointee.client.pointee.slot : Client.noSlot
    let changer = execution.pointee.session.pointee.id
    if !watched.isEmpty { for place in expired { touchWatchers(of: place) } }
    if tracking.isOn && !expired.isEmpty { invalidate(expired, changer: changer, busy: busy) }
    guard execution.pointee.effects.changes != before.changes else { return }
    if let databases = changedDatabases(index, database: before.database) {
      if blocked.count > 0 { blocked.signal(databases: databases) }
      if table.facts[index].name != "swapdb" { invalidateAll(busy: busy) }
      return touchWatchers(in: databases)
    }
    let isWaitedFor = blocked.count > 0
    let isSeen = !gates[index].isAboutGroups || !execution.pointee.effects.changedKeys.isEmpty
    let isWatched = !watched.isEmpty && isSeen
    var places: [Effects.KeyPlace] = []
    forEachChangedKey(index, database: before.database) { places.append($0) }
    for place in places {
      if isWaitedFor { blocked.signal(place) }
      if isWatched { touchWatchers(of: place) }
    }
    if tracking.isOn && isSeen { invalidate(places, changer: changer, busy: busy) }
  }

  /// Whether commands must say which keys they change.
  var areKeysWatched: Bool { blocked.count > 0 || !watched.isEmpty || tracking.isOn }
}
