// Streams.swift — the commands on streams, as a list.
//
// What each does stands beside this file: Streams+IDs (identifiers as text), Streams+Add, Streams+Trim, Streams+Delete,
// Streams+Range, Streams+Read, Streams+Deliver, Streams+Groups, Streams+Pending, Streams+Claim and Streams+Info.

/// The stream group.
public enum Streams {
  public static var definitions: [CommandDefinition] { entries + deletions + readings + pendings + containers }

  private static let trim = """
    strategy(MAXLEN|MINID@6.2.0) [operator(equal='='|approximately='~')] threshold [LIMIT count:integer@6.2.0]
    """
  private static let references = "[condition(KEEPREF|DELREF|ACKED)@8.2.0]"
  private static let range = [KeySpecification.key(1, [.readOnly, .access])]
  private static let random = ["nondeterministic_output"]

  private static var entries: [CommandDefinition] {
    [
      CommandDefinition(
        "xadd", arity: -5, [.write, .denyOOM, .fast], .stream, keys: [.key(1, [.readWrite, .update])], tips: random,
        group: .stream, since: "5.0.0", "Adds an entry to a stream, which is made if it is not there.",
        complexity: "O(1), and O(N) for N entries that are trimmed",
        history: [
          .init("6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."), .init("7.0.0", "`<ms>-*` as the identifier."),
          .init("8.2.0", "`KEEPREF`, `DELREF` and `ACKED`."),
        ],
        arguments: """
          key [NOMKSTREAM@6.2.0] \(references) [trim{\(trim)}] id-selector(auto-id='*'|id) data{field value}...
          """,
        run: add),
      CommandDefinition(
        "xtrim", arity: -4, [.write, .longIfLarge], .stream, keys: [.key(1, [.readWrite, .delete])], tips: random, group: .stream,
        since: "5.0.0", "Takes entries away from the beginning of a stream.",
        complexity: "O(N), N being the entries taken away",
        history: [
          .init("6.2.0", "`MINID` and `LIMIT`."), .init("8.2.0", "`KEEPREF`, `DELREF` and `ACKED`."),
        ],
        arguments: "key trim{\(trim) \(references)}", run: trim),
      CommandDefinition(
        "xlen", arity: 2, [.readonly, .fast], .stream, keys: [.key(1, .readOnly)], group: .stream, since: "5.0.0",
        "How many entries a stream has.", complexity: "O(1)", arguments: "key", run: length),
      CommandDefinition(
        "xsetid", arity: -3, [.write, .denyOOM, .fast], .stream, keys: [.key(1, [.readWrite, .update])],
        group: .stream, since: "5.0.0", isSystemCommand: true, "Sets what a stream remembers of its past.",
        complexity: "O(1)", history: [.init("7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`.")],
        arguments: "key last-id [ENTRIESADDED entries-added:integer@7.0.0] [MAXDELETEDID max-deleted-id@7.0.0]",
        run: setID),
    ]
  }

  private static var deletions: [CommandDefinition] {
    [
      CommandDefinition(
        "xdel", arity: -3, [.write, .fast], .stream, keys: [.key(1, [.readWrite, .delete])], group: .stream,
        since: "5.0.0", "Deletes entries of a stream.", complexity: "O(log(M)) for each of M entries",
        arguments: "key id...", run: delete),
      CommandDefinition(
        "xdelex", arity: -5, [.write, .fast], .stream, keys: [.key(1, [.readWrite, .delete])], group: .stream,
        since: "8.2.0", "Deletes entries of a stream, and what groups know of them.",
        complexity: "O(log(M)) for each of M entries and each group",
        arguments: "key [condition(KEEPREF|DELREF|ACKED)] ids{IDS numids:integer id...}", run: deleteExtended),
      CommandDefinition(
        "xackdel", arity: -6, [.write, .fast], .stream, keys: [.key(1, [.readWrite, .update, .delete])],
        group: .stream, since: "8.2.0", "Acknowledges entries for a group and deletes them.",
        complexity: "O(log(M)) for each of M entries and each group",
        arguments: "key group [condition(KEEPREF|DELREF|ACKED)] ids{IDS numids:integer id...}",
        run: acknowledgeAndDelete),
    ]
  }

  private static var readings: [CommandDefinition] {
    [
      CommandDefinition(
        "xrange", arity: -4, [.readonly, .longIfLarge], .stream, keys: range, group: .stream, since: "5.0.0",
        "Entries of a stream within bounds.",
        complexity: "O(log(N)+M), N being the stream's length and M what is returned",
        history: [.init("6.2.0", "Exclusive bounds.")], arguments: "key start end [COUNT count:integer]",
        run: rangeForwards),
      CommandDefinition(
        "xrevrange", arity: -4, [.readonly, .longIfLarge], .stream, keys: range, group: .stream, since: "5.0.0",
        "Entries of a stream within bounds, the last first.",
        complexity: "O(log(N)+M), N being the stream's length and M what is returned",
        history: [.init("6.2.0", "Exclusive bounds.")], arguments: "key end start [COUNT count:integer]",
        run: rangeBackwards),
      CommandDefinition(
        "xread", arity: -4, [.readonly, .blocking, .unbounded], .stream,
        keys: [
          KeySpecification(
            .keyword("STREAMS", from: 1), .range(last: -1, step: 1, limit: 2), [.readOnly, .access])
        ],
        group: .stream, since: "5.0.0", "Entries of several streams behind given ones.",
        complexity: "O(log(N)+M) for each stream, N being its length and M what is returned",
        arguments: "[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS streams{key... id...}", run: read),
      CommandDefinition(
        "xreadgroup", arity: -7, [.write, .blocking], .stream,
        keys: [
          KeySpecification(
            .keyword("STREAMS", from: 4), .range(last: -1, step: 1, limit: 2), [.readOnly, .access])
        ],
        group: .stream, since: "5.0.0", "New entries for a consumer of a group, or those that it has pending.",
        complexity: "O(M) for each stream, M being what is returned",
        arguments: """
          GROUP group-block{group consumer} [COUNT count:integer] [BLOCK milliseconds:integer] [NOACK] \
          STREAMS streams{key... id...}
          """,
        run: readGroup),
    ]
  }

  private static var pendings: [CommandDefinition] {
    [
      CommandDefinition(
        "xack", arity: -4, [.write, .fast], .stream, keys: [.key(1, [.readWrite, .update])], group: .stream,
        since: "5.0.0", "Entries are pending no more.", complexity: "O(log(N)) for each, N being what is pending",
        arguments: "key group id...", run: acknowledge),
      CommandDefinition(
        "xpending", arity: -3, [.readonly], .stream, keys: range, tips: random, group: .stream, since: "5.0.0",
        "What a group has pending.", complexity: "O(N), N being what is returned",
        history: [.init("6.2.0", "`IDLE` and exclusive bounds.")],
        arguments: "key group [filters{[IDLE min-idle-time:integer@6.2.0] start end count:integer [consumer]}]",
        run: pending),
      CommandDefinition(
        "xclaim", arity: -6, [.write, .fast], .stream, keys: [.key(1, [.readWrite, .update])], tips: random,
        group: .stream, since: "5.0.0", "Makes pending entries a consumer's.",
        complexity: "O(log(N)) for each, N being what is pending",
        arguments: """
          key group consumer min-idle-time id... [IDLE ms:integer] [TIME unix-time-milliseconds:unix-time] \
          [RETRYCOUNT count:integer] [FORCE] [JUSTID] [LASTID lastid]
          """,
        run: claim),
      CommandDefinition(
        "xautoclaim", arity: -6, [.write, .fast], .stream, keys: [.key(1, [.readWrite, .delete])], tips: random,
        group: .stream, since: "6.2.0", "Makes entries that are pending for long a consumer's.",
        complexity: "O(1) if COUNT is small",
        history: [.init("7.0.0", "Entries that are gone are taken out and told.")],
        arguments: "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]", run: claimAutomatically),
    ]
  }

  private static var containers: [CommandDefinition] {
    [
      CommandDefinition(
        "xgroup", arity: -2, [], group: .stream, since: "5.0.0", "A container for commands on groups.",
        complexity: "Depends on subcommand.",
        subcommands: [
          CommandDefinition(
            "create", arity: -5, [.write, .denyOOM], .stream, keys: [.key(2, [.readWrite, .insert])], group: .stream,
            since: "5.0.0", "Makes a group.", complexity: "O(1)", history: [.init("7.0.0", "`ENTRIESREAD`.")],
            arguments: """
              key group id-selector(id|new-id='$') [MKSTREAM] [ENTRIESREAD entriesread~entries-read:integer]
              """,
            run: createGroup),
          CommandDefinition(
            "createconsumer", arity: 5, [.write, .denyOOM], .stream, keys: [.key(2, [.readWrite, .insert])],
            group: .stream, since: "6.2.0", "Makes a consumer.", complexity: "O(1)", arguments: "key group consumer",
            run: createConsumer),
          CommandDefinition(
            "delconsumer", arity: 5, [.write], .stream, keys: [.key(2, [.readWrite, .delete])], group: .stream,
            since: "5.0.0", "Removes a consumer and what it has pending.",
            complexity: "O(N), N being what it has pending", arguments: "key group consumer", run: deleteConsumer),
          CommandDefinition(
            "destroy", arity: 4, [.write], .stream, keys: [.key(2, [.readWrite, .delete])], group: .stream,
            since: "5.0.0", "Removes a group.", complexity: "O(N), N being what it has pending",
            arguments: "key group", run: destroyGroup),
          CommandDefinition(
            "help", arity: 2, [.loading, .stale], .stream, group: .stream, since: "5.0.0",
            "What the subcommands do.", complexity: "O(1)", run: groupHelp),
          CommandDefinition(
            "setid", arity: -5, [.write], .stream, keys: [.key(2, [.readWrite, .update])], group: .stream,
            since: "5.0.0", "Sets how far a group has read.", complexity: "O(1)",
            history: [.init("7.0.0", "`ENTRIESREAD`.")],
            arguments: "key group id-selector(id|new-id='$') [ENTRIESREAD entriesread~entries-read:integer]",
            run: setGroupID),
        ],
        run: { $0.refuseArity() }),
      CommandDefinition(
        "xinfo", arity: -2, [], group: .stream, since: "5.0.0", "A container for commands that tell about streams.",
        complexity: "Depends on subcommand.",
        subcommands: [
          CommandDefinition(
            "consumers", arity: 4, [.readonly], .stream, keys: [.key(2, [.readOnly, .access])], tips: random,
            group: .stream, since: "5.0.0", "The consumers of a group.", complexity: "O(N), N being the consumers",
            history: [.init("7.2.0", "`inactive`.")], arguments: "key group", run: consumersInfo),
          CommandDefinition(
            "groups", arity: 3, [.readonly], .stream, keys: [.key(2, [.readOnly, .access])], group: .stream,
            since: "5.0.0", "The groups of a stream.", complexity: "O(N), N being the groups",
            history: [.init("7.0.0", "`entries-read` and `lag`.")], arguments: "key", run: groupsInfo),
          CommandDefinition(
            "help", arity: 2, [.loading, .stale], .stream, group: .stream, since: "5.0.0",
            "What the subcommands do.", complexity: "O(1)", run: infoHelp),
          CommandDefinition(
            "stream", arity: -3, [.readonly], .stream, keys: [.key(2, [.readOnly, .access])], group: .stream,
            since: "5.0.0", "What a stream remembers.", complexity: "O(1), with FULL O(N), N being what is returned",
            history: [
              .init("6.0.0", "`FULL`."), .init("7.0.0", "`max-deleted-entry-id`, `entries-added` and more."),
              .init("7.2.0", "`active-time`."),
            ],
            arguments: "key [full-block{FULL [COUNT count:integer]}]", run: streamInfo),
        ],
        run: { $0.refuseArity() }),
    ]
  }
}
