// Log.swift — one line per event, in the form that Redis's tools read.
//
//   12345:M 21 Nov 2026 09:41:33.123 * Ready to accept connections
//   pid   role         local time    level
//
// The file is opened for each line, so that it can be rotated by renaming it. Levels are
// checked before a line is put together.
import Configuration
import Ring

struct Log {
  private var level = LogLevel.notice
  /// Empty: standard output.
  private var path = ""
  private var syslogIdentity: String?
  private var syslogFacility: Int32 = 16

  init() {}

  mutating func apply(_ settings: GeneralSettings) {
    level = settings.logLevel
    path = settings.logFile
    syslogIdentity = settings.syslogEnabled ? settings.syslogIdentity : nil
    syslogFacility = settings.syslogFacility.number
  }

  func debug(_ text: @autoclosure () -> String) { write(.debug, text) }
  func verbose(_ text: @autoclosure () -> String) { write(.verbose, text) }
  func notice(_ text: @autoclosure () -> String) { write(.notice, text) }
  func warning(_ text: @autoclosure () -> String) { write(.warning, text) }

  /// Lines without the prefix, such as a banner.
  func raw(_ text: String) { append(text + "\n") }

  private func write(_ line: LogLevel, _ text: () -> String) {
    guard line.rank >= level.rank, level != .nothing else { return }
    let text = text()
    append("\(ProcessFacts.number):M \(WallTime.now.logText) \(line.mark) \(text)\n")
    if let syslogIdentity {
      Notices.systemLog(text, line.severity, identity: syslogIdentity, facility: syslogFacility)
    }
  }

  private func append(_ line: String) {
    // A log that cannot be written must not stop anything, and there is nobody else to tell.
    try? File.appendText(line, to: path)
  }
}

extension LogLevel {
  var rank: Int {
    switch self {
    case .debug: 0
    case .verbose: 1
    case .notice: 2
    case .warning: 3
    case .nothing: 4
    }
  }

  fileprivate var mark: String {
    switch self {
    case .debug: "."
    case .verbose: "-"
    case .notice: "*"
    case .warning, .nothing: "#"
    }
  }

  fileprivate var severity: Notices.Severity {
    switch self {
    case .debug: .debug
    case .verbose: .information
    case .notice: .notice
    case .warning, .nothing: .warning
    }
  }
}

extension SyslogFacility {
  /// As syslog.h numbers them.
  fileprivate var number: Int32 {
    switch self {
    case .user: 1
    case .local0: 16
    case .local1: 17
    case .local2: 18
    case .local3: 19
    case .local4: 20
    case .local5: 21
    case .local6: 22
    case .local7: 23
    }
  }
}
