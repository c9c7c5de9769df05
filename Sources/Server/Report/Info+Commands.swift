// Info+Commands.swift — INFO commandstats, errorstats and latencystats: a line for each command or error.
import Commands
import Configuration
import Ring

extension InfoReport {
  mutating func writeCommandStatistics() {
    out.section("Commandstats")
    for (name, statistics) in usedCommands {
      let calls = statistics.pointee.calls
      let microseconds = Clock.microseconds(ticks: statistics.pointee.ticks)
      let each = calls == 0 ? 0 : Double(microseconds) / Double(calls)
      out.field(
        "cmdstat_\(name)",
        """
        calls=\(calls),usec=\(microseconds),usec_per_call=\(Fixed.text(each, digits: 2)),\
        rejected_calls=\(statistics.pointee.rejections),failed_calls=\(statistics.pointee.failures)
        """)
    }
  }

  mutating func writeErrorStatistics() {
    out.section("Errorstats")
    for (name, count) in server.pointee.errors.counts { out.field("errorstat_\(name)", "count=\(count)") }
  }

  mutating func writeLatencyStatistics() {
    let settings = server.pointee.configuration.settings.observation
    out.section("Latencystats")
    guard settings.latencyTracking else { return }
    for (name, statistics) in usedCommands where statistics.pointee.latency.count > 0 {
      let values = settings.latencyPercentiles.map { percentile in
        let ticks = statistics.pointee.latency.percentile(percentile / 100)
        let microseconds = Double(ticks) / Clock.ticksPerMicrosecond
        return "p\(Self.label(percentile))=\(Fixed.text(microseconds, digits: 3))"
      }
      out.field("latency_percentiles_usec_\(name)", values.joined(separator: ","))
    }
  }

  /// 50, 99.9: without zeros at the end.
  private static func label(_ percentile: Double) -> String {
    var text = Fixed.text(percentile, digits: 6)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  private var usedCommands: [(name: String, statistics: UnsafeMutablePointer<CommandStatistics>)] {
    let table = server.pointee.table
    let all = server.pointee.commandStatistics
    return (0..<table.count).filter { all[$0].calls > 0 || all[$0].rejections > 0 || all[$0].failures > 0 }
      .map { (table.facts[$0].fullName, all + $0) }
  }
}
