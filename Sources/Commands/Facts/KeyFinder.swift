// KeyFinder.swift — finds the keys of a request from its command's specifications.
//
// Every number on the way is foreign: it is read in full, compared with the words there
// are, and a request whose numbers lie has no keys rather than some.
import Bytes
import Wire

/// A key of a request: the word and what is done with it.
public struct KeyReference: Equatable, Sendable {
  public let position: Int
  public let flags: KeyFlags

  public init(position: Int, flags: KeyFlags) {
    self.position = position
    self.flags = flags
  }
}

/// Finds keys, or their flags, that depend on more than positions. Nil: the request makes no sense.
public typealias KeyFinder = @Sendable (Arguments) -> [KeyReference]?

/// Words `first` to `last`, every `step`th.
public struct KeyRun: Equatable {
  public var first: Int
  public var last: Int
  public var step: Int
}

/// What became of looking for one specification's run.
public enum KeyRunSearch: Equatable {
  case run(KeyRun)
  /// The keyword is not there, so neither are the keys.
  case absent
  /// The words contradict the specification, or it does not say where to look.
  case invalid
}

extension KeySpecification {
  /// The run of keys in a request; allocates nothing.
  public func run(in arguments: Arguments) -> KeyRunSearch {
    let words = arguments.count
    let start: Int
    switch begin {
    case .unknown: return .invalid
    case .index(let index): start = index
    case .keyword(let keyword, let from):
      guard let position = Self.position(of: keyword, from: from, in: arguments) else { return .absent }
      start = position + 1
    }
    let run: KeyRun
    switch find {
    case .unknown: return .invalid
    case .range(let last, let step, let limit):
      if last >= 0 {
        run = KeyRun(first: start, last: start + last, step: step)
      } else if limit == 0 {
        run = KeyRun(first: start, last: words + last, step: step)
      } else {
        run = KeyRun(first: start, last: start + (words - start) / limit + last, step: step)
      }
    case .counted(let index, let first, let step):
      guard start + index < words else { return .invalid }
      // No more keys than words: the product below cannot overflow.
      guard let count = arguments[start + index].int64, count >= 0, count <= Int64(words) else { return .invalid }
      run = KeyRun(first: start + first, last: start + first + (Int(count) - 1) * step, step: step)
    }
    guard run.first <= run.last, run.last < words else { return .invalid }
    return .run(run)
  }

  /// Forwards from word `from`, or backwards from that many words before the end.
  private static func position(of keyword: String, from: Int, in arguments: Arguments) -> Int? {
    let words = arguments.count
    var index = from > 0 ? from : words + from
    while index >= 1 && index < words {
      if arguments[index].equalsIgnoringCase(text: keyword) { return index }
      index += from > 0 ? 1 : -1
    }
    return nil
  }
}

extension CommandFacts {
  /// Whether a request may name keys at all.
  public var hasKeys: Bool { findKeys != nil || keys.contains { !$0.flags.contains(.notKey) } }

  /// The keys of a request, in order; nil if it names none or contradicts itself.
  public func keys(of arguments: Arguments) -> [KeyReference]? {
    let areReliable = !keys.isEmpty && keys.allSatisfy { !$0.flags.contains(.variableFlags) }
    if areReliable, let found = specifiedKeys(of: arguments) { return found.isEmpty ? nil : found }
    guard let findKeys, let found = findKeys(arguments), !found.isEmpty else { return nil }
    return found
  }

  /// Nil as soon as one specification is contradicted or does not find all.
  private func specifiedKeys(of arguments: Arguments) -> [KeyReference]? {
    var found: [KeyReference] = []
    for specification in keys where !specification.flags.contains(.notKey) {
      switch specification.run(in: arguments) {
      case .absent: continue
      case .invalid: return nil
      case .run(let run):
        guard !specification.flags.contains(.incomplete) else { return nil }
        for position in stride(from: run.first, through: run.last, by: run.step) {
          found.append(KeyReference(position: position, flags: specification.flags))
        }
      }
    }
    return found
  }
}
