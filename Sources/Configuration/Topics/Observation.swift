// Observation.swift — what the server remembers about slow commands, latency and changes of keys.

/// Slow log, latency, keyspace events. Each field is described by its line in the table below.
package struct ObservationSettings: Sendable, Equatable {
  /// -1 logs nothing, 0 everything.
  package var slowlogMicroseconds = 0
  package var slowlogEntriesMax = 0
  package var largeRequestBytes = 0
  package var largeRequestEntriesMax = 0
  package var largeReplyBytes = 0
  package var largeReplyEntriesMax = 0
  package var latencyThresholdMilliseconds = 0
  package var latencyTracking = true
  package var latencyPercentiles: [Double] = []
  package var keyspaceEvents: NotifiedEvents = []
  package var watchdogMilliseconds = 0
}

/// Classes of keyspace events, and where they are told.
package struct NotifiedEvents: OptionSet, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let generic = NotifiedEvents(rawValue: 1 << 0)
  package static let string = NotifiedEvents(rawValue: 1 << 1)
  package static let list = NotifiedEvents(rawValue: 1 << 2)
  package static let set = NotifiedEvents(rawValue: 1 << 3)
  package static let hash = NotifiedEvents(rawValue: 1 << 4)
  package static let sortedSet = NotifiedEvents(rawValue: 1 << 5)
  package static let expired = NotifiedEvents(rawValue: 1 << 6)
  package static let evicted = NotifiedEvents(rawValue: 1 << 7)
  package static let stream = NotifiedEvents(rawValue: 1 << 8)
  package static let module = NotifiedEvents(rawValue: 1 << 9)
  /// Told on `__keyspace@<db>__` channels.
  package static let keyspaceChannels = NotifiedEvents(rawValue: 1 << 10)
  /// Told on `__keyevent@<db>__` channels.
  package static let keyeventChannels = NotifiedEvents(rawValue: 1 << 11)
  package static let keyMiss = NotifiedEvents(rawValue: 1 << 12)
  package static let newKey = NotifiedEvents(rawValue: 1 << 13)
  /// What the letter A stands for.
  package static let all: NotifiedEvents = [
    .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream, .module,
  ]

  static let classes: [(letter: Character, events: NotifiedEvents)] = [
    ("g", .generic), ("$", .string), ("l", .list), ("s", .set), ("h", .hash), ("z", .sortedSet), ("x", .expired),
    ("e", .evicted), ("t", .stream), ("d", .module),
  ]
  static let rest: [(letter: Character, events: NotifiedEvents)] = [
    ("n", .newKey), ("K", .keyspaceChannels), ("E", .keyeventChannels), ("m", .keyMiss),
  ]

  init(_ letters: String) throws(Refusal) {
    var events: NotifiedEvents = []
    for letter in letters {
      guard letter != "A" else {
        events.formUnion(.all)
        continue
      }
      guard let known = (Self.classes + Self.rest).first(where: { $0.letter == letter }) else {
        throw Refusal("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
      }
      events.formUnion(known.events)
    }
    self = events
  }

  /// The letters in the order in which Redis tells them.
  package var text: String {
    let classes = isSuperset(of: .all) ? "A" : String(Self.classes.filter { contains($0.events) }.map(\.letter))
    return classes + String(Self.rest.filter { contains($0.events) }.map(\.letter))
  }
}

extension Directive {
  static let observation: [Directive] = [
    .integer(
      "slowlog-log-slower-than", \.observation.slowlogMicroseconds, -1...Int.max, default: 10000,
      also: ["commandlog-execution-slower-than"],
      "Microseconds from which a command counts as slow; 0 logs all, -1 none."),
    .integer(
      "slowlog-max-len", \.observation.slowlogEntriesMax, .nonNegative, default: 128,
      also: ["commandlog-slow-execution-max-len"], "Slow commands that are remembered."),
    .integer(
      "commandlog-request-larger-than", \.observation.largeRequestBytes, -1...Int.max, default: 1_048_576,
      "Bytes from which a request counts as large; -1 logs none."),
    .integer(
      "commandlog-large-request-max-len", \.observation.largeRequestEntriesMax, .nonNegative, default: 128,
      "Large requests that are remembered."),
    .integer(
      "commandlog-reply-larger-than", \.observation.largeReplyBytes, -1...Int.max, default: 1_048_576,
      "Bytes from which a reply counts as large; -1 logs none."),
    .integer(
      "commandlog-large-reply-max-len", \.observation.largeReplyEntriesMax, .nonNegative, default: 128,
      "Large replies that are remembered."),
    .integer(
      "latency-monitor-threshold", \.observation.latencyThresholdMilliseconds, .nonNegative, default: 0,
      "Milliseconds from which an event is told by LATENCY; 0 is off."),
    .flag(
      "latency-tracking", \.observation.latencyTracking, default: true,
      "Keeps a histogram of the time that each command takes."),
    .list(
      "latency-tracking-info-percentiles", accepts: "numbers from 0 to 100",
      reset: { $0.observation.latencyPercentiles = [50, 99, 99.9] },
      store: { settings, words throws(Refusal) in
        var percentiles: [Double] = []
        for word in words {
          guard let percentile = Double(word), percentile.isFinite else {
            throw Refusal("Invalid latency-tracking-info-percentiles parameters")
          }
          guard percentile >= 0, percentile <= 100 else {
            throw Refusal("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
          }
          percentiles.append(percentile)
        }
        settings.observation.latencyPercentiles = percentiles
      },
      show: { $0.observation.latencyPercentiles.map(Values.decimal).joined(separator: " ") },
      "Percentiles told in the latency section of INFO."),
    .single(
      "notify-keyspace-events", [], .anytime,
      "Events told to subscribers: K and E choose the channels, the other letters the classes; empty is none.",
      accepts: "letters of Ag$lshzxeKEtmdn", quoted: true,
      reset: { $0.observation.keyspaceEvents = [] },
      store: { settings, text throws(Refusal) in settings.observation.keyspaceEvents = try NotifiedEvents(text) },
      show: { $0.observation.keyspaceEvents.text }),
    .integer(
      "watchdog-period", \.observation.watchdogMilliseconds, .nonNegative32, default: 0,
      "Milliseconds after which a stuck event loop is reported; 0 is off."
    ).hidden().accepted(),
  ]
}
