// Sets.swift — the commands on sets, as a list.
//
// What each does stands beside this file: Sets+Members, Sets+Random, Sets+Algebra.

/// The set group.
public enum Sets {
  public static var definitions: [CommandDefinition] { members + choices + algebra }

  private static var members: [CommandDefinition] {
    [
      CommandDefinition(
        "sadd", arity: -3, [.write, .denyOOM, .fast, .longIfMany], .set, keys: [.key(1, [.readWrite, .insert])], group: .set,
        since: "1.0.0", "Adds members to a set, which is made if it is not there.",
        complexity: "O(N), N being the number of members", arguments: "key member...", run: add),
      CommandDefinition(
        "srem", arity: -3, [.write, .fast, .longIfMany], .set, keys: [.key(1, [.readWrite, .delete])], group: .set, since: "1.0.0",
        "Takes members out of a set, which goes with its last one.",
        complexity: "O(N), N being the number of members", arguments: "key member...", run: remove),
      CommandDefinition(
        "smove", arity: 4, [.write, .fast], .set,
        keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.readWrite, .insert])], group: .set, since: "1.0.0",
        "Takes a member out of one set and puts it into another.", complexity: "O(1)",
        arguments: "source:key destination:key#1 member", run: move),
      CommandDefinition(
        "sismember", arity: 3, [.readonly, .fast], .set, keys: [.key(1, .readOnly)], group: .set, since: "1.0.0",
        "Whether a set has a member.", complexity: "O(1)", arguments: "key member", run: isMember),
      CommandDefinition(
        "smismember", arity: -3, [.readonly, .fast], .set, keys: [.key(1, [.readOnly, .access])], group: .set,
        since: "6.2.0", "Whether a set has each of several members.",
        complexity: "O(N), N being the number of members asked for", arguments: "key member...", run: areMembers),
      CommandDefinition(
        "scard", arity: 2, [.readonly, .fast], .set, keys: [.key(1, .readOnly)], group: .set, since: "1.0.0",
        "How many members a set has.", complexity: "O(1)", arguments: "key", run: count),
      CommandDefinition(
        "smembers", arity: 2, [.readonly, .longIfLarge], .set, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .set, since: "1.0.0", "All members of a set.",
        complexity: "O(N), N being the size of the set", arguments: "key", run: allMembers),
      CommandDefinition(
        "sscan", arity: -3, [.readonly, .longIfLarge], .set, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output"], group: .set, since: "2.8.0",
        "Some of the members of a set, and where to go on.", complexity: "O(1) for every call, O(N) for all members",
        arguments: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]", run: scan),
    ]
  }

  private static var choices: [CommandDefinition] {
    [
      CommandDefinition(
        "spop", arity: -2, [.write, .fast, .longIfCounted], .set, keys: [.key(1, [.readWrite, .access, .delete])],
        tips: ["nondeterministic_output"], group: .set, since: "1.0.0",
        "Takes one or several members out of a set, chosen at random.",
        complexity: "O(N), N being the number of members taken", arguments: "key [count:integer@3.2.0]", run: pop),
      CommandDefinition(
        "srandmember", arity: -2, [.readonly, .unbounded], .set, keys: [.key(1, [.readOnly, .access])],
        tips: ["nondeterministic_output"], group: .set, since: "1.0.0",
        "One or several members of a set, chosen at random.",
        complexity: "O(N), N being the number of members wanted", arguments: "key [count:integer@2.6.0]",
        run: randomMember),
    ]
  }

  private static var algebra: [CommandDefinition] {
    [
      CommandDefinition(
        "sinter", arity: -2, [.readonly, .unbounded], .set, keys: [.keys(from: 1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .set, since: "1.0.0",
        "The members that all of several sets have.",
        complexity: "O(N*M), N being the size of the smallest set and M the number of sets", arguments: "key...",
        run: intersection),
      CommandDefinition(
        "sintercard", arity: -3, [.readonly, .unbounded], .set, keys: [.counted(at: 1, [.readOnly, .access])], group: .set,
        since: "7.0.0", "How many members all of several sets have.",
        complexity: "O(N*M), N being the size of the smallest set and M the number of sets",
        arguments: "numkeys:integer key... [LIMIT limit:integer]", run: intersectionCount),
      CommandDefinition(
        "sinterstore", arity: -3, [.write, .denyOOM, .unbounded], .set,
        keys: [.key(1, [.overwrite, .update]), .keys(from: 2, [.readOnly, .access])], group: .set, since: "1.0.0",
        "Keeps the members that all of several sets have.",
        complexity: "O(N*M), N being the size of the smallest set and M the number of sets",
        arguments: "destination:key key#1...", run: storeIntersection),
      CommandDefinition(
        "sunion", arity: -2, [.readonly, .unbounded], .set, keys: [.keys(from: 1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .set, since: "1.0.0",
        "The members that any of several sets has.", complexity: "O(N), N being the size of all sets together",
        arguments: "key...", run: union),
      CommandDefinition(
        "sunionstore", arity: -3, [.write, .denyOOM, .unbounded], .set,
        keys: [.key(1, [.overwrite, .update]), .keys(from: 2, [.readOnly, .access])], group: .set, since: "1.0.0",
        "Keeps the members that any of several sets has.", complexity: "O(N), N being the size of all sets together",
        arguments: "destination:key key#1...", run: storeUnion),
      CommandDefinition(
        "sdiff", arity: -2, [.readonly, .unbounded], .set, keys: [.keys(from: 1, [.readOnly, .access])],
        tips: ["nondeterministic_output_order"], group: .set, since: "1.0.0",
        "The members of the first set that no other set has.",
        complexity: "O(N), N being the size of all sets together", arguments: "key...", run: difference),
      CommandDefinition(
        "sdiffstore", arity: -3, [.write, .denyOOM, .unbounded], .set,
        keys: [.key(1, [.overwrite, .update]), .keys(from: 2, [.readOnly, .access])], group: .set, since: "1.0.0",
        "Keeps the members of the first set that no other set has.",
        complexity: "O(N), N being the size of all sets together", arguments: "destination:key key#1...",
        run: storeDifference),
    ]
  }
}
