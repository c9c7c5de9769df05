// Server+Watching.swift — WATCH: a client whose key has changed gets nothing from EXEC.
//
//   WATCH k     the client saw it absent, present, or expired and not yet gone
//   SET k …     ─▶ touchWatchers(of: k) ─▶ the client is stale, and watches nothing any more
//   EXEC        stale, or one of its keys has expired meanwhile: nil
//
// Time passing counts as a change, except for a key that was over when the client began to watch it.
import Bytes
import Commands
import Store
import Wire

extension Server {
  /// The client begins to watch a key of its database.
  mutating func watch(_ client: UnsafeMutablePointer<Client>, _ key: ByteView, _ place: Effects.KeyPlace, now: Milliseconds) {
    let transaction = client.pointee.openTransaction()
    let seen = state(of: key, place, now: now)
    if watched.add(place, key, seen: seen, client: client.pointee.slot, first: &transaction.pointee.firstWatch) {
      transaction.pointee.watchCount += 1
    }
  }

  /// The client watches nothing any more.
  mutating func unwatch(_ client: UnsafeMutablePointer<Client>) {
    guard let transaction = client.pointee.transaction else { return }
    watched.removeAll(first: &transaction.pointee.firstWatch)
    transaction.pointee.watchCount = 0
  }

  private func state(of key: ByteView, _ place: Effects.KeyPlace, now: Milliseconds) -> WatchedKeys.Seen {
    guard let location = databases[place.database].find(key, place.hash) else { return .absent }
    return location.entry.isExpired(now) ? .expired : .present
  }

  private func state(of watch: WatchedKeys.Watch) -> WatchedKeys.Seen {
    let key = watched.key(watch.key)
    return key.name.withUnsafeBytes { state(of: ByteView($0), key.place, now: execution.pointee.nowMilliseconds) }
  }

  // MARK: changes

  /// The key was written, or its time was over.
  mutating func touchWatchers(of place: Effects.KeyPlace) {
    touchEach(place) { before, now in
      // What was over and is gone, or is still there as it was, has not changed.
      before == .expired && now != .present ? now : nil
    }
  }

  /// These databases have been emptied or exchanged: what is in them now is there already.
  mutating func touchWatchers(in databases: [Int]) {
    guard !watched.isEmpty else { return }
    for database in databases {
      for place in watched.places(in: database) {
        touchEach(place) { before, now in before != .present && now != .present ? now : nil }
      }
    }
  }

  /// `unchanged`: what the watch is to go on with, or nil if its client is stale now.
  private mutating func touchEach(
    _ place: Effects.KeyPlace, _ unchanged: (_ before: WatchedKeys.Seen, _ now: WatchedKeys.Seen) -> WatchedKeys.Seen?
  ) {
    var next = watched.first(at: place)
    while next != WatchedKeys.none {
      let number = next
      let watch = watched.watches[Int(number)]
      next = watch.nextOfKey
      if let seen = unchanged(watch.seen, state(of: watch)) {
        watched.setSeen(number, seen)
      } else {
        makeStale(clients[watch.client])
      }
    }
  }

  private mutating func makeStale(_ client: UnsafeMutablePointer<Client>) {
    client.pointee.transaction?.pointee.isStale = true
    client.pointee.transaction?.pointee.staleSequence = appendLog.isRecording ? appendLog.pipeline.appendedSequence : 0
    unwatch(client)
  }

  /// All data are about to go, outside of any command.
  @inline(never) mutating func touchAllWatchers() {
    for database in 0..<execution.pointee.databaseCount {
      for place in watched.places(in: database) {
        touchEach(place) { before, _ in before == .present ? nil : .absent }
      }
    }
  }

  /// A sweep has removed keys or fields that were over.
  @inline(never) mutating func touchExpired() {
    for place in execution.pointee.effects.expiredKeys { touchWatchers(of: place) }
  }

  /// Whether a watched key has changed, or has expired since.
  func isStale(_ transaction: UnsafeMutablePointer<Transaction>) -> Bool {
    guard !transaction.pointee.isStale else { return true }
    var next = transaction.pointee.firstWatch
    while next != WatchedKeys.none {
      let watch = watched.watches[Int(next)]
      if watch.seen != .expired && state(of: watch) == .expired { return true }
      next = watch.nextOfClient
    }
    return false
  }
}
