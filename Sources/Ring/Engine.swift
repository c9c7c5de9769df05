// Engine.swift: which of the two real engines serves, and why.
//
// Decided once per process, before anything listens: all threads use the same engine, and a running
// server never changes it. The reason is a sentence for the log and for INFO.
import CURing

/// The directive `io-engine`.
public enum EngineChoice: String, Sendable, CaseIterable {
  case auto
  case io_uring
  case epoll
}

/// What was found.
public struct Engine: Sendable {
  /// The engines that serve.
  public enum Kind: Sendable {
    case io_uring(UringCapabilities)
    case epoll
  }

  public let kind: Kind
  /// One sentence, lower case, without a full stop: "the kernel offers tier 4 of 4".
  public let reason: String

  /// As `multiplexing_api` and `io_engine` of INFO print it.
  public var name: String {
    switch kind {
    case .io_uring: "io_uring"
    case .epoll: "epoll"
    }
  }

  /// Finds the engine for a choice. With `.auto` this always succeeds; with `.io_uring` the error says
  /// why it cannot be. Call it before threads are made.
  public static func choose(
    _ choice: EngineChoice, _ options: RingOptions = RingOptions()
  ) throws(RingError) -> Engine {
    if choice == .epoll { return Engine(kind: .epoll, reason: "the configuration asks for it") }
    do throws(RingError) {
      let signal = curing_signal_of_setup()
      guard signal == 0 else {
        throw .unavailable(errno: EPERM, reason: "a sandbox kills processes that use io_uring (signal \(signal))")
      }
      let found = try UringCapabilities.probe(options)
      let origin = choice == .auto ? "the kernel offers it" : "the configuration asks for it"
      return Engine(kind: .io_uring(found), reason: "\(origin) (tier \(found.tier))")
    } catch {
      // Also a ring that was granted and then does not work, as in sandboxes that refuse the other calls.
      guard choice == .auto else { throw error }
      return Engine(kind: .epoll, reason: error.reason)
    }
  }
}
