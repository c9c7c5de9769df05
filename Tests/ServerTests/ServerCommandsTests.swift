// ServerCommandsTests.swift — the definitions of the server's commands, and the words that CLIENT filters are made of.
import Bytes
import Commands
import Testing

@testable import Server

@Suite struct ServerCommandsTests {
  /// Each name once, each argument list in the notation, each number of words possible.
  @Test func definitionsAreComplete() {
    let definitions = AllCommands.list
    #expect(Set(definitions.map(\.facts.name)).count == definitions.count)
    for definition in definitions {
      for one in [definition] + definition.subcommands {
        #expect(one.facts.arity != 0)
        #expect(ArgumentSyntax.parse(one.facts.arguments) != nil, "\(one.facts.fullName)")
        #expect(!one.facts.summary.isEmpty)
      }
      #expect(Set(definition.subcommands.map(\.facts.name)).count == definition.subcommands.count)
    }
  }

  @Test(arguments: ["", "a", "my-name", "~!"]) func acceptsNames(name: String) {
    #expect(withWords([name]) { ClientName.isValid($0[0]) })
  }

  @Test(arguments: ["a b", "a\n", "\u{7F}", "é", "\0"]) func refusesNames(name: String) {
    #expect(withWords([name]) { !ClientName.isValid($0[0]) })
  }
}

@Suite struct ClientFilterTests {
  private func refusal(_ line: String, forList: Bool = false) -> String? {
    var filter = ClientFilter(isForList: forList, databases: 16)
    switch withWords(line, { filter.read($0) }) {
    case nil: return nil
    case .fixed(let text): return "\(text)"
    case .quoting(let start, let word, let end): return "\(start)\(word)\(end)"
    }
  }

  /// The words of Redis and Valkey, by which client libraries tell one mistake from the other.
  @Test(arguments: [
    ("id 10 wrong", "ERR syntax error"), ("id", "ERR syntax error"), ("nothing 1", "ERR syntax error"),
    ("id str", "ERR client-id should be greater than 0"), ("id -1", "ERR client-id should be greater than 0"),
    ("not-id x", "ERR syntax error"), ("type wrong", "ERR Unknown client type 'wrong'"),
    ("user wrong", "ERR No such user 'wrong'"), ("skipme perhaps", "ERR syntax error"),
    ("maxage x", "ERR maxage is not an integer or out of range"), ("maxage 0", "ERR maxage should be greater than 0"),
    ("idle -1", "ERR idle should be greater than 0"), ("not-idle 5", "ERR syntax error"),
    ("db x", "ERR DB is not an integer or out of range"), ("db 16", "ERR DB number should be between 0 and 15"),
    ("flags Z", "ERR Unknown flags found in the provided filter: Z"),
    ("not-capa x", "ERR Unknown capa found in the NOT-CAPA filter: x"),
  ]) func refusesNonsense(line: String, text: String) {
    #expect(refusal(line) == text)
  }

  @Test(arguments: [
    "id 1 2 3 addr 1.2.3.4:5", "type normal skipme no", "not-id 1 not-type pubsub db 0 maxage 5 idle 1",
    "name x lib-name y lib-ver 1 ip 1.2.3.4 flags N capa r user default laddr x",
  ]) func readsFilters(line: String) {
    #expect(refusal(line) == nil)
    #expect(refusal(line, forList: true) == nil)
  }

  /// A list of numbers ends where the next filter begins, and lists of the same filter add up.
  @Test func readsSeveralIdentifiers() {
    var filter = ClientFilter(isForList: false, databases: 16)
    let isRefused = withWords("id 1 2 skipme no id 3 not-id 4") { filter.read($0) } != nil
    #expect(!isRefused)
    #expect(filter.identifiers.wanted == [1, 2, 3])
    #expect(filter.identifiers.unwanted == [4])
    #expect(!filter.skipsAsking)
  }
}
