// Schedule.swift: when each request of an open loop is due.
//
// Request k is due at start + k / rate and belongs to connection k mod clients, whatever the server
// does. A server that stalls does not stop the clock: the requests that fell due meanwhile go out
// late, and their latency counts from when they were due. A closed loop would have left them out
// ("coordinated omission").

struct Schedule {
  let start: UInt64
  private let interval: Double
  let clients: UInt64
  /// The next request that nobody has looked at.
  private(set) var next: UInt64 = 0

  /// `rate`: requests per second of all `clients` together.
  init(start: UInt64, rate: Double, clients: Int) {
    self.start = start
    interval = 1e9 / rate
    self.clients = UInt64(clients)
  }

  @inline(__always) func due(_ request: UInt64) -> UInt64 { start + UInt64(Double(request) * interval) }

  /// When the `issued`-th request of a connection is due.
  @inline(__always) func due(connection: Int, issued: UInt64) -> UInt64 {
    due(issued * clients + UInt64(connection))
  }

  var nextDue: UInt64 { due(next) }

  /// The connection of the next request, which is then behind us.
  mutating func advance() -> Int {
    defer { next += 1 }
    return Int(next % clients)
  }
}
