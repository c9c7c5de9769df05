// Loading.swift — file, standard input, environment, command line, in this order; the last word counts.
//
// A line that names no directive, or whose value is refused, ends the load with the place and the
// reason. `include` is carried out where it stands. Repeatable directives (`save`) replace the built-in
// value with their first line and add up from then on, over all sources.

extension Configuration {
  /// Loads all sources. `fetch` delivers the texts; for an include it may deliver several, in order.
  /// `environment` may be the whole environment: only names that begin with MARTLET_ count.
  package static func load(
    _ options: StartOptions, environment: [(name: String, value: String)],
    fetch: (Wanted) throws(SourceError) -> [SourceText]
  ) throws(ConfigurationError) -> Configuration {
    var reader = SourceReader()
    if let file = options.configFile {
      reader.configuration.file = file
      for text in try reader.fetched(.file(file), by: fetch) { try reader.read(file: text, fetch) }
    }
    if options.readsStandardInput {
      for text in try reader.fetched(.standardInput, by: fetch) {
        try reader.read(text.bytes, fetch) { .standardInput(line: $0) }
      }
    }
    try reader.read(environment: environment, fetch)
    for line in options.lines { try reader.read(line: Array(line.utf8)[...], .commandLine, fetch) }
    return reader.configuration
  }
}

/// The state of one load.
private struct SourceReader {
  var configuration = Configuration()
  /// Paths of the files being read now, outermost first.
  private var open: [String] = []
  private var filesRead = 0
  private var seen: Set<String> = []

  /// Bounds that only a mistake reaches.
  private static let depthMax = 32
  private static let lineBytesMax = 1 << 20
  private static let filesMax = 1000

  typealias Fetch = (Wanted) throws(SourceError) -> [SourceText]

  func fetched(_ wanted: Wanted, by fetch: Fetch) throws(ConfigurationError) -> [SourceText] {
    do {
      return try fetch(wanted)
    } catch {
      let what =
        switch wanted {
        case .file(let path), .include(let path): "can't open config file '\(path)'"
        case .standardInput: "can't read the standard input"
        }
      throw ConfigurationError(origin: .commandLine, line: nil, reason: "\(what): \(error.reason)")
    }
  }

  mutating func read(file: SourceText, _ fetch: Fetch) throws(ConfigurationError) {
    open.append(file.path)
    try read(file.bytes, fetch) { .file(path: file.path, line: $0) }
    open.removeLast()
  }

  mutating func read(_ bytes: [UInt8], _ fetch: Fetch, origin: (Int) -> Origin) throws(ConfigurationError) {
    for (index, line) in Grammar.lines(bytes).enumerated() { try read(line: line, origin(index + 1), fetch) }
  }

  mutating func read(line: ArraySlice<UInt8>, _ origin: Origin, _ fetch: Fetch) throws(ConfigurationError) {
    guard line.count <= Self.lineBytesMax else {
      throw Self.error(Refusal("The line is longer than \(Self.lineBytesMax) bytes"), line.prefix(80), origin)
    }
    let line = Grammar.trimmed(line)
    guard !Grammar.isCommentOrEmpty(line) else { return }
    let included: String
    do throws(Refusal) {
      let words = try Self.words(line)
      guard let name = words.first?.lowercased() else { return }
      guard name == "include" else { return try assign(name, Array(words.dropFirst()), origin) }
      guard words.count == 2 else { throw Refusal("Bad directive or wrong number of arguments") }
      included = words[1]
    } catch {
      throw Self.error(error, line, origin)
    }
    for file in try fetched(.include(included), by: fetch) {
      do throws(Refusal) { try admit(file.path) } catch { throw Self.error(error, line, origin) }
      try read(file: file, fetch)
    }
  }

  private static func error(_ refusal: Refusal, _ line: ArraySlice<UInt8>, _ origin: Origin) -> ConfigurationError {
    ConfigurationError(origin: origin, line: String(decoding: line, as: UTF8.self), reason: refusal.reason)
  }

  private static func words(_ line: ArraySlice<UInt8>) throws(Refusal) -> [String] {
    do {
      return try Grammar.split(line)
    } catch {
      switch error {
      case .unbalancedQuotes: throw Refusal("Unbalanced quotes in configuration line")
      case .notUTF8: throw Refusal("The line is not valid UTF-8")
      }
    }
  }

  private mutating func admit(_ path: String) throws(Refusal) {
    guard !open.contains(path) else {
      throw Refusal("include loop: " + (open + [path]).joined(separator: " -> "))
    }
    filesRead += 1
    guard open.count < Self.depthMax, filesRead <= Self.filesMax else { throw Refusal("too many nested includes") }
  }

  private mutating func assign(_ name: String, _ arguments: [String], _ origin: Origin) throws(Refusal) {
    guard let directive = DirectiveTable.find(name) else { return try assignUnknown(name) }
    let assignment: Assignment = seen.insert(directive.name).inserted ? .replacing : .adding
    try directive.store(&configuration.settings, arguments, assignment)
    configuration.origins[directive.name] = origin
    configuration.namesGiven.insert(name)
    if open.count > 1 {
      configuration.included.insert(directive.name)
    } else {
      configuration.included.remove(directive.name)
    }
  }

  /// Names that are no directive and yet deserve a better answer than "bad directive".
  private func assignUnknown(_ name: String) throws(Refusal) {
    switch name {
    case "loadmodule": throw Refusal("Modules are not supported by this server")
    case "sentinel": throw Refusal("sentinel directive while not in sentinel mode")
    case _ where DirectiveTable.retired.contains(name): return
    default: throw Refusal("Bad directive or wrong number of arguments")
    }
  }

  // MARK: environment

  /// MARTLET_MAXMEMORY_POLICY is `maxmemory-policy`. The value is the whole value, also of a repeatable
  /// directive: what the file said is replaced.
  mutating func read(environment: [(name: String, value: String)], _ fetch: Fetch) throws(ConfigurationError) {
    for (variable, value) in environment.sorted(by: { $0.name < $1.name }) where variable.hasPrefix("MARTLET_") {
      let name = variable.dropFirst("MARTLET_".count).lowercased()
      if let secret = Self.secret(namedBy: name) {
        let text = try fetched(.file(value), by: fetch).first?.bytes ?? []
        let line = text.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        try assign(secret, String(decoding: line, as: UTF8.self), variable, shown: value)
      } else {
        try assign(DirectiveTable.find(variable: name), value, variable, shown: value)
        configuration.namesGiven.insert(String(name.map { $0 == "_" ? "-" : $0 }))
      }
    }
  }

  /// MARTLET_REQUIREPASS_FILE names a file whose first line is the value: for secrets only.
  private static func secret(namedBy name: String) -> Directive? {
    guard name.hasSuffix("_file"), let directive = DirectiveTable.find(variable: String(name.dropLast("_file".count))),
      directive.isSensitive
    else { return nil }
    return directive
  }

  private mutating func assign(
    _ directive: Directive?, _ value: String, _ variable: String, shown: String
  ) throws(ConfigurationError) {
    let origin = Origin.environment(variable: variable)
    do throws(Refusal) {
      guard let directive else { throw Refusal("Bad directive or wrong number of arguments") }
      let arguments = directive.arity == .one ? [value] : try Self.words(Array(value.utf8)[...])
      try directive.store(&configuration.settings, arguments, .replacing)
      seen.insert(directive.name)
      configuration.origins[directive.name] = origin
    } catch {
      throw ConfigurationError(origin: origin, line: "\(variable)=\(shown)", reason: error.reason)
    }
  }
}
