// Player.swift — plays the clients of a cast against a server's loop, turn by turn.
//
//   connect ─▶ write in portions ⇄ read, not always ─▶ end, close, reset ─▶ done
//
// Between two turns every client may do a little, by chance: the same seed plays the same.
import Ring
import TestClients

@testable import Server

struct Player {
  enum Progress { case waiting, talking, done }

  /// What has become of one client.
  struct Client {
    let part: Dialogue
    var progress = Progress.waiting
    var number = 0
    var written = 0
    var heard: [UInt8] = []
    var hasEndedWriting = false
    /// It has heard the end of the stream, or a reset.
    var hasHeardEnd = false
    var hasHeardReset = false
  }

  var random: SeededRandom
  var clients: [Client]
  private let sockets: any Clients
  /// How soon the next client comes, in thousandths a turn: all at once, or one after the other.
  private let arrivals: Int

  init(_ cast: [Dialogue], _ sockets: any Clients, seed: UInt64) {
    clients = cast.map { Client(part: $0) }
    self.sockets = sockets
    random = SeededRandom(seed: seed)
    arrivals = [400, 60, 15][random.below(3)]
  }

  var isOver: Bool { clients.allSatisfy { $0.progress == .done } }

  /// One chance for each client to do something.
  mutating func move() {
    for index in clients.indices {
      switch clients[index].progress {
      case .waiting where random.happens(arrivals):
        clients[index].number = sockets.connect()
        clients[index].progress = .talking
      case .talking:
        if random.happens(700) { write(index) }
        if random.happens(700) { read(index) }
        if clients[index].written == clients[index].part.said.count { leave(index) }
      case .waiting, .done: break
      }
    }
  }

  private mutating func write(_ index: Int) {
    let client = clients[index]
    guard client.written < client.part.said.count else { return }
    let count = 1 + random.below(client.part.portion)
    let end = min(client.part.said.count, client.written + count)
    clients[index].written += sockets.write(client.number, client.part.said[client.written..<end])
  }

  private mutating func read(_ index: Int) {
    switch sockets.read(clients[index].number) {
    case .nothing: break
    case .bytes(let bytes): clients[index].heard += bytes
    case .end: finish(index)
    case .reset:
      clients[index].hasHeardReset = true
      finish(index)
    }
  }

  private mutating func finish(_ index: Int) {
    clients[index].hasHeardEnd = true
    sockets.close(clients[index].number)
    clients[index].progress = .done
  }

  /// Everything is said.
  private mutating func leave(_ index: Int) {
    guard clients[index].progress == .talking else { return }
    switch clients[index].part.ending {
    case .halfClose, .killed:
      if !clients[index].hasEndedWriting { sockets.endWriting(clients[index].number) }
      clients[index].hasEndedWriting = true
    case .server: break
    case .close where random.happens(200):
      sockets.close(clients[index].number)
      clients[index].progress = .done
    case .reset where random.happens(200):
      sockets.reset(clients[index].number)
      clients[index].progress = .done
    case .close, .reset: break
    }
  }
}

extension Executor where Engine: ~Copyable {
  /// Turns until the clients are through, or `turnsMax` times. `waits`: turns may sleep until something happens.
  mutating func play(_ player: inout Player, turnsMax: Int, waits: Bool = true, beforeTurn: () -> Void) throws(RingError) {
    for _ in 0..<turnsMax {
      player.move()
      if player.isOver { return }
      beforeTurn()
      if !waits { isBehind = true }
      try turn()
    }
  }
}
