// LatencyText.swift — LATENCY GRAPH and LATENCY DOCTOR: samples for the eyes.

/// A bar for each sample, the newest at the right; below it how long ago it was, read downwards.
///
///     command - high 500 ms, low 100 ms (all time high 500 ms)
///     ------------------------------------------------------------------------
///        #
///      _o|
///     o|||
///
///     3210
///     ssss
enum LatencyGraph {
  private static let rows = 4
  private static let columnsMax = 80

  static func text(_ event: LatencyMonitor.Event, wallSeconds: Int64) -> String {
    let samples = event.samples.suffix(columnsMax)
    let high = samples.map(\.milliseconds).max() ?? 0
    let low = samples.map(\.milliseconds).min() ?? 0
    var text = "\(event.name) - high \(high) ms, low \(low) ms (all time high \(event.maxMilliseconds) ms)\n"
    text += String(repeating: "-", count: columnsMax) + "\n"
    for row in (0..<rows).reversed() {
      text += samples.map { String(mark($0.milliseconds, low, high, row)) }.joined() + "\n"
    }
    let labels = samples.map { Array(age(wallSeconds - $0.wallSeconds)) }
    let height = labels.map(\.count).max() ?? 0
    text += "\n"
    for line in 0..<height {
      text += labels.map { line < $0.count ? String($0[line]) : " " }.joined() + "\n"
    }
    return text
  }

  /// What stands in a row of a sample's column: nothing, the body of the bar or its tip, in three heights.
  private static func mark(_ value: UInt64, _ low: UInt64, _ high: UInt64, _ row: Int) -> Character {
    let steps = rows * 3
    let level = high == low ? 0 : Int(Double(value - low) / Double(high - low) * Double(steps - 1))
    if level / 3 > row { return "|" }
    guard level / 3 == row else { return " " }
    return ["_", "o", "#"][level % 3]
  }

  /// "5s", "3m", "2h", "1d".
  private static func age(_ seconds: Int64) -> String {
    switch seconds {
    case ..<60: "\(max(0, seconds))s"
    case ..<3_600: "\(seconds / 60)m"
    case ..<86_400: "\(seconds / 3_600)h"
    default: "\(seconds / 86_400)d"
    }
  }
}

/// Sentences about the events, and advice for those that have a known cause.
enum LatencyDoctor {
  static func report(_ events: [LatencyMonitor.Event], thresholdMilliseconds: Int) -> String {
    guard thresholdMilliseconds > 0 else {
      return """
        Nothing is watched: latency-monitor-threshold is 0. Set it with \
        "CONFIG SET latency-monitor-threshold <milliseconds>" and ask again when something was slow.\n
        """
    }
    guard !events.isEmpty else {
      return "Since the last reset nothing took \(thresholdMilliseconds) milliseconds or more.\n"
    }
    var text = "What took \(thresholdMilliseconds) milliseconds or more:\n\n"
    for (number, event) in events.enumerated() { text += "\(number + 1). \(sentence(event))\n" }
    let names = Set(events.map(\.name))
    text += "\nWhat may help:\n\n"
    if !names.isDisjoint(with: ["command", "fast-command"]) {
      text += """
        - SLOWLOG GET shows the commands. Those whose work grows with the data (KEYS, large ranges, large deletes) \
        are better asked in parts: SCAN, ranges, UNLINK.
        - If commands are slow that never are, the machine may be short of processor time or memory: look at the \
        load, at swapping and at neighbours on the same host.\n
        """
    }
    if names.contains("expire-cycle") {
      text += """
        - Many keys expire in the same moment. Spread their expiry, or lower active-expire-effort.\n
        """
    }
    return text
  }

  private static func sentence(_ event: LatencyMonitor.Event) -> String {
    let samples = event.samples
    let sum = samples.reduce(0) { $0 + Double($1.milliseconds) }
    let average = samples.isEmpty ? 0 : sum / Double(samples.count)
    var text = "\(event.name): \(samples.count) spikes (average \(Int(average.rounded()))ms"
    if let first = samples.first, let last = samples.last, samples.count > 1 {
      text += ", every \((last.wallSeconds - first.wallSeconds) / Int64(samples.count - 1))s"
    }
    return text + "). Worst: \(event.maxMilliseconds)ms."
  }
}
