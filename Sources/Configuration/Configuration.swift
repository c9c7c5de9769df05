// Configuration.swift — the values in effect, where each came from, and CONFIG GET and SET.
//
// One value of this type belongs to the server. Reading goes through `settings`; every change
// goes through `load` or `set`, which parse everything before they touch anything.

/// Settings, with the origin of each value.
package struct Configuration: Sendable {
  /// The values. The server may normalise them once it knows more, such as the absolute `dir`.
  package var settings = Settings.builtIn
  /// The config file, as it was named; nil without one, and then CONFIG REWRITE has nothing to rewrite.
  package internal(set) var file: String?
  /// Origin by directive name; built-in values are not in here.
  var origins: [String: Origin] = [:]
  /// Names set by an included file: rewriting them in place would not outlast the include.
  var included: Set<String> = []
  /// Every name under which a value was given, in lower case: for what depends on whose names somebody uses.
  var namesGiven: Set<String> = []

  /// The built-in values.
  package init() {}

  /// Where a directive's value comes from.
  package func origin(of directive: Directive) -> Origin { origins[directive.name] ?? .builtIn }

  // MARK: CONFIG GET

  /// The parameters that match any of the patterns, in the order of their names, each once. A literal name
  /// comes back as it was spelt, and is the only way to see a hidden parameter.
  package func get(_ patterns: [String]) -> [(name: String, value: String)] {
    var found: [String: (name: String, position: Int)] = [:]
    for pattern in patterns {
      guard Glob.isPattern(pattern) else {
        let name = pattern.lowercased()
        if let position = DirectiveTable.position(of: name), found[name] == nil { found[name] = (pattern, position) }
        continue
      }
      for (name, position) in DirectiveTable.names where found[name] == nil {
        if !DirectiveTable.all[position].isHidden, Glob.matches(pattern, name) { found[name] = (name, position) }
      }
    }
    return found.filter { !DirectiveTable.all[$0.value.position].isFileOnly }
      .sorted { $0.key < $1.key }
      .map { ($0.value.name, DirectiveTable.all[$0.value.position].show(settings)) }
  }

  // MARK: CONFIG SET

  /// Sets all or none. Everything is parsed first; then `apply` carries out what has to happen outside (listen
  /// on another port, start threads) and may refuse, which leaves the settings as they were: it must undo
  /// what it had done itself. It may also adjust the new settings. `names` are the directives that were given.
  package mutating func set(
    _ pairs: [(name: String, value: String)], localClient: Bool,
    apply: (_ old: Settings, _ new: inout Settings, _ names: [String]) throws(Refusal) -> Void
  ) throws(SetError) {
    let directives = try admitted(pairs, localClient: localClient)
    var updated = settings
    for (directive, pair) in zip(directives, pairs) {
      do {
        try directive.store(&updated, [pair.value], .replacing)
      } catch {
        throw .failed(parameter: pair.name, reason: error.reason)
      }
    }
    do {
      try apply(settings, &updated, directives.map(\.name))
    } catch {
      throw .failed(parameter: error.parameter, reason: error.reason)
    }
    settings = updated
    for directive in directives { origins[directive.name] = .runTime }
    for pair in pairs { namesGiven.insert(pair.name.lowercased()) }
  }

  /// The directives behind the names, if all of them may be set now.
  private func admitted(
    _ pairs: [(name: String, value: String)], localClient: Bool
  ) throws(SetError) -> [Directive] {
    var directives: [Directive] = []
    for pair in pairs {
      guard let directive = DirectiveTable.find(pair.name), !directive.isFileOnly else { throw .unknown(pair.name) }
      directives.append(directive)
    }
    var seen: Set<String> = []
    for (directive, pair) in zip(directives, pairs) {
      switch directive.changes {
      case .atStart: throw .failed(parameter: pair.name, reason: "can't set immutable config")
      case .protected where !settings.security.protectedConfigs.allows(localClient: localClient):
        throw .failed(parameter: pair.name, reason: "can't set protected config")
      case .protected, .anytime: break
      }
      guard seen.insert(pair.name.lowercased()).inserted else {
        throw .failed(parameter: pair.name, reason: "duplicate parameter")
      }
    }
    return directives
  }
}

/// Why CONFIG SET changed nothing.
package enum SetError: Error, Equatable, Sendable {
  case unknown(String)
  case failed(parameter: String?, reason: String)

  /// The reply's text after `ERR `.
  package var text: String {
    switch self {
    case .unknown(let name): "Unknown option or number of arguments for CONFIG SET - '\(name)'"
    case .failed(let parameter?, let reason):
      "CONFIG SET failed (possibly related to argument '\(parameter)') - \(reason)"
    case .failed(nil, let reason): "CONFIG SET failed - \(reason)"
    }
  }
}
