// Proves that martlet.conf and docs/configuration.md say what the table says. After a change of the table,
// UPDATE_DOCUMENTATION=1 swift test --filter DocumentationTests writes both anew.
import Foundation
import Testing

@testable import Configuration

@Suite struct DocumentationTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let marker = "<!-- Generated from the table of directives: do not edit below. -->\n"
  private static let updates = ProcessInfo.processInfo.environment["UPDATE_DOCUMENTATION"] == "1"

  @Test func theSampleFileIsTheTable() throws {
    let file = Self.root.appending(path: "martlet.conf")
    if Self.updates { try Documentation.sampleFile().write(to: file, atomically: true, encoding: .utf8) }
    #expect(try String(contentsOf: file, encoding: .utf8) == Documentation.sampleFile())
  }

  @Test func theReferenceIsTheTable() throws {
    let file = Self.root.appending(path: "docs/configuration.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let marker = try #require(text.range(of: Self.marker))
    let expected = text[..<marker.upperBound] + Documentation.reference()
    if Self.updates { try expected.write(to: file, atomically: true, encoding: .utf8) }
    #expect(try String(contentsOf: file, encoding: .utf8) == expected)
  }

  /// Taking every # away leaves a file that loads and changes nothing.
  @Test func theSampleFileLoads() throws {
    #expect(try load(Documentation.sampleFile()).settings == .builtIn)
    let names = Set(DirectiveTable.all.map(\.name))
    let active = Documentation.sampleFile().split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("# "), let name = line.dropFirst(2).split(separator: " ").first,
        names.contains(String(name)),
        !line.hasSuffix(" ...")
      else { return nil }
      return String(line.dropFirst(2))
    }
    #expect(active.count > 200)
    #expect(try load(active.joined(separator: "\n")).settings == .builtIn)
  }

  @Test func explanations() throws {
    let text = try #require(Documentation.explanation(of: "slave-priority"))
    #expect(text.hasPrefix("replica-priority\n"))
    #expect(text.contains("built-in: 100"))
    #expect(Documentation.explanation(of: "nosuch") == nil)
    #expect(Documentation.names().contains("\nport\n"))
  }

  @Test func theListingNamesSourcesAndKeepsSecrets() throws {
    let listing = try load("port 7\nrequirepass hush").listing()
    #expect(listing.contains("port 7 "))
    #expect(listing.contains("# main.conf:1\n"))
    #expect(listing.contains("requirepass (hidden)"))
    #expect(!listing.contains("hush"))
  }

  @Test func noticesGroupWhatHasNoEffect() throws {
    let notices = try load("activedefrag no\nreplica-priority 5\nrepl-timeout 60\nport 1").notices()
    #expect(
      notices == [
        "Accepted, without effect here: activedefrag",
        "Not yet in effect, comes with replication: repl-timeout, replica-priority",
      ])
  }
}
