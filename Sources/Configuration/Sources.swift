// Sources.swift — where values come from, and how an error names the place.
//
// This module reads nothing itself. The caller hands over texts on request, so tests need no
// files and the server keeps all its I/O in one place.

/// What the reader asks the caller for.
package enum Wanted: Sendable, Equatable {
  /// The config file named on the command line.
  case file(String)
  /// What an `include` line names: a path, or a pattern in the form of glob(7). A pattern that
  /// matches nothing is no error; a path that cannot be read is.
  case include(String)
  case standardInput
}

/// A text and the path to show for it.
package struct SourceText: Sendable {
  package var path: String
  package var bytes: [UInt8]

  package init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }
}

/// The caller could not deliver: the system's words, such as "No such file or directory".
package struct SourceError: Error, Sendable {
  package let reason: String
  package init(_ reason: String) { self.reason = reason }
}

/// Where a parameter got its value.
package enum Origin: Sendable, Equatable {
  case builtIn
  case file(path: String, line: Int)
  case standardInput(line: Int)
  case environment(variable: String)
  case commandLine
  /// CONFIG SET, or the server itself.
  case runTime

  /// For listings: "built-in", "/etc/martlet.conf:12", "MARTLET_PORT".
  package var text: String {
    switch self {
    case .builtIn: "built-in"
    case .file(let path, let line): "\(path):\(line)"
    case .standardInput(let line): "standard input, line \(line)"
    case .environment(let variable): variable
    case .commandLine: "command line"
    case .runTime: "run time"
    }
  }
}

/// Why the configuration cannot be used. The server prints `report` and exits.
package struct ConfigurationError: Error, Sendable, Equatable {
  package let origin: Origin
  /// The line as it was read; nil when a source could not be read at all.
  package let line: String?
  package let reason: String

  /// The error in the shape in which Redis prints it, with the place added.
  package func report(version: String) -> String {
    guard let line else { return "Fatal error, \(reason)\n" }
    let place: String
    switch origin {
    case .file(_, let number): place = "Reading the configuration file, at line \(number)"
    case .standardInput(let number): place = "Reading the standard input, at line \(number)"
    case .environment: place = "Reading the environment"
    case .commandLine, .builtIn, .runTime: place = "Reading the command line"
    }
    let head = "*** FATAL CONFIG FILE ERROR (Martlet \(version)) ***\n\(place)\n>>> '\(line)'\n\(reason)\n"
    guard case .file = origin else { return head }
    return head + "(\(origin.text))\n"
  }
}
