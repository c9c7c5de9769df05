import Bytes
import Commands
import Store
import Testing

@testable import Server

/// Who watches a key is found whoever else has come and gone, nobody is found twice, and when nobody watches nothing is
/// left: the answers are those of a set of pairs.
@Suite struct WatchedKeysTests {
  private struct Model {
    var clients: [UInt32: Set<Int>] = [:]
    func watchers(of key: Int) -> Set<UInt32> { Set(clients.filter { $0.value.contains(key) }.keys) }
  }

  private func place(_ key: Int) -> Effects.KeyPlace { .init(hash: KeyHash(bits: UInt64(key / 2)), database: key % 2) }

  private func found(_ watched: WatchedKeys, _ key: Int) -> [UInt32] {
    var next = watched.first(at: place(key))
    var clients: [UInt32] = []
    var previous = WatchedKeys.none
    while next != WatchedKeys.none {
      let watch = watched.watches[Int(next)]
      #expect(watch.previousOfKey == previous)
      #expect(watched.key(watch.key).place == place(key))
      clients.append(watch.client)
      previous = next
      next = watch.nextOfKey
    }
    return clients
  }

  @Test(arguments: UInt64(1)...40) func answersAsASetOfPairsDoes(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var watched = WatchedKeys()
    var first = [Int32](repeating: WatchedKeys.none, count: 9)
    var model = Model()
    for _ in 0..<800 {
      let client = UInt32(below(9))
      let key = below(12)
      switch below(8) {
      case 0:
        watched.removeAll(first: &first[Int(client)])
        model.clients[client] = nil
        #expect(first[Int(client)] == WatchedKeys.none)
      case 1:
        // A change: all who watch the key watch nothing any more, each found through the one before.
        var next = watched.first(at: place(key))
        while next != WatchedKeys.none {
          let watch = watched.watches[Int(next)]
          next = watch.nextOfKey
          watched.removeAll(first: &first[Int(watch.client)])
          model.clients[watch.client] = nil
        }
      default:
        let isNew = withWords("key\(key)") {
          watched.add(place(key), $0[0], seen: .absent, client: client, first: &first[Int(client)])
        }
        #expect(isNew == model.clients[client, default: []].insert(key).inserted)
      }
      let asked = below(12)
      let clients = found(watched, asked)
      #expect(Set(clients) == model.watchers(of: asked) && Set(clients).count == clients.count)
      #expect(watched.clientCount == model.clients.count)
      #expect(watched.keyCount == Set(model.clients.values.joined()).count)
      #expect(Set(watched.places(in: 1)) == Set(model.clients.values.joined().filter { $0 % 2 == 1 }.map(place)))
    }
    for client in first.indices { watched.removeAll(first: &first[client]) }
    #expect(watched.isEmpty && watched.clientCount == 0)
  }

  /// What a watch has seen stays with it, and names are kept.
  @Test func remembersWhatWasSeen() {
    var watched = WatchedKeys()
    var first = WatchedKeys.none
    let isNew = withWords("name") { watched.add(place(4), $0[0], seen: .expired, client: 3, first: &first) }
    #expect(isNew && watched.watches[Int(first)].seen == .expired)
    watched.setSeen(first, .absent)
    #expect(watched.watches[Int(first)].seen == .absent)
    #expect(watched.key(watched.watches[Int(first)].key).name == Array("name".utf8))
  }
}
