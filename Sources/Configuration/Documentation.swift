// Documentation.swift — the table for readers: sample file, reference, --explain, --print-config.
//
// Everything here is made from the same lines that the server obeys, and a test compares the two
// files in the repository with it, so none of them can drift.

/// Texts made from the table.
package enum Documentation {
  // MARK: the sample file

  /// `martlet.conf`: every parameter with its built-in value, commented out.
  package static func sampleFile() -> String {
    var text = """
      # martlet.conf: every parameter with its built-in value.
      #
      # Nothing in here is needed: martlet-server runs without a file. Take the # away from a line
      # to change its value. Units: 1k is 1000 bytes, 1kb is 1024, and so on for m, mb, g, gb.
      # "include /path/*.conf" reads other files in place. On the command line the same names
      # follow two dashes, in the environment they become MARTLET_PORT, MARTLET_MAXMEMORY, ...

      """
    for topic in DirectiveTable.topics {
      text += "\n\n################ \(topic.title) ################\n"
      for directive in topic.directives where !directive.isHidden {
        text += "\n" + wrapped(directive.summary, prefix: "# ") + "# Accepts: \(directive.accepts).\n"
        if let note = directive.status.note { text += "# Note: \(note).\n" }
        let lines = directive.lines(.builtIn)
        let value = directive.show(.builtIn)
        for line in lines.isEmpty ? [value.isEmpty ? "..." : value] : lines { text += "# \(directive.name) \(line)\n" }
      }
    }
    return text
  }

  // MARK: the reference

  /// The generated part of docs/configuration.md: one table for each topic.
  package static func reference() -> String {
    var text = ""
    for topic in DirectiveTable.topics {
      text +=
        "\n### \(topic.title)\n\n| directive | accepts | built-in | changes | what it does |\n|---|---|---|---|---|\n"
      for directive in topic.directives where !directive.isHidden {
        let names = ([directive.name] + directive.aliases).map { "`\($0)`" }.joined(separator: ", ")
        let value = directive.show(.builtIn)
        let note = directive.status.note.map { " *(\($0))*" } ?? ""
        text += "| \(names) | \(cell(directive.accepts)) | \(value.isEmpty ? "" : "`\(cell(value))`") "
        text += "| \(directive.changes.text) | \(cell(directive.summary))\(note) |\n"
      }
    }
    return text
  }

  private static func cell(_ text: String) -> String {
    String(text.flatMap { $0 == "|" ? "\\|" : String($0) })
  }

  // MARK: the command line

  /// What `--explain name` prints; nil if nobody knows the name.
  package static func explanation(of name: String) -> String? {
    guard let directive = DirectiveTable.find(name) else { return nil }
    var text = "\(directive.name)\n" + wrapped(directive.summary, prefix: "  ")
    if !directive.aliases.isEmpty { text += "  also:     \(directive.aliases.joined(separator: ", "))\n" }
    text += "  accepts:  \(directive.accepts)\n"
    let value = directive.show(.builtIn)
    text += "  built-in: \(value.isEmpty ? "(empty)" : value)\n"
    text += "  changes:  \(directive.changes.text)\n"
    if let note = directive.status.note { text += "  note:     \(note)\n" }
    return text
  }

  /// The names of all parameters, one a line, for `--explain` without a name.
  package static func names() -> String {
    DirectiveTable.all.filter { !$0.isHidden }.map(\.name).sorted().joined(separator: "\n") + "\n"
  }

  /// What `--help` prints.
  package static let usage = """
    Usage: martlet-server [file] [--directive value ...] [-]
           martlet-server -                     read the configuration from the standard input
           martlet-server --print-config        print the values in effect and their sources; takes the
                                                same file and directives as a start
           martlet-server --explain [directive] describe a directive, or list them all
           martlet-server --check-system        look at the kernel and its limits
           martlet-server -v | --version
           martlet-server -h | --help

    Examples:
           martlet-server
           martlet-server /etc/martlet/martlet.conf
           martlet-server --port 7777 --maxmemory 2gb
           martlet-server /etc/redis/redis.conf --loglevel verbose
           echo 'maxmemory 128mb' | martlet-server -
           MARTLET_PORT=7777 martlet-server

    """

  private static func wrapped(_ text: String, prefix: String) -> String {
    var lines = [prefix]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.count + word.count > 98 {
        lines.append(prefix + word)
      } else {
        lines[lines.count - 1] = last + (last == prefix ? "" : " ") + word
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Directive.Changes {
  /// For the documentation.
  package var text: String {
    switch self {
    case .anytime: "at any time"
    case .protected: "protected"
    case .atStart: "at start"
    }
  }
}

extension Directive.Status {
  /// What the reader should know, nil where the parameter simply works.
  package var note: String? {
    switch self {
    case .effective: nil
    case .later(let feature): "not yet in effect: comes with \(feature.rawValue)"
    case .accepted: "accepted, without effect"
    }
  }
}

extension Configuration {
  /// What `--print-config` prints: name, value, source. Secrets are not shown.
  package func listing() -> String {
    let rows = DirectiveTable.all.filter { !$0.isHidden && !$0.isFileOnly }.map { directive in
      let value = directive.show(settings)
      let shown = directive.isSensitive && !value.isEmpty ? "(hidden)" : Grammar.quotedIfNeeded(value)
      return (
        directive.arity == .many ? "\(directive.name) \(value)" : "\(directive.name) \(shown)", origin(of: directive)
      )
    }
    let width = min(rows.map(\.0.count).max() ?? 0, 48)
    return rows.map { row in
      row.0 + String(repeating: " ", count: max(width - row.0.count, 0)) + "  # \(row.1.text)\n"
    }.joined()
  }

  /// Lines for the log at start: what was set but does nothing in this version, by the reason.
  package func notices() -> [String] {
    var groups: [(status: Directive.Status, names: [String])] = []
    for directive in DirectiveTable.all where origins[directive.name] != nil && directive.status != .effective {
      if let index = groups.firstIndex(where: { $0.status == directive.status }) {
        groups[index].names.append(directive.name)
      } else {
        groups.append((directive.status, [directive.name]))
      }
    }
    return groups.compactMap { group in
      let names = group.names.joined(separator: ", ")
      switch group.status {
      case .effective: return nil
      case .later(let feature): return "Not yet in effect, comes with \(feature.rawValue): \(names)"
      case .accepted: return "Accepted, without effect here: \(names)"
      }
    }
  }
}
