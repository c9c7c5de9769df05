// RDBStructure.swift — what each type's value is made of, as a small program for `StructureWalker`.
//
//   sorted set:  count { member, score (8 bytes) }          [.begin, .string, .bytes(8), .end]
//
// `.begin` reads how often the steps up to its `.end` come. The rest of this file is the format, type by type.

/// One step through a value.
enum RDBStep: BitwiseCopyable {
  /// Reads a count; the steps up to the matching `end` come so often.
  case begin
  case end
  case string
  /// A string that holds a packed value.
  case packed(PackedForm)
  /// A node of a list: 1 and a string, or 2 and a listpack.
  case node
  case length
  case bytes(Int)
  /// A double as text behind its length, or one byte for the numbers that have no text.
  case scoreText
  /// Values that announce their kind, up to an end mark.
  case moduleValues
}

/// What a packed string is.
package enum PackedForm: BitwiseCopyable, Sendable {
  case ziplist, listpack, intset, zipmap
}

struct RDBStructure {
  let steps: [RDBStep]

  private init(steps: [RDBStep]) { self.steps = steps }

  /// The structure of a value of `type`; nil if the type does not tell where it ends.
  init?(_ type: RDBType) {
    switch type {
    case .string: self.init(steps: [.string])
    case .list, .set: self.init(steps: [.begin, .string, .end])
    case .sortedSetText: self.init(steps: [.begin, .string, .scoreText, .end])
    case .sortedSet: self.init(steps: [.begin, .string, .bytes(8), .end])
    case .hash: self.init(steps: [.begin, .string, .string, .end])
    case .hashZipmap: self.init(steps: [.packed(.zipmap)])
    case .listZiplist, .sortedSetZiplist, .hashZiplist: self.init(steps: [.packed(.ziplist)])
    case .setIntset: self.init(steps: [.packed(.intset)])
    case .hashListpack, .sortedSetListpack, .setListpack: self.init(steps: [.packed(.listpack)])
    case .listQuicklist: self.init(steps: [.begin, .packed(.ziplist), .end])
    case .listQuicklist2: self.init(steps: [.begin, .node, .end])
    // A field's expiry stands before it, in 8 bytes before them all, or behind its value.
    case .hashExpiryOfCandidate: self.init(steps: [.begin, .length, .string, .string, .end])
    case .hashExpiry: self.init(steps: [.bytes(8), .begin, .length, .string, .string, .end])
    case .hashListpackExpiryOfCandidate: self.init(steps: [.packed(.listpack)])
    case .hashListpackExpiry: self.init(steps: [.bytes(8), .packed(.listpack)])
    case .hashValkey: self.init(steps: [.begin, .string, .string, .bytes(8), .end])
    case .stream1: self.init(steps: RDBStructure.stream(generation: 1))
    case .stream2: self.init(steps: RDBStructure.stream(generation: 2))
    case .stream3: self.init(steps: RDBStructure.stream(generation: 3))
    // The module's name and version in one number.
    case .module: self.init(steps: [.length, .moduleValues])
    case .moduleOfCandidate: return nil
    }
  }

  /// Behind the module's number: when the data is loaded, then the data.
  static var moduleAuxiliary: RDBStructure { RDBStructure(steps: [.length, .length, .moduleValues]) }
  /// Pairs of first and last slots.
  static var slotRanges: RDBStructure { RDBStructure(steps: [.begin, .length, .length, .end]) }

  private static func stream(generation: Int) -> [RDBStep] {
    // Radix tree nodes: the 16 bytes of the first entry's identifier, and a listpack of entries.
    var steps: [RDBStep] = [.begin, .string, .packed(.listpack), .end]
    // Number of entries and the last identifier, in two numbers.
    steps += [.length, .length, .length]
    // The first identifier, the highest deleted one, and how many were ever added.
    if generation >= 2 { steps += [.length, .length, .length, .length, .length] }
    // Groups: name, last delivered identifier, and how many entries were read.
    steps += [.begin, .string, .length, .length]
    if generation >= 2 { steps += [.length] }
    // What the group has pending: identifier, time of delivery, number of deliveries.
    steps += [.begin, .bytes(16), .bytes(8), .length, .end]
    // Consumers: name, when seen, when active, and the identifiers of what they have pending.
    steps += [.begin, .string, .bytes(8)]
    if generation >= 3 { steps += [.bytes(8)] }
    return steps + [.begin, .bytes(16), .end, .end, .end]
  }
}
