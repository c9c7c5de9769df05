// SimulatedFault.swift: what can go wrong, and how often it shall.

/// Everything that a seed may do to an operation. Each is counted when it happens.
public enum SimulatedFault: Int, CaseIterable, Sendable {
  // Harmless to a program that keeps the rules: no byte is lost.
  case delay, shortReceive, partialSend, multishotEnd, bufferShortage, overflow, signal, partialSubmission
  case interrupted, again, acceptError, strayWake
  case cancelledEarly, cancelledLate, cancelMissed, cancelIgnored
  // Harmful to the connection.
  case connectionReset, brokenPipe, shortSend
  // Harmful to the file.
  case shortWrite, noSpace, writeError, syncError

  /// The connection or the file survives it.
  public var isHarmless: Bool { rawValue < SimulatedFault.connectionReset.rawValue }
}

/// Chances of each fault, in thousandths, whenever it could happen.
public struct SimulatedFaultRates: Sendable {
  private var perMille: [Int]

  public init(_ value: (SimulatedFault) -> Int) { perMille = SimulatedFault.allCases.map(value) }

  public subscript(fault: SimulatedFault) -> Int {
    get { perMille[fault.rawValue] }
    set { perMille[fault.rawValue] = newValue }
  }

  /// A kernel that is always quick and never short.
  public static var none: SimulatedFaultRates { SimulatedFaultRates { _ in 0 } }

  /// Everything that a correct program hides from its clients.
  public static var harmless: SimulatedFaultRates {
    var rates = SimulatedFaultRates { $0.isHarmless ? 60 : 0 }
    rates[.delay] = 300
    rates[.shortReceive] = 300
    rates[.partialSend] = 300
    // What becomes of a cancel: each is tried in this order.
    rates[.cancelMissed] = 250
    rates[.cancelledLate] = 300
    rates[.cancelIgnored] = 250
    return rates
  }

  /// Everything.
  public static var all: SimulatedFaultRates {
    var rates = harmless
    for fault in SimulatedFault.allCases where !fault.isHarmless { rates[fault] = 15 }
    return rates
  }
}
