// StringOptions.swift — the words that say when and for how long, in SET, GETEX, MSETEX, HSETEX and HGETEX.
//
//   SET             NX | XX | IFEQ value     GET     EX n | PX n | EXAT n | PXAT n | KEEPTTL
//   MSETEX          NX | XX                          EX n | PX n | EXAT n | PXAT n | KEEPTTL
//   HSETEX          NX | XX     FNX | FXX            EX n | PX n | EXAT n | PXAT n | KEEPTTL
//   GETEX, HGETEX                                    EX n | PX n | EXAT n | PXAT n | PERSIST
//
// A word may be said twice (not IFEQ), two that exclude each other may not: then it is a syntax error.
import Bytes

public struct StringOptions {
  public enum Command { case set, getExpire, setSeveral, setFields }
  public enum Condition { case none, absent, present, equal }
  public enum Expiry: Equatable { case none, keep, persist, given(ExpirationUnit) }

  public var condition = Condition.none
  /// FNX and FXX: about the fields of a hash.
  public var fieldCondition = Condition.none
  public var returnsOld = false
  public var expiry = Expiry.none
  /// The word that holds the time.
  public var expiryIndex = 0
  /// The word that IFEQ compares with.
  public var comparisonIndex = 0
}

extension Execution {
  /// Reads the options from word `start` on, up to the end or to word `end`. Answers the syntax error and nil.
  public func stringOptions(from start: Int, to end: Int? = nil, _ command: StringOptions.Command) -> StringOptions? {
    let end = end ?? arguments.count
    var options = StringOptions()
    var index = start
    while index < end {
      guard let taken = option(at: index, before: end, command, &options) else {
        refuseSyntax()
        return nil
      }
      index += taken
    }
    return options
  }

  /// Takes the option at word `index`: how many words it has, nil if it is none or contradicts another.
  private func option(
    at index: Int, before end: Int, _ command: StringOptions.Command, _ options: inout StringOptions
  ) -> Int? {
    let word = arguments[index]
    let hasNext = index + 1 < end
    if command != .getExpire {
      if word.equalsIgnoringCase("nx") { return take(.absent, &options.condition) }
      if word.equalsIgnoringCase("xx") { return take(.present, &options.condition) }
      if word.equalsIgnoringCase("keepttl") { return take(.keep, &options) }
    }
    if command == .setFields {
      if word.equalsIgnoringCase("fnx") { return take(.absent, &options.fieldCondition) }
      if word.equalsIgnoringCase("fxx") { return take(.present, &options.fieldCondition) }
    }
    if command == .set && word.equalsIgnoringCase("ifeq") && hasNext && options.condition == .none {
      options.condition = .equal
      options.comparisonIndex = index + 1
      return 2
    }
    if command == .set && word.equalsIgnoringCase("get") {
      options.returnsOld = true
      return 1
    }
    if command == .getExpire && word.equalsIgnoringCase("persist") { return take(.persist, &options) }
    guard hasNext, let unit = unit(word), take(.given(unit), &options) != nil else { return nil }
    options.expiryIndex = index + 1
    return 2
  }

  private func take(_ condition: StringOptions.Condition, _ taken: inout StringOptions.Condition) -> Int? {
    guard taken == .none || taken == condition else { return nil }
    taken = condition
    return 1
  }

  private func take(_ expiry: StringOptions.Expiry, _ options: inout StringOptions) -> Int? {
    guard options.expiry == .none || options.expiry == expiry else { return nil }
    options.expiry = expiry
    return 1
  }

  private func unit(_ word: ByteView) -> ExpirationUnit? {
    if word.equalsIgnoringCase("ex") { return .seconds }
    if word.equalsIgnoringCase("px") { return .milliseconds }
    if word.equalsIgnoringCase("exat") { return .instantSeconds }
    if word.equalsIgnoringCase("pxat") { return .instantMilliseconds }
    return nil
  }
}
