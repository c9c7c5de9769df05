// Bits.swift — the commands on strings as rows of bits, as a list.
//
// What each does stands beside this file: Bits+Single (one bit), Bits+Range (counting and finding),
// Bits+Operation (BITOP), Bits+Field (integers of any width). BitWords has the loops.
import Wire

/// The bitmap group.
public enum Bits {
  public static var definitions: [CommandDefinition] { single + ranges + fields }

  private static let updates: KeyFlags = [.readWrite, .access, .update]
  private static let range = "[range{start:integer [end-unit-block{end:integer [unit(BYTE|BIT)@7.0.0]}]}]"

  private static var single: [CommandDefinition] {
    [
      CommandDefinition(
        "setbit", arity: 4, [.write, .denyOOM], .bitmap, keys: [.key(1, updates)],
        group: .bitmap, since: "2.2.0", "Sets one bit of a string, which grows as far as needed.", complexity: "O(1)",
        arguments: "key offset:integer value:integer", run: setBit),
      CommandDefinition(
        "getbit", arity: 3, [.readonly, .fast], .bitmap, keys: [.key(1, [.readOnly, .access])],
        group: .bitmap, since: "2.2.0", "One bit of a string.", complexity: "O(1)",
        arguments: "key offset:integer", run: getBit),
    ]
  }

  private static var ranges: [CommandDefinition] {
    [
      CommandDefinition(
        "bitcount", arity: -2, [.readonly, .longIfLarge], .bitmap, keys: [.key(1, [.readOnly, .access])],
        group: .bitmap, since: "2.6.0", "How many bits of a string are set.",
        complexity: "O(N), N being the bytes looked at", history: [.init("7.0.0", "`BYTE` and `BIT`.")],
        arguments: "key \(range)", run: count),
      CommandDefinition(
        "bitpos", arity: -3, [.readonly, .longIfLarge], .bitmap, keys: [.key(1, [.readOnly, .access])],
        group: .bitmap, since: "2.8.7", "The first bit of a string that is set, or the first that is not.",
        complexity: "O(N), N being the bytes looked at", history: [.init("7.0.0", "`BYTE` and `BIT`.")],
        arguments: "key bit:integer \(range)", run: position),
      CommandDefinition(
        "bitop", arity: -4, [.write, .denyOOM, .unbounded], .bitmap,
        keys: [.key(2, [.overwrite, .update]), .keys(from: 3, [.readOnly, .access])],
        group: .bitmap, since: "2.6.0", "Combines strings bit by bit into another.",
        complexity: "O(N), N being the bytes of all strings",
        history: [.init("8.2.0", "`DIFF`, `DIFF1`, `ANDOR` and `ONE`.")],
        arguments: """
          operation(AND|OR|XOR|NOT|DIFF@8.2.0|DIFF1@8.2.0|ANDOR@8.2.0|ONE@8.2.0) destkey:key key#1...
          """,
        run: operation),
    ]
  }

  private static var fields: [CommandDefinition] {
    [
      CommandDefinition(
        "bitfield", arity: -2, [.write, .denyOOM], .bitmap,
        keys: [.key(1, [updates, .variableFlags], notes: "with nothing but GET the string is only read")],
        findKeys: keyOfField, group: .bitmap, since: "3.2.0",
        "Reads, sets and adds to integers of any width within a string.",
        complexity: "O(1) for each operation",
        arguments: """
          key [operation(GET get-block{encoding offset:integer}|write{\
          [OVERFLOW overflow-block(WRAP|SAT|FAIL)] \
          write-operation(SET set-block{encoding offset:integer value:integer}|\
          INCRBY incrby-block{encoding offset:integer increment:integer})})...]
          """,
        run: field),
      CommandDefinition(
        "bitfield_ro", arity: -2, [.readonly, .fast], .bitmap, keys: [.key(1, [.readOnly, .access])],
        group: .bitmap, since: "6.0.0", "Reads integers of any width within a string.",
        complexity: "O(1) for each operation",
        arguments: "key [GET get-block{encoding offset:integer}]...", run: fieldReadOnly),
    ]
  }

  /// Written to only if there is a SET or an INCRBY among the operations.
  private static let keyOfField: KeyFinder = { arguments in
    guard arguments.count >= 2 else { return nil }
    var index = 2
    while index < arguments.count {
      let word = arguments[index]
      if word.equalsIgnoringCase("set") || word.equalsIgnoringCase("incrby") {
        return [KeyReference(position: 1, flags: updates)]
      }
      index += word.equalsIgnoringCase("get") ? 3 : 2
    }
    return [KeyReference(position: 1, flags: [.readOnly, .access])]
  }
}
