// Strings.swift — the commands on strings, as a list.
//
// What each does stands beside this file: Strings+Get, Strings+Set (SET and everything that is
// a SET with fewer words), Strings+Multiple, Strings+Ranges, Strings+Numbers, Strings+LCS.

/// The string group.
public enum Strings {
  public static var definitions: [CommandDefinition] { reading + writing + several + ranges + numbers }

  private static let updates: KeyFlags = [.readWrite, .access, .update]
  private static let expirations = """
    EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time
    """

  private static var reading: [CommandDefinition] {
    [
      CommandDefinition(
        "get", arity: 2, [.readonly, .fast], .string, keys: [.key(1, [.readOnly, .access])],
        group: .string, since: "1.0.0", "The string at a key.", complexity: "O(1)", arguments: "key",
        run: get),
      CommandDefinition(
        "strlen", arity: 2, [.readonly, .fast], .string, keys: [.key(1, .readOnly)],
        group: .string, since: "2.2.0", "The length in bytes of the string at a key.", complexity: "O(1)",
        arguments: "key", run: strlen),
      CommandDefinition(
        "getdel", arity: 2, [.write, .fast], .string, keys: [.key(1, [.readWrite, .access, .delete])],
        group: .string, since: "6.2.0", "The string at a key, which is deleted.", complexity: "O(1)",
        arguments: "key", run: getDelete),
      CommandDefinition(
        "getex", arity: -2, [.write, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "6.2.0", "The string at a key, whose expiry is set or taken away.", complexity: "O(1)",
        arguments: "key [expiration(\(expirations)|PERSIST)]", run: getExpire),
      CommandDefinition(
        "getset", arity: 3, [.write, .denyOOM, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "1.0.0", deprecated: .init(since: "6.2.0", use: "`SET` with the `GET` argument"),
        "Sets a key to a string and returns the one before.", complexity: "O(1)", arguments: "key value",
        run: getSet),
      CommandDefinition(
        "lcs", arity: -3, [.readonly, .unbounded], .string,
        keys: [KeySpecification(.index(1), .range(last: 1, step: 1, limit: 0), [.readOnly, .access])],
        group: .string, since: "7.0.0", "The longest common subsequence of two strings.",
        complexity: "O(N*M), N and M being the lengths of the strings",
        arguments: "key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
        run: longestCommonSubsequence),
    ]
  }

  private static var writing: [CommandDefinition] {
    [
      // Not `.fast`: overwriting may free a large old value before returning.
      CommandDefinition(
        "set", arity: -3, [.write, .denyOOM], .string,
        keys: [.key(1, [updates, .variableFlags], notes: "with GET the old value is read, else only overwritten")],
        findKeys: keyOfSet, group: .string, since: "1.0.0",
        "Sets a key to a string, whatever was there before.", complexity: "O(1)",
        history: [
          .init("2.6.12", "`EX`, `PX`, `NX` and `XX`."), .init("6.0.0", "`KEEPTTL`."),
          .init("6.2.0", "`GET`, `EXAT` and `PXAT`."), .init("7.0.0", "`NX` together with `GET`."),
          .init("8.1.0", "`IFEQ`."),
        ],
        arguments: """
          key value [condition(NX@2.6.12|XX@2.6.12|IFEQ comparison-value@8.1.0)] [GET@6.2.0] \
          [expiration(EX seconds:integer@2.6.12|PX milliseconds:integer@2.6.12|\
          EXAT unix-time-seconds:unix-time@6.2.0|PXAT unix-time-milliseconds:unix-time@6.2.0|KEEPTTL@6.0.0)]
          """,
        run: set),
      CommandDefinition(
        "setnx", arity: 3, [.write, .denyOOM, .fast], .string, keys: [.key(1, [.overwrite, .insert])],
        group: .string, since: "1.0.0", deprecated: .init(since: "2.6.12", use: "`SET` with the `NX` argument"),
        "Sets a key to a string if the key is not there.", complexity: "O(1)", arguments: "key value",
        run: setIfAbsent),
      CommandDefinition(
        "setex", arity: 4, [.write, .denyOOM], .string, keys: [.key(1, [.overwrite, .update])],
        group: .string, since: "2.0.0", deprecated: .init(since: "2.6.12", use: "`SET` with the `EX` argument"),
        "Sets a key to a string that expires after some seconds.", complexity: "O(1)",
        arguments: "key seconds:integer value", run: setExpiringSeconds),
      CommandDefinition(
        "psetex", arity: 4, [.write, .denyOOM], .string, keys: [.key(1, [.overwrite, .update])],
        group: .string, since: "2.6.0", deprecated: .init(since: "2.6.12", use: "`SET` with the `PX` argument"),
        "Sets a key to a string that expires after some milliseconds.", complexity: "O(1)",
        arguments: "key milliseconds:integer value", run: setExpiringMilliseconds),
      CommandDefinition(
        "delifeq", arity: 3, [.write, .fast], .string, keys: [.key(1, [.remove, .delete])],
        group: .string, since: "9.0.0", "Deletes a key if it holds just this string.", complexity: "O(1)",
        arguments: "key value", run: deleteIfEqual),
    ]
  }

  private static var several: [CommandDefinition] {
    [
      CommandDefinition(
        "mget", arity: -2, [.readonly, .fast], .string, keys: [.keys(from: 1, [.readOnly, .access])],
        tips: ["request_policy:multi_shard"], group: .string, since: "1.0.0",
        "The strings at several keys.", complexity: "O(N), N being the number of keys", arguments: "key...",
        run: getSeveral),
      CommandDefinition(
        "mset", arity: -3, [.write, .denyOOM], .string, keys: [.keys(from: 1, step: 2, [.overwrite, .update])],
        tips: ["request_policy:multi_shard", "response_policy:all_succeeded"], group: .string, since: "1.0.1",
        "Sets several keys to strings at once.", complexity: "O(N), N being the number of keys",
        arguments: "data{key value}...", run: setSeveral),
      CommandDefinition(
        "msetnx", arity: -3, [.write, .denyOOM], .string, keys: [.keys(from: 1, step: 2, [.overwrite, .insert])],
        group: .string, since: "1.0.1", "Sets several keys to strings at once if none of them is there.",
        complexity: "O(N), N being the number of keys", arguments: "data{key value}...", run: setSeveralIfAbsent),
      CommandDefinition(
        "msetex", arity: -4, [.write, .denyOOM], .string, keys: [.counted(at: 1, step: 2, [.overwrite, .update])],
        tips: ["request_policy:multi_shard", "response_policy:all_succeeded"], group: .string, since: "9.1.0",
        "Sets several keys to strings at once, on a condition and with an expiry for all of them.",
        complexity: "O(N), N being the number of keys",
        arguments: "numkeys:integer data{key value}... [condition(NX|XX)] [expiration(\(expirations)|KEEPTTL)]",
        run: setSeveralExpiring),
    ]
  }

  private static var ranges: [CommandDefinition] {
    [
      CommandDefinition(
        "append", arity: 3, [.write, .denyOOM, .fast], .string, keys: [.key(1, [.readWrite, .insert])],
        group: .string, since: "2.0.0", "Puts bytes behind the string at a key.",
        complexity: "O(M), M being the length of what is appended", arguments: "key value", run: append),
      CommandDefinition(
        "setrange", arity: 4, [.write, .denyOOM], .string, keys: [.key(1, [.readWrite, .update])],
        group: .string, since: "2.2.0", "Writes over a part of the string at a key, which grows if it must.",
        complexity: "O(M), M being the length of what is written and of the zeros before it",
        arguments: "key offset:integer value", run: setRange),
      CommandDefinition(
        "getrange", arity: 4, [.readonly, .longIfLarge], .string, keys: [.key(1, [.readOnly, .access])],
        group: .string, since: "2.4.0", "A part of the string at a key.",
        complexity: "O(N), N being the length of the part", arguments: "key start:integer end:integer",
        run: getRange),
      CommandDefinition(
        "substr", arity: 4, [.readonly, .longIfLarge], .string, keys: [.key(1, [.readOnly, .access])],
        group: .string, since: "1.0.0", deprecated: .init(since: "2.0.0", use: "`GETRANGE`"),
        "A part of the string at a key.", complexity: "O(N), N being the length of the part",
        arguments: "key start:integer end:integer", run: getRange),
    ]
  }

  private static var numbers: [CommandDefinition] {
    [
      CommandDefinition(
        "incr", arity: 2, [.write, .denyOOM, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "1.0.0", "Adds one to the integer at a key, which begins at zero.", complexity: "O(1)",
        arguments: "key", run: increment),
      CommandDefinition(
        "decr", arity: 2, [.write, .denyOOM, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "1.0.0", "Takes one from the integer at a key, which begins at zero.",
        complexity: "O(1)", arguments: "key", run: decrement),
      CommandDefinition(
        "incrby", arity: 3, [.write, .denyOOM, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "1.0.0", "Adds to the integer at a key, which begins at zero.", complexity: "O(1)",
        arguments: "key increment:integer", run: incrementBy),
      CommandDefinition(
        "decrby", arity: 3, [.write, .denyOOM, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "1.0.0", "Takes from the integer at a key, which begins at zero.", complexity: "O(1)",
        arguments: "key decrement:integer", run: decrementBy),
      CommandDefinition(
        "incrbyfloat", arity: 3, [.write, .denyOOM, .fast], .string, keys: [.key(1, updates)],
        group: .string, since: "2.6.0", "Adds to the decimal number at a key, which begins at zero.",
        complexity: "O(1)", arguments: "key increment:double", run: incrementByFloat),
    ]
  }
}
