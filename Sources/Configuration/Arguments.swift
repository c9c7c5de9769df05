// Arguments.swift — the command line, after the rules of Redis 7.0.
//
//     martlet-server [file] [-] [--directive value ...] [-]
//
// Each option becomes a line of configuration, read after the file, the standard input and the
// environment. All words up to the next one that begins with -- belong to an option, and the first
// of them belongs to it even if it begins with -- itself (`--proc-title-template --my--title`). Only
// `--save` goes without: `--save --port 1` and a last `--save` mean no snapshots.

/// What the command line asks for.
package enum Invocation: Sendable, Equatable {
  case serve(StartOptions)
  /// Load everything, print the values in effect and where each comes from.
  case printConfiguration(StartOptions)
  /// Describe one directive; nil: list them all.
  case explain(String?)
  case version
  case help
  case checkSystem

  /// Reads the arguments, without the program's name.
  package static func parse(_ arguments: [String]) -> Invocation {
    switch arguments.first {
    case "-v", "--version": return .version
    case "-h", "--help": return .help
    case "--check-system": return .checkSystem
    case "--explain": return .explain(arguments.dropFirst().first)
    default: break
    }
    var options = StartOptions()
    var printsConfiguration = false
    options.read(arguments, printsConfiguration: &printsConfiguration)
    return printsConfiguration ? .printConfiguration(options) : .serve(options)
  }
}

/// From where to load.
package struct StartOptions: Sendable, Equatable {
  package var configFile: String?
  package var readsStandardInput = false
  /// The options as lines of configuration.
  package var lines: [String] = []

  package init() {}

  fileprivate mutating func read(_ arguments: [String], printsConfiguration: inout Bool) {
    var rest = arguments[...]
    if let first = rest.first, !first.hasPrefix("-") {
      configFile = first
      rest.removeFirst()
    }
    var lastIsComplete = true
    while let argument = rest.popFirst() {
      let isFirst = rest.startIndex == 1
      if argument == "-", isFirst || rest.isEmpty {
        readsStandardInput = true
        continue
      }
      guard lastIsComplete, argument.hasPrefix("--") else {
        add(argument)
        lastIsComplete = true
        continue
      }
      if argument == "--print-config" {
        printsConfiguration = true
        continue
      }
      lines.append(String(argument.dropFirst(2)))
      // "--port 6379" in one argument is complete already.
      lastIsComplete = argument.contains(" ")
      let isFollowedByOption = rest.first?.hasPrefix("--") ?? true
      if argument.lowercased() == "--save", isFollowedByOption {
        lines[lines.count - 1] += " \"\""
        lastIsComplete = true
      }
    }
  }

  /// A further word of the last option; quoting keeps it one word.
  private mutating func add(_ argument: String) {
    let word = Grammar.quoted(argument)
    if lines.isEmpty { lines.append(word) } else { lines[lines.count - 1] += " " + word }
  }
}
