import Testing

@testable import Persistence

/// Writers who come back as soon as they are answered end up in one commit, and nobody is waited for who does not come.
@Suite struct CommitGatheringTests {
  /// What a played stretch of commits came to.
  private struct Outcome {
    var commits = 0
    var records = 0
    var waitedNanoseconds: UInt64 = 0
  }

  /// Writers in a closed loop: each sends again `turnaround` after its answer, the server takes `perRecord` for each, one
  /// commit takes `commit`. Time is made up.
  private func play(writers: Int, commit: UInt64, turnaround: UInt64, perRecord: UInt64, commits: Int) -> Outcome {
    var gathering = CommitGathering()
    var outcome = Outcome()
    var now: UInt64 = 1_000_000
    // When each writer's next record arrives; those that were taken wait for their commit.
    var arrivals = (0..<writers).map { now + UInt64($0) * perRecord }
    var filling: [Int] = []
    var flying: [Int] = []
    var flightEnds: UInt64 = 0
    while outcome.commits < commits {
      if !flying.isEmpty && now >= flightEnds {
        gathering.committed(records: flying.count, waiting: filling.count, tookNanoseconds: commit, now: now)
        for (place, writer) in flying.enumerated() { arrivals[writer] = now + turnaround + UInt64(place) * perRecord }
        outcome.commits += 1
        outcome.records += flying.count
        flying = []
      }
      for writer in 0..<writers where arrivals[writer] <= now {
        filling.append(writer)
        arrivals[writer] = .max
      }
      if flying.isEmpty && !filling.isEmpty {
        if gathering.waits(records: filling.count, now: now) {
          outcome.waitedNanoseconds += 5_000
        } else {
          flying = filling
          filling = []
          flightEnds = now + commit
        }
      }
      now += 5_000
    }
    return outcome
  }

  @Test func closedLoopsShareOneCommit() {
    let outcome = play(writers: 50, commit: 450_000, turnaround: 40_000, perRecord: 5_000, commits: 500)
    #expect(outcome.records > 45 * outcome.commits, "\(outcome)")
  }

  @Test func aSlowDiskMakesNoDifference() {
    let outcome = play(writers: 8, commit: 2_000_000, turnaround: 60_000, perRecord: 10_000, commits: 200)
    #expect(outcome.records > 7 * outcome.commits, "\(outcome)")
  }

  /// Writers who think longer than a commit takes are not waited for, after some attempts.
  @Test func whoDoesNotComeIsForgotten() {
    let outcome = play(writers: 8, commit: 300_000, turnaround: 5_000_000, perRecord: 700_000, commits: 2_000)
    #expect(outcome.waitedNanoseconds < 2_000 * 300_000 / 10, "\(outcome)")
  }

  @Test func aLoneWriterWaitsForNobody() {
    let outcome = play(writers: 1, commit: 300_000, turnaround: 20_000, perRecord: 5_000, commits: 300)
    #expect(outcome.waitedNanoseconds == 0)
  }
}
