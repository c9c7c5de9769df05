// Proves that the table knows every parameter of the three recorded servers, with the same
// built-in value in the same spelling and the same right to change it, apart from the
// differences listed here with their reason.
import Testing

@testable import Configuration

@Suite struct TableTests {
  /// Where another value is better than Redis 7.0's.
  static let chosen: [String: String] = [
    // Deleting in the background is what users of both servers ask for, and Valkey's choice.
    "lazyfree-lazy-eviction": "yes", "lazyfree-lazy-expire": "yes", "lazyfree-lazy-server-del": "yes",
    "lazyfree-lazy-user-del": "yes", "lazyfree-lazy-user-flush": "yes",
    "replica-lazy-flush": "yes", "slave-lazy-flush": "yes",
  ]

  /// May be set at run time here though Redis 7.0 fixes it at start.
  static let liveHere: Set<String> = ["io-threads"]

  @Test(arguments: ParameterFact.all.map(\.name))
  func everyRecordedParameterIsKnown(name: String) throws {
    let directive = try #require(DirectiveTable.find(name))
    #expect(!directive.summary.isEmpty && directive.summary.last == ".")
    #expect(!directive.isFileOnly)
  }

  @Test func builtInValuesAndTheirSpelling() {
    let configuration = Configuration()
    for fact in ParameterFact.all {
      let recorded = fact.redis7?.value ?? fact.valkey9?.value ?? fact.redis8?.value
      #expect(configuration[fact.name] == Self.chosen[fact.name] ?? recorded, "\(fact.name)")
    }
  }

  @Test func rightsToChange() throws {
    for fact in ParameterFact.all {
      let directive = try #require(DirectiveTable.find(fact.name))
      let answers = [fact.redis7, fact.redis8, fact.valkey9].compactMap { $0?.changes }.filter {
        $0 != "h" && $0 != "o"
      }
      guard let first = answers.first else { continue }
      let here: Character =
        switch directive.changes {
        case .anytime: "a"
        case .protected: "p"
        case .atStart: "s"
        }
      #expect(here == (Self.liveHere.contains(fact.name) ? "a" : first), "\(fact.name)")
    }
  }

  @Test func hiddenParametersAreTheHiddenOnes() throws {
    for fact in ParameterFact.all {
      let directive = try #require(DirectiveTable.find(fact.name))
      let answers = [fact.redis7, fact.redis8, fact.valkey9].compactMap { $0?.changes }
      #expect(directive.isHidden == answers.allSatisfy { $0 == "h" }, "\(fact.name)")
    }
  }

  @Test func namesAreUniqueAndLowerCase() {
    let names = DirectiveTable.names.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0 == $0.lowercased() })
  }

  /// What CONFIG GET says can be given back to CONFIG SET and to a file without changing anything.
  @Test func everyValueReadsBack() throws {
    for directive in DirectiveTable.all where !directive.isFileOnly {
      var settings = Settings.builtIn
      if directive.name != "replicaof" {
        try directive.store(&settings, [directive.show(settings)], .replacing)
      }
      #expect(settings == .builtIn, "\(directive.name)")
      for (index, line) in directive.lines(.builtIn).enumerated() {
        let words = try Grammar.split(Array(line.utf8))
        try directive.store(&settings, words, index == 0 ? .replacing : .adding)
      }
      #expect(settings == .builtIn, "\(directive.name)")
    }
  }

  /// No two lines share a field: changing one parameter changes no other.
  @Test func fieldsAreNotShared() throws {
    let samples = ["yes", "no", "1", "2", "77", "1048577", "always", "text", "1 2 3", "9 9", "127.0.0.1 7", "K", "10"]
    var untouched: [String] = []
    for directive in DirectiveTable.all where !directive.isFileOnly {
      let before = Settings.builtIn
      let changed = samples.lazy.compactMap { sample -> Settings? in
        var settings = before
        try? directive.store(&settings, [sample], .replacing)
        return settings == before ? nil : settings
      }.first
      guard let changed else {
        untouched.append(directive.name)
        continue
      }
      for other in DirectiveTable.all where other.name != directive.name {
        #expect(other.show(changed) == other.show(before), "\(directive.name) changes \(other.name)")
      }
    }
    // What the samples do not reach: enumerations with words of their own, and checked texts.
    #expect(
      untouched.allSatisfy {
        DirectiveTable.find($0)?.accepts.hasPrefix("one of") == true
          || $0.hasPrefix("cluster-announce-client-ip") || $0 == "client-output-buffer-limit"
          || $0.hasPrefix("shutdown-on") || $0 == "rdma-rx-size" || $0 == "proc-title-template"
      }, "\(untouched)")
  }
}
