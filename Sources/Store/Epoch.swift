// Epoch.swift: what was there at one instant, while it goes on changing.
//
//   flags of an entry's header:  7 6 5 4 3 2 1 0
//                                epoch      │ │ └ expiry
//                                           │ └── payload
//                                           └──── long key
//
// Every entry carries two bits, the epoch in which it was made or last seen by a walk, and every keyspace
// says which epoch it is. A walk over an instant (`EpochWalk`) begins by moving all keyspaces to the next epoch: at
// once, and without touching an entry, everything that is there is marked as not seen yet. The walk gives
// each entry that it sees the new epoch; new entries have it from the beginning. When the walk is through, all
// entries are of one epoch again and nothing needs to be put back.
//
// Meanwhile whoever changes an unseen entry has the keeper take it first as it is: `willChange`. It is the first line
// of every mutator of a keyspace, so that no command can forget it, and costs a comparison of two bits.
//
// One bit would do if every walk came to its end. One that is given up leaves two epochs behind; with two bits the
// next can begin at once nevertheless, and so can two more. `levelEpochs` tidies up between.
import Bytes

/// A number modulo four, in the place that it has among an entry's flags.
struct Epoch: BitwiseCopyable, Equatable {
  let bits: UInt8

  static var mask: UInt8 { 0b1100_0000 }
  static var first: Epoch { Epoch(bits: 0) }
  /// Epochs that can be told apart.
  static var count: Int { 4 }

  var next: Epoch { Epoch(bits: bits &+ 0b0100_0000) }
}

extension Entry {
  /// When the entry was made or last seen by a walk.
  var epoch: Epoch {
    get { Epoch(bits: flags & Epoch.mask) }
    nonmutating set { header = header & ~(UInt64(Epoch.mask) << 8) | UInt64(newValue.bits) << 8 }
  }

  /// The entry as it is now, for the keeper: a large value is pinned instead of copied, so that whoever changes
  /// it next gets a copy.
  func kept() -> Entry {
    let copy = relabelled(key: key)
    pinValue()
    return copy
  }
}

extension Keyspace {
  /// What a running walk knows about this database. It travels with the database when SWAPDB exchanges two.
  @safe struct Walked: BitwiseCopyable {
    /// Takes what the walk has not seen and what is about to change.
    let keeper: UnsafeMutablePointer<EpochKeeper>
    /// The database's number at the epoch.
    let number: Int
  }

  /// Say so before the entry at `location` changes in any way but its access stamp: if a walk has still to see it
  /// the keeper gets it as it is now.
  @inline(__always) mutating func willChange(_ location: Location) {
    if location.entry.epoch != epoch { keep(location.entry) }
  }

  @inline(never) private func keep(_ entry: Entry) {
    entry.epoch = epoch
    // Without a walk it is one that a walk did not come to before it was given up.
    guard let walked else { return }
    unsafe walked.keeper.pointee.take(entry.kept(), database: walked.number)
  }

  /// Takes the entry at `location` out of table and sums, for good. Nil if a walk has still to see it: then
  /// the keeper has taken it over.
  mutating func withdraw(_ location: Location) -> Entry? {
    let entry = location.entry
    unlink(location)
    guard entry.epoch != epoch, let walked else { return entry }
    unsafe walked.keeper.pointee.take(entry, database: walked.number)
    return nil
  }

  /// Whether entries of more than one epoch may be here although no walk runs.
  public var needsLevelling: Bool { walked == nil && staleEpochs > 0 }

  /// After a walk that was given up: brings at most `effortMax` buckets and entries to the present epoch. True
  /// when all are. Call it from time to time while nothing else is to be done: the fourth walk
  /// after three that were given up would otherwise begin with all of it.
  public mutating func levelEpochs(effortMax: Int) -> Bool {
    guard needsLevelling else { return true }
    var effort = effortMax
    while effort > 0, let entry = nextUnseen(&effort) { entry.epoch = epoch }
    guard epochSweep.isDone else { return false }
    forgetEpochs()
    return true
  }

  /// All entries are of the present epoch.
  mutating func forgetEpochs() {
    staleEpochs = 0
    epochSweep = Sweep()
  }

  /// Begins the next epoch; with a walk if there is anything to see.
  mutating func beginEpoch(_ walk: Walked) {
    precondition(walked == nil, "one walk at a time")
    // The next epoch must be none that an entry may still carry.
    if staleEpochs == Epoch.count - 1 { _ = levelEpochs(effortMax: .max) }
    epoch = epoch.next
    guard !isEmpty else { return forgetEpochs() }
    staleEpochs += 1
    epochSweep = Sweep()
    walked = walk
  }

  /// The walk is through this database, or given up.
  mutating func endWalk(isComplete: Bool) {
    walked = nil
    if isComplete { forgetEpochs() } else { epochSweep = Sweep() }
  }

  /// The next entry of an earlier epoch, which the caller marks. Nil at the end (`epochSweep.isDone`) or when `effort`
  /// is used up: one for each bucket looked at, which is also one for each entry found.
  ///
  /// Nothing is remembered of a bucket between calls, since it may have been changed, split or merged:
  /// the place moves on only when the bucket has no such entry any more.
  mutating func nextUnseen(_ effort: inout Int) -> Entry? {
    while effort > 0 && !epochSweep.isDone {
      guard table.bucketCount > 0 else {
        epochSweep.finish()
        return nil
      }
      effort -= 1
      let index = table.index(position: epochSweep.position)
      var current = table.bucket(index)
      while true {
        for slot in 0..<current.count where current.entry(slot).epoch != epoch { return current.entry(slot) }
        guard let child = current.child else { break }
        current = child
      }
      epochSweep.pass(bucket: index, in: table)
      table.prefetch(after: epochSweep)
    }
    return nil
  }
}

extension Table {
  /// Asks for what a sweep will read: the entries of the bucket behind the one at its place, and the next bucket.
  fileprivate func prefetch(after sweep: Sweep) {
    guard !sweep.isDone else { return }
    var ahead = sweep
    ahead.pass(bucket: index(position: ahead.position), in: self)
    guard !ahead.isDone else { return }
    let next = index(position: ahead.position)
    bucket(next).prefetchEntries()
    ahead.pass(bucket: next, in: self)
    guard !ahead.isDone else { return }
    bucket(index(position: ahead.position)).prefetch()
  }
}
