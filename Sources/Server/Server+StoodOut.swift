// Server+StoodOut.swift — a command took long, or was large: who wants to know.
import Commands
import Configuration
import Ring

extension Server {
  /// A command passed one of the thresholds in `statistics`; which, is looked at here, off the fast path.
  mutating func stoodOut(_ index: Int, ticks: UInt64, replied: UInt64, _ client: UnsafeMutablePointer<Client>) {
    let microseconds = Clock.microseconds(ticks: ticks)
    let wallSeconds = execution.pointee.nowMicroseconds / 1_000_000
    let flags = table.commands[index].flags
    let words = execution.pointee.arguments
    let details = client.pointee.details.pointee
    let limits = configuration.settings.observation
    if let limit = UInt64(exactly: limits.slowlogMicroseconds), microseconds >= limit {
      slowLog.add(words, amount: microseconds, client: details, flags: flags, wallSeconds: wallSeconds)
    }
    if client.pointee.requestBytes >= statistics.largeRequestBytes {
      let bytes = UInt64(client.pointee.requestBytes)
      largeRequests.add(words, amount: bytes, client: details, flags: flags, wallSeconds: wallSeconds)
    }
    if replied >= statistics.largeReplyBytes {
      largeReplies.add(words, amount: replied, client: details, flags: flags, wallSeconds: wallSeconds)
    }
    let milliseconds = microseconds / 1_000
    if limits.latencyThresholdMilliseconds > 0, milliseconds >= UInt64(limits.latencyThresholdMilliseconds) {
      let event = flags.contains(.fast) ? "fast-command" : "command"
      latency.add(event, milliseconds: milliseconds, wallSeconds: wallSeconds)
    }
  }
}
