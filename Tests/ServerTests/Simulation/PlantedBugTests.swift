// PlantedBugTests.swift — proof that the simulation would notice: one rule broken on purpose at a time.
import Ring
import Testing

@Suite struct PlantedBugTests {
  /// Several short lives a play, so that slots are taken again, and nobody who stops reading without ending.
  private static var scale: DialogueScale {
    var scale = DialogueScale()
    scale.clientsMax = 8
    scale.requestsMax = 20
    scale.meddles = false
    return scale
  }

  /// Plays seeds with a bug until one is reported; how often the bug showed itself, and the report.
  private func report(_ bug: PlantedRing.Bug, seeds: ClosedRange<UInt64>) throws -> (count: Int, problems: [String]) {
    let tally = PlantedRing.Tally()
    for seed in seeds {
      let verdict = try playSimulated(seed: seed, .harmless, Self.scale, turnsMax: 3_000) { PlantedRing($0, bug, tally) }
      if !verdict.problems.isEmpty { return (tally.count, verdict.problems) }
    }
    return (tally.count, [])
  }

  @Test func theLayerItselfChangesNothing() throws {
    let (_, problems) = try report(.nothing, seeds: 1...50)
    #expect(problems.isEmpty)
  }

  /// The generation in the token is what keeps one client's bytes from the next client in its slot.
  @Test func lateBytesAreDropped() throws {
    let (count, problems) = try report(.lateBytes, seeds: 1...150)
    #expect(problems.isEmpty)
    #expect(count > 0, "no byte came late")
  }

  @Test(arguments: PlantedRing.Bug.allCases.filter { !$0.isHarmless }) func isReported(bug: PlantedRing.Bug) throws {
    let (count, problems) = try report(bug, seeds: 1...300)
    #expect(count > 0, "the bug never showed itself")
    #expect(problems.contains { $0.contains(Self.expected(bug)) }, "\(problems)")
  }

  /// Words of the report.
  private static func expected(_ bug: PlantedRing.Bug) -> String {
    switch bug {
    case .nothing, .lateBytes, .staleGeneration, .byteLost: "heard"
    case .bufferReused: "after it was recycled"
    case .sendOverlapped: "two sends in flight"
    }
  }
}
