// EpochWalk.swift: every entry of every database exactly once, as all of them were at one instant.
//
//   next ─▶  1. what the keeper took, oldest first      changed or removed before the walk came to it
//            2. databases that were flushed             up to their end, then the graveyard
//            3. the databases, in the order of sweeps
//
// The walk goes in slices of the owner's thread while commands run in between. It costs no memory but for
// what changes before it is seen. Snapshots and log bases draw from it; what they make of the entries is theirs.
//
// One walk at a time: an entry has room for one answer to the question whether it was seen. Whoever wants a
// second result of the same instant writes both from the same walk; otherwise he waits.
import Bytes

/// An entry of a walk's instant.
public struct EpochEntry: BitwiseCopyable {
  public let entry: Entry
  /// The number that its database had at the instant.
  public let database: Int
}

@safe public struct EpochWalk: ~Copyable {
  /// What a database held at the instant.
  public struct DatabaseSize: Sendable {
    public let number: Int
    public let keys: Int
    /// Keys with an expiry.
    public let volatileKeys: Int
    /// Hashes of which a field has an expiry.
    public let volatileHashes: Int
  }

  private let databases: UnsafeMutablePointer<Keyspace>
  private let databaseCount: Int
  private let graveyard: UnsafeMutablePointer<Graveyard>
  private let keeper: UnsafeMutablePointer<EpochKeeper>
  /// Where to look next for a database that is not through.
  private var index = 0
  /// The entry that `next` gave out last, if it came from the keeper.
  private var held: Entry?

  /// Databases that held anything at the instant, by number.
  public let sizes: [DatabaseSize]
  /// Keys of the instant.
  public let totalCount: Int
  /// Keys given out so far. When the walk is done they are all of them.
  public private(set) var seenCount = 0
  /// Nothing is left to give out.
  public private(set) var isDone = false

  /// The instant is now. The databases and the graveyard must outlive the walk, and no other walk runs.
  public init(
    databases: UnsafeMutablePointer<Keyspace>, count: Int, graveyard: UnsafeMutablePointer<Graveyard>
  ) {
    unsafe self.databases = databases
    databaseCount = count
    unsafe self.graveyard = graveyard
    unsafe keeper = .allocate(capacity: 1)
    unsafe keeper.initialize(to: EpochKeeper())
    var sizes: [DatabaseSize] = []
    for number in 0..<count {
      unsafe databases[number].beginEpoch(Keyspace.Walked(keeper: keeper, number: number))
      let keys = unsafe databases[number].count
      guard keys > 0 else { continue }
      unsafe sizes.append(
        DatabaseSize(
          number: number, keys: keys, volatileKeys: databases[number].volatileCount,
          volatileHashes: databases[number].volatileHashCount))
    }
    self.sizes = sizes
    totalCount = sizes.reduce(0) { $0 + $1.keys }
  }

  /// Before the end: gives the walk up. What it would still have seen is as it was, and a new one can begin.
  deinit {
    for index in 0..<databaseCount where unsafe databases[index].walked != nil {
      unsafe databases[index].endWalk(isComplete: false)
    }
    held?.free()
    while unsafe keeper.pointee.keyspace != nil { unsafe keeper.pointee.buryKeyspace(in: &graveyard.pointee) }
    unsafe keeper.deinitialize(count: 1)
    unsafe keeper.deallocate()
  }

  /// Entries that were taken before they changed and wait to be given out, and their bytes. What is shared with the
  /// present counts too, so memory may have grown by less.
  public var keptCount: Int { unsafe keeper.pointee.count }
  public var keptBytes: Int { unsafe keeper.pointee.bytes }

  /// The next entry, or nil when `effort` is used up or the walk is done. Every entry takes one from `effort`, and so
  /// does every bucket that has none: there may be long stretches of what came after the instant.
  ///
  /// It is good until the next call, or until anything changes a database: whoever needs a large value for longer
  /// pins its blob.
  public mutating func next(_ effort: inout Int) -> EpochEntry? {
    if let held {
      if held.isExpensiveToFree { unsafe graveyard.pointee.bury(held) } else { held.free() }
    }
    held = nil
    if let kept = unsafe effort > 0 ? keeper.pointee.giveFirst() : nil {
      effort -= 1
      seenCount += 1
      held = kept.entry
      return kept
    }
    while effort > 0 && !isDone {
      if let keyspace = unsafe keeper.pointee.keyspace {
        if let found = unsafe next(in: keyspace, &effort) { return found }
        guard effort > 0 else { return nil }
        unsafe keeper.pointee.buryKeyspace(in: &graveyard.pointee)
      } else if let keyspace = unsafe nextDatabase(&effort) {
        if let found = unsafe next(in: keyspace, &effort) { return found }
        if unsafe keyspace.pointee.epochSweep.isDone { unsafe keyspace.pointee.endWalk(isComplete: true) }
      }
    }
    return nil
  }

  private mutating func next(in keyspace: UnsafeMutablePointer<Keyspace>, _ effort: inout Int) -> EpochEntry? {
    guard let entry = unsafe keyspace.pointee.nextUnseen(&effort), let walked = unsafe keyspace.pointee.walked else {
      return nil
    }
    unsafe entry.epoch = keyspace.pointee.epoch
    seenCount += 1
    return EpochEntry(entry: entry, database: walked.number)
  }

  /// A database that is not through; nil when none is, which ends the walk, or when `effort` is used up. They are
  /// looked for in a circle because SWAPDB may bring one to a place that was passed.
  private mutating func nextDatabase(_ effort: inout Int) -> UnsafeMutablePointer<Keyspace>? {
    for _ in 0..<databaseCount {
      if unsafe databases[index].walked != nil { return unsafe databases + index }
      index = index + 1 == databaseCount ? 0 : index + 1
    }
    effort -= 1
    isDone = true
    return nil
  }
}
