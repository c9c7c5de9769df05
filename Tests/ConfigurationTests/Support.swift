// Support.swift: short ways to load a configuration from texts in memory.
@testable import Configuration

/// Files by path; an include pattern with a star takes every path that matches it.
struct Files {
  var texts: [String: String] = [:]
  var standardInput = ""

  func fetch(_ wanted: Wanted) throws(SourceError) -> [SourceText] {
    switch wanted {
    case .standardInput: return [SourceText(path: "-", bytes: Array(standardInput.utf8))]
    case .file(let path), .include(let path):
      if path.contains("*") {
        return texts.filter { Glob.matches(path, $0.key) }.sorted { $0.key < $1.key }
          .map { SourceText(path: $0.key, bytes: Array($0.value.utf8)) }
      }
      guard let text = texts[path] else { throw SourceError("No such file or directory") }
      return [SourceText(path: path, bytes: Array(text.utf8))]
    }
  }
}

func load(
  _ text: String, files: [String: String] = [:], options: [String] = [], environment: [(String, String)] = []
) throws -> Configuration {
  var files = Files(texts: files)
  files.texts["main.conf"] = text
  return try load(["main.conf"] + options, files, environment)
}

func load(
  _ arguments: [String], _ files: Files = Files(), _ environment: [(String, String)] = []
) throws -> Configuration {
  guard case .serve(let options) = Invocation.parse(arguments) else { throw Unexpected() }
  return try Configuration.load(
    options, environment: environment.map { (name: $0.0, value: $0.1) },
    fetch: { wanted throws(SourceError) in try files.fetch(wanted) })
}

struct Unexpected: Error {}

/// The error of a load that must fail.
func failure(_ body: () throws -> Configuration) -> ConfigurationError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? ConfigurationError
  }
}

extension Configuration {
  subscript(name: String) -> String? { self.get([name]).first?.value }

  mutating func set(_ pairs: [(String, String)], localClient: Bool = false) -> String {
    do {
      try set(pairs.map { (name: $0.0, value: $0.1) }, localClient: localClient, apply: { _, _, _ in })
      return "OK"
    } catch {
      return error.text
    }
  }

  mutating func set(_ name: String, _ value: String) -> String { set([(name, value)]) }
}

/// SplitMix64: one seed, one sequence.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
