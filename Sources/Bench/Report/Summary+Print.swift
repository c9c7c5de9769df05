// Summary+Print.swift: for people, for programs, and for HdrHistogram's plotter.

extension Summary {
  private static let percentiles: [(name: String, key: String, percent: Double)] = [
    ("p50", "p50", 50), ("p90", "p90", 90), ("p99", "p99", 99), ("p99.9", "p99_9", 99.9), ("p99.99", "p99_99", 99.99),
  ]

  var human: String {
    var lines = ["\(load), on \(engine)"]
    lines.append(
      "\(replies) requests in \(seconds.text(2)) s: \(requestsPerSecond.text(0)) requests/s, "
        + "\((Double(bytesReceived) / 1e6 / max(seconds, 1e-9)).text(1)) MB/s in")
    let columns = Summary.percentiles.map { ($0.name, latency.percentile($0.percent)) } + [("max", latency.largest)]
    lines.append("latency us " + columns.map { $0.0.padded(10) }.joined())
    lines.append("           " + columns.map { (Double($0.1) / 1000).text(1).padded(10) }.joined())
    lines.append(
      "load       \(ownMicrosecondsPerRequest.text(2)) us of processor per request, "
        + "core \((ownBusy * 100).text(0)) % busy, \(entersPerRequest.text(3)) system calls per request")
    if let server = serverMicrosecondsPerRequest, let busy = serverBusy {
      lines.append("server     \(server.text(2)) us of processor per request, core \((busy * 100).text(0)) % busy")
    }
    if options.rate != nil {
      lines.append(
        "lateness   p99 \((Double(lateness.percentile(99)) / 1000).text(1)) us, max "
          + "\((Double(lateness.largest) / 1000).text(1)) us: how late the load itself was, contained in the latency")
    }
    if misses > 0 { lines.append("nulls      \(misses)") }
    if errors > 0 { lines.append("errors     \(errors), the first: \(firstError ?? "")") }
    return lines.joined(separator: "\n")
  }

  var json: String {
    let latencies =
      [("min", latency.total == 0 ? 0 : latency.smallest)].map { ($0.0, Double($0.1)) } + [("mean", latency.mean)]
      + Summary.percentiles.map { ($0.key, Double(latency.percentile($0.percent))) }
      + [("max", Double(latency.largest))]
    var fields = [
      ("load", load.json), ("engine", engine.json), ("clients", "\(options.clients)"),
      ("pipeline", "\(options.depth)"), ("threads", "\(options.threads)"),
      ("rate", options.rate.map { $0.text(3) } ?? "null"), ("value_bytes", "\(options.valueBytes)"),
      ("keys", "\(options.keys)"), ("seed", "\(options.seed)"), ("seconds", seconds.text(6)),
      ("requests", "\(replies)"), ("requests_per_second", requestsPerSecond.text(1)),
      ("errors", "\(errors)"), ("first_error", firstError.map(\.json) ?? "null"), ("nulls", "\(misses)"),
      ("bytes_sent", "\(bytesSent)"), ("bytes_received", "\(bytesReceived)"),
      ("latency_us", object(latencies.map { ($0.0, ($0.1 / 1000).text(3)) })),
      ("client", processor(ownMicrosecondsPerRequest, ownBusy, [("enters_per_request", entersPerRequest.text(4))])),
    ]
    if let server = serverMicrosecondsPerRequest, let busy = serverBusy {
      fields.append(("server", processor(server, busy, [])))
    } else {
      fields.append(("server", "null"))
    }
    let late = [("p50", 50.0), ("p99", 99.0), ("max", 100.0)]
    let lateFields = late.map { ($0.0, (Double(lateness.percentile($0.1)) / 1000).text(3)) }
    fields.append(("lateness_us", options.rate == nil ? "null" : object(lateFields)))
    return object(fields)
  }

  private func processor(_ microseconds: Double, _ busy: Double, _ more: [(String, String)]) -> String {
    object([("cpu_us_per_request", microseconds.text(4)), ("busy", busy.text(4))] + more)
  }

  private func object(_ fields: [(String, String)]) -> String {
    "{" + fields.map { "\($0.0.json): \($0.1)" }.joined(separator: ", ") + "}"
  }

  /// The percentile distribution, in milliseconds, as HdrHistogram prints it.
  var histogram: String {
    var lines = ["       Value     Percentile TotalCount 1/(1-Percentile)", ""]
    let total = Double(max(1, latency.total))
    for (nanoseconds, count) in latency.cumulative {
      let share = Double(count) / total
      let inverse = count == latency.total ? "inf" : (1 / (1 - share)).text(2)
      lines.append(
        (Double(nanoseconds) / 1e6).text(6).padded(12) + " " + share.text(12) + " "
          + "\(count)".padded(10) + " " + inverse.padded(14))
    }
    lines.append("#[Mean    = \((latency.mean / 1e6).text(6).padded(12))]")
    lines.append("#[Max     = \((Double(latency.largest) / 1e6).text(6).padded(12)), Total count = \(latency.total)]")
    return lines.joined(separator: "\n")
  }
}
