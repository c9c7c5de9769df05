// Execution+Locks.swift — commands that change a large value piece by piece: others run in between, but do not see it.
//
//   execution.lock(key, location)
//   while … {
//     guard execution.mayGoOnChanging(after: …) else { return }
//     location = execution.located(key, location)          the table may have moved the entry
//     … change a piece
//   }
//   execution.changed(…); execution.note(…)                last of all: what is recorded is one change
//
// From `lock` on until the command has ended the value is its own. Whoever names the key waits, and so does who may
// touch any key (FLUSHALL, DEBUG, a script); snapshots and logs' bases begin later; nobody removes the key because its
// time has come. The body ends even if its client has gone: half a change is none. Only where the whole server ends is
// it left in the middle, when nothing of it can be seen any more.
import Bytes
import Store
import Wire

extension Execution {
  /// The value at `location` is going to be changed, or only read, in many steps. Does nothing where the command does
  /// not pause.
  public mutating func lock(_ key: ByteView, _ location: Location, changes: Bool = true) {
    guard pauses.door != nil else { return }
    let isTaken = changes && (location.entry.isPinned || database.pointee.isWritePostponed(location))
    guard !isTaken, effects.recordCount == 0 else {
      // Somebody reads it, and nobody has asked whether that one could be waited for. Or a key has been found expired,
      // which is told before anything else is.
      pauses.door = nil
      return
    }
    let place = Effects.KeyPlace(hash: hash(of: key), database: Int(session.pointee.database))
    pauses.lock = place
    locks.append(place)
  }

  /// `mayGoOn` for who has locked a value.
  @inline(__always) mutating func mayGoOnChanging(after count: Int = 1) -> Bool { mayGoOn(after: count) }

  /// Where the key stands now.
  @inline(__always) mutating func located(_ key: ByteView, _ location: Location) -> Location {
    pauses.hasPaused && pauses.lock != nil ? relocated(key) : location
  }

  @inline(never) private mutating func relocated(_ key: ByteView) -> Location {
    guard let found = database.pointee.find(key, KeyHash(key)) else {
      preconditionFailure("a locked key has gone")
    }
    return found
  }

  /// The command has ended: its value is everybody's.
  public mutating func unlock() {
    guard let place = pauses.lock else { return }
    pauses.lock = nil
    if let index = locks.firstIndex(of: place) { locks.remove(at: index) }
  }

  /// Whether a paused command is changing the value of the key.
  @inlinable public func isLocked(_ hash: KeyHash, database: Int) -> Bool {
    !locks.isEmpty && locks.contains(Effects.KeyPlace(hash: hash, database: database))
  }
}
