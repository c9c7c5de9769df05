import Channels
import Testing

/// The explorer finds what is planted: wrong orders, wrong sequences, missing exchanges. And finds nothing in the
/// same rings without the flaw, nor misses a schedule: small trees have the size that they must have.
@Suite struct ExplorerTests {
  @Test func flawlessRingsPass() {
    expectNothing(in: "small SPSC", .init(preemptions: 3)) { Self.spsc($0, .none) }
    expectNothing(in: "small SPMC", .init(preemptions: 2)) { _ in Self.spmc(.none) }
  }

  @Test(arguments: [Flaw.publishesBeforeWriting, .givesBackBeforeReading, .fullOneTooLate])
  func flawsOfASingleRingAreFound(flaw: Flaw) {
    expectSomething("") { Self.spsc($0, flaw) }
  }

  @Test(arguments: [
    Flaw.publishesBeforeWriting, .givesBackBeforeReading, .sequenceOneTooSmall, .sequenceOneTooLarge,
    .claimsWithoutExchange,
  ])
  func flawsOfASharedRingAreFound(flaw: Flaw) {
    expectSomething("") { _ in Self.spmc(flaw) }
  }

  /// Two threads of two operations each have 4! / (2! · 2!) = 6 orders; with one preemption the two that need two are
  /// missing.
  @Test func treesAreComplete() {
    for (preemptions, expected) in [(0, 2), (1, 4), (2, 6), (9, 6)] {
      var orders: Set<String> = []
      let outcome = Explorer.explore(.init(preemptions: preemptions)) { _ in
        let word = Box(ModelWord(0))
        var order = ""
        let operate = { (name: String) in
          for _ in 0..<2 {
            word.value.storeRelaxed(0)
            order += name
          }
        }
        return Explorer.Scenario(
          threads: [{ operate("a") }, { operate("b") }],
          verdict: {
            orders.insert(order)
            return nil
          })
      }
      #expect(outcome.isComplete && orders.count == expected)
    }
  }

  /// Both threads write, then read what the other one writes. Both read the old value only when stores can be held
  /// back.
  @Test func storeBuffersAreModelled() {
    for (held, fenced, expected) in [(0, false, false), (1, false, true), (2, true, false)] {
      var bothReadZero = false
      let outcome = Explorer.explore(.init(heldStores: held)) { _ in
        let words = [Box(ModelWord(0)), Box(ModelWord(0))]
        var read: [UInt64] = [9, 9]
        let operate = { (index: Int) in
          words[index].value.storeReleasing(1)
          if fenced { ModelWord.fence() }
          read[index] = words[1 - index].value.loadAcquiring()
        }
        return Explorer.Scenario(
          threads: [{ operate(0) }, { operate(1) }],
          verdict: {
            if read == [0, 0] { bothReadZero = true }
            return nil
          })
      }
      #expect(outcome.isComplete && bothReadZero == expected)
    }
  }

  private static func spsc(_ explorer: Explorer, _ flaw: Flaw) -> Explorer.Scenario {
    let ring = FlawedSPSC(flaw, capacity: 2)
    var received: [UInt64] = []
    return Explorer.Scenario(
      threads: [
        { for element in UInt64(1)...4 { _ = explorer.until { ring.push(element) ? true : nil } } },
        { for _ in 0..<4 { if let element = explorer.until({ ring.pop() }) { received.append(element) } } },
      ],
      verdict: { received == [1, 2, 3, 4] ? nil : "received \(received)" })
  }

  private static func spmc(_ flaw: Flaw) -> Explorer.Scenario {
    let ring = FlawedSPMC(flaw, capacity: 2)
    for _ in 0..<2 where flaw == .none || flaw == .claimsWithoutExchange {
      _ = ring.push(9)
      _ = ring.pop()
    }
    var accepted: [UInt64] = []
    var taken: [UInt64] = []
    let take = { for _ in 0..<2 { if let element = ring.pop() { taken.append(element) } } }
    return Explorer.Scenario(
      threads: [{ for element in UInt64(1)...3 where ring.push(element) { accepted.append(element) } }, take, take],
      verdict: {
        for _ in 0..<8 { if let element = ring.pop() { taken.append(element) } }
        // In the end the ring is empty, so it has room for two.
        for element in UInt64(4)...5 { if !ring.push(element) { return "full though empty" } }
        return taken.sorted() == accepted ? nil : "accepted \(accepted), taken \(taken)"
      })
  }
}
