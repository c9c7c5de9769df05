// Directive+Forms.swift — the words the table is written in: flag, integer, memory, text, choice.
//
// Each factory binds a name to a field of `Settings` by key path and brings the parsing, the
// formatting and the error texts of its form. Values with several arguments are in
// Directive+Lists.swift.

extension Directive {
  typealias Field<Value> = WritableKeyPath<Settings, Value> & Sendable

  /// yes or no.
  static func flag(
    _ name: String, _ field: Field<Bool>, default initial: Bool, also aliases: [String] = [],
    changes: Changes = .anytime, _ summary: String
  ) -> Directive {
    single(name, aliases, changes, summary, accepts: "yes or no", quoted: false) {
      $0[keyPath: field] = initial
    } store: { settings, text throws(Refusal) in
      settings[keyPath: field] = try Values.flag(text)
    } show: {
      $0[keyPath: field] ? "yes" : "no"
    }
  }

  /// A whole number. What lies inside `bounds` but outside `clamp` is moved to the nearer end, as Redis does for `hz`.
  static func integer(
    _ name: String, _ field: Field<Int>, _ bounds: ClosedRange<Int>, default initial: Int,
    clamp: ClosedRange<Int>? = nil, also aliases: [String] = [], changes: Changes = .anytime, _ summary: String
  ) -> Directive {
    single(name, aliases, changes, summary, accepts: Values.describe(clamp ?? bounds), quoted: false) {
      $0[keyPath: field] = initial
    } store: { settings, text throws(Refusal) in
      let value = try Values.integer(text, bounds)
      settings[keyPath: field] = clamp.map { min(max(value, $0.lowerBound), $0.upperBound) } ?? value
    } show: {
      String($0[keyPath: field])
    }
  }

  /// A count of bytes, written with or without a unit.
  static func memory(
    _ name: String, _ field: Field<Int>, _ bounds: ClosedRange<Int> = .nonNegative, default initial: Int,
    atLeast floor: Int = .min, also aliases: [String] = [], changes: Changes = .anytime, _ summary: String
  ) -> Directive {
    single(
      name, aliases, changes, summary, accepts: "bytes, " + Values.describe(bounds), quoted: false,
      line: { Values.withUnit($0[keyPath: field]) }
    ) {
      $0[keyPath: field] = initial
    } store: { settings, text throws(Refusal) in
      settings[keyPath: field] = max(try Values.memory(text, bounds), floor)
    } show: {
      String($0[keyPath: field])
    }
  }

  /// A count of bytes over the whole unsigned range.
  static func memory64(
    _ name: String, _ field: Field<UInt64>, default initial: UInt64, _ summary: String
  ) -> Directive {
    single(
      name, [], .anytime, summary, accepts: "bytes", quoted: false,
      line: { Int(exactly: $0[keyPath: field]).map(Values.withUnit) ?? String($0[keyPath: field]) }
    ) {
      $0[keyPath: field] = initial
    } store: { settings, text throws(Refusal) in
      settings[keyPath: field] = try Values.memory(text)
    } show: {
      String($0[keyPath: field])
    }
  }

  /// Free text, one argument; `check` refuses what cannot be right.
  static func text(
    _ name: String, _ field: Field<String>, default initial: String = "", also aliases: [String] = [],
    changes: Changes = .anytime, accepts: String = "text",
    check: @escaping @Sendable (String) throws(Refusal) -> Void = { _ in }, _ summary: String
  ) -> Directive {
    single(name, aliases, changes, summary, accepts: accepts, quoted: true) {
      $0[keyPath: field] = initial
    } store: { settings, text throws(Refusal) in
      try check(text)
      settings[keyPath: field] = text
    } show: {
      $0[keyPath: field]
    }
  }

  /// One of the cases of an enumeration whose raw values are the words of the config file.
  static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
    _ name: String, _ field: Field<Value>, default initial: Value, also aliases: [String] = [],
    changes: Changes = .anytime, _ summary: String
  ) -> Directive where Value.RawValue == String {
    let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
    return single(name, aliases, changes, summary, accepts: "one of: " + words, quoted: false) {
      $0[keyPath: field] = initial
    } store: { settings, text throws(Refusal) in
      settings[keyPath: field] = try Values.choice(text)
    } show: {
      $0[keyPath: field].rawValue
    }
  }

  /// The frame of every directive with exactly one argument.
  static func single(
    _ name: String, _ aliases: [String], _ changes: Changes, _ summary: String, accepts: String, quoted: Bool,
    line: (@Sendable (Settings) -> String)? = nil,
    reset: @escaping @Sendable (inout Settings) -> Void,
    store: @escaping @Sendable (inout Settings, String) throws(Refusal) -> Void,
    show: @escaping @Sendable (Settings) -> String
  ) -> Directive {
    Directive(
      name: name, aliases: aliases, summary: summary, accepts: accepts, arity: .one, changes: changes, reset: reset,
      store: { settings, arguments, _ throws(Refusal) in
        guard arguments.count == 1 else { throw Refusal("wrong number of arguments") }
        try store(&settings, arguments[0])
      },
      show: show,
      lines: { settings in
        if let line { return [line(settings)] }
        let value = show(settings)
        return [quoted ? Grammar.quoted(value) : value]
      })
  }
}

extension ClosedRange<Int> {
  /// Zero and up, 64 bits.
  static var nonNegative: ClosedRange<Int> { 0...Int.max }
  /// Zero and up, 32 bits signed.
  static var nonNegative32: ClosedRange<Int> { 0...Int(Int32.max) }
  /// One and up, 32 bits signed.
  static var positive32: ClosedRange<Int> { 1...Int(Int32.max) }
  /// Whatever 32 bits signed hold.
  static var any32: ClosedRange<Int> { Int(Int32.min)...Int(Int32.max) }
  /// TCP and UDP port numbers; zero for none.
  static var port: ClosedRange<Int> { 0...65535 }
}
