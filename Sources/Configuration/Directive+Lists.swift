// Directive+Lists.swift — forms with several arguments, and the few that are like no other.

extension Directive {
  /// Several arguments that together are one value. A single argument is taken apart at its blanks,
  /// so `--bind "127.0.0.1 ::1"` and CONFIG SET read like a line of the file; one empty argument is none.
  static func list(
    _ name: String, accepts: String, also aliases: [String] = [], changes: Changes = .anytime,
    reset: @escaping @Sendable (inout Settings) -> Void,
    store: @escaping @Sendable (inout Settings, [String]) throws(Refusal) -> Void,
    show: @escaping @Sendable (Settings) -> String,
    lines: (@Sendable (Settings) -> [String])? = nil, _ summary: String
  ) -> Directive {
    Directive(
      name: name, aliases: aliases, summary: summary, accepts: accepts, arity: .many, changes: changes, reset: reset,
      store: { settings, arguments, _ throws(Refusal) in try store(&settings, apart(arguments)) },
      show: show,
      lines: { settings in
        if let lines { return lines(settings) }
        let value = show(settings)
        return [value.isEmpty ? "\"\"" : value]
      })
  }

  /// A list whose lines add up: the first one replaces the built-in value, the others append.
  static func growing(
    _ name: String, accepts: String, changes: Changes = .anytime,
    reset: @escaping @Sendable (inout Settings) -> Void,
    clear: @escaping @Sendable (inout Settings) -> Void,
    append: @escaping @Sendable (inout Settings, [String]) throws(Refusal) -> Void,
    show: @escaping @Sendable (Settings) -> String,
    lines: @escaping @Sendable (Settings) -> [String], _ summary: String
  ) -> Directive {
    Directive(
      name: name, aliases: [], summary: summary, accepts: accepts, arity: .many, changes: changes, reset: reset,
      store: { settings, arguments, assignment throws(Refusal) in
        let arguments = apart(arguments)
        var updated = settings
        if assignment == .replacing || arguments.isEmpty { clear(&updated) }
        if !arguments.isEmpty { try append(&updated, arguments) }
        settings = updated
      },
      show: show, lines: lines
    ).repeatable()
  }

  /// Permission bits in octal.
  static func octal(
    _ name: String, _ field: Field<Int>, changes: Changes, _ summary: String
  ) -> Directive {
    single(name, [], changes, summary, accepts: "octal, 0 to 777", quoted: false) {
      $0[keyPath: field] = 0
    } store: { settings, text throws(Refusal) in
      guard let bits = Int(text, radix: 8) else { throw Refusal("argument couldn't be parsed as an octal number") }
      guard (0...0o777).contains(bits) else { throw Refusal("argument must be between 0 and 777 inclusive") }
      settings[keyPath: field] = bits
    } show: {
      Values.octal($0[keyPath: field])
    }
  }

  private static func apart(_ arguments: [String]) -> [String] {
    guard arguments.count == 1 else { return arguments }
    guard !arguments[0].isEmpty else { return [] }
    return arguments[0].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
  }
}
