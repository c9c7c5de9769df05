// Hashes.swift — the commands on hashes, as a list.
//
// What each does stands beside this file: Hashes+Fields, Hashes+Read, Hashes+Random, Hashes+Numbers and, for fields
// that end, Hashes+Expire and Hashes+GetSetExpire.

/// The hash group.
public enum Hashes {
  public static var definitions: [CommandDefinition] { writing + reading + numbers + expiring + asking }

  private static var writing: [CommandDefinition] {
    [
      CommandDefinition(
        "hset", arity: -4, [.write, .denyOOM, .fast, .longIfMany], .hash, keys: [.key(1, [.readWrite, .update])], group: .hash,
        since: "2.0.0", "Sets fields of a hash, which is made if it is not there.",
        complexity: "O(N), N being the number of fields", arguments: "key data{field value}...", run: set),
      CommandDefinition(
        "hsetnx", arity: 4, [.write, .denyOOM, .fast], .hash, keys: [.key(1, [.readWrite, .insert])], group: .hash,
        since: "2.0.0", "Sets a field of a hash if the field is not there.", complexity: "O(1)",
        arguments: "key field value", run: setIfAbsent),
      CommandDefinition(
        "hmset", arity: -4, [.write, .denyOOM, .fast, .longIfMany], .hash, keys: [.key(1, [.readWrite, .update])], group: .hash,
        since: "2.0.0", deprecated: .init(since: "4.0.0", use: "`HSET` with multiple field-value pairs"),
        "Sets fields of a hash, which is made if it is not there.", complexity: "O(N), N being the number of fields",
        arguments: "key data{field value}...", run: setSeveral),
      CommandDefinition(
        "hdel", arity: -3, [.write, .fast, .longIfMany], .hash, keys: [.key(1, [.readWrite, .delete])], group: .hash,
        since: "2.0.0", "Takes fields out of a hash, which goes with its last one.",
        complexity: "O(N), N being the number of fields", arguments: "key field...", run: delete),
      CommandDefinition(
        "hgetdel", arity: -5, [.write, .fast], .hash, keys: [.key(1, [.readWrite, .access, .delete])], group: .hash,
        since: "9.1.0", "The values of fields of a hash, which are taken out.",
        complexity: "O(N), N being the number of fields", arguments: "key FIELDS fields{numfields:integer field...}",
        run: getDelete),
    ]
  }

  private static var reading: [CommandDefinition] {
    [
      CommandDefinition(
        "hget", arity: 3, [.readonly, .fast], .hash, keys: [.key(1, [.readOnly, .access])], group: .hash,
        since: "2.0.0", "The value of a field of a hash.", complexity: "O(1)", arguments: "key field", run: get),
      CommandDefinition(
        "hmget", arity: -3, [.readonly, .fast], .hash, keys: [.key(1, [.readOnly, .access])], group: .hash,
        since: "2.0.0", "The values of several fields of a hash.", complexity: "O(N), N being the number of fields",
        arguments: "key field...", run: getSeveral),
      CommandDefinition(
        "hgetall", arity: 2, [.readonly, .longIfLarge], .hash, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .hash, since: "2.0.0",
        "All fields of a hash with their values.", complexity: "O(N), N being the size of the hash", arguments: "key",
        run: getAll),
      CommandDefinition(
        "hkeys", arity: 2, [.readonly, .longIfLarge], .hash, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .hash, since: "2.0.0", "All fields of a hash.",
        complexity: "O(N), N being the size of the hash", arguments: "key", run: allFields),
      CommandDefinition(
        "hvals", arity: 2, [.readonly, .longIfLarge], .hash, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .hash, since: "2.0.0", "All values of a hash.",
        complexity: "O(N), N being the size of the hash", arguments: "key", run: allValues),
      CommandDefinition(
        "hlen", arity: 2, [.readonly, .fast], .hash, keys: [.key(1, .readOnly)], group: .hash, since: "2.0.0",
        "How many fields a hash has.", complexity: "O(1)", arguments: "key", run: count),
      CommandDefinition(
        "hstrlen", arity: 3, [.readonly, .fast], .hash, keys: [.key(1, .readOnly)], group: .hash, since: "3.2.0",
        "The length in bytes of the value of a field.", complexity: "O(1)", arguments: "key field", run: valueLength),
      CommandDefinition(
        "hexists", arity: 3, [.readonly, .fast], .hash, keys: [.key(1, .readOnly)], group: .hash, since: "2.0.0",
        "Whether a hash has a field.", complexity: "O(1)", arguments: "key field", run: exists),
      CommandDefinition(
        "hrandfield", arity: -2, [.readonly, .unbounded], .hash, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output"], group: .hash, since: "6.2.0",
        "One or several fields of a hash, chosen at random.", complexity: "O(N), N being the number of fields wanted",
        arguments: "key [options{count:integer [WITHVALUES]}]", run: randomField),
      CommandDefinition(
        "hscan", arity: -3, [.readonly, .longIfLarge], .hash, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output"], group: .hash, since: "2.8.0",
        "Some of the fields of a hash, and where to go on.", complexity: "O(1) for every call, O(N) for all fields",
        arguments: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES]", run: scan),
    ]
  }

  private static var numbers: [CommandDefinition] {
    [
      CommandDefinition(
        "hincrby", arity: 4, [.write, .denyOOM, .fast], .hash, keys: [.key(1, [.readWrite, .access, .update])],
        group: .hash, since: "2.0.0", "Adds to the integer in a field of a hash, which begins at zero.",
        complexity: "O(1)", arguments: "key field increment:integer", run: incrementBy),
      CommandDefinition(
        "hincrbyfloat", arity: 4, [.write, .denyOOM, .fast], .hash, keys: [.key(1, [.readWrite, .access, .update])],
        group: .hash, since: "2.6.0", "Adds to the decimal number in a field of a hash, which begins at zero.",
        complexity: "O(1)", arguments: "key field increment:double", run: incrementByFloat),
    ]
  }

  // MARK: fields that end

  private static var expiring: [CommandDefinition] {
    [
      expiring(
        "hexpire", "key seconds:integer [condition(NX|XX|GT|LT)] ", "Seconds that fields have left.",
        expireSeconds),
      expiring(
        "hpexpire", "key milliseconds:integer [condition(NX|XX|GT|LT)@9.0.0] ", "Milliseconds that fields have left.",
        expireMilliseconds),
      expiring(
        "hexpireat", "key unix-time-seconds:integer [condition(NX|XX|GT|LT)@9.0.0] ",
        "The second of Unix time in which fields end.", expireAtSeconds),
      expiring(
        "hpexpireat", "key unix-time-milliseconds:integer [condition(NX|XX|GT|LT)@9.0.0] ",
        "The millisecond of Unix time in which fields end.", expireAtMilliseconds),
      expiring("hpersist", "key ", arity: -5, "Lets fields stay.", persist),
      CommandDefinition(
        "hsetex", arity: -6, [.write, .denyOOM, .fast], .hash, keys: [.key(1, [.readWrite, .insert])], group: .hash,
        since: "9.0.0", "Sets fields of a hash and the time that they have.",
        complexity: "O(N), N being the number of fields",
        arguments: "key [key-condition(NX|XX)] [fields-condition(FNX|FXX)] "
          + "[expiration(\(times)|KEEPTTL)] FIELDS fields{numfields:integer data{field value}...}",
        run: setExpire),
      CommandDefinition(
        "hgetex", arity: -5, [.write, .fast], .hash, keys: [.key(1, [.readWrite, .access, .update])], group: .hash,
        since: "9.0.0", "The values of fields of a hash, and a change of the time that they have.",
        complexity: "O(N), N being the number of fields",
        arguments: "key [expiration(\(times)|PERSIST)] FIELDS fields{numfields:integer field...}", run: getExpire),
    ]
  }

  private static var times: String {
    "EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time"
      + "|PXAT unix-time-milliseconds:unix-time"
  }

  private static func expiring(
    _ name: String, _ arguments: String, arity: Int = -6, _ summary: String, _ run: @escaping CommandBody
  ) -> CommandDefinition {
    CommandDefinition(
      name, arity: arity, [.write, .fast], .hash, keys: [.key(1, [.readWrite, .update])], group: .hash, since: "9.0.0",
      summary, complexity: "O(N), N being the number of fields",
      arguments: arguments + "FIELDS fields{numfields:integer field...}", run: run)
  }

  private static var asking: [CommandDefinition] {
    [
      asking("httl", "Seconds that fields have left.", ttl),
      asking("hpttl", "Milliseconds that fields have left.", ttlMilliseconds),
      asking("hexpiretime", "The second of Unix time in which fields end.", expireTime),
      asking("hpexpiretime", "The millisecond of Unix time in which fields end.", expireTimeMilliseconds),
    ]
  }

  private static func asking(_ name: String, _ summary: String, _ run: @escaping CommandBody) -> CommandDefinition {
    CommandDefinition(
      name, arity: -5, [.readonly, .fast], .hash, keys: [.key(1, [.readOnly, .access])], group: .hash, since: "9.0.0",
      summary, complexity: "O(N), N being the number of fields",
      arguments: "key FIELDS fields{numfields:integer field...}", run: run)
  }
}
