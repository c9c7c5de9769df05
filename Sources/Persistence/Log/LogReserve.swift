// LogReserve.swift — zeros written ahead of the log, so that a commit changes bytes and no metadata.
//
//   file   │ records … │ zeros ………………………………………│ being filled ░░░░│
//          0         offset                    end of zeros       + one step
//                      commits overwrite these ──▶ and wait where the filling begins
//
// A file that grows makes the file system commit its journal with every fdatasync, and so does room that
// was only allocated. Over zeros that are on disk a commit is a write and a flush, and one operation can be both: on
// ext4 3 KB take 290 µs instead of 450, with two thirds of the CPU time. Only a log that is written all the time gets them, and it loses what
// is left of them as soon as it is idle, or ends: then other tools can read the file as it is.
//
// Pure decisions. Filling must never meet a record: commits stay below `limit`, and a step begins beyond
// everything that was submitted.

public struct LogReserve: Equatable, Sendable {
  /// Bytes to have ready beyond the last record; 0 for none.
  public var aheadBytes: Int64 = 0

  /// What should be done with the file now.
  public enum Action: Equatable, Sendable {
    /// Write zeros there; the log's own next sync makes them durable (`CommitPipeline.zerosWritten`).
    case fill(from: Int64, bytes: Int64)
    /// Cut the file there: nothing but zeros follows.
    case trim(to: Int64)
  }

  /// The file that this is about: `CommitPipeline.File.generation`.
  private(set) var generation: UInt64 = 0
  /// Up to here the file has bytes; 0 if it has no zeros.
  public private(set) var end: Int64 = 0
  private var underWay: Action?
  /// Commits that followed each other without a pause, and when the last one was.
  private var streak = 0
  private var lastCommitNanoseconds: UInt64 = 0
  private var retryAtNanoseconds: UInt64 = 0

  /// So many commits without a pause, and the log is worth the zeros.
  static let streakMin = 64
  static let pauseNanoseconds: UInt64 = 100_000_000
  static let idleNanoseconds: UInt64 = 1_000_000_000
  /// After a disk without room.
  static let retryNanoseconds: UInt64 = 10_000_000_000
  /// Small, since commits beside a step are as slow as in a growing file.
  static let stepBytes: Int64 = 1 << 20
  /// Where there are no zeros yet: what may be written while the first ones are.
  static let marginBytes: Int64 = 256 << 10

  public init() {}

  /// Commits must not reach this offset.
  public var limit: Int64 {
    switch underWay {
    case .fill(let from, _): from
    case .trim: 0
    case nil: .max
    }
  }

  /// The file has zeros at its end, or will have.
  public func hasZeros(beyond offset: Int64) -> Bool {
    if case .fill = underWay { return true }
    return end > offset
  }

  /// Another file takes the records.
  public mutating func began(generation: UInt64) {
    self = LogReserve(aheadBytes: aheadBytes, generation: generation, retryAt: retryAtNanoseconds)
  }

  private init(aheadBytes: Int64, generation: UInt64, retryAt: UInt64) {
    self.aheadBytes = aheadBytes
    self.generation = generation
    retryAtNanoseconds = retryAt
  }

  public mutating func committed(nowNanoseconds now: UInt64) {
    streak = sinceCommit(now) < Self.pauseNanoseconds ? streak + 1 : 0
    lastCommitNanoseconds = now
  }

  /// The turn's clock may be a little behind the one that the commit was timed with.
  private func sinceCommit(_ now: UInt64) -> UInt64 { now > lastCommitNanoseconds ? now - lastCommitNanoseconds : 0 }

  /// What to do now; nil if nothing.
  ///
  /// - Parameters:
  ///   - offset: behind the last byte that was submitted.
  ///   - isIdle: nothing waits, nothing is in flight.
  public mutating func next(offset: Int64, isIdle: Bool, nowNanoseconds now: UInt64) -> Action? {
    guard underWay == nil else { return nil }
    if isIdle && end > offset && (sinceCommit(now) >= Self.idleNanoseconds || aheadBytes == 0) {
      underWay = .trim(to: offset)
    } else if streak >= Self.streakMin && end - offset < aheadBytes - Self.stepBytes && now >= retryAtNanoseconds {
      underWay = .fill(from: max(end, offset + Self.marginBytes), bytes: Self.stepBytes)
    }
    return underWay
  }

  /// What `next` asked for is done, or could not be.
  public mutating func finished(generation: UInt64, isDone: Bool, nowNanoseconds now: UInt64) {
    guard generation == self.generation, let action = underWay else { return }
    underWay = nil
    guard isDone else {
      retryAtNanoseconds = now &+ Self.retryNanoseconds
      return
    }
    switch action {
    case .fill(let from, let bytes): end = from + bytes
    case .trim:
      end = 0
      streak = 0
    }
  }
}
