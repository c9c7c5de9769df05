// LatencyMonitor.swift — when something took long, and how long: LATENCY.
//
// Per event the last 160 samples, one for each second in which the event took longer than
// latency-monitor-threshold. The names of events are Redis's, since tools print them.

struct LatencyMonitor {
  struct Sample {
    let wallSeconds: Int64
    var milliseconds: UInt64
  }

  struct Event {
    let name: String
    /// Oldest first.
    var samples: [Sample] = []
    var maxMilliseconds: UInt64 = 0
  }

  static let samplesMax = 160

  /// Those that ever happened, in the order in which they first did.
  private(set) var events: [Event] = []

  mutating func add(_ name: String, milliseconds: UInt64, wallSeconds: Int64) {
    let index = events.firstIndex { $0.name == name } ?? events.count
    if index == events.count { events.append(Event(name: name)) }
    events[index].maxMilliseconds = max(events[index].maxMilliseconds, milliseconds)
    if let last = events[index].samples.last, last.wallSeconds == wallSeconds {
      // Of several within a second the longest stays.
      events[index].samples[events[index].samples.count - 1].milliseconds = max(last.milliseconds, milliseconds)
      return
    }
    if events[index].samples.count == Self.samplesMax { events[index].samples.removeFirst() }
    events[index].samples.append(Sample(wallSeconds: wallSeconds, milliseconds: milliseconds))
  }

  func event(_ name: String) -> Event? { events.first { $0.name == name } }

  /// Forgets the events named, or all if `names` is nil. Returns how many there were.
  mutating func reset(_ names: [String]?) -> Int {
    let before = events.count
    if let names { events.removeAll { names.contains($0.name) } } else { events = [] }
    return before - events.count
  }
}
