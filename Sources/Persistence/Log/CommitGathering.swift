// CommitGathering.swift — whether the next commit should wait a moment for those that the last one has let go.
//
//   without    A ████████      A ████████          two groups of writers take turns: each waits for two syncs
//              B   ░░░░ ████████   ░░░░ ████████
//   with       A+B █████████ ▪ █████████ ▪ █████   ▪ a moment for the answered ones to come back
//
// Writers in a closed loop come back as soon as they are answered, which is just too late for a
// commit that starts at once. Waiting for them makes one commit of two: half the syncs, and less time for each
// writer, as long as they are back sooner than another sync would be. So the wait goes on while they keep coming,
// for as long as a commit takes; it ends when all are there, or when none has come for a moment. If most are not back
// in time it is not tried again for a while.

struct CommitGathering {
  /// The wait is never longer than a commit, nor than this.
  private static let longestNanoseconds: UInt64 = 1_000_000
  /// Nobody has come for this part of a commit: nobody will.
  private static let quietPart: UInt64 = 8
  private static let quietNanosecondsMin: UInt64 = 20_000
  private static let failuresMax = 3
  private static let pauseMax = 1_024

  /// Records that the next commit should hold, and until when it is waited for them; 0 when it is not.
  private var target = 0
  private(set) var untilNanoseconds: UInt64 = 0
  /// The wait ends then, whoever comes.
  private var endNanoseconds: UInt64 = 0
  /// Records that had come when it was last looked.
  private var seen = 0
  /// A moving average of what a commit takes.
  private var commitNanoseconds: UInt64 = 0
  private var failures = 0
  /// Commits to go before it is tried again, and how many the next pause will be.
  private var pause = 0
  private var nextPause = 16

  /// A commit is done: its writers are being answered, and `waiting` records have gathered meanwhile.
  mutating func committed(records: Int, waiting: Int, tookNanoseconds: UInt64, now: UInt64) {
    commitNanoseconds = commitNanoseconds == 0 ? tookNanoseconds : (commitNanoseconds * 7 + tookNanoseconds) / 8
    untilNanoseconds = 0
    guard pause == 0 else {
      pause -= 1
      return
    }
    // A lone writer has nobody to wait for.
    guard records + waiting > 1 else { return }
    target = records + waiting
    seen = waiting
    endNanoseconds = now &+ min(commitNanoseconds, Self.longestNanoseconds)
    // The answers have to get there first.
    untilNanoseconds = min(endNanoseconds, now &+ 2 * quietNanoseconds)
  }

  private var quietNanoseconds: UInt64 {
    max(Self.quietNanosecondsMin, min(commitNanoseconds, Self.longestNanoseconds) / Self.quietPart)
  }

  /// Whether a commit of so many records should wait still.
  mutating func waits(records: Int, now: UInt64) -> Bool {
    guard untilNanoseconds > 0 else { return false }
    if records >= target {
      untilNanoseconds = 0
      failures = 0
      nextPause = 16
      return false
    }
    if records > seen {
      seen = records
      untilNanoseconds = min(endNanoseconds, now &+ quietNanoseconds)
    }
    guard now >= untilNanoseconds else { return true }
    untilNanoseconds = 0
    // Most of them is good enough.
    guard records * 4 < target * 3 else { return false }
    failures += 1
    if failures == Self.failuresMax {
      failures = 0
      pause = nextPause
      nextPause = min(Self.pauseMax, nextPause * 2)
    }
    return false
  }
}
