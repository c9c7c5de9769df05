// CommitPipeline+Results.swift — what a result means.
//
//   good and whole        the batch is on disk; the watermark passes it when all before it are, in `advance`
//   short, interrupted    the rest is written again
//   no room               again in a second
//   an error of a sync    the file is poisoned: nothing it says counts any more
import Bytes

extension CommitPipeline {
  /// The result of a write, or of the first half of a chain.
  public mutating func wrote(_ result: Int32, nowNanoseconds: UInt64) {
    write?.writeResult = result
    settle(nowNanoseconds)
  }

  /// The result of a sync. Chains and lone syncs carry different tokens: `isChain` tells them apart.
  public mutating func synced(_ result: Int32, isChain: Bool, nowNanoseconds: UInt64) {
    if isChain {
      write?.syncResult = result
      return settle(nowNanoseconds)
    }
    guard let flight = sync else { return }
    sync = nil
    switch -result {
    case 0:
      syncedSeal = max(syncedSeal, flight.seal)
      reservedOffset = max(reservedOffset, flight.reserves)
      advance(to: flight.sequence, bytes: flight.bytes, nowNanoseconds)
    case Failure.interrupted, Failure.cancelled: break
    case let code: poison(code)
    }
  }

  /// Both results of a chain decide, never the sync's alone.
  mutating func settle(_ now: UInt64) {
    guard let flight = write, let written = flight.writeResult else { return }
    if flight.isSingle { return settleSingle(flight, written, now) }
    if flight.isChain && flight.syncResult == nil { return }
    write = nil
    // Whatever a poisoned file says now proves nothing. The batch stays where it is: it goes into the new base.
    if case .poisoned = health { return }
    if let code = flight.syncResult.map({ -$0 }), code != 0, code != Failure.interrupted, code != Failure.cancelled {
      return poison(code)
    }
    guard let batch = unsafe closed.first else { return }
    if written > 0 {
      precondition(Int(written) <= flight.count, "more was written than was asked for")
      unsafe batch.pointee.written += Int(written)
      file?.offset += Int64(written)
      fruitlessAttempts = 0
    }
    let isWhole = Int(written) == flight.count
    guard isWhole else { return attemptFailed(written, now) }
    if case .stalled = health { health = .healthy }
    if let result = flight.syncResult {
      switch -result {
      case 0:
        reservedOffset = max(reservedOffset, flight.reserves)
        unsafe finishForced(batch, now)
      default: attemptFailed(-Failure.interrupted, now)
      }
    } else if unsafe batch.pointee.written == batch.pointee.count {
      unsafe finish(batch, isDurable: false, now)
    }
  }

  /// All of it is on disk, or it is written again in the ordinary way.
  mutating func settleSingle(_ flight: Flight, _ written: Int32, _ now: UInt64) {
    write = nil
    if case .poisoned = health { return }
    guard let batch = unsafe closed.first else { return }
    guard Int(written) == flight.count else {
      unsafe batch.pointee.isRefusedAsOne = true
      switch -written {
      case Failure.invalid, Failure.notSupported: return
      default: return attemptFailed(written, now)
      }
    }
    unsafe file?.offset += Int64(batch.pointee.count - batch.pointee.written)
    unsafe batch.pointee.written = batch.pointee.count
    fruitlessAttempts = 0
    if case .stalled = health { health = .healthy }
    choice.committed(isDirect: flight.isDirect, tookNanoseconds: now &- min(now, chainBeganNanoseconds))
    unsafe finishForced(batch, now)
  }

  /// A commit that somebody may wait for has succeeded.
  mutating func finishForced(_ batch: UnsafeMutablePointer<LogBatch>, _ now: UInt64) {
    let records = unsafe batch.pointee.records
    unsafe finish(batch, isDurable: true, now)
    unsafe gathering.committed(
      records: records, waiting: filling.pointee.records, tookNanoseconds: now &- min(now, chainBeganNanoseconds), now: now)
  }

  mutating func attemptFailed(_ result: Int32, _ now: UInt64) {
    // A short write stopped for a reason that the next attempt will name.
    guard result <= 0 else { return }
    switch -result {
    case Failure.interrupted, Failure.again, Failure.cancelled:
      fruitlessAttempts += 1
      if fruitlessAttempts >= Self.fruitlessMax { stall(Failure.again, now) }
    case 0: stall(Failure.noSpace, now)
    case Failure.noSpace, Failure.quota, Failure.tooBig: stall(-result, now)
    case let code: poison(code)
    }
  }

  mutating func stall(_ code: Int32, _ now: UInt64) {
    fruitlessAttempts = 0
    retryAtNanoseconds = now &+ Self.retryNanoseconds
    if case .poisoned = health { return }
    health = .stalled(errno: code)
  }

  mutating func poison(_ code: Int32) {
    if case .poisoned = health { return }
    health = .poisoned(errno: code)
  }

  mutating func finish(_ batch: UnsafeMutablePointer<LogBatch>, isDurable: Bool, _ now: UInt64) {
    let sequence = unsafe batch.pointee.sequence
    writtenSequence = max(writtenSequence, sequence)
    writtenBytes &+= unsafe UInt64(batch.pointee.count)
    if unsafe batch.pointee.isSealed { writtenSeal = unsafe batch.pointee.sealNumber }
    if isDurable { syncedSeal = writtenSeal }
    if let file, file.directDescriptor >= 0 { unsafe tail.append(batch.pointee.bytes, end: file.offset) }
    unsafe closed.removeFirst()
    unsafe recycle(batch)
    if isDurable { advance(to: sequence, bytes: writtenBytes, now) }
  }

  /// The only place where the watermark moves.
  mutating func advance(to sequence: UInt64, bytes: UInt64, _ now: UInt64) {
    if case .poisoned = health { return }
    syncedSequence = max(syncedSequence, sequence)
    syncedBytes = max(syncedBytes, bytes)
    if let first = unsafe closed.first {
      unsyncedSinceNanoseconds = unsafe first.pointee.beganAtNanoseconds
    } else if unsafe !filling.pointee.isEmpty {
      unsyncedSinceNanoseconds = unsafe filling.pointee.beganAtNanoseconds
    } else {
      unsyncedSinceNanoseconds = syncedSequence >= writtenSequence ? 0 : now
    }
  }
}

/// Results that mean something, as errno numbers of Linux.
enum Failure {
  static let interrupted: Int32 = 4
  static let again: Int32 = 11
  static let tooBig: Int32 = 27
  static let noSpace: Int32 = 28
  static let invalid: Int32 = 22
  static let notSupported: Int32 = 95
  static let quota: Int32 = 122
  static let cancelled: Int32 = 125
}
