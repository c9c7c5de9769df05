// SortedSets.swift — the commands on sorted sets, as a list.
//
// What each does stands beside this file: SortedSets+Add, SortedSets+Remove, SortedSets+Read, SortedSets+Range,
// SortedSets+Algebra, and SortedSets+Waiting for those that wait.

/// The sorted set group.
public enum SortedSets {
  public static var definitions: [CommandDefinition] { writing + reading + ranges + algebra + waiting }

  private static var writing: [CommandDefinition] {
    [
      CommandDefinition(
        "zadd", arity: -4, [.write, .denyOOM, .fast, .longIfMany], .sortedSet, keys: [.key(1, [.readWrite, .update])],
        group: .sortedSet, since: "1.2.0",
        "Adds members with scores to a sorted set, which is made if it is not there.",
        complexity: "O(log(N)) for each member, N being the size of the sorted set",
        arguments: "key [condition(NX|XX)@3.0.2] [comparison(GT|LT)@6.2.0] [change=CH@3.0.2] [increment=INCR@3.0.2] "
          + "data{score:double member}...",
        run: add),
      CommandDefinition(
        "zincrby", arity: 4, [.write, .denyOOM, .fast], .sortedSet, keys: [.key(1, [.readWrite, .access, .update])],
        group: .sortedSet, since: "1.2.0", "Adds to the score of a member, which begins at zero.",
        complexity: "O(log(N)), N being the size of the sorted set", arguments: "key increment:integer member",
        run: incrementBy),
      CommandDefinition(
        "zrem", arity: -3, [.write, .fast, .longIfMany], .sortedSet, keys: [.key(1, [.readWrite, .delete])], group: .sortedSet,
        since: "1.2.0", "Takes members out of a sorted set, which goes with its last one.",
        complexity: "O(M*log(N)), N being the size of the sorted set and M the number of members",
        arguments: "key member...", run: remove),
      CommandDefinition(
        "zremrangebyrank", arity: 4, [.write, .longByRange], .sortedSet, keys: [.key(1, [.readWrite, .delete])], group: .sortedSet,
        since: "2.0.0", "Takes the members between two ranks out of a sorted set.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members taken out",
        arguments: "key start:integer stop:integer", run: removeByRank),
      CommandDefinition(
        "zremrangebyscore", arity: 4, [.write, .longIfLarge], .sortedSet, keys: [.key(1, [.readWrite, .delete])], group: .sortedSet,
        since: "1.2.0", "Takes the members between two scores out of a sorted set.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members taken out",
        arguments: "key min:double max:double", run: removeByScore),
      CommandDefinition(
        "zremrangebylex", arity: 4, [.write, .longIfLarge], .sortedSet, keys: [.key(1, [.readWrite, .delete])], group: .sortedSet,
        since: "2.8.9", "Takes the members between two members out of a sorted set of one score.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members taken out",
        arguments: "key min max", run: removeByMember),
      CommandDefinition(
        "zpopmin", arity: -2, [.write, .fast, .longIfCounted], .sortedSet, keys: [.key(1, [.readWrite, .access, .delete])],
        group: .sortedSet, since: "5.0.0", "Takes the members of the lowest scores out of a sorted set.",
        complexity: "O(log(N)*M), N being the size of the sorted set and M the number of members taken out",
        arguments: "key [count:integer]", run: popLowest),
      CommandDefinition(
        "zpopmax", arity: -2, [.write, .fast, .longIfCounted], .sortedSet, keys: [.key(1, [.readWrite, .access, .delete])],
        group: .sortedSet, since: "5.0.0", "Takes the members of the highest scores out of a sorted set.",
        complexity: "O(log(N)*M), N being the size of the sorted set and M the number of members taken out",
        arguments: "key [count:integer]", run: popHighest),
      CommandDefinition(
        "zmpop", arity: -4, [.write, .unbounded], .sortedSet, keys: [.counted(at: 1, [.readWrite, .access, .delete])],
        group: .sortedSet, since: "7.0.0", "Takes members out of the first of several sorted sets that has any.",
        complexity: "O(K)+O(M*log(N)), K being the number of keys, N the size of the sorted set and M the "
          + "number of members taken out",
        arguments: "numkeys:integer key... where(MIN|MAX) [COUNT count:integer]", run: popFirst),
    ]
  }

  private static var reading: [CommandDefinition] {
    [
      CommandDefinition(
        "zscore", arity: 3, [.readonly, .fast], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "1.2.0", "The score of a member.", complexity: "O(1)", arguments: "key member", run: score),
      CommandDefinition(
        "zmscore", arity: -3, [.readonly, .fast], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        group: .sortedSet, since: "6.2.0", "The scores of several members.",
        complexity: "O(N), N being the number of members", arguments: "key member...", run: scores),
      CommandDefinition(
        "zcard", arity: 2, [.readonly, .fast], .sortedSet, keys: [.key(1, .readOnly)], group: .sortedSet,
        since: "1.2.0", "How many members a sorted set has.", complexity: "O(1)", arguments: "key", run: count),
      CommandDefinition(
        "zcount", arity: 4, [.readonly, .fast], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "2.0.0", "How many members lie between two scores.",
        complexity: "O(log(N)), N being the size of the sorted set", arguments: "key min:double max:double",
        run: countByScore),
      CommandDefinition(
        "zlexcount", arity: 4, [.readonly, .fast], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        group: .sortedSet, since: "2.8.9", "How many members lie between two members in a sorted set of one score.",
        complexity: "O(log(N)), N being the size of the sorted set", arguments: "key min max", run: countByMember),
      CommandDefinition(
        "zrank", arity: -3, [.readonly, .fast], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "2.0.0", "The rank of a member, the lowest score first.",
        complexity: "O(log(N)), N being the size of the sorted set", arguments: "key member [WITHSCORE]", run: rank),
      CommandDefinition(
        "zrevrank", arity: -3, [.readonly, .fast], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        group: .sortedSet, since: "2.0.0", "The rank of a member, the highest score first.",
        complexity: "O(log(N)), N being the size of the sorted set", arguments: "key member [WITHSCORE]",
        run: reverseRank),
      CommandDefinition(
        "zrandmember", arity: -2, [.readonly, .unbounded], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output"], group: .sortedSet, since: "6.2.0",
        "One or several members of a sorted set, chosen at random.",
        complexity: "O(N), N being the number of members wanted",
        arguments: "key [options{count:integer [WITHSCORES]}]", run: randomMember),
      CommandDefinition(
        "zscan", arity: -3, [.readonly, .longIfLarge], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output"], group: .sortedSet, since: "2.8.0",
        "Some of the members of a sorted set, and where to go on.",
        complexity: "O(1) for every call, O(N) for all members",
        arguments: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOSCORES]", run: scan),
    ]
  }

  private static var ranges: [CommandDefinition] {
    [
      CommandDefinition(
        "zrange", arity: -4, [.readonly, .longByRange], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "1.2.0", "The members between two ranks, scores or members.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members told",
        arguments: "key start stop [sortby(BYSCORE|BYLEX)@6.2.0] [REV@6.2.0] [LIMIT limit{offset:integer "
          + "count:integer}@6.2.0] [WITHSCORES]",
        run: range),
      CommandDefinition(
        "zrangestore", arity: -5, [.write, .denyOOM, .unbounded], .sortedSet,
        keys: [.key(1, [.overwrite, .update]), .key(2, [.readOnly, .access])], group: .sortedSet, since: "6.2.0",
        "Keeps the members between two ranks, scores or members.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members kept",
        arguments: "dst:key src:key#1 min max [sortby(BYSCORE|BYLEX)] [REV] [LIMIT limit{offset:integer "
          + "count:integer}]",
        run: storeRange),
      CommandDefinition(
        "zrevrange", arity: -4, [.readonly, .longByRange], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "1.2.0", deprecated: .init(since: "6.2.0", use: "`ZRANGE` with the `REV` argument"),
        "The members between two ranks, the highest score first.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members told",
        arguments: "key start:integer stop:integer [WITHSCORES]", run: reverseRange),
      CommandDefinition(
        "zrangebyscore", arity: -4, [.readonly, .longIfLarge], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "1.0.5", deprecated: .init(since: "6.2.0", use: "`ZRANGE` with the `BYSCORE` argument"),
        "The members between two scores.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members told",
        arguments: "key min:double max:double [WITHSCORES@2.0.0] [LIMIT limit{offset:integer count:integer}]",
        run: rangeByScore),
      CommandDefinition(
        "zrevrangebyscore", arity: -4, [.readonly, .longIfLarge], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        group: .sortedSet, since: "2.2.0",
        deprecated: .init(since: "6.2.0", use: "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
        "The members between two scores, the highest first.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members told",
        arguments: "key max:double min:double [WITHSCORES] [LIMIT limit{offset:integer count:integer}]",
        run: reverseRangeByScore),
      CommandDefinition(
        "zrangebylex", arity: -4, [.readonly, .longIfLarge], .sortedSet, keys: [.key(1, [.readOnly, .access])], group: .sortedSet,
        since: "2.8.9", deprecated: .init(since: "6.2.0", use: "`ZRANGE` with the `BYLEX` argument"),
        "The members between two members in a sorted set of one score.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members told",
        arguments: "key min max [LIMIT limit{offset:integer count:integer}]", run: rangeByMember),
      CommandDefinition(
        "zrevrangebylex", arity: -4, [.readonly, .longIfLarge], .sortedSet, keys: [.key(1, [.readOnly, .access])],
        group: .sortedSet, since: "2.8.9",
        deprecated: .init(since: "6.2.0", use: "`ZRANGE` with the `REV` and `BYLEX` arguments"),
        "The members between two members in a sorted set of one score, backwards.",
        complexity: "O(log(N)+M), N being the size of the sorted set and M the number of members told",
        arguments: "key max min [LIMIT limit{offset:integer count:integer}]", run: reverseRangeByMember),
    ]
  }

  private static var algebra: [CommandDefinition] {
    [
      CommandDefinition(
        "zunion", arity: -3, [.readonly, .unbounded], .sortedSet, keys: [.counted(at: 1, [.readOnly, .access])],
        group: .sortedSet, since: "6.2.0", "The members that any of several sorted sets has.",
        complexity: "O(N)+O(M*log(M)), N being the sizes of all together and M the number of members told",
        arguments: "numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate(SUM|MIN|MAX)] "
          + "[WITHSCORES]",
        run: union),
      CommandDefinition(
        "zinter", arity: -3, [.readonly, .unbounded], .sortedSet, keys: [.counted(at: 1, [.readOnly, .access])],
        group: .sortedSet, since: "6.2.0", "The members that all of several sorted sets have.",
        complexity: "O(N*K)+O(M*log(M)), N being the size of the smallest, K the number of sets and M the "
          + "number of members told",
        arguments: "numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate(SUM|MIN|MAX)] "
          + "[WITHSCORES]",
        run: intersection),
      CommandDefinition(
        "zdiff", arity: -3, [.readonly, .unbounded], .sortedSet, keys: [.counted(at: 1, [.readOnly, .access])], group: .sortedSet,
        since: "6.2.0", "The members of the first sorted set that no other has.",
        complexity: "O(N)+O(M*log(M)), N being the sizes of all together and M the number of members told",
        arguments: "numkeys:integer key... [WITHSCORES]", run: difference),
      CommandDefinition(
        "zintercard", arity: -3, [.readonly, .unbounded], .sortedSet, keys: [.counted(at: 1, [.readOnly, .access])],
        group: .sortedSet, since: "7.0.0", "How many members all of several sorted sets have.",
        complexity: "O(N*K), N being the size of the smallest and K the number of sets",
        arguments: "numkeys:integer key... [LIMIT limit:integer]", run: intersectionCount),
      CommandDefinition(
        "zunionstore", arity: -4, [.write, .denyOOM, .unbounded], .sortedSet,
        keys: [.key(1, [.overwrite, .update]), .counted(at: 2, [.readOnly, .access])], group: .sortedSet,
        since: "2.0.0", "Keeps the members that any of several sorted sets has.",
        complexity: "O(N)+O(M*log(M)), N being the sizes of all together and M the number of members kept",
        arguments: "destination:key numkeys:integer key#1... [WEIGHTS weight:integer...] [AGGREGATE "
          + "aggregate(SUM|MIN|MAX)]",
        run: storeUnion),
      CommandDefinition(
        "zinterstore", arity: -4, [.write, .denyOOM, .unbounded], .sortedSet,
        keys: [.key(1, [.overwrite, .update]), .counted(at: 2, [.readOnly, .access])], group: .sortedSet,
        since: "2.0.0", "Keeps the members that all of several sorted sets have.",
        complexity: "O(N*K)+O(M*log(M)), N being the size of the smallest, K the number of sets and M the "
          + "number of members kept",
        arguments: "destination:key numkeys:integer key#1... [WEIGHTS weight:integer...] [AGGREGATE "
          + "aggregate(SUM|MIN|MAX)]",
        run: storeIntersection),
      CommandDefinition(
        "zdiffstore", arity: -4, [.write, .denyOOM, .unbounded], .sortedSet,
        keys: [.key(1, [.overwrite, .update]), .counted(at: 2, [.readOnly, .access])], group: .sortedSet,
        since: "6.2.0", "Keeps the members of the first sorted set that no other has.",
        complexity: "O(N)+O(M*log(M)), N being the sizes of all together and M the number of members kept",
        arguments: "destination:key numkeys:integer key#1...", run: storeDifference),
    ]
  }
}
