// FactsTests.swift — the table says of every command what Valkey 9.1 says of it.
import Foundation
import Testing

@testable import Commands

/// One line of the recorded facts.
private struct RecordedFacts {
  let fields: [String]

  var name: String { fields[0] }

  /// What our facts would look like on such a line; the arguments are compared as trees.
  static func line(of facts: CommandFacts) -> [String] {
    let range = KeyRange(facts.keys)
    return [
      facts.fullName, String(facts.arity),
      CommandFlags.names.filter { facts.flags.contains($0.flag) }.map { "\($0.name)" }.sorted().joined(separator: " "),
      CommandCategories.members(of: facts.allCategories).map { "@\($0)" }.sorted().joined(separator: " "),
      "\(range.first) \(range.last) \(range.step)", facts.tips.sorted().joined(separator: " "), facts.group.rawValue,
      facts.since, facts.keys.map(text).joined(separator: " / "),
    ]
  }

  private static func text(_ specification: KeySpecification) -> String {
    let begin =
      switch specification.begin {
      case .unknown: "unknown"
      case .index(let index): "index,index=\(index)"
      case .keyword(let keyword, let from): "keyword,keyword=\(keyword),startfrom=\(from)"
      }
    let find =
      switch specification.find {
      case .unknown: "unknown"
      case .range(let last, let step, let limit): "range,keystep=\(step),lastkey=\(last),limit=\(limit)"
      case .counted(let index, let first, let step): "keynum,firstkey=\(first),keynumidx=\(index),keystep=\(step)"
      }
    let flags = KeyFlags.names.indices.filter { specification.flags.contains(KeyFlags(rawValue: 1 << $0)) }
    return "\(begin) \(find) \(flags.map { "\(KeyFlags.names[$0])" }.sorted().joined(separator: "+"))"
  }

  /// Valkey's, and in their place those of Redis 8.2 where a command is or does more there.
  static func all() throws -> [String: RecordedFacts] {
    try read("command-facts.tsv").merging(read("command-facts-redis.tsv")) { $1 }
  }

  private static func read(_ name: String) throws -> [String: RecordedFacts] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").dropFirst()
    let records = lines.map {
      RecordedFacts(fields: $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
    }
    return Dictionary(uniqueKeysWithValues: records.map { ($0.name, $0) })
  }
}

/// Every definition with its subcommands.
private var everyFacts: [CommandFacts] {
  (CommandTable.dataCommands + [Memory.definition()]).flatMap { [$0.facts] + $0.subcommands.map(\.facts) }
}

/// Arity, flags, categories, positions, tips, group, since and key specifications, field by field.
@Test func factsAreThoseOfValkey() throws {
  let recorded = try RecordedFacts.all()
  for facts in everyFacts {
    guard let record = recorded[facts.fullName] else {
      Issue.record("\(facts.fullName) is unknown to Valkey")
      continue
    }
    #expect(RecordedFacts.line(of: facts) == Array(record.fields[0..<9]), "\(facts.fullName)")
  }
}

/// The notation of every command can be read, and is the tree that Valkey documents.
@Test func argumentsAreThoseOfValkey() throws {
  let recorded = try RecordedFacts.all()
  for facts in everyFacts {
    let ours = ArgumentSyntax.parse(facts.arguments)
    #expect(ours != nil, "\(facts.fullName): \(facts.arguments)")
    guard let record = recorded[facts.fullName] else { continue }
    #expect(ours == ArgumentSyntax.parse(record.fields[9]), "\(facts.fullName)")
  }
}

/// Every tree that Valkey documents can be written in the notation.
@Test func notationCoversEveryCommand() throws {
  for (name, record) in try RecordedFacts.all() {
    #expect(ArgumentSyntax.parse(record.fields[9]) != nil, "\(name): \(record.fields[9])")
  }
}

/// What is not the notation is refused, not half understood.
@Test(arguments: ["[key", "key]", "choice(a|", "block{key", "key:kinds", "a(|b)", "]", "key@", "'x", "key~:string#"])
func malformedNotationIsRefused(text: String) {
  #expect(ArgumentSyntax.parse(text) == nil)
}

/// The words of the notation mean what the chapter above it says.
@Test func notationIsReadAsDocumented() throws {
  let nodes = try #require(
    ArgumentSyntax.parse(
      "key [condition(NX|IFEQ value@8.1.0)] [GET get-pattern:pattern]... other:key#1... sorting=ALPHA"))
  #expect(nodes.map(\.name) == ["key", "condition", "get-pattern", "other", "sorting"])
  #expect(nodes[0].kind == .key && nodes[0].specification == 0)
  #expect(nodes[1].kind == .oneof && nodes[1].isOptional)
  #expect(nodes[1].children[0].kind == .pureToken && nodes[1].children[0].name == "nx")
  #expect(nodes[1].children[1].token == "IFEQ" && nodes[1].children[1].since == "8.1.0")
  #expect(nodes[2].token == "GET" && nodes[2].isMultiple && nodes[2].repeatsToken && nodes[2].isOptional)
  #expect(nodes[3].specification == 1 && nodes[3].isMultiple && !nodes[3].repeatsToken)
  #expect(nodes[4].kind == .pureToken && nodes[4].token == "ALPHA")
}
