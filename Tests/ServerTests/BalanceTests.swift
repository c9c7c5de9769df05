// BalanceTests.swift — clients move only where that makes two reactors more alike.
import Ring
import Testing

@testable import Server

@Suite struct BalanceTests {
  private static let second = Balance.lookNanoseconds

  @Test func onlyABusyReactorBesideAnIdleOneIsUneven() {
    #expect(Balance.isUneven(busiest: Self.second, least: Self.second / 10, of: Self.second))
    #expect(!Balance.isUneven(busiest: Self.second, least: Self.second * 6 / 10, of: Self.second))
    #expect(!Balance.isUneven(busiest: Self.second / 3, least: 0, of: Self.second))
  }

  @Test func halfOfTheDifferenceMoves() {
    // One at 100 %, one at 0: half of the work is to move.
    let chosen = Balance.chosen(from: [10, 40, 10, 20, 20], busiest: 100, least: 0)
    #expect(chosen == [1, 0])
    #expect(Balance.chosen(from: [25, 25, 25, 25], busiest: 100, least: 50) == [0])
  }

  @Test func theOneThatDoesItAllStaysAndTheOthersLeave() {
    #expect(Balance.chosen(from: [1, 1000, 1, 0], busiest: 100, least: 0) == [0, 2])
    #expect(Balance.chosen(from: [1000], busiest: 100, least: 0).isEmpty)
    #expect(Balance.chosen(from: [], busiest: 100, least: 0).isEmpty)
    #expect(Balance.chosen(from: [5, 5], busiest: 50, least: 50).isEmpty)
  }

  @Test func anyMoveLeavesThemMoreAlike() {
    var random = SeededRandom(seed: 7)
    for _ in 0..<500 {
      let work = (0..<Int(random.below(30))).map { _ in UInt64(random.below(1_000)) }
      let (busiest, least) = (UInt64(50 + random.below(50)), UInt64(random.below(50)))
      let total = work.reduce(0, +)
      guard total > 0 else { continue }
      let moved = Balance.chosen(from: work, busiest: busiest, least: least).reduce(UInt64(0)) { $0 + work[$1] }
      let share = Double(moved) / Double(total) * Double(busiest)
      #expect(Double(busiest) - share >= Double(least) + share - 1e-9)
    }
  }
}
