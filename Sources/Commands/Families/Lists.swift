// Lists.swift — the commands on lists, as a list.
//
// What each does stands beside this file: Lists+Ends, Lists+Moves, Lists+Inside, and Lists+Waiting for those that wait.

/// The list group.
public enum Lists {
  public static var definitions: [CommandDefinition] { ends + inside + waiting }

  private static var ends: [CommandDefinition] {
    [
      CommandDefinition(
        "lpush", arity: -3, [.write, .denyOOM, .fast, .longIfMany], .list, keys: [.key(1, [.readWrite, .insert])], group: .list,
        since: "1.0.0", "Puts elements at the head of a list, which is made if it is not there.",
        complexity: "O(N), N being the number of elements", arguments: "key element...", run: pushLeft),
      CommandDefinition(
        "rpush", arity: -3, [.write, .denyOOM, .fast, .longIfMany], .list, keys: [.key(1, [.readWrite, .insert])], group: .list,
        since: "1.0.0", "Puts elements at the tail of a list, which is made if it is not there.",
        complexity: "O(N), N being the number of elements", arguments: "key element...", run: pushRight),
      CommandDefinition(
        "lpushx", arity: -3, [.write, .denyOOM, .fast, .longIfMany], .list, keys: [.key(1, [.readWrite, .insert])], group: .list,
        since: "2.2.0", "Puts elements at the head of a list if it is there.",
        complexity: "O(N), N being the number of elements", arguments: "key element...", run: pushLeftIfPresent),
      CommandDefinition(
        "rpushx", arity: -3, [.write, .denyOOM, .fast, .longIfMany], .list, keys: [.key(1, [.readWrite, .insert])], group: .list,
        since: "2.2.0", "Puts elements at the tail of a list if it is there.",
        complexity: "O(N), N being the number of elements", arguments: "key element...", run: pushRightIfPresent),
      CommandDefinition(
        "lpop", arity: -2, [.write, .fast, .longIfCounted], .list, keys: [.key(1, [.readWrite, .access, .delete])], group: .list,
        since: "1.0.0", "Takes elements from the head of a list, which goes with its last one.",
        complexity: "O(N), N being the number of elements taken", arguments: "key [count:integer@6.2.0]",
        run: popLeft),
      CommandDefinition(
        "rpop", arity: -2, [.write, .fast, .longIfCounted], .list, keys: [.key(1, [.readWrite, .access, .delete])], group: .list,
        since: "1.0.0", "Takes elements from the tail of a list, which goes with its last one.",
        complexity: "O(N), N being the number of elements taken", arguments: "key [count:integer@6.2.0]",
        run: popRight),
      CommandDefinition(
        "lmpop", arity: -4, [.write, .unbounded], .list, keys: [.counted(at: 1, [.readWrite, .access, .delete])], group: .list,
        since: "7.0.0", "Takes elements from the first of several lists that has any.",
        complexity: "O(N+M), N being the number of keys and M that of elements taken",
        arguments: "numkeys:integer key... where(LEFT|RIGHT) [COUNT count:integer]", run: popFirst),
      CommandDefinition(
        "lmove", arity: 5, [.write, .denyOOM], .list,
        keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.readWrite, .insert])], group: .list, since: "6.2.0",
        "Takes an element from one end of a list and puts it at an end of another.", complexity: "O(1)",
        arguments: "source:key destination:key#1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT)", run: move),
      CommandDefinition(
        "rpoplpush", arity: 3, [.write, .denyOOM], .list,
        keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.readWrite, .insert])], group: .list, since: "1.2.0",
        deprecated: .init(since: "6.2.0", use: "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
        "Takes the last element of a list and puts it at the head of another.", complexity: "O(1)",
        arguments: "source:key destination:key#1", run: rotate),
    ]
  }

  private static var inside: [CommandDefinition] {
    [
      CommandDefinition(
        "llen", arity: 2, [.readonly, .fast], .list, keys: [.key(1, .readOnly)], group: .list, since: "1.0.0",
        "How many elements a list has.", complexity: "O(1)", arguments: "key", run: count),
      CommandDefinition(
        "lindex", arity: 3, [.readonly], .list, keys: [.key(1, [.readOnly, .access])], group: .list, since: "1.0.0",
        "The element of a list at an index.", complexity: "O(N), N being the number of nodes up to it",
        arguments: "key index:integer", run: element),
      CommandDefinition(
        "lrange", arity: 4, [.readonly, .longByRange], .list, keys: [.key(1, [.readOnly, .access])], group: .list, since: "1.0.0",
        "The elements of a list between two indices.",
        complexity: "O(S+N), S being the number of nodes up to the first and N the number of elements",
        arguments: "key start:integer stop:integer", run: range),
      CommandDefinition(
        "lpos", arity: -3, [.readonly, .longIfLarge], .list, keys: [.key(1, [.readOnly, .access])], group: .list, since: "6.0.6",
        "Where an element stands in a list.", complexity: "O(N), N being the length of the list",
        arguments: "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]", run: position),
      CommandDefinition(
        "lset", arity: 4, [.write, .denyOOM], .list, keys: [.key(1, [.readWrite, .update])], group: .list,
        since: "1.0.0", "Puts an element in the place of another in a list.",
        complexity: "O(N), N being the number of nodes up to it", arguments: "key index:integer element",
        run: setElement),
      CommandDefinition(
        "linsert", arity: 5, [.write, .denyOOM, .longIfLarge], .list, keys: [.key(1, [.readWrite, .insert])], group: .list,
        since: "2.2.0", "Puts an element before or behind another in a list.",
        complexity: "O(N), N being the number of elements up to it",
        arguments: "key where(BEFORE|AFTER) pivot element", run: insert),
      CommandDefinition(
        "lrem", arity: 4, [.write, .longIfLarge], .list, keys: [.key(1, [.readWrite, .delete])], group: .list, since: "1.0.0",
        "Takes equal elements out of a list.", complexity: "O(N), N being the length of the list",
        arguments: "key count:integer element", run: remove),
      CommandDefinition(
        "ltrim", arity: 4, [.write, .longIfLarge], .list, keys: [.key(1, [.readWrite, .delete])], group: .list, since: "1.0.0",
        "Keeps the elements of a list between two indices and no others.",
        complexity: "O(N), N being the number of elements taken out", arguments: "key start:integer stop:integer",
        run: trim),
    ]
  }
}
