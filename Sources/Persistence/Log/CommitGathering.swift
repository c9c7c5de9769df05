// CommitGathering.swift — whether the next commit should wait a moment for those that the last one has let go.
//
//   without    A ████████      A ████████          two groups of writers take turns: each waits for two syncs
//              B   ░░░░ ████████   ░░░░ ████████
//   with       A+B █████████ ▪ █████████ ▪ █████   ▪ a moment for the answered ones to come back
//
// Writers in a closed loop come back as soon as they are answered, which is just too late for a
// commit that starts at once. Where a sync takes long, waiting for them makes one commit of two. Where
// it is short they are not back in time; then it is not tried again for a while.

struct CommitGathering {
  /// The wait is at most this part of a sync, and never longer than a millisecond.
  private static let part: UInt64 = 4
  private static let longestNanoseconds: UInt64 = 1_000_000
  private static let failuresMax = 3
  private static let pauseMax = 1_024

  /// Records that the next commit should hold, and until when it is waited for them; 0 when it is not.
  private var target = 0
  private(set) var untilNanoseconds: UInt64 = 0
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
    untilNanoseconds = now &+ min(commitNanoseconds / Self.part, Self.longestNanoseconds)
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
