import Bytes
import Testing

@testable import Server

/// Who listens to a name is found whoever else has come and gone, in the order of coming; nobody is found twice, a
/// client's own list says the same as the names' lists, and when nobody listens nothing is left.
@Suite struct SubscriptionsTests {
  private func listeners(_ subscriptions: Subscriptions, _ name: String) -> [UInt32] {
    var clients: [UInt32] = []
    guard let number = view(name, { subscriptions.find($0) }) else { return [] }
    subscriptions.forEachClient(of: number) { clients.append($0) }
    return clients
  }

  private func view<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
    Array(text.utf8).withUnsafeBytes { body(ByteView($0)) }
  }

  private func names(_ subscriptions: Subscriptions, _ list: Subscriptions.List) -> [String] {
    var names: [String] = []
    var place = list.first
    var previous = Subscriptions.none
    while place != Subscriptions.none {
      #expect(subscriptions.all[Int(place)].previousOfClient == previous)
      names.append(String(decoding: subscriptions.name(of: place), as: UTF8.self))
      previous = place
      place = subscriptions.all[Int(place)].nextOfClient
    }
    #expect(list.last == previous && Int(list.count) == names.count)
    return names
  }

  @Test(arguments: UInt64(1)...40) func answersAsListsOfPairsDo(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var subscriptions = Subscriptions()
    var lists = [Subscriptions.List](repeating: .init(), count: 8)
    var ofName: [String: [UInt32]] = [:]
    var ofClient = [[String]](repeating: [], count: 8)
    for _ in 0..<800 {
      let client = below(8)
      let name = ["", "a", "b", "aa", "a\0", "news", "weather", "x", "y", "z"][below(10)]
      switch below(8) {
      case 0:
        while lists[client].count > 0 { subscriptions.remove(lists[client].first, &lists[client]) }
        for name in ofClient[client] { ofName[name]?.removeAll { $0 == UInt32(client) } }
        ofClient[client] = []
      case 1, 2:
        let was = view(name) { subscriptions.remove($0, client: UInt32(client), &lists[client]) }
        #expect(was == ofClient[client].contains(name))
        ofName[name]?.removeAll { $0 == UInt32(client) }
        ofClient[client].removeAll { $0 == name }
      default:
        let isNew = view(name) { subscriptions.add($0, client: UInt32(client), &lists[client]) }
        #expect(isNew == !ofClient[client].contains(name))
        guard isNew else { continue }
        ofName[name, default: []].append(UInt32(client))
        ofClient[client].append(name)
      }
      ofName = ofName.filter { !$0.value.isEmpty }
      #expect(subscriptions.nameCount == ofName.count)
      #expect(subscriptions.count == ofClient.reduce(0) { $0 + $1.count })
      #expect(listeners(subscriptions, name) == ofName[name] ?? [])
      #expect(names(subscriptions, lists[client]) == ofClient[client])
    }
    var known: [String] = []
    subscriptions.forEachName { known.append(String(decoding: $0.buffer, as: UTF8.self)) }
    #expect(Set(known) == Set(ofName.keys) && known.count == ofName.count)
    for client in 0..<8 { while lists[client].count > 0 { subscriptions.remove(lists[client].first, &lists[client]) } }
    #expect(subscriptions.isEmpty && subscriptions.count == 0)
    #expect(subscriptions.firstName == Subscriptions.none)
  }
}
