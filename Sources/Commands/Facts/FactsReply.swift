// FactsReply.swift — how COMMAND INFO and COMMAND DOCS spell a command's facts.
//
// INFO is an array of ten things per command, the seventh to ninth being sets and maps in
// RESP3. DOCS is a map that leaves out what is not there.
import Bytes
import Wire

extension CommandTable {
  /// One element of COMMAND INFO: name, arity, flags, first, last, step, categories, tips, keys, subcommands.
  public func writeInfo(_ index: Int, to reply: Reply) {
    let facts = facts[index]
    reply.array(10)
    reply.bulk(text: facts.fullName)
    reply.integer(facts.arity)
    let flags = CommandFlags.names.filter { facts.flags.contains($0.flag) }
    reply.set(flags.count)
    for (_, name) in flags { reply.simple(name) }
    let range = KeyRange(facts.keys)
    reply.integer(range.first)
    reply.integer(range.last)
    reply.integer(range.step)
    let categories = CommandCategories.members(of: facts.allCategories)
    reply.set(categories.count)
    for name in categories {
      var text = "@\(name)"
      text.withUTF8 { reply.simple(ByteView(UnsafeRawBufferPointer($0))) }
    }
    reply.set(facts.tips.count)
    for tip in facts.tips { reply.bulk(text: tip) }
    reply.set(facts.keys.count)
    for specification in facts.keys { specification.write(to: reply) }
    let children = subcommands(of: index)
    if children.isEmpty { reply.set(0) } else { reply.array(children.count) }
    for child in children { writeInfo(child, to: reply) }
  }

  /// One pair of COMMAND DOCS: the name and its map.
  public func writeDocumentation(_ index: Int, to reply: Reply) {
    let facts = facts[index]
    reply.bulk(text: facts.fullName)
    let children = subcommands(of: index)
    let arguments = ArgumentSyntax.parse(facts.arguments) ?? []
    let optional = [
      !facts.complexity.isEmpty, facts.deprecation != nil || facts.isSystemCommand, facts.deprecation != nil,
      facts.deprecation != nil, !facts.history.isEmpty, !arguments.isEmpty, !children.isEmpty,
    ]
    reply.map(3 + optional.count { $0 })
    reply.pair("summary", facts.summary)
    reply.pair("since", facts.since)
    reply.pair("group", facts.group.rawValue)
    if !facts.complexity.isEmpty { reply.pair("complexity", facts.complexity) }
    if facts.deprecation != nil || facts.isSystemCommand {
      reply.bulk("doc_flags")
      reply.set((facts.deprecation != nil ? 1 : 0) + (facts.isSystemCommand ? 1 : 0))
      if facts.deprecation != nil { reply.simple("deprecated") }
      if facts.isSystemCommand { reply.simple("syscmd") }
    }
    if let deprecation = facts.deprecation {
      reply.pair("deprecated_since", deprecation.since)
      reply.pair("replaced_by", deprecation.replacement)
    }
    if !facts.history.isEmpty {
      reply.bulk("history")
      reply.set(facts.history.count)
      for change in facts.history {
        reply.array(2)
        reply.bulk(text: change.version)
        reply.bulk(text: change.text)
      }
    }
    if !arguments.isEmpty {
      reply.bulk("arguments")
      reply.array(arguments.count)
      for argument in arguments { argument.write(to: reply) }
    }
    if !children.isEmpty {
      reply.bulk("subcommands")
      reply.map(children.count)
      for child in children { writeDocumentation(child, to: reply) }
    }
  }
}

extension Reply {
  fileprivate func pair(_ name: StaticString, _ text: String) {
    bulk(name)
    bulk(text: text)
  }

  fileprivate func pair(_ name: StaticString, _ number: Int) {
    bulk(name)
    integer(number)
  }
}

extension KeySpecification {
  /// `{notes, flags, begin_search: {type, spec}, find_keys: {type, spec}}`.
  fileprivate func write(to reply: Reply) {
    reply.map(notes == nil ? 3 : 4)
    if let notes {
      reply.bulk("notes")
      reply.bulk(text: notes)
    }
    reply.bulk("flags")
    KeyFlags.write(flags, to: reply)
    reply.bulk("begin_search")
    switch begin {
    case .unknown: Self.write("unknown", [], to: reply)
    case .index(let index): Self.write("index", [("index", index)], to: reply)
    case .keyword(let keyword, let from):
      Self.writeHead("keyword", pairs: 2, to: reply)
      reply.bulk("keyword")
      reply.bulk(text: keyword)
      reply.bulk("startfrom")
      reply.integer(from)
    }
    reply.bulk("find_keys")
    switch find {
    case .unknown: Self.write("unknown", [], to: reply)
    case .range(let last, let step, let limit):
      Self.write("range", [("lastkey", last), ("keystep", step), ("limit", limit)], to: reply)
    case .counted(let index, let first, let step):
      Self.write("keynum", [("keynumidx", index), ("firstkey", first), ("keystep", step)], to: reply)
    }
  }

  private static func writeHead(_ type: StaticString, pairs: Int, to reply: Reply) {
    reply.map(2)
    reply.bulk("type")
    reply.bulk(type)
    reply.bulk("spec")
    reply.map(pairs)
  }

  private static func write(_ type: StaticString, _ numbers: [(StaticString, Int)], to reply: Reply) {
    writeHead(type, pairs: numbers.count, to: reply)
    for (name, number) in numbers { reply.pair(name, number) }
  }
}

extension KeyFlags {
  /// The flags of a key as a set of words.
  public static func write(_ flags: KeyFlags, to reply: Reply) {
    let members = names.indices.filter { flags.contains(KeyFlags(rawValue: 1 << $0)) }
    reply.set(members.count)
    for bit in members { reply.simple(names[bit]) }
  }
}

extension CommandCategories {
  /// The names of the categories in `set`.
  public static func members(of set: CommandCategories) -> [StaticString] {
    names.indices.filter { set.contains(CommandCategories(rawValue: 1 << $0)) }.map { names[$0] }
  }

  /// The category that a word names, letters of either case.
  public init?(name: ByteView) {
    guard let bit = Self.names.firstIndex(where: { name.equalsIgnoringCase($0) }) else { return nil }
    self.init(rawValue: 1 << bit)
  }
}

extension ArgumentNode {
  fileprivate func write(to reply: Reply) {
    let isGroup = kind == .oneof || kind == .block
    let optional = [
      !isGroup, specification != nil, token != nil, since != nil, isOptional || isMultiple, !children.isEmpty,
    ]
    reply.map(2 + optional.count { $0 })
    reply.pair("name", name)
    reply.pair("type", kind.rawValue)
    if !isGroup { reply.pair("display_text", shownName ?? name) }
    if let specification { reply.pair("key_spec_index", specification) }
    if let token { reply.pair("token", token) }
    if let since { reply.pair("since", since) }
    if isOptional || isMultiple {
      reply.bulk("flags")
      reply.set((isOptional ? 1 : 0) + (isMultiple ? 1 : 0) + (repeatsToken ? 1 : 0))
      if isOptional { reply.simple("optional") }
      if isMultiple { reply.simple("multiple") }
      if repeatsToken { reply.simple("multiple_token") }
    }
    guard !children.isEmpty else { return }
    reply.bulk("arguments")
    reply.array(children.count)
    for child in children { child.write(to: reply) }
  }
}
