// ParkedWriters.swift — who would change a large value that an image has still to write, or that a long command
// reads, waits, and nobody else.
//
//   writer ─▶ value large, and unseen or pinned ─▶ its client is held, as by CLIENT PAUSE
//                                               └▶ the image takes this value next, and gets all of its time; so does
//                                                  the command that reads it
//   value written, command ended ─▶ all held writers look again
//
// Who names a key that a paused command is in the middle of changing is held as well, writer or reader (Server+Locks).
//
// Without this the writer would copy the value: right, but as long as that takes nobody else is served. What only
// unlinks a value (DEL, SET, RENAME) does not wait. Whoever is not asked (a script, an expired key) copies.
import Bytes
import Commands
import Ring
import Store
import Wire

struct ParkedWriters {
  /// Clients that wait now.
  private(set) var count = 0
  /// Requests that had to wait, since the start.
  private(set) var total: UInt64 = 0
  /// A long command that read something has ended.
  var mustLook = false
  /// Large values that the image under way had written when it was last looked; nil: there was none.
  fileprivate var valuesWritten: Int?

  /// Notes whether it is for a large value that the request waits.
  mutating func mark(_ held: UnsafeMutablePointer<HeldRequest>, isParked: Bool) {
    guard held.pointee.isParked != isParked else { return }
    held.pointee.isParked = isParked
    count += isParked ? 1 : -1
    total += isParked ? 1 : 0
  }
}

extension Server {
  /// Whether the request would change a large value that the image under way has still to write, or a command reads.
  @inline(never) mutating func mustPark(_ client: UnsafeMutablePointer<Client>, _ arguments: Arguments) -> Bool {
    guard client.pointee.session.flags.contains(.authenticated),
      let command = table.resolve(arguments[0], arguments.count > 1 ? arguments[1] : nil),
      command.pointee.accepts(words: arguments.count)
    else { return false }
    return hurriesWalk(client, command, arguments)
  }

  /// The same for all that a request would have run: for EXEC what is queued, for what is going to be queued nothing.
  private mutating func hurriesWalk(
    _ client: UnsafeMutablePointer<Client>, _ command: UnsafePointer<Command>, _ arguments: Arguments
  ) -> Bool {
    var database = Int(client.pointee.session.database)
    guard client.pointee.session.flags.contains(.inTransaction), let transaction = client.pointee.transaction else {
      return mustWait(arguments, command.pointee.index, databases + database)
    }
    guard command.pointee.index == transactions.exec else { return false }
    var isPostponed = false
    for index in 0..<transaction.pointee.count {
      let request = transaction.pointee.request(index)
      let words = request.pointee.arguments
      let place = request.pointee.command.pointee.index
      if place == transactions.select, let number = words[1].int64, 0..<Int64(execution.pointee.databaseCount) ~= number {
        database = Int(number)
      }
      if mustWait(words, place, databases + database) { isPostponed = true }
    }
    return isPostponed
  }

  /// The same for one request.
  private mutating func mustWait(
    _ arguments: Arguments, _ index: Int, _ database: UnsafeMutablePointer<Keyspace>
  ) -> Bool {
    let isLocked = !execution.pointee.locks.isEmpty && waitsForLock(arguments, index)
    let isRead = gates[index].changesValues && hurriesWalk(arguments, index, database)
    return isLocked || isRead
  }

  /// Has the walk take every large value next that the request would change; whether there is one.
  private mutating func hurriesWalk(_ arguments: Arguments, _ index: Int, _ database: UnsafeMutablePointer<Keyspace>) -> Bool {
    var isPostponed = false
    gates[index].forEachKey(arguments, table.facts[index]) { position in
      let key = arguments[position]
      guard let location = database.pointee.find(key, KeyHash(key)), database.pointee.isWritePostponed(location) else {
        return
      }
      hurryWalks(location.entry)
      database.pointee.hurryWalk(location)
      isPostponed = true
    }
    return isPostponed
  }

  /// After a slice of the walk, or its end: writers look again once a large value has been written.
  @inline(never) mutating func letParkedOn() {
    let written = snapshots.job?.pointee.walk?.pointee.largeValuesWritten
    guard parkedWriters.mustLook || written != parkedWriters.valuesWritten else { return }
    parkedWriters.mustLook = false
    parkedWriters.valuesWritten = written
    wishes.unpause()
  }
}
