// Execution+Removal.swift — keys go: because they were deleted, or because their time has come.
//
// An expired key is removed by whoever comes across it and by the sweep between requests. Either
// way the log and the replicas hear of a plain DEL, so that time passes in one place only.
import Bytes
import Store

extension Execution {
  /// Removes a key of the client's database; what is large is freed later if the directives say so.
  public mutating func remove(_ location: Location) { remove(location, lazily: rules.lazyFreeOnDelete) }

  public mutating func remove(_ location: Location, lazily: Bool) {
    let (database, graveyard) = (database, graveyard)
    if lazily {
      database.pointee.remove(location, into: &graveyard.pointee)
    } else {
      database.pointee.remove(location)
    }
  }

  /// Removes a key whose time has come and tells everybody.
  @usableFromInline mutating func expire(_ location: Location, databaseIndex: Int) {
    expire(location, databaseIndex: databaseIndex, home: Int(session.pointee.database))
  }

  /// - Parameter home: the database that the records of this command are for.
  private mutating func expire(_ location: Location, databaseIndex: Int, home: Int) {
    let key = location.entry.key
    // It goes once nobody is in the middle of changing it.
    if !locks.isEmpty && isLocked(KeyHash(key), database: databaseIndex) { return }
    tallies.expiredKeys &+= 1
    if home != databaseIndex { recordSelection(databaseIndex) }
    effects.beginPrelude(words: 2)
    effects.word("DEL")
    effects.word(key)
    if home != databaseIndex { recordSelection(home) }
    effects.expires(key, database: databaseIndex)
    events.note(.expired, "expired", key, database: databaseIndex)
    let (database, graveyard) = (databases + databaseIndex, graveyard)
    database.pointee.remove(location, into: &graveyard.pointee)
  }

  private mutating func recordSelection(_ index: Int) {
    effects.beginPrelude(words: 2)
    effects.word("SELECT")
    effects.word(Int64(index))
  }

  /// Looks for expired keys in one database: at most `examinedMax` keys, from where the last slice ended.
  /// Their removals are in `effects.records` afterwards.
  public mutating func expireSlice(
    database index: Int, now: Milliseconds, examinedMax: Int
  ) -> (examined: Int, expired: Int) {
    expirySweeps[index].beginSlice(budget: examinedMax)
    while let location = databases[index].nextExpired(&expirySweeps[index], now: now) {
      expire(location, databaseIndex: index, home: index)
    }
    _ = expirySweeps[index].endSlice()
    tallies.expiredStalePercentage = expirySweeps[index].staleRatio * 100
    return (expirySweeps[index].examined, expirySweeps[index].expired)
  }
}
