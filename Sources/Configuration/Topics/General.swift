// General.swift — the process: its log, its place, its threads, how it starts and stops.

/// Logging, supervision, threads, shutdown. Each field is described by its line in the table below.
package struct GeneralSettings: Sendable, Equatable {
  package var daemonize = false
  package var supervised = Supervision.no
  package var pidFile = ""
  /// Working directory, where the data files are.
  package var directory = ""
  package var databases = 0
  package var logLevel = LogLevel.notice
  package var logFile = ""
  package var logFormat = LogFormat.legacy
  package var logTimestamps = LogTimestamps.legacy
  package var hidesUserDataInLog = false
  package var syslogEnabled = false
  package var syslogIdentity = ""
  package var syslogFacility = SyslogFacility.local0
  package var showsLogo = false
  package var setsProcessTitle = true
  package var processTitleTemplate = ""
  package var crashLogEnabled = true
  package var crashMemoryCheckEnabled = true
  package var shutdownTimeoutSeconds = 0
  package var shutdownOnSIGINT: Set<ShutdownOption> = []
  package var shutdownOnSIGTERM: Set<ShutdownOption> = []
  package var timerFrequency = 0
  package var timerFrequencyAdapts = true
  package var localeCollate = ""
  package var availabilityZone = ""
  package var extendedRedisCompatibility = false
}

/// Who watches over the process.
package enum Supervision: String, CaseIterable, Sendable { case upstart, systemd, auto, no }
/// The least important line that is still written.
package enum LogLevel: String, CaseIterable, Sendable { case debug, verbose, notice, warning, nothing }
/// The shape of a log line.
package enum LogFormat: String, CaseIterable, Sendable { case legacy, logfmt, json }
/// How a log line tells the time.
package enum LogTimestamps: String, CaseIterable, Sendable { case legacy, iso8601, milliseconds }
/// The syslog facility.
package enum SyslogFacility: String, CaseIterable, Sendable {
  case user, local0, local1, local2, local3, local4, local5, local6, local7
}

/// What a signal asks of the shutdown; an empty set is the default behaviour.
package enum ShutdownOption: String, CaseIterable, Sendable {
  case save, nosave, now, force, safe, failover

  static func parse(_ words: [String]) throws(Refusal) -> Set<ShutdownOption> {
    var options: Set<ShutdownOption> = []
    let known = ["default"] + allCases.map(\.rawValue)
    guard !words.isEmpty else { throw Values.notOne(of: known) }
    for word in words.map({ $0.lowercased() }) where word != "default" {
      guard let option = ShutdownOption(rawValue: word) else { throw Values.notOne(of: known) }
      options.insert(option)
    }
    guard !options.isSuperset(of: [.save, .nosave]) else {
      throw Refusal("shutdown options SAVE and NOSAVE can't be used simultaneously")
    }
    return options
  }

  static func text(_ options: Set<ShutdownOption>) -> String {
    guard !options.isEmpty else { return "default" }
    return allCases.filter(options.contains).map(\.rawValue).joined(separator: " ")
  }
}

extension Directive {
  static let general: [Directive] = [
    .flag(
      "daemonize", \.general.daemonize, default: false, changes: .atStart,
      "Detaches from the terminal and runs in the background."),
    .choice(
      "supervised", \.general.supervised, default: .no, changes: .atStart,
      "Tells systemd (or upstart) when the server is ready; 'auto' looks at the environment."),
    .text(
      "pidfile", \.general.pidFile, changes: .atStart, accepts: "path",
      "File for the process number, removed at a clean exit; a daemon without one uses /var/run/redis.pid."),
    .text(
      "dir", \.general.directory, default: ".", changes: .protected, accepts: "path",
      check: { text throws(Refusal) in
        guard !text.isEmpty, !text.utf8.contains(0) else { throw Refusal("No such file or directory") }
      },
      "Working directory: data files, logs and relative paths are found from there."),
    .integer(
      "databases", \.general.databases, .positive32, default: 16, changes: .atStart,
      "Databases, numbered from 0, among which SELECT chooses."),
    .choice(
      "loglevel", \.general.logLevel, default: .notice,
      "The least important messages that are still logged."),
    .text(
      "logfile", \.general.logFile, changes: .atStart, accepts: "path",
      "File to log to; empty is the standard output, or nowhere for a daemon."),
    .choice("log-format", \.general.logFormat, default: .legacy, "Shape of a log line.").later(.system),
    .choice("log-timestamp-format", \.general.logTimestamps, default: .legacy, "How a log line tells the time.")
      .later(.system),
    .flag(
      "hide-user-data-from-log", \.general.hidesUserDataInLog, default: true,
      "Keeps keys, values and client names out of the log and of crash reports."
    ),
    .flag("syslog-enabled", \.general.syslogEnabled, default: false, changes: .atStart, "Logs to syslog as well.")
      .later(.system),
    .text("syslog-ident", \.general.syslogIdentity, default: "redis", changes: .atStart, "Name used in syslog.")
      .later(.system),
    .choice(
      "syslog-facility", \.general.syslogFacility, default: .local0, changes: .atStart, "Facility used in syslog."
    ).later(.system),
    .flag(
      "always-show-logo", \.general.showsLogo, default: false, changes: .atStart,
      "A drawing in the log at start; there is none here."
    ).accepted(),
    .flag(
      "set-proc-title", \.general.setsProcessTitle, default: true, changes: .atStart,
      "Shows address and mode in the list of processes."
    ).later(.system),
    .text(
      "proc-title-template", \.general.processTitleTemplate, default: "{title} {listen-addr} {server-mode}",
      accepts: "text with {title}, {listen-addr}, {server-mode}, {port}, {tls-port}, {unixsocket}, {config-file}",
      check: { text throws(Refusal) in try ProcessTitle.check(text) },
      "What the list of processes shows."
    ).later(.system),
    .flag(
      "crash-log-enabled", \.general.crashLogEnabled, default: true,
      "Writes a report to the log when the server crashes."
    ).later(.system),
    .flag(
      "crash-memcheck-enabled", \.general.crashMemoryCheckEnabled, default: true,
      "A memory test after a crash; there is none here."
    ).accepted(),
    .integer(
      "shutdown-timeout", \.general.shutdownTimeoutSeconds, .nonNegative32, default: 10,
      "Seconds that a shutdown waits for replicas to catch up."
    ).later(.replication),
    .shutdown("shutdown-on-sigint", \.general.shutdownOnSIGINT, "Options of the shutdown that SIGINT starts."),
    .shutdown("shutdown-on-sigterm", \.general.shutdownOnSIGTERM, "Options of the shutdown that SIGTERM starts."),
    .integer(
      "hz", \.general.timerFrequency, .nonNegative32, default: 10, clamp: 1...500,
      "Rounds a second of background work; work that is due is done on time whatever this says."
    ).accepted(),
    .flag(
      "dynamic-hz", \.general.timerFrequencyAdapts, default: true, "More rounds with more clients."
    ).accepted(),
    .text(
      "locale-collate", \.general.localeCollate, accepts: "locale name",
      "Locale for SORT ALPHA; only the bytewise order is there so far."
    ).accepted(),
    .text(
      "availability-zone", \.general.availabilityZone,
      "Name of the zone that the server runs in, told in INFO and HELLO."
    ),
    .flag(
      "extended-redis-compatibility", \.general.extendedRedisCompatibility, default: false,
      "Answers as Redis where Valkey would name itself; clients already see the names they test for."
    ).accepted(),
  ]

  private static func shutdown(_ name: String, _ field: Field<Set<ShutdownOption>>, _ summary: String) -> Directive {
    list(
      name, accepts: "default, or some of: save, nosave, now, force, safe, failover",
      reset: { $0[keyPath: field] = [] },
      store: { settings, words throws(Refusal) in settings[keyPath: field] = try ShutdownOption.parse(words) },
      show: { ShutdownOption.text($0[keyPath: field]) }, summary)
  }
}

/// The template of the process title.
package enum ProcessTitle {
  static let variables = ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"]

  static func check(_ template: String) throws(Refusal) {
    var rest = template[...]
    var isValid = template.contains { $0 != " " }
    while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      let name = rest[rest.index(after: open)...].prefix { $0 != "}" }
      guard rest[open] == "{", name.endIndex < rest.endIndex, variables.contains(String(name)) else {
        isValid = false
        break
      }
      rest = rest[rest.index(after: name.endIndex)...]
    }
    guard isValid else { throw Refusal("template format is invalid or contains unknown variables") }
  }
}
