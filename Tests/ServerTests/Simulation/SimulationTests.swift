// SimulationTests.swift — the whole server on a ring that a seed makes misbehave.
//
// Whatever a kernel may do without harm, every client hears exactly what the model says, and nothing
// is left behind: no connection, no buffer, no operation, no descriptor, no byte of output. Where
// connections may die, what is heard until then is right, and still nothing is left behind.
import Glibc
import Ring
import Testing

@testable import Server

@Suite struct SimulationTests {
  /// Seeds in all: MARTLET_SEEDS, or as many as a test run has time for.
  static var seeds: UInt64 { getenv("MARTLET_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 10_000 }
  /// The seeds are dealt out to this many tests, which run at the same time.
  static let lanes: UInt64 = 2

  /// A few seeds need not meet everything.
  private static var isComplete: Bool { seeds >= 2_000 }

  /// Faults that a server without files can meet.
  private static func isMet(_ fault: SimulatedFault) -> Bool {
    isComplete && ![.shortWrite, .noSpace, .writeError, .syncError, .cancelIgnored].contains(fault)
  }

  private func play(_ seeds: StrideTo<UInt64>, _ rates: SimulatedFaultRates) throws -> (counts: [Int], largeWords: UInt64, refusals: Int) {
    var counts = [Int](repeating: 0, count: SimulatedFault.allCases.count)
    var largeWords: UInt64 = 0
    var refusals = 0
    for seed in seeds {
      let verdict = try playSimulated(seed: seed, rates) { $0 }
      guard verdict.problems.isEmpty else {
        Issue.record("seed \(seed): \(verdict.problems.prefix(4))")
        break
      }
      for index in counts.indices { counts[index] += verdict.world.counts[index] }
      largeWords += verdict.largeWords
      refusals += verdict.refusals
    }
    return (counts, largeWords, refusals)
  }

  /// MARTLET_SEED plays that one alone and says more about it.
  @Test func theSeedAskedFor() throws {
    guard let seed = getenv("MARTLET_SEED").flatMap({ UInt64(String(cString: $0)) }) else { return }
    let verdict = try playSimulated(seed: seed, .harmless) { $0 }
    #expect(verdict.problems.isEmpty, "seed \(seed): \(verdict.problems.joined(separator: "\n"))")
  }

  /// Four of five seeds: nothing happens that a client could notice.
  @Test(arguments: 0..<lanes) func harmlessFaultsChangeNoAnswer(lane: UInt64) throws {
    let met = try play(stride(from: 1 + lane, to: 1 + Self.seeds * 4 / 5, by: Int(Self.lanes)), .harmless)
    for fault in SimulatedFault.allCases where fault.isHarmless && Self.isMet(fault) {
      #expect(met.counts[fault.rawValue] > 0, "\(fault) never happened")
    }
    #expect(!Self.isComplete || met.largeWords > 0 && met.refusals > 0)
  }

  /// One of five: connections die at any moment.
  @Test(arguments: 0..<lanes) func harmfulFaultsOnlyCut(lane: UInt64) throws {
    let first: UInt64 = 1_000_000
    let met = try play(stride(from: first + lane, to: first + Self.seeds / 5, by: Int(Self.lanes)), .all)
    for fault in SimulatedFault.allCases where Self.isMet(fault) {
      #expect(met.counts[fault.rawValue] > 0, "\(fault) never happened")
    }
  }

  /// The same seed does the same, to the last completion: what fails can be looked at again.
  @Test func seedsRepeat() throws {
    for seed in UInt64(1)...30 {
      let first = try playSimulated(seed: seed, .all) { $0 }
      let second = try playSimulated(seed: seed, .all) { $0 }
      #expect(first.trace == second.trace)
    }
  }
}
