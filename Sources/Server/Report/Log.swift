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
  enum Level: Int, Comparable {
    case debug, verbose, notice, warning, nothing
    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    var mark: Character {
      switch self {
      case .debug: "."
      case .verbose: "-"
      case .notice: "*"
      case .warning, .nothing: "#"
      }
    }
  }

  var level = Level.notice
  /// Empty: standard output.
  var path = ""
  var usesSyslog = false
  /// After the first failure to write one line says so; not each.
  private var hasFailed = false

  mutating func debug(_ text: @autoclosure () -> String) { if level <= .debug { write(.debug, text()) } }
  mutating func verbose(_ text: @autoclosure () -> String) { if level <= .verbose { write(.verbose, text()) } }
  mutating func notice(_ text: @autoclosure () -> String) { if level <= .notice { write(.notice, text()) } }
  mutating func warning(_ text: @autoclosure () -> String) { if level <= .warning { write(.warning, text()) } }

  /// Lines of a banner, without the prefix.
  func raw(_ text: String) { _ = File.append(text, to: path) }

  private mutating func write(_ level: Level, _ text: String) {
    let line = "\(Process.identifier):M \(WallTime.now.logText) \(level.mark) \(text)\n"
    if usesSyslog { Syslog.write(text, priority: level.rawValue) }
    hasFailed = !File.append(line, to: path)
  }
}
