// HyperLogLog.swift — counting different elements in little memory: the commands, as a list.
//
//   0       4          5          8                      16
//  ┌───────┬──────────┬──────────┬──────────────────────┬──────────────────────────┐
//  │ HYLL  │ encoding │ reserved │ cached cardinality   │ 16,384 registers         │
//  └───────┴──────────┴──────────┴──────────────────────┴──────────────────────────┘
//
// The value is a string, byte for byte the one that Redis makes, since GET and SET move it between
// servers. A register remembers the longest run of zeros that a hash sent to it began with. The top bit of
// the cached cardinality says that it is out of date. HyperLogLogValue reads such a string,
// HyperLogLogEditor changes a sparse one, HyperLogLogEstimate makes a number of the registers.
import Wire

/// The HyperLogLog group.
public enum HyperLogLog {
  static var headerBytes: Int { 16 }
  static var registerCount: Int { 1 << 14 }
  /// Bits of a register in the dense form.
  static var registerBits: Int { 6 }
  static var denseBytes: Int { headerBytes + registerCount * registerBits / 8 }
  /// No sparse form of all registers is longer: each has an instruction of its own, of at most two bytes.
  static var sparseBytesMax: Int { headerBytes + registerCount * 2 }
  /// An empty one: all registers are zero, which is one instruction.
  static var emptyBytes: Int { headerBytes + 2 }

  public static var definitions: [CommandDefinition] {
    [
      CommandDefinition(
        "pfadd", arity: -2, [.write, .denyOOM, .fast], .hyperloglog, keys: [.key(1, [.readWrite, .insert])],
        group: .hyperloglog, since: "2.8.9", "Adds elements to a HyperLogLog.",
        complexity: "O(1) for each element", arguments: "key [element...]", run: add),
      CommandDefinition(
        "pfcount", arity: -2, [.readonly, .mayReplicate], .hyperloglog,
        keys: [
          KeySpecification(
            .index(1), .range(last: -1, step: 1, limit: 0), [.readWrite, .access],
            notes: "written to when the cached cardinality is brought up to date")
        ],
        group: .hyperloglog, since: "2.8.9", "About how many different elements HyperLogLogs have seen together.",
        complexity: "O(1) for one key whose number is known; else O(N), N being the keys, with a large constant",
        arguments: "key...", run: count),
      CommandDefinition(
        "pfmerge", arity: -2, [.write, .denyOOM], .hyperloglog,
        keys: [.key(1, [.readWrite, .access, .insert]), .keys(from: 2, [.readOnly, .access])],
        group: .hyperloglog, since: "2.8.9", "Adds all that some HyperLogLogs have seen to another.",
        complexity: "O(N), N being the keys, with a large constant", arguments: "destkey:key [sourcekey:key#1...]",
        run: merge),
      CommandDefinition(
        "pfdebug", arity: 3, [.write, .denyOOM, .admin], .hyperloglog, keys: [.key(2, [.readWrite, .access])],
        group: .hyperloglog, since: "2.8.9", isSystemCommand: true, "Shows how a HyperLogLog is kept.",
        complexity: "O(N), N being the registers", arguments: "subcommand key", run: debug),
      CommandDefinition(
        "pfselftest", arity: 1, [.admin], .hyperloglog, group: .hyperloglog, since: "2.8.9", isSystemCommand: true,
        "Tests this implementation of HyperLogLogs.", complexity: "O(N), N being the elements tried", run: selfTest),
    ]
  }
}
