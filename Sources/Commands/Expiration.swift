// Expiration.swift — expiry times as clients write them.
//
// A client gives seconds or milliseconds, from now or since 1970. The store knows only
// milliseconds since 1970. What does not fit 64 bits on the way is an error that names the
// command, never another time.
import Bytes
import Store

/// How an expiry is given: EX, PX, EXAT, PXAT.
public enum ExpirationUnit {
  case seconds, milliseconds, instantSeconds, instantMilliseconds

  @inlinable var isInstant: Bool { self == .instantSeconds || self == .instantMilliseconds }
  @inlinable var isSeconds: Bool { self == .seconds || self == .instantSeconds }
}

extension Execution {
  /// The instant that word `index` stands for, which must be above zero (SET, GETEX). Answers the error and nil.
  public func positiveExpiration(_ index: Int, _ unit: ExpirationUnit) -> Milliseconds? {
    guard let given = integer(index) else { return nil }
    guard given > 0, let instant = instant(given, unit), instant > 0 else {
      refuseExpiration()
      return nil
    }
    return instant
  }

  /// The instant that word `index` stands for, in the past as well (EXPIRE). Answers the error and nil.
  public func anyExpiration(_ index: Int, _ unit: ExpirationUnit) -> Milliseconds? {
    guard let given = integer(index) else { return nil }
    guard let instant = instant(given, unit) else {
      refuseExpiration()
      return nil
    }
    return instant
  }

  /// The instant that word `index` stands for, which must not be below zero (HEXPIRE). Answers the error and nil.
  func fieldExpiration(_ index: Int, _ unit: ExpirationUnit) -> Milliseconds? {
    guard let given = integer(index) else { return nil }
    guard given >= 0, let instant = instant(given, unit) else {
      refuseExpiration()
      return nil
    }
    return instant
  }

  private func instant(_ given: Int64, _ unit: ExpirationUnit) -> Milliseconds? {
    let (milliseconds, isTooLarge) = given.multipliedReportingOverflow(by: unit.isSeconds ? 1_000 : 1)
    guard !isTooLarge else { return nil }
    guard !unit.isInstant else { return milliseconds }
    let (instant, overflow) = milliseconds.addingReportingOverflow(nowMilliseconds)
    return overflow ? nil : instant
  }

  private func refuseExpiration() {
    reply.beginError()
    reply.part("ERR invalid expire time in '")
    refusedName()
    reply.part("' command")
    reply.end()
  }
}
