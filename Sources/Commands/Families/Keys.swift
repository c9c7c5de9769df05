// Keys.swift — the commands on keys of any type, as a list.
//
// What each does stands beside this file: Keys+Delete, Keys+Expire, Keys+Move, Keys+Scan, Keys+Object.

/// The generic group, as far as it needs nothing but the keyspace.
public enum Keys {
  public static var definitions: [CommandDefinition] { existence + expiry + moves + walks + [object] }

  private static let several = ["request_policy:multi_shard", "response_policy:agg_sum"]

  private static var existence: [CommandDefinition] {
    [
      CommandDefinition(
        "del", arity: -2, [.write], .keyspace, keys: [.keys(from: 1, [.remove, .delete])], tips: several,
        group: .generic, since: "1.0.0", "Deletes keys.",
        complexity: "O(N), N being the number of keys; large values are freed later",
        arguments: "key...", run: delete),
      CommandDefinition(
        "unlink", arity: -2, [.write, .fast], .keyspace, keys: [.keys(from: 1, [.remove, .delete])], tips: several,
        group: .generic, since: "4.0.0", "Deletes keys, whose values are freed later.",
        complexity: "O(N), N being the number of keys", arguments: "key...", run: unlink),
      CommandDefinition(
        "exists", arity: -2, [.readonly, .fast], .keyspace, keys: [.keys(from: 1, .readOnly)], tips: several,
        group: .generic, since: "1.0.0", "How many of the keys are there; one named twice counts twice.",
        complexity: "O(N), N being the number of keys", history: [.init("3.0.3", "More than one `key`.")],
        arguments: "key...", run: exists),
      CommandDefinition(
        "touch", arity: -2, [.readonly, .fast], .keyspace, keys: [.keys(from: 1, .readOnly)], tips: several,
        group: .generic, since: "3.2.1", "Counts the keys that are there as used now.",
        complexity: "O(N), N being the number of keys", arguments: "key...", run: touch),
      CommandDefinition(
        "type", arity: 2, [.readonly, .fast], .keyspace, keys: [.key(1, .readOnly)],
        group: .generic, since: "1.0.0", "The type of the value at a key.", complexity: "O(1)", arguments: "key",
        run: type),
    ]
  }

  private static var expiry: [CommandDefinition] {
    [
      expire("expire", "seconds:integer", since: "1.0.0", "A key expires after some seconds.", expireSeconds),
      expire(
        "pexpire", "milliseconds:integer", since: "2.6.0", "A key expires after some milliseconds.",
        expireMilliseconds),
      expire(
        "expireat", "unix-time-seconds:unix-time", since: "1.2.0", "A key expires at a second since 1970.",
        expireAtSeconds),
      expire(
        "pexpireat", "unix-time-milliseconds:unix-time", since: "2.6.0", "A key expires at a millisecond since 1970.",
        expireAtMilliseconds),
      timeToLive("ttl", since: "1.0.0", "How many seconds a key still has.", ttl),
      timeToLive("pttl", since: "2.6.0", "How many milliseconds a key still has.", ttlMilliseconds),
      CommandDefinition(
        "expiretime", arity: 2, [.readonly, .fast], .keyspace, keys: [.key(1, [.readOnly, .access])],
        group: .generic, since: "7.0.0", "The second since 1970 at which a key expires.", complexity: "O(1)",
        arguments: "key", run: expireTime),
      CommandDefinition(
        "pexpiretime", arity: 2, [.readonly, .fast], .keyspace, keys: [.key(1, [.readOnly, .access])],
        group: .generic, since: "7.0.0", "The millisecond since 1970 at which a key expires.", complexity: "O(1)",
        arguments: "key", run: expireTimeMilliseconds),
      CommandDefinition(
        "persist", arity: 2, [.write, .fast], .keyspace, keys: [.key(1, [.readWrite, .update])],
        group: .generic, since: "2.2.0", "Takes away the expiry of a key.", complexity: "O(1)", arguments: "key",
        run: persist),
    ]
  }

  /// The four that set an expiry differ in their unit only.
  private static func expire(
    _ name: String, _ time: String, since: String, _ summary: String, _ body: @escaping CommandBody
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: -3, [.write, .fast], .keyspace, keys: [.key(1, [.readWrite, .update])], group: .generic,
      since: since, summary, complexity: "O(1)", history: [.init("7.0.0", "`NX`, `XX`, `GT` and `LT`.")],
      arguments: "key \(time) [condition(NX|XX|GT|LT)@7.0.0]", run: body)
  }

  private static func timeToLive(
    _ name: String, since: String, _ summary: String, _ body: @escaping CommandBody
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: 2, [.readonly, .fast], .keyspace, keys: [.key(1, [.readOnly, .access])],
      tips: ["nondeterministic_output"], group: .generic, since: since, summary, complexity: "O(1)",
      history: [.init("2.8.0", "-2 for a key that is not there.")], arguments: "key", run: body)
  }

  private static var moves: [CommandDefinition] {
    [
      CommandDefinition(
        "rename", arity: 3, [.write], .keyspace,
        keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.overwrite, .update])], group: .generic,
        since: "1.0.0", "Gives a key another name, whatever has that name.", complexity: "O(1)",
        arguments: "key newkey:key#1", run: rename),
      CommandDefinition(
        "renamenx", arity: 3, [.write, .fast], .keyspace,
        keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.overwrite, .insert])], group: .generic,
        since: "1.0.0", "Gives a key another name if nothing has that name.", complexity: "O(1)",
        history: [.init("3.2.0", "No error if both names are the same.")], arguments: "key newkey:key#1",
        run: renameIfAbsent),
      CommandDefinition(
        "copy", arity: -3, [.write, .denyOOM, .longIfLarge], .keyspace,
        keys: [.key(1, [.readOnly, .access]), .key(2, [.overwrite, .update])], group: .generic, since: "6.2.0",
        "Copies a key and its value.", complexity: "O(N), N being the length of the value",
        arguments: "source:key destination:key#1 [DB destination-db:integer] [REPLACE]", run: copy),
      CommandDefinition(
        "move", arity: 3, [.write, .fast], .keyspace, keys: [.key(1, [.readWrite, .access, .update])],
        group: .generic, since: "1.0.0", "Moves a key to another database.", complexity: "O(1)",
        arguments: "key db:integer", run: move),
    ]
  }

  private static var walks: [CommandDefinition] {
    [
      CommandDefinition(
        "keys", arity: 2, [.readonly, .unbounded], [.keyspace, .dangerous],
        tips: ["request_policy:all_shards", "nondeterministic_output_order"], group: .generic, since: "1.0.0",
        "All keys whose names fit a pattern.", complexity: "O(N), N being the number of keys in the database",
        arguments: "pattern:pattern", run: keys),
      CommandDefinition(
        "scan", arity: -2, [.readonly, .unbounded], .keyspace,
        tips: ["nondeterministic_output", "request_policy:special", "response_policy:special"], group: .generic,
        since: "2.8.0", "Goes through the keys of the database, some at a time.",
        complexity: "O(1) for a call, O(N) for going through all N keys", history: [.init("6.0.0", "`TYPE`.")],
        arguments: "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type@6.0.0]", run: scan),
      CommandDefinition(
        "randomkey", arity: 1, [.readonly], .keyspace,
        tips: ["request_policy:all_shards", "response_policy:special", "nondeterministic_output"], group: .generic,
        since: "1.0.0", "Some key of the database.", complexity: "O(1)", run: randomKey),
    ]
  }

  private static var object: CommandDefinition {
    CommandDefinition(
      "object", arity: -2, [], group: .generic, since: "2.2.3", "What the server knows about a value.",
      complexity: "Depends on the subcommand.",
      subcommands: [
        inspection("encoding", since: "2.2.3", "How a value is kept.", objectEncoding),
        inspection("freq", since: "4.0.0", "The logarithmic counter of how often a key was used.", objectFrequency),
        inspection("idletime", since: "2.2.3", "Seconds since a key was used.", objectIdleTime),
        inspection("refcount", since: "2.2.3", "How many owners a value has.", objectReferenceCount),
        CommandDefinition(
          "help", arity: 2, [.loading, .stale], .keyspace, group: .generic, since: "6.2.0", "Tells the subcommands.",
          complexity: "O(1)", run: objectHelp),
      ],
      run: { $0.refuseArity() })
  }

  private static func inspection(
    _ name: String, since: String, _ summary: String, _ body: @escaping CommandBody
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: 3, [.readonly], .keyspace, keys: [.key(2, .readOnly)], tips: ["nondeterministic_output"],
      group: .generic, since: since, summary, complexity: "O(1)", arguments: "key", run: body)
  }
}
