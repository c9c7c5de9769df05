// SimulatedThreadsTests.swift — reactors and executor interleaved by a seed: the same answers as from one thread.
import Glibc
import Ring
import Testing

@testable import Server

@Suite struct SimulatedThreadsTests {
  /// Seeds in all: MARTLET_THREAD_SEEDS, or as many as a test run has time for.
  static var seeds: UInt64 { getenv("MARTLET_THREAD_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 1_500 }

  private func play(_ seeds: Range<UInt64>, _ rates: SimulatedFaultRates, resizes: Bool) throws -> UInt64 {
    var moves: UInt64 = 0
    for seed in seeds {
      let verdict = try playSimulatedThreads(seed: seed, rates, resizes: resizes)
      guard verdict.problems.isEmpty else {
        Issue.record("seed \(seed): \(verdict.problems.prefix(4))")
        break
      }
      moves += verdict.moves
    }
    return moves
  }

  /// MARTLET_THREAD_SEED plays that one alone.
  @Test func theSeedAskedFor() throws {
    guard let seed = getenv("MARTLET_THREAD_SEED").flatMap({ UInt64(String(cString: $0)) }) else { return }
    let rates: SimulatedFaultRates = seed >= 1_000_000 ? .all : .harmless
    let verdict = try playSimulatedThreads(seed: seed, rates, resizes: true)
    #expect(verdict.problems.isEmpty, "seed \(seed): \(verdict.problems.joined(separator: "\n"))")
  }

  @Test func anyOrderOfTurnsGivesTheSameAnswers() throws {
    _ = try play(1..<1 + Self.seeds / 3, .harmless, resizes: false)
  }

  @Test func clientsMoveAndHearTheSame() throws {
    let moves = try play(1..<1 + Self.seeds / 3, .harmless, resizes: true)
    #expect(moves > Self.seeds / 10, "clients hardly moved")
  }

  @Test func harmfulFaultsOnlyCut() throws {
    _ = try play(1_000_000..<1_000_000 + Self.seeds / 3, .all, resizes: true)
  }
}
