import Channels
import Testing

/// Never more in flight than the limit, all or nothing, and what is given back was taken.
@Suite struct CreditsTests {
  @Test func allOrNothing() {
    var credits = Credits(limit: 4)
    let first = credits.spend(3)
    let second = credits.spend(2)
    let third = credits.spend()
    #expect(first && !second && third)
    #expect(credits.available == 0 && credits.inFlight == 4)
    credits.earn(4)
    #expect(credits.available == 4)
  }

  @Test func giveBackWhatWasNeverTaken() async {
    await #expect(processExitsWith: .failure) {
      var credits = Credits(limit: 4)
      _ = credits.spend(2)
      credits.earn(3)
    }
  }

  /// What the outbox relies on: whoever sends without a credit stops the process before a message is lost.
  @Test func anOutboxThatOverflowsStopsTheProcess() async {
    await #expect(processExitsWith: .failure) {
      var outbox = SharedOutbox<UInt64>(lanesMax: 1)
      var producer = outbox.addLane(credits: 1)
      for element in UInt64(0)..<3 { producer.push(element) }
    }
  }
}
