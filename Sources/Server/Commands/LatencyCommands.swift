// LatencyCommands.swift — LATENCY: what took long, and how long commands take.
import Bytes
import Commands
import Ring
import Wire

enum LatencyCommands {
  private static let tips = [Tip.nondeterministic, Tip.allNodes, Tip.special]

  private static func facts(
    _ name: String, arity: Int, since: String = "2.8.13", tips: [String] = tips, _ summary: String,
    complexity: String = "O(1)", arguments: String = ""
  ) -> CommandFacts {
    CommandFacts(
      name, arity: arity, .administration, tips: tips, group: .server, since: since, summary, complexity: complexity,
      arguments: arguments)
  }

  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "latency", arity: -2, [], group: .server, since: "2.8.13", "Everything about what takes long.",
        complexity: "Depends on subcommand."),
      subcommands: [
        CommandDefinition(
          facts("latest", arity: 2, "Shows the newest sample of every event."), run: latest),
        CommandDefinition(
          facts("history", arity: 3, "Shows the samples of an event.", arguments: "event"), run: history),
        CommandDefinition(
          facts("graph", arity: 3, "Draws the samples of an event.", arguments: "event"), run: graph),
        CommandDefinition(facts("doctor", arity: 2, "Explains in words what took long."), run: doctor),
        CommandDefinition(
          facts(
            "reset", arity: -2, tips: [Tip.allNodes, Tip.sum], "Forgets the samples of some events or of all.",
            arguments: "[event...]"),
          run: reset),
        CommandDefinition(
          facts(
            "histogram", arity: -2, since: "7.0.0", "Shows how the durations of commands are distributed.",
            complexity: "O(N) in the number of commands shown", arguments: "[command...]"),
          run: histogram),
        help,
      ]
    ) { $0.reply.error("ERR syntax error") }
  }

  // MARK: events

  private static func latest(_ execution: inout Execution) {
    let events = execution.server.pointee.latency.events
    let reply = execution.reply
    reply.array(events.count)
    for event in events {
      reply.array(4)
      reply.bulk(text: event.name)
      reply.integer(event.samples.last?.wallSeconds ?? 0)
      reply.integer(Int64(clamping: event.samples.last?.milliseconds ?? 0))
      reply.integer(Int64(clamping: event.maxMilliseconds))
    }
  }

  private static func history(_ execution: inout Execution) {
    let samples = execution.server.pointee.latency.event(execution.arguments[2].text)?.samples ?? []
    let reply = execution.reply
    reply.array(samples.count)
    for sample in samples {
      reply.array(2)
      reply.integer(sample.wallSeconds)
      reply.integer(Int64(clamping: sample.milliseconds))
    }
  }

  private static func reset(_ execution: inout Execution) {
    var names: [String]?
    if execution.arguments.count > 2 {
      names = (2..<execution.arguments.count).map { execution.arguments[$0].text }
    }
    execution.reply.integer(execution.server.pointee.latency.reset(names))
  }

  private static func graph(_ execution: inout Execution) {
    guard let event = execution.server.pointee.latency.event(execution.arguments[2].text) else {
      return execution.reply.error("ERR No samples available for event '", execution.arguments[2].prefix(128), "'")
    }
    let text = LatencyGraph.text(event, wallSeconds: execution.nowMicroseconds / 1_000_000)
    execution.reply.verbatim("txt", text: text)
  }

  private static func doctor(_ execution: inout Execution) {
    let server = execution.server
    let threshold = server.pointee.configuration.settings.observation.latencyThresholdMilliseconds
    let events = server.pointee.latency.events
    execution.reply.verbatim("txt", text: LatencyDoctor.report(events, thresholdMilliseconds: threshold))
  }

  // MARK: histogram

  private static func histogram(_ execution: inout Execution) {
    let table = execution.table
    let statistics = execution.server.pointee.commandStatistics
    var wanted: [Int] = []
    if execution.arguments.count == 2 {
      wanted = Array(0..<table.count)
    } else {
      for i in 2..<execution.arguments.count { wanted += indices(execution.arguments[i].text.lowercased(), table) }
    }
    wanted = wanted.filter { statistics[$0].latency.count > 0 }
    let reply = execution.reply
    reply.map(wanted.count)
    for index in wanted { write(statistics[index], named: table.facts[index].fullName, to: reply) }
  }

  /// The command with this name; for a container all its subcommands.
  private static func indices(_ name: String, _ table: CommandTable) -> [Int] {
    guard let index = (0..<table.count).first(where: { table.facts[$0].fullName == name }) else { return [] }
    return [index] + table.subcommands(of: index)
  }

  /// Cumulated counts at powers of two of 1.024 µs, as far as they grow.
  private static func write(_ statistics: CommandStatistics, named name: String, to reply: Reply) {
    var steps: [(microseconds: Int64, count: UInt64)] = []
    let latency = statistics.latency
    var counted: UInt64 = 0
    var bound: UInt64 = 1_024
    while counted < latency.count && bound < 1 << 40 {
      let below = latency.count(upTo: Clock.ticks(microseconds: bound) / 1_000)
      if below > counted { steps.append((Int64((bound + bound >> 7) / 1_000), below)) }
      counted = below
      bound *= 2
    }
    reply.bulk(text: name)
    reply.map(2)
    reply.bulk("calls")
    reply.integer(Int64(clamping: latency.count))
    reply.bulk("histogram_usec")
    reply.map(steps.count)
    for step in steps {
      reply.integer(step.microseconds)
      reply.integer(Int64(clamping: step.count))
    }
  }

  private static var help: CommandDefinition {
    .help(
      of: "LATENCY", group: .server, since: "2.8.13",
      [
        "DOCTOR",
        "    Says in words what took long, and what to do about it.",
        "GRAPH <event>",
        "    Draws the samples of an event.",
        "HISTORY <event>",
        "    Times and durations of an event.",
        "LATEST",
        "    The newest and the longest duration of every event.",
        "RESET [<event> ...]",
        "    Forgets these events, or all.",
        "HISTOGRAM [<command> ...]",
        "    How the durations of these commands, or of all, are distributed.",
      ])
  }
}
