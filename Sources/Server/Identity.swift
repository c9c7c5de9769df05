// Identity.swift — what this process is and what it runs on.
import Bytes
import Ring

/// The versions that we report. Tools decide by `redis_version` which commands they may use.
package enum Version {
  package static let martlet = "0.2.0"
  package static let redis = "7.2.4"
  /// The same as a literal, for what is written without a String.
  package static let redisName: StaticString = "7.2.4"
  package static var allocator: String { Heap.allocatorName }
}

/// Facts of the process that do not change while it lives.
struct Identity {
  /// Forty hexadecimal digits drawn at start.
  let runID: String
  let startedAtNanoseconds: UInt64
  let executable: String
  let configurationFile: String
  /// "no", "systemd", "upstart".
  let supervision: String
  /// Bytes in use when the first client was let in.
  var memoryAtStart: UInt64 = 0
}

/// What the loop runs on, and why.
package struct EngineReport: Sendable {
  /// "io_uring" or "epoll".
  package var name: String
  /// One sentence.
  package var reason: String
  package var tier: String
  package var features: String
  /// As of the last look.
  package var statistics = RingStatistics()

  package init(name: String, reason: String, tier: String, features: String) {
    self.name = name
    self.reason = reason
    self.tier = tier
    self.features = features
  }
}
